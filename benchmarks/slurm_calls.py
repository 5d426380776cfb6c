"""SLURM calls: how often sweeps of 1000 jobs call a SLURM that starts nothing, and at what cost. Prints one table."""

from __future__ import annotations

import argparse
import json
import math
import pickle
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Protocol

from hydra.core.utils import JobReturn, JobStatus

from azsweep_core.control import ControlDir
from benchmarks._slurm import FIRST_JOB, Cluster
from benchmarks._sweeps import (
    Contender,
    Cost,
    azsweep,
    needs,
    optuna_sweeper,
    optuna_sweeper_environment,
    run_sweep,
    say,
)
from benchmarks._table import machine, table
from benchmarks.utilisation import read_latencies

_INTERVAL_S = 3.0
"""How often our sweeps look at the queue."""
_TICK_S = 0.02
_SHORT = 2
"""Trials of the sweep whose CPU time is subtracted."""
_SACCT = '[[ "$*" == *--noheader* ]] || echo "JobID|State"; cat "${0%/*}/squeue.out"'


@dataclass(frozen=True, slots=True)
class Pace:
    """How jobs go by, in seconds: in the queue, at work (uniform between bounds), and from the result to the end."""

    waits_s: float = 0.5
    works_s: tuple[float, float] = (5.0, 10.0)
    leaves_s: float = 1.0


class Trials(Protocol):
    """What a sweeper's jobs would leave in its sweep directory."""

    def begin(self, job: str) -> bool:
        """False if the sweep has not yet written what the job would read."""
        ...

    def end(self, job: str) -> None: ...


class OurTrials:
    """Heartbeats and results in control directories."""

    def __init__(self, sweep_dir: Path) -> None:
        self._sweep_dir = sweep_dir
        self._known: dict[str, ControlDir] = {}
        self._began_s: dict[str, float] = {}

    def begin(self, job: str) -> bool:
        self._learn()
        if job not in self._known:
            return False
        self._began_s[job] = time.time()
        self._known[job].beat(self._beat(job))
        return True

    def end(self, job: str) -> None:
        returned = {"outcome": "returned", "returned": {"": 0.5}, "ended_s": time.time()}
        self._known[job].write_result({**self._beat(job), **returned})

    def _beat(self, job: str) -> Mapping[str, object]:
        return {"began_s": self._began_s[job], "directory": str(self._known[job].path)}

    def _learn(self) -> None:
        """Which trials the next jobs run; they are submitted in the order of their numbers."""
        while (control := ControlDir.of(self._sweep_dir, len(self._known), 1)).job_file.exists():
            self._known[json.loads(control.job_file.read_text(encoding="utf-8"))["slurm_job"]] = control


class SubmititsTrials:
    """Results as submitit's own jobs pickle them."""

    def __init__(self, sweep_dir: Path) -> None:
        self._jobs = sweep_dir / ".submitit"
        returned = JobReturn(overrides=[], status=JobStatus.COMPLETED)
        returned.return_value = 0.5
        self._result = pickle.dumps(("success", returned))

    def begin(self, job: str) -> bool:
        return (self._jobs / job / f"{job}_submitted.pkl").exists()

    def end(self, job: str) -> None:
        draft = self._jobs / job / "draft"
        draft.write_bytes(self._result)
        draft.rename(draft.with_name(f"{job}_0_result.pkl"))


@dataclass(slots=True)
class _Job:
    """A job in the queue, and when its state changes next, by the wall clock."""

    id: str
    array: str
    works_s: float
    due_s: float
    state: str = "PENDING"


