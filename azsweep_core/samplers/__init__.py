"""Decides which sampler serves a sampling algorithm; loads numpy, scipy and optuna only for those that need them."""

from __future__ import annotations

from collections.abc import Sequence

from azsweep_core.objective import Objective
from azsweep_core.samplers._base import Sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Parameters

__all__ = ["Sampler", "make_sampler"]


def make_sampler(
    algorithm: SamplingAlgorithm, space: SearchSpace, objective: Objective, initial_points: Sequence[Parameters] = ()
) -> Sampler:
    """The sampler for a valid configuration, with nothing asked yet.

    The algorithm's seed must be known (see `SamplingAlgorithm.with_seed`), so that whoever makes the sampler can
    record it; ValueError otherwise. Initial points, whole or in part, are its first answers.
    """
    if algorithm.logbase is not None:
        space = space.with_logbase(algorithm.logbase)
    if not initial_points:
        return _make_sampler(algorithm, space, objective, ())
    from azsweep_core.samplers._initial_points import InitialPoints, completed

    points = completed(initial_points, space, algorithm.seed)
    return InitialPoints(points, _make_sampler(algorithm, space, objective, points))


def _make_sampler(
    algorithm: SamplingAlgorithm, space: SearchSpace, objective: Objective, tried: Sequence[Parameters]
) -> Sampler:
    """The sampler that goes on after the points of the first trials."""
    if algorithm.type is SamplerType.GRID:
        from azsweep_core.samplers._grid import GridSampler

        return GridSampler(space, tried)
    if algorithm.seed is None:
        raise ValueError(f"{algorithm.type.value} needs a seed: call with_seed() first")
    if algorithm.type is SamplerType.BAYESIAN:
        from azsweep_core.samplers._bayesian import BayesianSampler

        return BayesianSampler(
            space,
            objective,
            algorithm.seed,
            n_startup_trials=algorithm.n_startup_trials,
            surrogate=algorithm.surrogate,
        )
    from azsweep_core.samplers._random import RandomSampler

    return RandomSampler(space, algorithm.seed, algorithm.rule, tried)
