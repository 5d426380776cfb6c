"""Bayesian sampling: a surrogate, told the whole history; a function of seed, trial number and history alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import optuna

from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.samplers._distinct_tpe import DistinctTPESampler
from azsweep_core.samplers._encoding import encode
from azsweep_core.samplers._streams import Unseen, is_finite, random_points, stream
from azsweep_core.sampling_algorithm import Surrogate
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import EarlierTrial, Parameters, Trial, TrialState

__all__ = ["BayesianSampler"]

STARTUP_TRIALS = 10
"""Unless the user says, so many results are random draws before the model is asked; Optuna's default too."""


class BayesianSampler:
    """Random draws until `n_startup_trials` trials (10) have a result, then what the surrogate proposes.

    In a finite space (`is_finite`) no point that was tried or is being tried comes again while there is another.
    """

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        seed: int,
        *,
        n_startup_trials: int | None = None,
        surrogate: Surrogate = Surrogate.TPE,
    ) -> None:
        self._space = space
        self._seed = seed
        self._startup_trials = STARTUP_TRIALS if n_startup_trials is None else n_startup_trials
        self._model = _Model(space, objective, surrogate)
        self._unseen = Unseen(space) if is_finite(space) else None
        self._noted: set[int] = set()

    def ask(self, number: int, history: History) -> Parameters | None:
        generator = stream(self._seed, number)
        unseen = self._unseen
        if unseen is None:
            return next(self._candidates(history, generator))
        for trial in history.trials:
            if trial.number not in self._noted:
                unseen.note(trial.parameters)
                self._noted.add(trial.number)
        return unseen.draw(self._candidates(history, generator), generator)

    def _candidates(self, history: History, generator: np.random.Generator) -> Iterator[Parameters]:
        self._model.tell(history)
        random = random_points(self._space, generator)
        if self._model.results < self._startup_trials:
            return random
        return chain([self._model.propose(int(generator.integers(2**32)))], random)


class _Model:
    """An Optuna study in memory that mirrors the history, through Optuna's public interface alone.

    Whoever is over is told once and for all, by trial number, so that a study that followed the sweep and one made
    afterwards from its history hold the same. What a state means there:

    - a trial with a value that was neither terminated nor cancelled counts with this value (COMPLETE);
    - terminated trials, and cancelled ones with a value, count with their last value, after all the others (PRUNED);
    - others without a value say nothing about their point (FAIL);
    - trials not yet over count as bad (RUNNING), so that those at work at the same time spread out ("constant liar").
    """

    def __init__(self, space: SearchSpace, objective: Objective, surrogate: Surrogate) -> None:
        self._space = space
        self._encodings = [encode(dimension) for dimension in space.dimensions]
        self._sampler = _kind(surrogate)(
            n_startup_trials=0,  # how long draws are random is decided above
            space={encoding.name: encoding.distribution for encoding in self._encodings},
            conditions={
                self._encodings[child].name: {self._encodings[parent].name: taken for parent, taken in parents.items()}
                for child, parents in space.conditions().items()
            },
            axes={encoding.name: encoding.axis for encoding in self._encodings if encoding.axis is not None},
        )
        self._study = _create_study(objective)
        self._study.ask()
        (self._asked,) = self._study.get_trials(deepcopy=False)  # the trial that is proposed for, again and again
        self._earlier = 0
        self._told: set[int] = set()
        self._running: dict[int, optuna.Trial] = {}
        self.results = 0

    def tell(self, history: History) -> None:
        """Bring the study up to the history. What other sweeps found comes first: it is there from the start."""
        for earlier in history.earlier[self._earlier :]:
            if self._space.contains(earlier.parameters):
                self._finish(self._start(earlier.parameters), earlier)
        self._earlier = len(history.earlier)
        for trial in history.trials:
            if trial.number in self._told:
                continue
            if not self._space.contains(trial.parameters):  # a point given by the user
                self._told.add(trial.number)
                continue
            if trial.number not in self._running:
                self._running[trial.number] = self._start(trial.parameters)
            if trial.state.is_final:
                self._finish(self._running.pop(trial.number), trial)
                self._told.add(trial.number)

    def _start(self, point: Parameters) -> optuna.Trial:
        values = self._space.read(point)
        active = [(self._encodings[index], value) for index, value in values.items()]
        self._study.enqueue_trial({encoding.name: encoding.internal(value) for encoding, value in active})
        return self._study.ask({encoding.name: encoding.distribution for encoding, _ in active})

    def _finish(self, handle: optuna.Trial, trial: Trial | EarlierTrial) -> None:
        has_value = trial.value is not None
        if trial.state is TrialState.TERMINATED or (trial.state is TrialState.CANCELLED and has_value):
            if trial.last_value is not None:
                handle.report(trial.last_value, trial.reports)
            self._study.tell(handle, state=optuna.trial.TrialState.PRUNED)
        elif has_value:
            self._study.tell(handle, trial.value)
        else:
            self._study.tell(handle, state=optuna.trial.TrialState.FAIL)
            return
        self.results += 1

    def propose(self, seed: int) -> Parameters:
        """The point that the surrogate proposes. The study stays as it is: points come back through the history."""
        sampler = self._sampler
        sampler.reseed(seed)
        coded = sampler.sample_relative(
            self._study, self._asked, sampler.infer_relative_search_space(self._study, self._asked)
        )
        encodings = self._encodings
        return self._space.draw(lambda dimension: encodings[dimension.index].external(coded[str(dimension.index)]))


def _kind(surrogate: Surrogate) -> type[DistinctTPESampler]:
    """The sampler's class; scipy is loaded for the Gaussian process alone."""
    if surrogate is Surrogate.TPE:
        return DistinctTPESampler
    from azsweep_core.samplers._mixed import MixedSampler

    return MixedSampler


def _create_study(objective: Objective) -> optuna.Study:
    """A study in memory, without Optuna's log line about it."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(direction=objective.goal.value)
    finally:
        optuna.logging.set_verbosity(verbosity)
