"""Overhead: what a trial costs beside its task, ours and BasicSweeper's, in turns on one app. Prints one table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks._sweeps import Contender, Cost, azsweep, basic, run_sweep, say
from benchmarks._table import machine, table

_SHORT = 2
"""Trials of the sweep whose time is subtracted: start-up, imports and the end of a sweep, and hardly a trial."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one short and one long sweep took, one after the other."""

    trials: int
    short: Cost
    long: Cost

    @property
    def per_trial_s(self) -> float:
        return (self.long.wall_s - self.short.wall_s) / (self.trials - _SHORT)

    @property
    def cpu_per_trial_s(self) -> float:
        return (self.long.cpu_s - self.short.cpu_s) / (self.trials - _SHORT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 trials and one round, to see that everything runs")
    parser.add_argument("--trials", type=int, help="trials of a sweep (200)")
    parser.add_argument("--rounds", type=int, help="how often each sweep is run (3)")
    options = parser.parse_args()
    trials = options.trials or (20 if options.quick else 200)
    rounds = options.rounds or (1 if options.quick else 3)
    samples: dict[Contender, list[Sample]] = {each: [] for each in (basic(), azsweep(1), azsweep(2))}
    with tempfile.TemporaryDirectory(prefix="azsweep-overhead-") as directory:
        for number in range(1, rounds + 1):
            for index, (contender, found) in enumerate(samples.items()):
                found.append(_sample(contender, trials, Path(directory, str(number), str(index))))
                say(f"round {number} of {rounds}: {contender.name}: {found[-1].per_trial_s * 1000:.0f} ms a trial")
    print(_report(trials, rounds, samples))


def _sample(contender: Contender, trials: int, directory: Path) -> Sample:
    short, long = (run_sweep(contender, "trivial", count, directory / str(count)) for count in (_SHORT, trials))
    return Sample(trials, short, long)


def _report(trials: int, rounds: int, samples: Mapping[Contender, Sequence[Sample]]) -> str:
    """The first contender is what the others are compared with."""
    rows = []
    basics = next(iter(samples.values()))
    for contender, found in samples.items():
        ratios = [mine.per_trial_s / its.per_trial_s for mine, its in zip(found, basics, strict=True)]
        rows.append(
            [
                contender.name,
                f"{median(each.short.wall_s for each in found):.2f}",
                f"{median(each.long.wall_s for each in found):.2f}",
                f"{median(each.per_trial_s for each in found) * 1000:.1f}",
                f"{median(ratios):.2f}",
                f"{min(ratios):.2f}-{max(ratios):.2f}",
                f"{median(each.cpu_per_trial_s for each in found) * 1000:.1f}",
            ]
        )
    columns = ["sweeper", f"{_SHORT} trials, s", f"{trials} trials, s", "ms a trial", "ratio", "ratio, range", "CPU ms"]
    note = (
        f"A trial costs (seconds of {trials} trials - seconds of {_SHORT} trials) / {trials - _SHORT}, whole commands "
        f"being timed. The ratio is to BasicSweeper in the same round. CPU is the time of all processes, a trial, in "
        f"the same way. Medians of {rounds} rounds, in each of which the sweepers take turns."
    )
    return table(
        "Overhead per trial: a task that does nothing, basic launcher, no MLflow", columns, rows, f"{note} {machine()}"
    )


if __name__ == "__main__":
    main()