@dataclass(slots=True)
class Nodes:
    """Plays the nodes: what is submitted waits, begins, leaves its result and then the queue. Runs nothing."""

    cluster: Cluster
    trials: Trials
    pace: Pace
    most_in_flight: int = 0
    first_submission_s: float = math.nan
    last_result_s: float = math.nan
    _jobs: list[_Job] = field(default_factory=list)
    _running: Counter[str] = field(default_factory=Counter)
    _slots: dict[str, int] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    def play(self, over: threading.Event) -> None:
        """Until it is over."""
        while not over.wait(_TICK_S):
            now = time.time()
            self._accept(now)
            self._running = Counter(job.array for job in self._jobs if job.state == "RUNNING")
            waiting = sum(job.state == "PENDING" for job in self._jobs)
            self.most_in_flight = max(self.most_in_flight, waiting + self._running.total())
            for job in self._jobs:
                if now >= job.due_s:
                    self._move(job, now)
            self.cluster.answer("squeue", *(f"{job.id}|{job.state}" for job in self._jobs))

    def _accept(self, now: float) -> None:
        """Queue what `sbatch` was given since the last look."""
        if math.isnan(self.first_submission_s) and self.cluster.calls("sbatch"):
            self.first_submission_s = now
        for script in map(Path, self.cluster.calls("sbatch")[len(self._slots) :]):
            array = str(FIRST_JOB + len(self._slots))
            try:
                size, self._slots[array] = _array(script)
            except FileNotFoundError:  # submitit moves it to the job's folder, and leaves a link a moment later
                return
            for job in [array] if size is None else [f"{array}_{index}" for index in range(size)]:
                self._jobs.append(_Job(job, array, self._random.uniform(*self.pace.works_s), now + self.pace.waits_s))

    def _move(self, job: _Job, now: float) -> None:
        """Into its next state."""
        match job.state:
            case "PENDING" if self._running[job.array] < self._slots[job.array] and self.trials.begin(job.id):
                self._running[job.array] += 1
                job.state, job.due_s = "RUNNING", now + job.works_s
            case "RUNNING":
                self.trials.end(job.id)
                self.last_result_s = time.time()
                job.state, job.due_s = "COMPLETING", now + self.pace.leaves_s
            case "COMPLETING":
                job.state, job.due_s = "COMPLETED", math.inf


def _array(script: Path) -> tuple[int | None, int]:
    """How many jobs a submission is, None if it is no array; and how many of them may run at once."""
    for line in script.read_text(encoding="utf-8").splitlines():
        if line.startswith("#SBATCH --array=0-"):
            last, _, slots = line.removeprefix("#SBATCH --array=0-").partition("%")
            return int(last) + 1, int(slots)
    return None, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 short trials of ours, to see that everything runs")
    parser.add_argument("--trials", type=int, default=1000, help="trials (1000)")
    parser.add_argument("--slots", type=int, default=200, help="trials in flight (200)")
    options = parser.parse_args()
    needs("hydra-submitit-launcher")
    trials, slots, pace = options.trials, options.slots, Pace()
    if options.quick:
        trials, slots, pace = 40, 20, Pace(waits_s=0.1, works_s=(0.5, 1.5), leaves_s=0.5)
    contenders = [_ours(slots)] if options.quick else [_ours(slots), *_others(slots)]
    with tempfile.TemporaryDirectory(prefix="azsweep-slurm-calls-") as directory:
        rows = [
            _row(contender, trials_of, trials, pace, Path(directory, str(index)))
            for index, (contender, trials_of) in enumerate(contenders)
        ]
    print(_report(rows, trials, slots, pace))


def _ours(slots: int) -> tuple[Contender, Callable[[Path], Trials]]:
    return azsweep(slots, "hydra/launcher=submitit_slurm"), OurTrials


def _others(slots: int) -> list[tuple[Contender, Callable[[Path], Trials]]]:
    """hydra-submitit-launcher by itself: one array for all trials, and one for each batch of a sweeper's."""
    launcher = ("hydra/launcher=submitit_slurm", f"hydra.launcher.array_parallelism={slots}")
    python = optuna_sweeper_environment()
    in_one = Contender("BasicSweeper", python, lambda trials: [f"x=range({trials})", *launcher])
    return [(in_one, SubmititsTrials), (optuna_sweeper(slots, *launcher), SubmititsTrials)]


