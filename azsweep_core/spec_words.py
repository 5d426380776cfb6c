"""Says in words how a sweep samples, when its policy acts and what it optimises. Decides nothing."""

from __future__ import annotations

import sys
from itertools import islice

from azsweep_core.early_termination import Policy
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule, Surrogate

__all__ = ["algorithm_in_words", "when_it_acts"]


def algorithm_in_words(algorithm: SamplingAlgorithm) -> str:
    """The sampler and its settings, without the seed.

    >>> algorithm_in_words(SamplingAlgorithm.read({"type": "random", "rule": "sobol", "logbase": 10}))
    'random, by a Sobol sequence; exponents of base 10'
    """
    if algorithm.type is SamplerType.BAYESIAN:
        model = "Optuna's TPE" if algorithm.surrogate is Surrogate.TPE else "a Gaussian process and TPE in turns"
        return f"bayesian, by {model}"
    rule = ", by a Sobol sequence" if algorithm.rule is SamplingRule.SOBOL else ""
    base = "" if algorithm.logbase is None else f"; exponents of base {algorithm.logbase:g}"
    return f"{algorithm.type.value}{rule}{base}"


def when_it_acts(policy: Policy, metric: str) -> str:
    """At which of its reports a trial is judged.

    >>> from azsweep_core.early_termination import read_policy
    >>> when_it_acts(read_policy({"type": "median_stopping", "delay_evaluation": 5, "evaluation_interval": 2}), "loss")
    'at its reports 6, 8, 10, ... of loss'
    """
    first = ", ".join(map(str, islice(policy.due(0, sys.maxsize), 3)))
    return f"at its reports {first}, ... of {metric}"
