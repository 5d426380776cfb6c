"""What a sweep directory holds that the user asks for: a sweep to go on with, a result to show, or another sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from azsweep_core._values import identity, shown
from azsweep_core.errors import AzsweepError
from azsweep_core.events import EndingKind
from azsweep_core.replay import Recorded
from azsweep_core.spec import SweepSpec

__all__ = ["is_done", "refuse_another", "with_recorded_seed"]

_FREE = "limits."
"""Where a change does not touch what has been: how long, how many, how much failure."""
_NEVER = "objective."
"""Where a change would leave earlier trials without a value."""


def _app_config(config: DictConfig) -> Any:
    """What the app's own configuration says, interpolations as they stand."""
    plain: Any = OmegaConf.to_container(config)
    return {key: value for key, value in plain.items() if key != "hydra"}


def with_recorded_seed(spec: SweepSpec, recorded: Recorded) -> SweepSpec:
    """The spec with the seed that was drawn for the sweep, if the user set none."""
    algorithm = spec.sampling_algorithm
    drawn = recorded.latest.spec.get("sampling_algorithm")
    if algorithm.seed is not None or not isinstance(drawn, Mapping) or drawn.get("type") != algorithm.type.value:
        return spec
    return replace(spec, sampling_algorithm=replace(algorithm, seed=drawn.get("seed")))


def refuse_another(
    recorded: Recorded, asked: Mapping[str, Any], config: DictConfig, directory: Path, *, allow: bool
) -> list[str]:
    """See to it that the directory holds the sweep that is asked for.

    Args:
        allow: it may differ, but for the objective.
    Returns:
        What differs and may, in words.
    Raises:
        AzsweepError: with everything that differs and may not.
    """
    spec = list(_changes(recorded.latest.spec, asked))
    before = _config_before(directory)
    app = [] if before is None else list(_changes(before, _app_config(config)))
    unfit = [path for path, _ in spec if path.startswith(_NEVER)]
    refused = [f"{path}: {words}" for path, words in spec if path in unfit or not (allow or path.startswith(_FREE))]
    refused += [] if allow else [f"{path}: {words}" for path, words in app]
    if not refused:
        return [f"{path}: {words}, from now on" for path, words in (*spec, *app)]
    listed = "".join(f"\n  {each}" for each in refused)
    fix = "Choose another directory, or go on with the trials that it has: hydra.sweeper.allow_spec_change=true."
    if unfit:
        fix = "Choose another directory: what its trials have reported is no value under another objective."
    raise AzsweepError(f"hydra.sweep.dir: must not hold another sweep; got {directory}, which differs:{listed}\n{fix}")


def is_done(recorded: Recorded, asked: Mapping[str, Any], max_trials: int | None) -> bool:
    """Whether nothing is left to do: the sweep has ended, by itself, with the specification of now."""
    history = recorded.history
    if history.ending is None or identity(recorded.latest.spec) != identity(asked):
        return False
    if history.ending.kind is not EndingKind.USER:
        return True
    return not history.interrupted and max_trials is not None and len(history) >= max_trials


def _changes(before: Any, now: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where two values differ, as deep as both are mappings, and how."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            below = f"{path}.{key}" if path else str(key)
            yield from _changes(before.get(key, _ABSENT), now.get(key, _ABSENT), below)
    elif identity(before) != identity(now):
        yield path, f"{_words(before)} -> {_words(now)}"


class _Absent:
    """Stands for a key that is not there."""

    def __repr__(self) -> str:
        return "not set"


_ABSENT = _Absent()


def _words(value: Any) -> str:
    return repr(value) if value is _ABSENT else shown(value, most=200)


def _config_before(directory: Path) -> Any:
    """The app's own configuration as the sweep was started with; None if it is not there or cannot be made out."""
    with contextlib.suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
        config = OmegaConf.load(directory / "multirun.yaml")
        if isinstance(config, DictConfig):
            return _app_config(config)
    return None
