"""Runs a sampler on a task in virtual time, and counts trials in the order in which they are completed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from azsweep_core.trial import Parameters
from benchmarks._sampler_quality.task import Outcome, Task

__all__ = ["Asker", "asynchronous", "batches", "incumbent_regrets"]


class Asker(Protocol):
    """A sampler at work on one task."""

    def ask(self, number: int) -> Parameters | None:
        """The point of trial `number`; None if the space has none left."""
        ...

    def tell(self, number: int, value: float) -> None:
        """What trial `number` observed; smaller is better."""
        ...


def asynchronous(task: Task, asker: Asker, seed: int, trials: int, slots: int) -> Iterator[Outcome]:
    """Outcomes in order of completion; whenever one of the slots is free, the next trial starts there.

    Trials that end at the same time end in the order in which they were started.
    """
    now, running = 0.0, list[tuple[float, int, Outcome]]()
    for number in range(trials):
        if len(running) == slots:
            now, done = _complete(asker, running)
            yield done
        point = asker.ask(number)
        if point is None:
            break
        outcome = task.evaluate(point, _noise(seed, number))
        heapq.heappush(running, (now + outcome.duration, number, outcome))
    while running:
        _, done = _complete(asker, running)
        yield done


def batches(task: Task, asker: Asker, seed: int, trials: int, size: int) -> Iterator[Outcome]:
    """Outcomes in order of completion; the next batch is asked for when all trials of one have ended."""
    for first in range(0, trials, size):
        numbers = range(first, min(first + size, trials))
        points = [asker.ask(number) for number in numbers]
        outcomes = [
            (number, task.evaluate(point, _noise(seed, number)))
            for number, point in zip(numbers, points, strict=True)
            if point is not None
        ]
        for number, outcome in outcomes:
            asker.tell(number, outcome.observed)
        yield from (outcome for _, outcome in sorted(outcomes, key=lambda each: (each[1].duration, each[0])))


def incumbent_regrets(task: Task, outcomes: Sequence[Outcome]) -> list[float]:
    """Regret after each outcome: the true one of the trial that was observed best so far, the earliest of equals."""
    regrets, best = list[float](), outcomes[0]
    for outcome in outcomes:
        if outcome.observed < best.observed:
            best = outcome
        regrets.append(task.regret(best.true))
    return regrets


def _complete(asker: Asker, running: list[tuple[float, int, Outcome]]) -> tuple[float, Outcome]:
    """Take off what ends next, and tell it."""
    end, number, outcome = heapq.heappop(running)
    asker.tell(number, outcome.observed)
    return end, outcome


def _noise(seed: int, number: int) -> np.random.Generator:
    """The same for every contender: what is chance in trial `number` depends on nothing else."""
    return np.random.default_rng([seed, number])
