"""Optuna's TPE, kept from trying a point twice: a sampler for any study, on Optuna's public interface alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from azsweep_core.samplers._mixed_space import Axis, Conditions, MixedSpace

__all__ = ["DistinctTPESampler", "Record", "Result"]

Array = NDArray[np.float64]

DRAWS, DRAWS_TIMES_TRIALS = 20, 2000
"""While trials run TPE is asked so many times at most for a point that was not tried, and less often among many trials:
then each time costs more, and the product stays below the second."""
CHANGES = 200
"""A proposal that was tried before is changed at random, so many times at most; then it may be tried again."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row: the value that was reported last, if any, and whether the trial was pruned."""

    row: Array
    value: float | None
    is_pruned: bool


class Record:
    """The trials of a study as rows of a space. Those that are over are looked at once.

    Args:
        study_name, distributions: what the record is of.
        results: trials that are complete or pruned, by number.
        running: rows of those that are not over.
        tried: keys of all points that were tried or are being tried.
    """

    def __init__(self, study_name: str, distributions: Mapping[str, BaseDistribution], space: MixedSpace) -> None:
        self.study_name = study_name
        self.distributions = distributions
        self.space = space
        self.results: dict[int, Result] = {}
        self.running: list[Array] = []
        self.tried: set[bytes] = set()
        self._over: set[int] = set()
        self._over_keys: set[bytes] = set()

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what is new in the study's trials; the one that is asked for has no point yet."""
        running: list[Array] = []
        for trial in trials:
            if trial.number in self._over:
                continue
            row = self._row(trial)
            if trial.state.is_finished():
                self._over.add(trial.number)
            if row is None:
                continue
            if not trial.state.is_finished():
                running.append(row)
                continue
            self._over_keys.update(self.space.keys(row[None]))
            if trial.state is not TrialState.FAIL:
                self.results[trial.number] = Result(row, trial.value, trial.state is TrialState.PRUNED)
        self.running = running
        self.tried = self._over_keys.union(self.space.keys(np.array(running)) if running else ())

    def _row(self, trial: FrozenTrial) -> Array | None:
        """Its row; None if it lacks an active parameter, or has a choice that is none of the distribution's."""
        try:
            return self.space.row(trial.params)
        except ValueError:
            return None


class DistinctTPESampler(BaseSampler):
    """Optuna's TPE, but no point that was tried or is being tried comes again while there are others.

    This concerns parameters with countable values only; a study with several objectives is left to TPE alone.

    Args:
        n_startup_trials: until so many trials are complete or pruned, points are random.
        space: the distributions of all parameters, where known beforehand; else those that all trials share are
            proposed jointly, and the others by TPE, each for itself.
        conditions: which parameters of `space` are active when.
        axes: how to see parameters of which the distribution does not say it all.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        n_startup_trials: int = 10,
        space: Mapping[str, BaseDistribution] | None = None,
        conditions: Conditions | None = None,
        axes: Mapping[str, Axis] | None = None,
    ) -> None:
        if conditions and space is None:
            raise ValueError("conditions need the space: the distribution of every parameter")
        if space is not None:
            MixedSpace(space, conditions, axes)  # raises what is wrong with them
        self._n_startup_trials = n_startup_trials
        self._conditions = conditions or {}
        self._axes = axes or {}
        self._space = None if space is None else dict(space)
        self._record: Record | None = None
        self.reseed(seed)

    def reseed(self, seed: int | None) -> None:
        """Begin the random numbers anew; what was learnt of the study stays."""
        self._tpe = TPESampler(seed=seed, n_startup_trials=self._n_startup_trials)
        self._generator = np.random.default_rng(seed)

    def reseed_rng(self) -> None:
        self._tpe.reseed_rng()
        self._generator = np.random.default_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._tpe.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._tpe.after_trial(study, trial, state, values)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        if self._space is None or len(study.directions) > 1:
            return self._tpe.infer_relative_search_space(study, trial)
        return dict(self._space)  # who asked may change it

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values of all parameters of `search_space` that are active; those on unknown conditions are left out."""
        if not search_space:
            return {}
        return self._propose(study, trial, self._recorded(study, search_space))

    def _recorded(self, study: Study, search_space: dict[str, BaseDistribution]) -> Record:
        """What is known of the study's trials."""
        record = self._record
        if record is None or (record.study_name, record.distributions) != (study.study_name, search_space):
            record = self._record = Record(study.study_name, search_space, self._mixed_space(search_space))
        record.update(study.get_trials(deepcopy=False))
        return record

    def _mixed_space(self, distributions: Mapping[str, BaseDistribution]) -> MixedSpace:
        """The space of what is to be sampled; what depends on something that is not is left out."""
        known = dict(distributions)
        while orphans := [name for name in known if not self._conditions.get(name, {}).keys() <= known.keys()]:
            for name in orphans:
                del known[name]
        conditions = {name: parents for name, parents in self._conditions.items() if name in known}
        return MixedSpace(known, conditions, self._axes)

    def _propose(self, study: Study, trial: FrozenTrial, record: Record) -> dict[str, Any]:
        """TPE's point; if it was tried, one that was not, some random changes away from it.

        Trials that run have not taught TPE anything yet, so another draw may be as good as the first. Without them a
        point that was tried is what it has settled on, and what is near may be better.
        """
        space = record.space
        draws = min(DRAWS, DRAWS_TIMES_TRIALS // max(len(record.tried), 1)) if record.running else 1
        while True:
            values = self._by_tpe(study, trial, record)
            row = space.row(values) if space.is_discrete and values else None
            if row is None or space.keys(row[None])[0] not in record.tried:
                return values
            draws -= 1
            if draws <= 0:
                break
        rows = space.completed(row[None], self._generator)
        for _ in range(CHANGES):
            rows = space.mutated(rows, self._generator)
            if space.keys(rows)[0] not in record.tried:
                return space.point(rows[0])
        return values

    def _by_tpe(self, study: Study, trial: FrozenTrial, record: Record) -> dict[str, Any]:
        space, distributions = record.space, record.distributions
        joint = [name for name in space.names if name not in space.conditional and not distributions[name].single()]
        values = self._tpe.sample_relative(study, trial, {name: distributions[name] for name in joint})
        for name in space.parents_first:
            if name not in values and space.is_active(name, values):
                values[name] = self._alone(study, trial, name, record)
        return values

    def _alone(self, study: Study, trial: FrozenTrial, name: str, record: Record) -> Any:
        distribution = record.distributions[name]
        if distribution.single():
            return record.space.axes[record.space.names.index(name)].value(0.0)
        return self._tpe.sample_independent(study, trial, name, distribution)
