"""A Gaussian process in turns with TPE: a sampler for any Optuna study, on Optuna's public interface alone."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from azsweep_core.samplers._acquisition import log_expected_improvement, most_promising
from azsweep_core.samplers._distinct_tpe import DistinctTPESampler, Record, Result
from azsweep_core.samplers._gaussian_process import believe, condition, default, fit, standardised

__all__ = ["MixedSampler"]

Array = NDArray[np.float64]

TPE_SHARE = 0.25
"""Part of the asks that TPE answers: a Gaussian process that is misled would not find out by itself."""
REFIT = 15
"""At every so many results hyperparameters are found from scratch."""
COLD_STEPS, WARM_STEPS = 30, 8
"""Of the search for hyperparameters: from scratch, and from what the first results gave."""
FITTED, FITTED_COLD = 200, 100
"""Most results that the Gaussian process is fitted to, half of them the best, the others the latest; and most of those
that hyperparameters are found with from scratch, which takes longest."""
LEADERS = 5
"""So many of the best points are looked around."""

_logger = logging.getLogger(__name__)
_threads = ThreadpoolController()


class MixedSampler(DistinctTPESampler):
    """A Gaussian process that leaves a quarter of the asks to TPE, without trying a point twice.

    It models the losses over all parameters jointly, those of trials that still run by what it expects of them, and
    proposes where expected improvement is greatest. Pruned trials count as no better than the median. Whatever goes
    wrong with it, TPE answers in its place.

    What it proposes is a function of the study's trials by number and of the seed: hyperparameters are found from
    scratch for the first 15, 30, 45 ... results, which is remembered but could be repeated, and from there improved
    for all. The order in which trials ended does not matter.

    Args are those of `DistinctTPESampler`. Where parameters come and go, tell it the space and the conditions, or it
    models only those that all trials share: `MixedSampler(space={"model": CategoricalDistribution(["tree", "mlp"]),
    "layers": IntDistribution(1, 4)}, conditions={"layers": {"model": ["mlp"]}})`.

    >>> import optuna
    >>> study = optuna.create_study(sampler=MixedSampler(seed=1))
    >>> study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=25)
    >>> study.best_value < 1e-3
    True
    """

    _has_failed = False
    _fitted: tuple[Record, tuple[int, ...], Array] | None = None

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values of all parameters of `search_space` that are active."""
        if not search_space:
            return {}
        record = self._recorded(study, search_space)
        is_ready = len(record.results) >= max(1, self._n_startup_trials) and bool(record.space.names)
        if is_ready and self._generator.random() >= TPE_SHARE:
            try:
                # The cores are busy with trials: threads that wait for each other would cost ten times the time.
                with _threads.limit(limits=1):
                    row = self._by_gaussian_process(record, study.direction)
            except Exception:  # whatever the numbers do, a study goes on
                if not self._has_failed:
                    _logger.debug("The Gaussian process failed; TPE proposes in its place.", exc_info=True)
                self._has_failed = True
                row = None
            if row is not None:
                return record.space.point(row)
        return self._propose(study, trial, record)

    def _by_gaussian_process(self, record: Record, direction: StudyDirection) -> Array | None:
        """The most promising row that was not tried; None if none is found."""
        space = record.space
        numbers = sorted(record.results)
        rows, losses = observations([record.results[number] for number in numbers], direction)
        if not losses.size:
            return None
        columns, standard = space.columns(rows), standardised(losses)
        theta = fit(self._start(record, numbers, direction), columns, space.groups, standard, WARM_STEPS)[0]
        posterior = condition(theta, columns, space.groups, standard)
        known = columns
        if record.running:
            running = space.columns(np.array(record.running))
            posterior = believe(posterior, theta, running)
            known = np.vstack([columns, running])
        best = float(posterior.mean(known).min())

        def score(candidates: Array) -> Array:
            return log_expected_improvement(*posterior.mean_and_deviation(space.columns(candidates)), best)

        leaders = rows[np.argsort(losses, kind="stable")[:LEADERS]]
        return most_promising(space, score, leaders, record.tried, self._generator)

    def _start(self, record: Record, numbers: Sequence[int], direction: StudyDirection) -> Array:
        """Hyperparameters for the first results, as many as there are whole multiples of 15."""
        first = tuple(numbers[: len(numbers) // REFIT * REFIT]) or tuple(numbers)
        if self._fitted is None or self._fitted[:2] != (record, first):
            results = [record.results[number] for number in first]
            rows, losses = observations(results, direction, FITTED_COLD)
            theta = default(len(record.space.names))
            if losses.size:
                columns = record.space.columns(rows)
                theta = fit(theta, columns, record.space.groups, standardised(losses), COLD_STEPS)[0]
            self._fitted = record, first, theta
        return self._fitted[2]


def observations(results: Sequence[Result], direction: StudyDirection, most: int = FITTED) -> tuple[Array, Array]:
    """Rows and losses of at most so many results, half of them the latest, the others the best of those before.

    `results` are in order of number.

    An infinite loss is as bad as the worst finite one; what is infinitely good is left out. A pruned trial, stopped
    because it was no better than others, is as bad as the median, or as its last value where that is worse.
    """
    sign = -1.0 if direction is StudyDirection.MAXIMIZE else 1.0
    losses = np.array([math.nan if result.value is None else sign * result.value for result in results])
    pruned = np.array([result.is_pruned for result in results])
    complete = losses[~pruned & np.isfinite(losses)]
    if complete.size:
        losses = np.where(pruned, np.fmax(losses, np.median(complete)), losses)
    finite = losses[np.isfinite(losses)]
    losses = np.where(losses == math.inf, finite.max(initial=-math.inf), losses)
    usable = np.flatnonzero(np.isfinite(losses))
    if len(usable) > most:
        recent, others = usable[-most // 2 :], usable[: -most // 2]
        best = others[np.argsort(losses[others], kind="stable")[: most - len(recent)]]
        usable = np.sort(np.concatenate([best, recent]))
    return np.array([results[index].row for index in usable.tolist()]), losses[usable]
