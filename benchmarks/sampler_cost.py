"""Sampler cost: what an ask takes after so many trials, ours and Optuna's on the same space. Prints two tables."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

import numpy as np

from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.trial import Parameters
from benchmarks._sampler_quality.contenders import CONTENDERS, Ours, TimedAsker
from benchmarks._sampler_quality.task import random_points
from benchmarks._sweeps import say
from benchmarks._table import machine, table

_WINDOW = 50
"""So many trials are timed for a row."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few trials, ours alone, to see that everything runs")
    options = parser.parse_args()
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # for a peer's process
    quick = bool(options.quick)
    print(_beside_optuna([10, 50] if quick else [100, 300, 1000], ["tpe"] if quick else ["tpe", "optuna5"]))
    print()
    print(_mixed([10, 60] if quick else [10, 30, 100, 200, 300, 1000, 3000], [2] if quick else [2, 6, 15]))


def _beside_optuna(counts: Sequence[int], names: Sequence[str]) -> str:
    """Both run on one space in turns, trial by trial, so that what else the machine does meets both alike."""
    problem = space(6)
    askers = {name: CONTENDERS[name].start(problem, 0) for name in names}
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(counts[-1]):
        for name, asker in askers.items():
            taken[name].append(_trial_ms(asker, number))
        if number % 200 == 0:
            say(f"tpe: trial {number}")
    rows = []
    for count in counts:
        found = {name: mean(each[max(0, count - _WINDOW) : count]) for name, each in taken.items()}
        ratio = f"{found['tpe'] / found['optuna5']:.2f}" if "optuna5" in found else ""
        rows.append([str(count), *(f"{found[name]:.1f}" for name in names), ratio])
    columns = ["trials", *(CONTENDERS[name].title.strip("*") for name in names), "ratio"]
    note = (
        f"CPU milliseconds of a trial's ask and tell, the mean of the {_WINDOW} trials up to so many. One space of "
        "6 parameters, one trial at a time; the two take turns."
    )
    return table("Cost of bayesian, tpe beside Optuna's own, ms a trial", columns, rows, note)


def _mixed(counts: Sequence[int], sizes: Sequence[int]) -> str:
    """Each row starts from a history of random trials, which a first ask, not timed, reads."""
    rows = []
    for size in sizes:
        for count in counts:
            taken = _after_random_trials(space(size), count)
            rows.append([str(size), str(count), f"{median(taken):.1f}", f"{max(taken):.1f}"])
            say(f"mixed: {size} parameters, {count} trials")
    note = (
        f"CPU milliseconds of an ask and tell, over {_WINDOW} trials after so many random ones. Every fourth or so is "
        f"TPE's, which is cheaper. {machine()}"
    )
    return table("Cost of bayesian, mixed, ms a trial", ["parameters", "trials before", "median", "worst"], rows, note)


def _after_random_trials(problem: SearchSpace, count: int) -> list[float]:
    asker = Ours(problem, {"type": "bayesian", "surrogate": "mixed", "seed": 0})
    for number, point in enumerate(random_points(problem, count)):
        asker.submit(number, point)
        asker.tell(number, value(point))
    return [_trial_ms(asker, number) for number in range(count, count + 1 + _WINDOW)][1:]


def _trial_ms(asker: TimedAsker, number: int) -> float:
    before_s = asker.cpu_s
    point = asker.ask(number)
    assert point is not None
    asker.tell(number, value(point))
    return (asker.cpu_s - before_s) * 1000


def space(dimensions: int) -> SearchSpace:
    """So many parameters: of five, one loguniform, two uniform, one a choice of numbers, one of words."""
    kinds: Sequence[Mapping[str, Any]] = (
        {"type": "loguniform", "min_value": -9, "max_value": 0},
        {"type": "uniform", "min_value": 0, "max_value": 1},
        {"type": "uniform", "min_value": -5, "max_value": 5},
        {"type": "choice", "values": [8, 16, 32, 64, 128, 256]},
        {"type": "choice", "values": ["red", "green", "blue", "white"]},
    )
    return read_space({f"x{index}": kinds[index % len(kinds)] for index in range(dimensions)})


def value(point: Parameters) -> float:
    """A bowl over what the point holds, words by their length."""
    numbers = [float(len(each)) if isinstance(each, str) else float(each) for each in point.values()]
    return float(np.sum(np.tanh(np.array(numbers) - 0.3) ** 2))


if __name__ == "__main__":
    main()
