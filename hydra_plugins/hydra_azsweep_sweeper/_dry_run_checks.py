"""Looks at what surrounds a sweep: launcher, directory, devices, MLflow. Starts nothing, and leaves no trace."""

from __future__ import annotations

import inspect
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from azsweep_core._lines import Line
from azsweep_core._reading import nearest, shown
from azsweep_core.coordinator_job import coordinator_header
from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.lock import refuse_held
from azsweep_core.replay import Recorded
from azsweep_core.tracking import chosen_uri, configured_uri, look_at_store, redacted
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp
from hydra_plugins.hydra_azsweep_sweeper._occupied import refuse_orphans
from hydra_plugins.hydra_azsweep_sweeper._settings import Jobs, Settings, store_problems

__all__ = ["Found", "check_devices", "check_directory", "check_launcher", "check_store"]

_RUN_AS = {
    Jobs.NONE: "a process each on this machine",
    Jobs.LOCAL: "a job each of submitit's on this machine",
    Jobs.SLURM: "a SLURM job each",
    Jobs.RAY: "a task of Ray's each",
}
_NVIDIA_SMI_S = 5


@dataclass(slots=True)
class Found:
    """What was found so far.

    Args:
        problems: of each its text: what keeps the sweep from starting.
        doubts: what is not known, or may not be meant.
    """

    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def of(self, check: Callable[[], object]) -> bool:
        """Whether a check passes; else what it raises is noted."""
        try:
            check()
        except SpecError as error:
            self.problems += map(str, error.problems)
        except AzsweepError as error:
            self.problems.append(str(error))
        else:
            return True
        return False


def check_directory(settings: Settings, recorded: Recorded | None, found: Found) -> None:
    """That the sweep's directory can be made and written to, and is nobody else's."""
    directory = settings.directory
    there = next(each for each in (directory, *directory.parents) if os.path.lexists(each))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        rule = "must be a directory that can be written"
        found.problems.append(str(Problem("hydra.sweep.dir", rule, f"{directory} ({there})")))
        return
    found.of(lambda: refuse_held(directory, break_lock=settings.break_lock))
    if recorded is None:
        found.of(lambda: refuse_orphans(directory))


def check_devices(settings: Settings, found: Found) -> None:
    """That the driver knows the devices that the user names by number."""
    named = [name for name in dict.fromkeys(settings.devices) if name.isdecimal()]
    if not named:
        return
    try:
        count = _count_devices()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        why = "without nvidia-smi" if isinstance(error, FileNotFoundError) else "while nvidia-smi does not answer"
        unknown = Problem("devices", f"cannot be looked for {why}", ", ".join(settings.devices))
        found.doubts.append(str(unknown))
        return
    missing = [name for name in named if int(name) >= count]
    if missing:
        rule = f"must be there; nvidia-smi lists {count} on this host"
        found.problems.append(str(Problem("devices", rule, ", ".join(missing))))


def _count_devices() -> int:
    """How many the driver lists; whatever `subprocess.run` raises if it does not tell."""
    command = ["nvidia-smi", "-L"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=_NVIDIA_SMI_S, check=True).stdout
    return sum(line.startswith("GPU") for line in listed.splitlines())


def check_store(settings: Settings, experiment: str, recorded: Recorded | None, found: Found) -> list[Line]:
    """That runs could be recorded in MLflow; where, in words."""
    if not settings.use_mlflow:
        return [Line("MLflow", "not used (tracking: none)")]
    began_with = None if recorded is None or configured_uri() else recorded.origin.tracking_uri

    def look() -> None:
        uri = chosen_uri(began_with, Path.cwd())
        there = look_at_store(uri, experiment)
        lines[0] = Line("MLflow", redacted(uri) + ("" if there.is_there else " (is made at the start)"), whole=True)
        is_new = there.has_experiment is False
        lines[1] = Line("experiment", experiment + (" (is made at the start)" if is_new else ""))

    lines = [Line("MLflow", "not there"), Line("experiment", experiment)]
    found.of(look)
    return lines


def check_launcher(app: HydraApp, settings: Settings, trial_timeout_s: float | None, found: Found) -> list[Line]:
    """That the launcher takes its options; what trials are run as, in words."""
    choice = str(app.config.hydra.runtime.choices.get("hydra/launcher"))
    lines = [Line("hydra/launcher", f"{choice}: {_RUN_AS[settings.jobs]}{_how_started(settings)}")]
    try:
        launcher, _ = app.one_job_at_a_time().make_launcher()
        lines += _Launcher(launcher, settings, trial_timeout_s, found).check()
    except AzsweepError as error:
        found.problems += str(error).splitlines()
    except Exception as error:  # noqa: BLE001 - whatever a launcher has against its options
        said = " ".join(str(error).split())
        found.problems.append(str(Problem("hydra.launcher", f"must be options that it takes ({said})", choice)))
    return [*lines, *_coordinator(settings, found)]


