"""What runs say about contenders: means, ranks, tests and intervals, each against one of them. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks._sampler_quality.runs import Run

__all__ = ["Comparison", "Field", "Loss", "compare", "losses"]

Array = NDArray[np.float64]

_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a contender reached, and how it compares with the reference.

    Args:
        means: mean regret after each of the checkpoints, over tasks and seeds.
        median: median regret at the end, over tasks and seeds.
        rank: mean over tasks of its rank by mean regret at the end, 1 for the best.
        trials: median number of trials to come as low as random does at the end in the median of its seeds.
        p_runs, p_tasks: Wilcoxon's signed-rank test of the regrets at the end, over task and seed, and over tasks.
        wins: tasks with a lower mean regret at the end.
        interval: 95 % bootstrap interval, over tasks, of the mean difference at the end; negative is better.
        cpu_ms: mean CPU time of the sampler a trial.
    """

    means: tuple[float, ...]
    median: float
    rank: float
    trials: float | None
    p_runs: float | None
    p_tasks: float | None
    wins: int | None
    interval: tuple[float, float] | None
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Loss:
    """A task on which a contender ends worse than the reference, with the p of a Wilcoxon test over seeds."""

    contender: str
    task: str
    mine: float
    reference: float
    p: float


class Field:
    """Runs of contenders over the same tasks, each task on the seeds that every contender has.

    Contenders that lack tasks which others have are left out.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = {(run.job.contender, run.job.task, run.job.seed): run for run in runs}
        found: dict[str, dict[str, set[int]]] = {}
        for run in runs:
            found.setdefault(run.job.contender, {}).setdefault(run.job.task, set()).add(run.job.seed)
        tasks = max(found.values(), key=len, default={}).keys()
        complete = {contender: seeds for contender, seeds in found.items() if seeds.keys() == tasks}
        shared = {task: set.intersection(*(seeds[task] for seeds in complete.values())) for task in tasks}
        self.contenders = list(complete)
        self.seeds = {task: sorted(seeds) for task, seeds in shared.items() if seeds}
        self.tasks = list(self.seeds)

    def runs(self, contender: str, task: str) -> list[Run]:
        """By seed."""
        return [self._runs[contender, task, seed] for seed in self.seeds[task]]

    def final(self, contender: str, task: str) -> Array:
        """Regrets at the end, by seed."""
        return np.array([run.regrets[-1] for run in self.runs(contender, task)])

    def final_means(self, contender: str) -> Array:
        """By task."""
        return np.array([self.final(contender, task).mean() for task in self.tasks])


def compare(field: Field, checkpoints: Sequence[int], reference: str, random: str) -> Mapping[str, Comparison]:
    """Every contender, against the reference if it is among them."""
    ranks = _ranks(np.array([field.final_means(each) for each in field.contenders])).mean(axis=1)
    return {
        each: _compare(field, each, float(rank), checkpoints, reference, random)
        for each, rank in zip(field.contenders, ranks, strict=True)
    }


def _compare(
    field: Field, contender: str, rank: float, checkpoints: Sequence[int], reference: str, random: str
) -> Comparison:
    runs = [run for task in field.tasks for run in field.runs(contender, task)]
    means = field.final_means(contender)
    against = reference in field.contenders and contender != reference
    p_runs, p_tasks, wins, interval = None, None, None, None
    if against:
        theirs = field.final_means(reference)
        p_runs = _wilcoxon(
            np.concatenate([field.final(contender, task) - field.final(reference, task) for task in field.tasks])
        )
        p_tasks, wins, interval = _wilcoxon(means - theirs), int((means < theirs).sum()), _interval(means - theirs)
    return Comparison(
        means=tuple(_mean_after(field, contender, count) for count in checkpoints),
        median=float(np.median([run.regrets[-1] for run in runs])),
        rank=rank,
        trials=_trials_to_random(field, contender, random) if random in field.contenders else None,
        p_runs=p_runs,
        p_tasks=p_tasks,
        wins=wins,
        interval=interval,
        cpu_ms=float(np.mean([run.cpu_ms for run in runs])),
    )


def losses(field: Field, contender: str, reference: str) -> list[Loss]:
    """Tasks on which the contender is not better, the worst first."""
    found = [
        Loss(contender, task, float(mine.mean()), float(its.mean()), _wilcoxon(mine - its))
        for task in field.tasks
        for mine, its in [(field.final(contender, task), field.final(reference, task))]
        if mine.mean() > its.mean()
    ]
    return sorted(found, key=lambda loss: loss.reference - loss.mine)


def _mean_after(field: Field, contender: str, count: int) -> float:
    """Mean over tasks of the mean over seeds; a run that ended earlier counts with its end."""
    return float(
        np.mean(
            [
                np.mean([run.regrets[min(count, len(run.regrets)) - 1] for run in field.runs(contender, task)])
                for task in field.tasks
            ]
        )
    )


def _trials_to_random(field: Field, contender: str, random: str) -> float:
    goals = {task: float(np.median(field.final(random, task))) for task in field.tasks}
    return float(np.median([run.trials_to(goals[task]) for task in field.tasks for run in field.runs(contender, task)]))


def _ranks(values: Array) -> Array:
    """Ranks within each column, from 1 for the least; equals share the mean of theirs."""
    from scipy.stats import rankdata

    ranks: Array = rankdata(values, axis=0)
    return ranks


def _wilcoxon(differences: Array) -> float:
    """Two-sided p; 1 if there is no difference at all."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue) if np.any(differences) else 1.0


def _interval(differences: Array) -> tuple[float, float]:
    """Percentiles 2.5 and 97.5 of the means of resampled differences."""
    picks = np.random.default_rng(0).integers(len(differences), size=(_RESAMPLES, len(differences)))
    low, high = np.percentile(differences[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
