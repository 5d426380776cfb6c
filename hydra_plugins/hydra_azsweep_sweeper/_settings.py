"""Reads `hydra.sweeper` from the composed config: what the user set, as plain values, with every problem in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from azsweep_core.errors import Problem, SpecError

__all__ = ["Settings", "read_settings"]

_REPLACED_WHOLE = ("sampling_algorithm", "early_termination")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`hydra.sweeper` as plain values.

    Args:
        spec: the keys that AzureML's sweep has, for `read_sweep`; without the search space.
        search_space, params: as the user wrote them.
        notes: what the log should say about how the settings were read.
    """

    spec: Mapping[str, Any]
    search_space: Mapping[str, Any]
    params: Mapping[str, Any]
    use_mlflow: bool
    experiment_name: str
    stop_grace_s: float
    poll_interval_s: float
    notes: tuple[str, ...]


def read_settings(config: DictConfig, environment: Mapping[str, str]) -> Settings:
    """The settings of a composed config.

    Raises:
        SpecError: with every setting that cannot be used and is not part of the spec itself.
    """
    try:
        plain = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    except OmegaConfBaseException as error:
        text = str(error).splitlines()[0]
        raise SpecError([Problem("hydra.sweeper", "interpolations must resolve", text)]) from error
    sweeper: dict[str, Any] = dict(plain) if isinstance(plain, dict) else {}
    notes = tuple(_replace_whole(sweeper, config))
    problems = list(_problems(sweeper))
    if problems:
        raise SpecError(problems)
    spec = {key: sweeper[key] for key in ("sampling_algorithm", "objective", "limits", "early_termination")}
    spec["objective"] = {key: value for key, value in sweeper["objective"].items() if value is not None}
    spec["limits"] = {key: value for key, value in sweeper["limits"].items() if value is not None}
    return Settings(
        spec={key: value for key, value in spec.items() if value is not None and value != {}},
        search_space=sweeper["search_space"],
        params=sweeper["params"],
        use_mlflow=sweeper["tracking"] == "mlflow",
        experiment_name=sweeper["experiment_name"]
        or environment.get("MLFLOW_EXPERIMENT_NAME")
        or str(config.hydra.job.name),
        stop_grace_s=float(sweeper["stop_grace"]),
        poll_interval_s=float(sweeper["poll_interval"]),
        notes=notes,
    )


def _replace_whole(sweeper: dict[str, Any], config: DictConfig) -> Iterator[str]:
    """Undo OmegaConf's merge where a whole mapping was given on the command line: it replaces the file's."""
    parsed = OverridesParser.create().parse_overrides(list(config.hydra.overrides.hydra))
    for override in parsed:
        name = override.key_or_group.removeprefix("hydra.sweeper.")
        value = override.value()
        if name in _REPLACED_WHOLE and override.key_or_group != name and isinstance(value, dict):
            if sweeper[name] != value:
                yield f"hydra.sweeper.{name} is {value}, as the command line has it; the rest of the file's is dropped"
            sweeper[name] = value


def _problems(sweeper: Mapping[str, Any]) -> Iterator[Problem]:
    if sweeper["tracking"] not in ("mlflow", "none", None):
        yield Problem("tracking", "must be mlflow or none", str(sweeper["tracking"]))
    name = sweeper["experiment_name"]
    if name is not None and not isinstance(name, str):
        yield Problem("experiment_name", "must be text", repr(name))
    for key in ("search_space", "params"):
        if not isinstance(sweeper[key], Mapping):
            yield Problem(key, "must be a mapping of Hydra keys", repr(sweeper[key]))
    for key, least in (("stop_grace", 0.0), ("poll_interval", 0.01)):
        seconds = sweeper[key]
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not least <= seconds < math.inf:
            yield Problem(key, f"must be a number of seconds, at least {least:g}", repr(seconds))
