"""Reads `hydra.sweeper` from the composed config: what the user set, as plain values, with every problem in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from azsweep_core._reading import nearest
from azsweep_core.errors import Problem, SpecError
from hydra_plugins.hydra_azsweep_sweeper.config import DEFAULTS

__all__ = ["Settings", "read_settings"]

_SPEC = ("sampling_algorithm", "objective", "limits", "early_termination")
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


def read_settings(config: DictConfig, environment: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """The settings of a composed config, with what is wrong with those that are not part of the spec itself.

    Raises:
        SpecError: if an interpolation does not resolve.
    """
    try:
        plain = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    except OmegaConfBaseException as error:
        text = str(error).splitlines()[0]
        raise SpecError([Problem("hydra.sweeper", "interpolations must resolve", text)]) from error
    sweeper: dict[str, Any] = {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}
    notes = tuple(_replace_whole(sweeper, config))
    problems = [
        Problem(
            f"hydra.sweeper.{key}", "unknown key", None, nearest(key, [each for each in DEFAULTS if each[0] != "_"])
        )
        for key in sweeper
        if key not in DEFAULTS
    ]
    settings = Settings(
        spec={name: value for name in _SPEC if (value := _without_nulls(sweeper[name]))},
        search_space=_mapping(sweeper, "search_space", problems),
        params=_mapping(sweeper, "params", problems),
        use_mlflow=_uses_mlflow(sweeper["tracking"], problems),
        experiment_name=_text(sweeper, "experiment_name", problems)
        or environment.get("MLFLOW_EXPERIMENT_NAME")
        or str(config.hydra.job.name),
        stop_grace_s=_seconds(sweeper, "stop_grace", 0.0, problems),
        poll_interval_s=_seconds(sweeper, "poll_interval", 0.01, problems),
        notes=notes,
    )
    return settings, problems


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


def _without_nulls(value: Any) -> Any:
    """A group of settings without those that are not set."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


def _mapping(sweeper: Mapping[str, Any], name: str, problems: list[Problem]) -> Mapping[str, Any]:
    value = sweeper[name]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    if value is not None:
        problems.append(Problem(name, "must be a mapping from Hydra keys, which are text", repr(value)))
    return {}


def _text(sweeper: Mapping[str, Any], name: str, problems: list[Problem]) -> str:
    value = sweeper[name]
    if value is None or isinstance(value, str):
        return value or ""
    problems.append(Problem(name, "must be text", repr(value), f"Write '{value}' in quotes."))
    return ""


def _uses_mlflow(tracking: Any, problems: list[Problem]) -> bool:
    if tracking not in ("mlflow", "none"):
        problems.append(Problem("tracking", "must be mlflow or none", repr(tracking)))
    return bool(tracking == "mlflow")


def _seconds(sweeper: Mapping[str, Any], name: str, least: float, problems: list[Problem]) -> float:
    value = sweeper[name]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value < math.inf:
        return float(value)
    problems.append(Problem(name, f"must be a number of seconds, at least {least:g}", repr(value)))
    return least
