"""Growth: what a trial costs the coordinator early and late in a sweep of 10 000 scripted trials. Prints one table."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from azsweep_core.events import Event, TrialEnded
from azsweep_core.history import History
from azsweep_core.ledger import Ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Launch
from azsweep_core.report import LogLines, ResultFiles
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import read_space
from azsweep_core.signals import StopSignals
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Ports, SweepPlan
from azsweep_core.testing.simulation import FakeClock, FakeLauncher, FakeTracker, Script
from benchmarks._sweeps import say
from benchmarks._table import machine, table

_SLOTS = 8
_OBJECTIVE = Objective("loss", Goal.MINIMIZE)
_DIGITS = {"type": "choice", "values": list(range(10))}
_SWEEPS: Mapping[str, tuple[SamplerType, Mapping[str, Any]]] = {
    "random, infinite space": (
        SamplerType.RANDOM,
        {
            "lr": {"type": "loguniform", "min_value": -7, "max_value": 0},
            "momentum": {"type": "uniform", "min_value": 0, "max_value": 1},
            "layers": {"type": "randint", "upper": 8},
            "optimizer": {"type": "choice", "values": ["sgd", "adam", "rmsprop"]},
        },
    ),
    "random, 100 000 points": (SamplerType.RANDOM, dict.fromkeys("abcde", _DIGITS)),
    "grid, 100 000 points": (SamplerType.GRID, dict.fromkeys("abcde", _DIGITS)),
}


@dataclass(slots=True)
class Meter:
    """An observer that reads `gauge` whenever one of the `marks`-th trials has ended."""

    marks: frozenset[int]
    gauge: Callable[[], float]
    readings: dict[int, float] = field(default_factory=dict)

    def notice(self, event: Event, history: History) -> None:
        if isinstance(event, TrialEnded) and history.finished in self.marks:
            self.readings[history.finished] = self.gauge()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 trials, to see that everything runs")
    options = parser.parse_args()
    counts = (50, 100, 200) if options.quick else (100, 1_000, 10_000)
    rows = []
    for name in _SWEEPS:
        simulate(name, counts[0], Meter(frozenset(), time.process_time))  # imports and first uses are not growth
        cpu_s = _cpu_per_trial(name, counts)
        gc.collect()  # empties the interpreter's stores of freed objects, whose reuse nobody would count
        tracemalloc.start()
        held = _per_trial(name, counts, lambda: tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        say(f"{name}: done")
        rows += [
            [
                name,
                f"{count:,}".replace(",", " "),
                f"{cpu_s[count] * 1000:.3f}",
                f"{cpu_s[count] / cpu_s[counts[0]]:.2f}",
                f"{held[count] / 1024:.2f}",
                f"{held[count] / held[counts[0]]:.2f}",
            ]
            for count in counts
        ]
    print(_report(rows))


def _cpu_per_trial(name: str, counts: Sequence[int]) -> dict[int, float]:
    """CPU seconds a trial by count, each the median of some sweeps in turns: short ones are quick, and vary a lot."""
    samples: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(2):
        for count, found in samples.items():
            times = min(5, counts[-1] // count)
            found += [_per_trial(name, [count], time.process_time)[count] for _ in range(times)]
    return {count: median(found) for count, found in samples.items()}


def _per_trial(name: str, counts: Sequence[int], gauge: Callable[[], float]) -> dict[int, float]:
    """By how much the gauge rises a trial: the mean over the last half of the first `count` trials of one sweep."""
    meter = Meter(frozenset({*counts, *(count // 2 for count in counts)}), gauge)
    simulate(name, max(counts), meter)
    return {count: (meter.readings[count] - meter.readings[count // 2]) / (count - count // 2) for count in counts}


def simulate(name: str, trials: int, meter: Meter) -> History:
    """A whole sweep in virtual time with everything a real one has but processes and MLflow; the meter looks on."""
    type_, space = _SWEEPS[name]
    clock = FakeClock()
    launcher = FakeLauncher(clock, _script)
    plan = SweepPlan(
        spec={},
        objective=_OBJECTIVE,
        limits=Limits(trial_timeout_s=3600.0),
        sampler=make_sampler(SamplingAlgorithm(type_, seed=0), read_space(space), _OBJECTIVE),
        policy=None,
        max_trials=trials,
        slots=_SLOTS,
    )
    log = logging.getLogger("benchmarks.growth")
    log.setLevel(logging.INFO)
    log.addHandler(logging.NullHandler())
    log.propagate = False
    with (
        tempfile.TemporaryDirectory(prefix="azsweep-growth-", dir=_memory()) as directory,
        closing(Ledger(Path(directory, "sweep.jsonl"))) as ledger,
        StopSignals() as signals,
    ):
        ports = Ports(
            launcher=launcher,
            tracker=FakeTracker(clock, launcher, _script),
            ledger=ledger,
            clock=clock,
            signals=signals,
        )
        observers = (ResultFiles(Path(directory), clock), LogLines(log, trials), meter)
        return run_sweep(plan, ports, observers).history


def _script(launch: Launch) -> Script:
    """What the trial does: a value after a lognormal second or so."""
    generator = random.Random(launch.number)
    return Script(duration_s=generator.lognormvariate(0.0, 0.5), returned={"": generator.random()})


def _memory() -> Path | None:
    """A file system in memory, if there is one: a disk's time to sync would hide the coordinator's own."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None


def _report(rows: Sequence[Sequence[str]]) -> str:
    columns = ["sampler", "trials", "CPU ms a trial", "ratio", "KiB a trial", "ratio"]
    note = (
        f"Sweeps of scripted trials of about a second each on {_SLOTS} slots, in virtual time: sampler, scheduler, "
        "ledger, log lines and result files are real, processes and MLflow are not. A row is the mean over the last "
        "half of a sweep of so many trials: CPU time of the coordinator (median of some sweeps), and memory that "
        "Python has allocated and not freed. The ratios are to the first row of the sampler."
    )
    return table("Growth: the coordinator's cost of a trial, early and late", columns, rows, f"{note} {machine()}")


if __name__ == "__main__":
    main()
