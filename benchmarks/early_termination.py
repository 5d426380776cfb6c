"""Early termination: epochs and regret of our policies and Optuna's pruners on recorded curves. Prints one page."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from itertools import product

import optuna

from benchmarks._early_termination.contenders import OURS, THEIRS
from benchmarks._early_termination.curves import TASKS, Task, load
from benchmarks._early_termination.page import Job, page
from benchmarks._early_termination.replay import Outcome, ours, theirs
from benchmarks._sweeps import say

WORKERS = (4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two tasks of 12 configurations, in one order")
    parser.add_argument("--orders", type=int, help="orders of the configurations, for each task (10)")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("azsweep").setLevel(logging.WARNING)
    names = ["linear_cancer", "scheduled_digits"] if options.quick else list(TASKS)
    tasks = [load(name) for name in names]
    if options.quick:
        tasks = [task.first(12) for task in tasks]
    print(page(dict(_outcomes(tasks, range(options.orders or (1 if options.quick else 10)))), tasks))


def _outcomes(tasks: Sequence[Task], seeds: Sequence[int]) -> Iterator[tuple[Job, Outcome]]:
    for seed in seeds:
        for title, task, workers in product((*OURS, *THEIRS), tasks, WORKERS):
            yield Job(title, task.name, workers, seed), _outcome(title, task, workers, seed)
        say(f"order {seed + 1} of {len(seeds)}: done")


def _outcome(title: str, task: Task, workers: int, seed: int) -> Outcome:
    if title in THEIRS:
        return theirs(task, seed, workers, THEIRS[title]())
    return ours(task, seed, workers, OURS[title])


if __name__ == "__main__":
    main()
