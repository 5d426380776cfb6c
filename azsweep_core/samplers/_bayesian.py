"""Bayesian sampling: Optuna's TPE, told the whole history; a function of seed, trial number and history alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial

from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.samplers._encoding import encode
from azsweep_core.samplers._streams import Unseen, is_finite, random_points, stream
from azsweep_core.sampling_algorithm import Surrogate
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import EarlierTrial, Parameters, Trial, TrialState

__all__ = ["BayesianSampler"]

STARTUP_TRIALS = 10
"""Unless the user says, so many results are random draws before the model is asked; Optuna's default too."""
PROPOSALS = 20
"""So many points tried before are refused in a row, and the draw is left to chance."""


class BayesianSampler:
    """Random draws until `n_startup_trials` trials (10) have a result, then what TPE proposes in the light of all.

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
        self._model = _Model(space, objective)
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
        return chain(islice(self._model.proposals(int(generator.integers(2**32))), PROPOSALS), random)


class _Model:
    """An Optuna study in memory that mirrors the history, through Optuna's public interface alone.

    Whoever is over is told once and for all, by trial number, so that a study that followed the sweep and one made
    afterwards from its history hold the same. What a state means to TPE:

    - a trial with a value that was neither terminated nor cancelled counts with this value (COMPLETE);
    - terminated trials, and cancelled ones with a value, count with their last value, after all the others (PRUNED);
    - others without a value say nothing about their point (FAIL);
    - trials not yet over count as bad (RUNNING), so that those at work at the same time spread out ("constant liar").
    """

    def __init__(self, space: SearchSpace, objective: Objective) -> None:
        self._space = space
        self._encodings = [encode(dimension) for dimension in space.dimensions]
        # What is set in every trial is modelled jointly, what belongs to a branch each for itself.
        self._joint = {
            encoding.name: encoding.distribution
            for encoding, dimension in zip(self._encodings, space.dimensions, strict=True)
            if dimension.key in space.parameters and not encoding.distribution.single()
        }
        self._study = _create_study(objective)
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

    def proposals(self, seed: int) -> Iterator[Parameters]:
        """Points that TPE proposes, one after the other, as if those before had not been asked for."""
        self._study.sampler = _JointTPE(self._joint, seed)
        while True:
            yield self._propose(self._study.ask())

    def _propose(self, asked: optuna.Trial) -> Parameters:
        point = self._space.draw(lambda dimension: self._encodings[dimension.index].suggest(asked))
        # The point comes back through the history, so that a value's last bit is the same after a resume.
        self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
        return point


class _JointTPE(TPESampler):
    """TPE that is told which parameters every trial has, instead of finding out from all of them at each ask."""

    def __init__(self, joint: dict[str, BaseDistribution], seed: int) -> None:
        super().__init__(seed=seed, n_startup_trials=0)  # how long draws are random is decided above
        self._joint = joint

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._joint


def _create_study(objective: Objective) -> optuna.Study:
    """A study in memory, without Optuna's log line about it."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(direction=objective.goal.value)
    finally:
        optuna.logging.set_verbosity(verbosity)
