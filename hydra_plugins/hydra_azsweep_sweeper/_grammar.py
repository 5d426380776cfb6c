"""Teaches Hydra's override grammar AzureML's distributions (`lr=uniform(0.01, 0.9)`); never judges their arguments.

Loaded at the start of every Hydra app of the environment, so it imports nothing heavy and `install` never raises.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from hydra.core.override_parser import overrides_parser
from hydra.core.override_parser.types import ChoiceSweep
from hydra.errors import CompactHydraException

__all__ = ["NAMES", "DistributionSweep", "install"]

NAMES = (
    "uniform",
    "quniform",
    "loguniform",
    "qloguniform",
    "normal",
    "qnormal",
    "lognormal",
    "qlognormal",
    "randint",
)
"""The distributions that Hydra does not know by itself (`choice` is its own)."""

_MARK = "_knows_azsweep"


class DistributionSweep(ChoiceSweep):
    """A distribution as an override's value: to Hydra a sweep, to anyone who looks inside an error in plain words.

    It poses as a choice, not as an interval: other sweepers either list a choice, and so meet the error, or sample
    an interval by its bounds; and BasicSweeper shows a traceback for an interval.

    >>> DistributionSweep("uniform", [0, 1], {})
    uniform(0, 1)
    """

    text: str

    def __init__(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
        given = [repr(value) for value in arguments] + [f"{key}={value!r}" for key, value in named.items()]
        self.__dict__["text"] = f"{name}({', '.join(given)})"

    def __getattr__(self, name: str) -> Any:
        if name in ("list", "tags", "start", "end"):  # what sweepers read; anything else missing is an ordinary mistake
            self._refuse()
        raise AttributeError(name)

    def __setattr__(self, name: str, value: object) -> None:
        self._refuse()  # tag() and shuffle() write what they add into the sweep

    def _refuse(self) -> NoReturn:
        raise CompactHydraException(
            f"{self.text} is a distribution of the azsweep sweeper: it must be the whole value of a key, with no cast,"
            " tag, list or choice around it, and needs hydra/sweeper=azsweep"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DistributionSweep) and self.text == other.text

    __hash__ = None  # type: ignore[assignment]  # as Hydra's sweeps

    def __repr__(self) -> str:
        return self.text


def install() -> None:
    """Make every parser that Hydra creates from now on know the distributions. More than once is as good as once."""
    create = getattr(overrides_parser, "create_functions", None)
    if create is None:
        _warn_once("it has no create_functions")
    elif not hasattr(create, _MARK):
        overrides_parser.create_functions = _extended(create)


def _extended(create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def create_functions(*arguments: Any, **named: Any) -> Any:
        functions = create(*arguments, **named)
        failures = []
        for name in NAMES:
            try:
                functions.register(name=name, func=_reader(name))
            except Exception as error:  # noqa: BLE001 - whatever another Hydra raises would end every app
                failures.append(str(error))
        if failures:
            _warn_once(failures[0])
        return functions

    setattr(create_functions, _MARK, True)
    return create_functions


def _reader(name: str) -> Callable[..., DistributionSweep]:
    # A lambda, for want of annotations: Hydra would refuse the arguments by them, one at a time and in its own words.
    return lambda *arguments, **named: DistributionSweep(name, arguments, named)


@functools.cache
def _warn_once(reason: str) -> None:
    logging.getLogger(__name__).warning(
        "azsweep cannot extend the override grammar of this Hydra (%s). Put distributions in quotes,"
        " lr='uniform(0.01, 0.9)', or in hydra.sweeper.search_space.",
        reason,
    )
