"""Reads `hydra.sweeper` from the composed config: what the user set, as plain values, with every problem in it."""

from __future__ import annotations

import math
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from azsweep_core._reading import nearest, shown
from azsweep_core.coordinator_job import option_problems
from azsweep_core.devices import found_devices
from azsweep_core.errors import Problem, SpecError
from azsweep_core.tracking import chosen_uri, is_bound_to_host, redacted, without_credentials
from hydra_plugins.hydra_azsweep_sweeper.config import DEFAULTS

__all__ = ["Jobs", "Settings", "jobs_of", "read_settings", "store_problems"]

_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
_LOCAL_JOBS = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"
_RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
_RAY_AWS = "hydra_plugins.hydra_ray_launcher.ray_aws_launcher.RayAWSLauncher"
_SPEC = ("zip", "initial_points", "sampling_algorithm", "objective", "limits", "early_termination")
_CONSOLES = ("auto", "live", "plain", "none")
_SHOWN_TRIALS = 5
_REPLACED_WHOLE = ("sampling_algorithm", "early_termination")


class Jobs(Enum):
    """Whether a trial is a process that calls its launcher, or a job that submitit or Ray is given."""

    NONE = "process"
    LOCAL = "submitit, on this machine"
    SLURM = "submitit, on a cluster"
    RAY = "Ray"

    @property
    def is_shared(self) -> bool:
        """Whether something else than this machine's cores decides how many run at once."""
        return self in (Jobs.SLURM, Jobs.RAY)


_NATIVE = {_SLURM: Jobs.SLURM, _LOCAL_JOBS: Jobs.LOCAL, _RAY: Jobs.RAY}
"""Launchers that need not be called in a process of each trial's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`hydra.sweeper` as plain values.

    Args:
        directory: `hydra.sweep.dir`, absolute.
        spec: the keys that AzureML's sweep has, for `read_sweep`; without the search space.
        experiment_name: "" if it is not set here.
        dropped: keys below `hydra.sweeper` that the command line sets to null.
        job, export, search_space, params: as the user wrote them.
        warm_start: directories and MLflow runs of earlier sweeps.
        console: auto, live, plain or none.
        dry_run: how many trials to show instead of running any; None to run them.
        spawn: give each trial a fresh interpreter instead of a fork of this one.
        jobs: whose jobs trials are.
        devices: one for each trial that may run at once; empty if trials are given none.
        detach: go on in the background.
        coordinator_job: options of sbatch for the SLURM job that is to coordinate the sweep; None if none is.
        break_lock: the sweep's lock may be taken from a process of which one cannot tell whether it lives.
        allow_spec_change: a sweep may be resumed with another specification.
        notes: what the log should say about how the settings were read.
    """

    directory: Path
    warm_start: tuple[str, ...]
    spec: Mapping[str, Any]
    dropped: frozenset[str]
    job: Any
    export: Any
    search_space: Mapping[str, Any]
    params: Mapping[str, Any]
    use_mlflow: bool
    experiment_name: str
    stop_grace_s: float
    poll_interval_s: float
    console: str
    dry_run: int | None
    spawn: bool
    devices: tuple[str, ...]
    jobs: Jobs
    detach: bool
    coordinator_job: Mapping[str, Any] | None
    break_lock: bool
    allow_spec_change: bool
    notes: tuple[str, ...]


