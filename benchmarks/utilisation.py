"""Utilisation: how near sweeps of unequal trials come to greedy scheduling without overhead. Prints one table."""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median

from azsweep_core.control import ControlDir
from azsweep_core.events import TrialBegan, TrialEnded, TrialSubmitted
from azsweep_core.ledger import read_ledger
from benchmarks._sweeps import Contender, azsweep, basic, needs, optuna_sweeper, optuna_sweeper_with_ray, run_sweep, say
from benchmarks._table import machine, table

_SHORT = 2
"""Trials of the sweep whose time is subtracted; they do not sleep."""

_SHORT_ROUNDS = 3
"""Its median is taken: it counts as much as the long sweep does."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds, by trial: from its submission to the start of its task, and from its task's end to its recorded end."""

    start_s: Sequence[float]
    end_s: Sequence[float]


def durations(count: int, seed: int = 0) -> list[float]:
    """Distinct lognormal seconds, clipped to 0.2-4: many short trials and a few long ones, in the order of the draw."""
    generator = random.Random(seed)
    found: dict[float, None] = {}
    while len(found) < count:
        found[round(min(max(generator.lognormvariate(-0.3, 0.9), 0.2), 4.0), 3)] = None
    return list(found)


def greedy_makespan(seconds: Sequence[float], slots: int) -> float:
    """When the last job ends if each in turn starts on the first free slot, and nothing else takes time.

    >>> greedy_makespan([3, 1, 1, 2], slots=2)
    4
    """
    free: list[float] = [0] * slots
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="8 trials, to see that everything runs")
    parser.add_argument("--slots", type=int, default=4, help="trials at once (4)")
    parser.add_argument("--rounds", type=int, default=1, help="how often the long sweeps are run (1)")
    parser.add_argument("--jobs", action="store_true", help="jobs: submitit's, here and on the SLURM in use, and Ray's")
    parser.add_argument("--times", type=float, default=1, help="trials so many times as long (1)")
    options = parser.parse_args()
    slots = options.slots
    seconds = [each * options.times for each in durations(8 if options.quick else 24)]
    contenders = _with_jobs(slots) if options.jobs else _with_processes(slots)
    with tempfile.TemporaryDirectory(prefix="azsweep-utilisation-") as directory:
        rows = [
            _row(contender, launcher, seconds, slots, options.rounds, Path(directory, str(index)))
            for index, (contender, launcher) in enumerate(contenders)
        ]
    print(_report(rows, seconds, slots))


def _with_processes(slots: int) -> list[tuple[Contender, str]]:
    """Sweepers with the launchers that they are used with on one machine."""
    needs("hydra-joblib-launcher")
    joblib = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={slots}")
    return [
        (azsweep(slots), "basic"),
        (azsweep(slots, joblib[0]), "joblib"),
        (basic(), "basic"),
        (optuna_sweeper(slots, *joblib), "joblib"),
    ]


def _with_jobs(slots: int) -> list[tuple[Contender, str]]:
    """Sweepers with submitit's launchers and Ray's."""
    needs("hydra-submitit-launcher")
    needs("hydra-ray-launcher")
    submitit = ["submitit_local", *(["submitit_slurm"] if "SLURM_CONF" in os.environ else [])]
    init = ("address=local", f"num_cpus={slots}", "include_dashboard=false")
    ray = ("hydra/launcher=ray", *(f"++hydra.launcher.ray.init.{each}" for each in init))
    sweepers: list[Callable[..., Contender]] = [azsweep, optuna_sweeper]
    return [
        *((sweeper(slots, f"hydra/launcher={name}"), name) for sweeper in sweepers for name in submitit),
        (azsweep(slots, *ray), "ray"),
        (optuna_sweeper_with_ray(slots, *ray), "ray"),
    ]


def _row(
    contender: Contender, launcher: str, seconds: Sequence[float], slots: int, rounds: int, directory: Path
) -> list[str]:
    short_s = _median_s(contender, [0.0] * _SHORT, _SHORT_ROUNDS, directory / "short")
    wall_s = _median_s(contender, seconds, rounds, directory / "long")
    net_s = wall_s - short_s
    say(f"{contender.name}, {launcher}: {wall_s:.1f} s")
    return [
        contender.name,
        launcher,
        f"{short_s:.2f}",
        f"{wall_s:.2f}",
        f"{net_s:.2f}",
        f"{greedy_makespan(seconds, slots) / net_s:.3f}",
        f"{sum(seconds) / slots / net_s:.3f}",
        *_latency_cells(sorted((directory / "long").iterdir())),
    ]


def _median_s(contender: Contender, seconds: Sequence[float], rounds: int, directory: Path) -> float:
    """Seconds that a sweep takes whose trials sleep so long; its directories are the children of `directory`."""
    sleeps = {"SLEEPS_S": json.dumps(seconds)}
    return median(
        run_sweep(contender, "sleeper", len(seconds), directory / str(number), sleeps).wall_s
        for number in range(rounds)
    )


def _latency_cells(sweeps: Sequence[Path]) -> Iterator[str]:
    """Start and end latency, median and worst; only our sweeps have a ledger to read them from."""
    found = [read_latencies(sweep) for sweep in sweeps if (sweep / "sweep.jsonl").exists()]
    for times in ([each.start_s for each in found], [each.end_s for each in found]):
        flat = list(chain.from_iterable(times))
        yield f"{median(flat) * 1000:.0f} ({max(flat) * 1000:.0f})" if flat else ""


def read_latencies(sweep: Path) -> Latencies:
    """Of the first attempts in a sweep directory, all of which must have ended by themselves."""
    submitted: dict[int, float] = {}
    start_s, end_s = [], []
    for event in read_ledger(sweep / "sweep.jsonl"):
        match event:
            case TrialSubmitted():
                submitted[event.number] = event.time_s
            case TrialBegan():
                start_s.append(event.time_s - submitted[event.number])
            case TrialEnded():
                result = ControlDir(sweep / ".azsweep" / "trials" / str(event.number) / "1").result()
                end_s.append(event.time_s - (math.nan if result is None else result["ended_s"]))
    return Latencies(start_s, end_s)


def _report(rows: Sequence[Sequence[str]], seconds: Sequence[float], slots: int) -> str:
    columns = ["sweeper", "launcher", f"{_SHORT} trials, s", "wall, s", "net, s", "of the bound", "of the slots"]
    columns += ["start, ms", "end, ms"]
    bound_s = greedy_makespan(seconds, slots)
    note = (
        f"The trials sleep for {sum(seconds):.1f} s in all. Greedy scheduling without any overhead takes {bound_s:.2f} "
        f"s and so fills {sum(seconds) / slots / bound_s:.3f} of the slots. *Net* is the wall time less that of a "
        f"sweep of {_SHORT} trials that do not sleep (median of {_SHORT_ROUNDS}); *of the bound* is the greedy time "
        "/ net, *of the slots* the sleep a slot / net. BasicSweeper with the basic launcher runs one trial at a time. "
        "*Start* is from a trial's submission to the start of its task, *end* from the end of its task to its end in "
        "the ledger: median and, in brackets, the worst."
    )
    return table(f"Utilisation: {len(seconds)} unequal trials on {slots} slots", columns, rows, f"{note} {machine()}")


if __name__ == "__main__":
    main()