def _how_started(settings: Settings) -> str:
    if settings.jobs is not Jobs.NONE:
        return ""
    return ", in a fresh interpreter" if settings.spawn else ", forked"


@dataclass(frozen=True, slots=True)
class _Launcher:
    """The user's launcher, set up; what a check raises is whatever the launcher has against its options."""

    launcher: Any
    settings: Settings
    trial_timeout_s: float | None
    found: Found

    def check(self) -> list[Line]:
        match self.settings.jobs:
            case Jobs.LOCAL:
                self._refuse_unknown("local")  # its executor would make a folder
            case Jobs.SLURM:
                return self._slurm()
            case Jobs.RAY:
                return self._ray()
            case Jobs.NONE if hasattr(self.launcher, "joblib"):
                from joblib import Parallel

                Parallel(**self.launcher.joblib)  # which starts nothing before it is called
        return []

    def _executor(self) -> Any:
        """Submitit's for SLURM, with the options that jobs would have."""
        from hydra_plugins.hydra_azsweep_sweeper._slurm_submit import check_exports
        from hydra_plugins.hydra_azsweep_sweeper._submitit import executor_options, make_executor

        self._refuse_unknown("slurm")
        grace_s = self.settings.stop_grace_s
        options = executor_options("slurm", self.launcher.params, self.trial_timeout_s, grace_s)
        if self.settings.use_mlflow:
            check_exports(options.executor)
        return make_executor("slurm", options, self.settings.directory)

    def _refuse_unknown(self, cluster: str) -> None:
        """See to it that the launcher's own configuration has all its options."""
        from hydra_plugins.hydra_submitit_launcher.config import LocalQueueConf, SlurmQueueConf

        own = SlurmQueueConf if cluster == "slurm" else LocalQueueConf
        known = [name for name in own.__dataclass_fields__ if not name.startswith("_")]
        unknown = [name for name in self.launcher.params if name not in known]
        if unknown:
            raise SpecError(
                Problem(f"hydra.launcher.{name}", "the launcher has no such option", None, nearest(name, known))
                for name in unknown
            )

    def _slurm(self) -> list[Line]:
        from hydra_plugins.hydra_azsweep_sweeper import _slurm_submit

        _slurm_submit.refuse_without_commands()
        try:
            header = _slurm_submit.header_taken(self._executor())
        except _slurm_submit.RefusedError as error:
            rule = f"sbatch must take such a job, and does not (sbatch --test-only: {error})"
            fix = "Change the options; if `sinfo` gets no answer either, SLURM cannot be reached from this host."
            raise AzsweepError(str(Problem("hydra.launcher", rule, None, fix))) from error
        return [Line("sbatch", "  ".join(header)), Line("", "SLURM would take such a job (sbatch --test-only)")]

    def _ray(self) -> list[Line]:
        import ray

        init: Any = OmegaConf.to_container(self.launcher.ray_cfg.init, resolve=True)
        remote: Any = OmegaConf.to_container(self.launcher.ray_cfg.remote, resolve=True)
        known = [name for name in inspect.signature(ray.init).parameters if name != "kwargs"]
        for name in init:
            if name not in known and not name.startswith("_"):
                where = f"hydra.launcher.ray.init.{name}"
                problem = Problem(where, "ray.init has no such argument", None, nearest(name, known))
                self.found.problems.append(str(problem))
        if remote:
            try:
                ray.remote(**remote)(check_launcher)  # which reaches for no cluster
            except (AssertionError, TypeError, ValueError) as error:
                rule = f"must be options of a task of Ray's ({' '.join(str(error).split())})"
                self.found.problems.append(str(Problem("hydra.launcher.ray.remote", rule, shown(remote))))
        is_local = init.get("address") == "local"
        if not is_local:
            self.found.doubts += map(str, store_problems(self.settings))  # it may have nodes elsewhere, or not
        where = "started here for the sweep" if is_local else f"joined at {init.get('address') or 'RAY_ADDRESS'}"
        asked = "  ".join(f"{name}={shown(value)}" for name, value in remote.items())
        lines = [Line("Ray", f"{where}; a dry run neither starts nor asks it")]
        return [*lines, Line("each task", asked)] if asked else lines


def _coordinator(settings: Settings, found: Found) -> Iterator[Line]:
    """Where the coordinator runs, unless that is here."""
    if settings.coordinator_job is None:
        yield from [Line("coordinator", "in the background (detach)")] if settings.detach else []
        return
    header: Sequence[str] = []

    def ask() -> None:
        nonlocal header
        header = coordinator_header(settings.directory, settings.coordinator_job or {})

    if found.of(ask):
        yield Line("coordinator", f"a SLURM job: {'  '.join(header)}")