def _row(
    contender: Contender, trials_of: Callable[[Path], Trials], trials: int, pace: Pace, directory: Path
) -> list[str]:
    base, _, _ = _sweep(contender, trials_of, _SHORT, pace, directory / "short")
    cost, cluster, nodes = _sweep(contender, trials_of, trials, pace, directory / "long")
    say(f"{contender.name}: {cost.wall_s:.1f} s")
    asked = sorted([*cluster.times("squeue"), *cluster.times("sacct")])
    meanwhile = [each for each in asked if each <= nodes.last_result_s]
    pauses = [later - earlier for earlier, later in pairwise(meanwhile)]
    ends = [nodes.first_submission_s, *meanwhile, nodes.last_result_s]
    longest_s = max(later - earlier for earlier, later in pairwise(ends))
    return [
        contender.name,
        *(str(len(cluster.calls(name))) for name in ("sbatch", "squeue", "sacct", "scancel")),
        f"{len(meanwhile) / (ends[-1] - ends[0]) * _INTERVAL_S:.2f}",
        f"{min(pauses, default=math.nan):.2f} ({longest_s:.2f})",
        str(len(asked) - len(meanwhile)),
        str(nodes.most_in_flight),
        f"{(cost.own_cpu_s - base.own_cpu_s) / (trials - _SHORT) * 1000:.1f}",
        _latency(directory / "long" / "sweep"),
        f"{cost.wall_s:.1f}",
    ]


def _sweep(
    contender: Contender, trials_of: Callable[[Path], Trials], trials: int, pace: Pace, directory: Path
) -> tuple[Cost, Cluster, Nodes]:
    """A sweep on a cluster of its own."""
    cluster, over = Cluster(directory / "bin"), threading.Event()
    cluster.command("sacct", _SACCT)
    nodes = Nodes(cluster, trials_of(directory / "sweep"), pace)
    with ThreadPoolExecutor() as pool:
        played = pool.submit(nodes.play, over)
        try:
            cost = run_sweep(contender, "trivial", trials, directory / "sweep", {"PATH": cluster.path})
        finally:
            over.set()
        played.result()
    return cost, cluster, nodes


def _latency(sweep: Path) -> str:
    """Median and worst, from a trial's result to its end in the ledger; only our sweeps have one."""
    if not (sweep / "sweep.jsonl").exists():
        return ""
    end_s = read_latencies(sweep).end_s
    return f"{median(end_s) * 1000:.0f} ({max(end_s) * 1000:.0f})"


def _report(rows: Sequence[Sequence[str]], trials: int, slots: int, pace: Pace) -> str:
    columns = ["sweeper", "sbatch", "squeue", "sacct", "scancel", f"asked, in {_INTERVAL_S:g} s", "pause, s"]
    columns += ["after", "in flight", "CPU ms a trial", "end, ms", "wall, s"]
    note = (
        f"Sweeps of {trials} trials, {slots} at once, as jobs of stand-ins for SLURM's commands that start nothing: "
        f"a job waits for {pace.waits_s:g} s, works for {pace.works_s[0]:g}-{pace.works_s[1]:g} s, leaves its result, "
        f"and leaves the queue {pace.leaves_s:g} s later. The first columns count the calls. *Asked* is how often "
        f"squeue or sacct were in {_INTERVAL_S:g} s on average, and *pause* the shortest time between two such calls "
        "(in brackets the longest without one), from the first submission to the last result; *after* counts those "
        "that came later. *In flight* is the most jobs that waited or worked. CPU time is that of the sweep's own "
        f"process, less that of a sweep of {_SHORT} trials. *End* is from a trial's result to its end in the ledger: "
        "median and, in brackets, the worst; the others read their results when a whole batch is over."
    )
    return table(f"SLURM calls: {trials} trials, {slots} in flight", columns, rows, f"{note} {machine()}")


if __name__ == "__main__":
    main()