def read_settings(config: DictConfig, environment: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """The settings of a composed config, with what is wrong with those that are not part of the spec itself.

    Raises:
        SpecError: with every value that is missing and every interpolation that does not resolve.
    """
    problems: list[Problem] = []
    given = _plain(config.hydra.sweeper, problems)
    directory = _item(config.hydra.sweep, "dir", problems)
    if problems:
        raise SpecError(problems)
    sweeper = {**DEFAULTS, **given}  # what the command line deleted (~) is at its default
    notes = tuple(_replace_whole(sweeper, config))
    names = [name for name in DEFAULTS if not name.startswith("_")]
    problems += [
        Problem(f"hydra.sweeper.{key}", "unknown key", None, nearest(key, names))
        for key in given
        if key not in DEFAULTS
    ]
    settings = Settings(
        directory=Path(str(directory)).absolute(),
        warm_start=_names(sweeper["warm_start"], "warm_start", problems),
        spec={name: value for name in _SPEC if (value := _without_nulls(sweeper[name])) is not None},
        dropped=frozenset(_nulls(config)),
        job=sweeper["job"],
        export=sweeper["export"],
        search_space=_mapping(sweeper, "search_space", problems),
        params=_mapping(sweeper, "params", problems),
        use_mlflow=_uses_mlflow(sweeper["tracking"], problems),
        experiment_name=_text(sweeper, "experiment_name", problems),
        stop_grace_s=_seconds(sweeper, "stop_grace", 0.0, problems),
        poll_interval_s=_seconds(sweeper, "poll_interval", 0.01, problems),
        console=_console(sweeper["console"], problems),
        dry_run=_dry_run(sweeper["dry_run"], problems),
        spawn=_spawns(sweeper["start_method"], problems),
        devices=_devices(sweeper["devices"], environment, problems),
        notes=notes,
        detach=sweeper["detach"] is True,
        coordinator_job=_coordinator_job(sweeper["detach"], problems),
        break_lock=_flag(sweeper, "break_lock", problems),
        allow_spec_change=_flag(sweeper, "allow_spec_change", problems),
        jobs=_jobs(sweeper["execution"], config, problems),
    )
    if settings.jobs.is_shared and settings.devices:
        problems.append(_device_problem(settings))
    if settings.jobs is Jobs.SLURM:
        problems += _submission_problems(settings, config)
    return settings, problems


def _plain(node: Any, problems: list[Problem]) -> Any:
    """A node of the config as plain values; what has none is null, and a problem."""
    if isinstance(node, DictConfig):
        return {key: _item(node, key, problems) for key in node}
    if isinstance(node, ListConfig):
        return [_item(node, index, problems) for index in range(len(node))]
    return node


def _item(container: Any, key: Any, problems: list[Problem]) -> Any:
    try:
        item = container[key]
    except MissingMandatoryValue as error:
        problems.append(Problem(str(error.full_key), "must be given", "???"))
        return None
    except OmegaConfBaseException as error:
        said = str(error).splitlines()[0]
        fix = "Here, write ${hydra.key} for ${hydra:key}." if "HydraConfig was not set" in said else None
        problems.append(Problem(str(error.full_key), f"interpolations must resolve ({said})", None, fix))
        return None
    return _plain(item, problems)


def _replace_whole(sweeper: dict[str, Any], config: DictConfig) -> Iterator[str]:
    """Undo OmegaConf's merge where a whole mapping was given on the command line: it replaces the file's.

    What the command line adds to that mapping afterwards, key by key, stays.
    """
    lines: Any = OmegaConf.to_container(config.hydra.overrides.hydra)  # as they were written, interpolations too
    parsed = OverridesParser.create().parse_overrides(lines)
    for name in _REPLACED_WHOLE:
        path, merged = f"hydra.sweeper.{name}", sweeper[name]
        given: set[Any] | None = None
        for override in parsed:
            value = override.value()
            if override.key_or_group == path and isinstance(value, dict):
                given = set(value)
            elif given is not None and override.key_or_group.startswith(f"{path}."):
                given.add(override.key_or_group.removeprefix(f"{path}."))
        if given is None or not isinstance(merged, dict):
            continue
        dropped = ", ".join(f"{key}={shown(value)}" for key, value in merged.items() if key not in given)
        sweeper[name] = {key: value for key, value in merged.items() if key in given}
        if dropped:
            yield f"{path}: the command line's mapping replaces the config's, of which {dropped} is dropped."


def _nulls(config: DictConfig) -> Iterator[str]:
    """The settings that the command line takes away: with null a default is meant, even where a job has a value."""
    lines: Any = OmegaConf.to_container(config.hydra.overrides.hydra)
    for override in OverridesParser.create().parse_overrides(lines):
        key = override.key_or_group
        if key.startswith("hydra.sweeper.") and not override.is_delete() and override.value() is None:
            yield key.removeprefix("hydra.sweeper.")


def _without_nulls(value: Any) -> Any:
    """A group of settings without those that are not set."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


def _mapping(sweeper: Mapping[str, Any], name: str, problems: list[Problem]) -> Mapping[str, Any]:
    value = sweeper[name]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    if value is not None:
        problems.append(Problem(name, "must be a mapping from Hydra keys, which are text", shown(value)))
    return {}


def _text(sweeper: Mapping[str, Any], name: str, problems: list[Problem]) -> str:
    value = sweeper[name]
    if value is None or isinstance(value, str):
        return value or ""
    problems.append(Problem(name, "must be text", shown(value), f"Write '{value}' in quotes."))
    return ""


def _flag(sweeper: Mapping[str, Any], name: str, problems: list[Problem]) -> bool:
    value = sweeper[name]
    if not isinstance(value, bool):
        problems.append(Problem(name, "must be true or false", shown(value)))
    return value is True


def _coordinator_job(detach: Any, problems: list[Problem]) -> Mapping[str, Any] | None:
    """Options of the job that is to coordinate the sweep; None if it is to be a process here."""
    if detach is None or isinstance(detach, bool):
        return None
    if detach == "slurm":
        return {}
    if isinstance(detach, dict) and all(isinstance(key, str) for key in detach):
        problems += option_problems(detach, "detach")
        return detach
    rule = "must be true, false, slurm, or a mapping of options of sbatch"
    problems.append(Problem("detach", rule, shown(detach), "For instance {partition: long, time: 7-00}."))
    return None


def _names(value: Any, where: str, problems: list[Problem]) -> tuple[str, ...]:
    """One name or a list of names, none of them twice."""
    names: dict[str, None] = {}
    for name in value if isinstance(value, list) else [] if value is None else [value]:
        if not isinstance(name, str) or not name.strip():
            fix = "A number that is meant as a name needs quotes." if isinstance(name, (int, float)) else None
            problems.append(Problem(where, "must be directories or MLflow run ids of earlier sweeps", shown(name), fix))
        elif name in names:
            problems.append(Problem(where, "may name an earlier sweep once", name))
        else:
            names[name] = None
    return tuple(names)


def _uses_mlflow(tracking: Any, problems: list[Problem]) -> bool:
    if tracking not in ("mlflow", "none"):
        problems.append(Problem("tracking", "must be mlflow or none", shown(tracking)))
    return bool(tracking == "mlflow")


def _console(value: Any, problems: list[Problem]) -> str:
    if value not in _CONSOLES:
        problems.append(Problem("console", f"must be one of {', '.join(_CONSOLES)}", shown(value)))
    return str(value)


def _dry_run(value: Any, problems: list[Problem]) -> int | None:
    """How many trials to show; None to run the sweep."""
    if value is None or isinstance(value, bool):
        return _SHOWN_TRIALS if value else None
    if isinstance(value, int) and value >= 0:
        return value
    problems.append(Problem("dry_run", "must be true, false, or how many trials to show", shown(value)))
    return None


def _seconds(sweeper: Mapping[str, Any], name: str, least: float, problems: list[Problem]) -> float:
    value = sweeper[name]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value < math.inf:
        return float(value)
    problems.append(Problem(name, f"must be a number of seconds, at least {least:g}", shown(value)))
    return least


def _jobs(execution: Any, config: DictConfig, problems: list[Problem]) -> Jobs:
    """Whose jobs trials are."""
    target = str(config.hydra.launcher.get("_target_", ""))
    if target == _RAY_AWS and execution != "process":
        rule = "ray_aws starts a cluster for each batch of its own"
        fix = "Start one with `ray up`, and use hydra/launcher=ray hydra.launcher.ray.init.address=auto on its head."
        problems.append(Problem("hydra.launcher", rule, target, fix))
    if execution == "native" and target not in _NATIVE:
        problems.append(Problem("execution", "native is not there for this launcher", target, "Use auto or process."))
    elif execution not in ("auto", "process", "native"):
        problems.append(Problem("execution", "must be auto, process or native", shown(execution)))
    return Jobs.NONE if execution == "process" else jobs_of(config.hydra.launcher)


def jobs_of(launcher: DictConfig) -> Jobs:
    """Whose jobs trials are by default, with this launcher."""
    return _NATIVE.get(str(launcher.get("_target_", "")), Jobs.NONE)


def _device_problem(settings: Settings) -> Problem:
    on_ray = "Ask Ray for them: ++hydra.launcher.ray.remote.num_gpus=1."
    fix = on_ray if settings.jobs is Jobs.RAY else "Ask SLURM for them: hydra.launcher.gpus_per_node=1."
    return Problem("devices", "are shared out among trials on this machine only", ", ".join(settings.devices), fix)


def _submission_problems(settings: Settings, config: DictConfig) -> Iterator[Problem]:
    """What trials on other hosts cannot do with."""
    most = config.hydra.launcher.get("array_parallelism")
    if most is not None and most < 1:
        yield Problem("hydra.launcher.array_parallelism", "must be at least 1", most)
    yield from store_problems(settings)


def store_problems(settings: Settings) -> Iterator[Problem]:
    """That trials on other hosts could not log."""
    uri = chosen_uri(None, Path.cwd()) if settings.use_mlflow else ""
    if uri and is_bound_to_host(uri):
        rule = "trials on other hosts need a store that they can reach and write to all at once"
        store = shlex.quote(without_credentials(uri))
        fix = (
            f"Start one: mlflow server --host 0.0.0.0 --port 5000 --backend-store-uri {store} "
            f"--allowed-hosts '*', and "
            f"export MLFLOW_TRACKING_URI=http://{socket.gethostname()}:5000; or set tracking=none."
        )
        yield Problem("tracking", rule, redacted(uri), fix)


def _spawns(method: Any, problems: list[Problem]) -> bool:
    """True if trials get fresh interpreters: chosen, or needed because a fork would inherit a CUDA context."""
    if method not in ("auto", "fork", "spawn"):
        problems.append(Problem("start_method", "must be auto, fork or spawn", shown(method)))
    if method != "auto":
        return bool(method == "spawn")
    torch = sys.modules.get("torch")
    return not sys.platform.startswith("linux") or (torch is not None and bool(torch.cuda.is_initialized()))


def _devices(devices: Any, environment: Mapping[str, str], problems: list[Problem]) -> tuple[str, ...]:
    if devices is None:
        return ()
    if devices == "auto":
        return tuple(found_devices(environment))
    if (
        isinstance(devices, list)
        and devices
        and not any(isinstance(each, bool) for each in devices)
        and all(isinstance(each, (int, str)) for each in devices)
    ):
        return tuple(str(each) for each in devices)
    fix = "List a device twice to let two trials share it."
    problems.append(Problem("devices", "must be auto, null or a list of device numbers or names", shown(devices), fix))
    return ()
