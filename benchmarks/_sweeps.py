"""Runs and times whole sweeps of the benchmarks' apps, each sweeper in an environment it is installed in."""

from __future__ import annotations

import math
import os
import resource
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = [
    "ENVIRONMENTS",
    "Contender",
    "Cost",
    "azsweep",
    "basic",
    "needs",
    "optuna_sweeper",
    "optuna_sweeper_environment",
    "optuna_sweeper_with_ray",
    "peer_environment",
    "run_sweep",
    "say",
]

_HERE = Path(__file__).parent
ENVIRONMENTS = _HERE / ".envs"
_HYDRA = f"hydra-core=={version('hydra-core')}"
_OPTUNA_SWEEPER = "hydra-optuna-sweeper==1.3.0"


@dataclass(frozen=True, slots=True)
class Contender:
    """A sweeper as a user starts it.

    Args:
        python: the interpreter of an environment in which it is installed.
        arguments: what the command line says after `--multirun`, for so many trials.
    """

    name: str
    python: Path
    arguments: Callable[[int], Sequence[str]]


def azsweep(slots: int, *more: str) -> Contender:
    """Ours, from the environment that runs the benchmark."""
    fixed = (
        "hydra/sweeper=azsweep",
        "hydra.sweeper.tracking=none",
        "hydra.sweeper.sampling_algorithm=grid",
        "hydra.sweeper.objective={primary_metric: x, goal: minimize}",
        f"hydra.sweeper.limits.max_concurrent_trials={slots}",
    )
    name = f"hydra-azsweep, {slots} slot{'s' if slots > 1 else ''}"
    return Contender(name, Path(sys.executable), lambda trials: [f"x=range({trials})", *fixed, *more])


def basic(*more: str) -> Contender:
    """Hydra's own sweeper, from an environment that holds nothing but Hydra."""
    python = peer_environment("hydra", _HYDRA)
    return Contender("BasicSweeper", python, lambda trials: [f"x=range({trials})", *more])


def optuna_sweeper(slots: int, *more: str) -> Contender:
    """Hydra's Optuna sweeper; its random sampler, which costs least."""
    return _optuna_sweeper(optuna_sweeper_environment(), slots, more)


def optuna_sweeper_with_ray(slots: int, *more: str) -> Contender:
    """The same, where Hydra's Ray launcher is."""
    python = peer_environment("ray", _HYDRA, _OPTUNA_SWEEPER, "hydra-ray-launcher==1.2.2")
    return _optuna_sweeper(python, slots, more)


def _optuna_sweeper(python: Path, slots: int, more: Sequence[str]) -> Contender:
    fixed = ("hydra/sweeper=optuna", "hydra/sweeper/sampler=random", f"hydra.sweeper.n_jobs={slots}")
    return Contender(
        "hydra-optuna-sweeper 1.3.0",
        python,
        lambda trials: ["x=interval(0, 1)", f"hydra.sweeper.n_trials={trials}", *fixed, *more],
    )


def optuna_sweeper_environment() -> Path:
    """Interpreter of an environment that holds Hydra's Optuna sweeper."""
    launchers = ("hydra-joblib-launcher==1.2.0", "hydra-submitit-launcher==1.2.0")
    return peer_environment("optuna", _HYDRA, _OPTUNA_SWEEPER, *launchers)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds from the start of a command to its end; CPU seconds of all its processes, and of the first alone."""

    wall_s: float
    cpu_s: float
    own_cpu_s: float


def run_sweep(
    contender: Contender, app: str, trials: int, directory: Path, environment: Mapping[str, str] | None = None
) -> Cost:
    """Run a sweep as a user does; `directory`, which must be new, becomes the sweep directory.

    Raises:
        SystemExit: with the end of what the command printed, if it failed.
    """
    directory.mkdir(parents=True)
    arguments = [*contender.arguments(trials), f"hydra.sweep.dir={directory}"]
    began, cpu_s = time.perf_counter(), _cpu_of_children_s()
    with subprocess.Popen(
        [contender.python, _HERE / "_apps" / app / "app.py", "--multirun", *arguments],
        cwd=directory,
        env=_clean_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        output, own_cpu_s = process.stdout.read(), _own_cpu_s(process.pid)
    cost = Cost(time.perf_counter() - began, _cpu_of_children_s() - cpu_s, own_cpu_s)
    if process.returncode:
        raise SystemExit(f"{contender.name}: its sweep failed with code {process.returncode}:\n{output[-3000:]}")
    return cost


def needs(distribution: str) -> None:
    """End with the remedy if `distribution` is not installed beside ours."""
    try:
        version(distribution)
    except PackageNotFoundError:
        raise SystemExit(
            f"This benchmark needs {distribution}: {sys.executable} -m pip install {distribution}"
        ) from None


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def peer_environment(name: str, *requirements: str) -> Path:
    """Interpreter of an environment with just these packages; made when first needed, or when they have changed."""
    directory = ENVIRONMENTS / name
    python, stamp = directory / "bin" / "python", directory / "requirements.txt"
    wanted = "\n".join((f"# Python {sys.version}", *requirements))
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        say(f"installing {', '.join(requirements)} into {directory}")
        shutil.rmtree(directory, ignore_errors=True)
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *requirements], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _cpu_of_children_s() -> float:
    """Of those that have ended, with the processes that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own_cpu_s(pid: int) -> float:
    """Of a child alone, once it has ended and before anybody has waited for it; NaN where there is no /proc."""
    if sys.platform != "linux":
        return math.nan
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _clean_environment() -> dict[str, str]:
    """This process's, without what would make the sweeps of one user other than those of the next."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("HYDRA_", "MLFLOW_", "PYTHON"))}
