"""Reads `sampling_algorithm` and decides whether it can be run; never draws a point itself."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any, TypeVar

from azsweep_core._reading import MappingReader, join, shown
from azsweep_core.errors import Problem, SpecError
from azsweep_core.limits import Limits
from azsweep_core.search_space import SearchSpace

__all__ = ["SamplerType", "SamplingAlgorithm", "SamplingRule"]

SOBOL_DIMENSIONS = 21201
"""Most dimensions for which direction numbers are known (Joe and Kuo 2008)."""
TRIALS_PER_PARAMETER = 20
"""AzureML's advice for bayesian sampling: at least so many trials for each hyperparameter."""
CONCURRENT_TRIALS = 20
"""Above so many trials at once AzureML warns that bayesian sampling converges worse."""
AZUREML_BAYESIAN_KINDS = frozenset({"choice", "uniform", "quniform", "randint"})
"""What bayesian sampling takes without a doubt: AzureML's three kinds, and randint, which is a choice."""


E = TypeVar("E", bound=Enum)


class SamplerType(Enum):
    """How points are chosen, spelt as AzureML spells it."""

    RANDOM = "random"
    GRID = "grid"
    BAYESIAN = "bayesian"


class SamplingRule(Enum):
    """How random sampling fills the space: pseudo-random, or evenly by a Sobol sequence."""

    RANDOM = "random"
    SOBOL = "sobol"


ALLOWED_KEYS: Mapping[SamplerType, tuple[str, ...]] = {
    SamplerType.RANDOM: ("type", "seed", "rule", "logbase"),
    SamplerType.GRID: ("type",),
    SamplerType.BAYESIAN: ("type", "seed"),  # AzureML's bayesian has no seed; ours is reproducible
}


@dataclass(frozen=True, slots=True)
class SamplingAlgorithm:
    """The sampler and its settings.

    Args:
        seed: any whole number; None until `with_seed`.
        rule: random sampling only.
        logbase: base of the log expressions under random sampling, None for e.

    >>> SamplingAlgorithm.read({"type": "Random", "seed": 7, "rule": "sobol"})
    SamplingAlgorithm(type=<SamplerType.RANDOM: 'random'>, seed=7, rule=<SamplingRule.SOBOL: 'sobol'>, logbase=None)
    """

    type: SamplerType
    seed: int | None = None
    rule: SamplingRule = SamplingRule.RANDOM
    logbase: float | None = None

    @classmethod
    def read(cls, value: object, where: str = "sampling_algorithm") -> SamplingAlgorithm:
        """The algorithm that a name (`random`) or a mapping (`{type: random, seed: 1}`) stands for.

        Raises SpecError with every problem of names and types; meaning is `validate`'s business.
        """
        problems: list[Problem] = []
        if isinstance(value, Mapping):
            reader = MappingReader(value, where, ALLOWED_KEYS[SamplerType.RANDOM], problems)
            sampler = _member(SamplerType, value.get("type"), join(where, "type"), problems)
        else:
            reader = MappingReader({}, where, (), problems)
            sampler = _member(SamplerType, value, where, problems)
        seed = reader.integer("seed")
        rule: SamplingRule | None = SamplingRule.RANDOM
        if "rule" in reader:
            rule = _member(SamplingRule, reader.get("rule"), join(where, "rule"), problems)
        is_e = reader.get("logbase") == "e"
        logbase = None if is_e else reader.number("logbase", "must be a positive number or e")
        for key in ("seed", "rule", "logbase"):
            if sampler is not None and key in reader and key not in ALLOWED_KEYS[sampler]:
                reader.problem(key, f"{sampler.value} has no {key}", reader.get(key), "Leave it out.")
        if problems or sampler is None or rule is None:
            raise SpecError(problems)
        return cls(sampler, seed, rule, logbase)

    def to_mapping(self) -> dict[str, Any]:
        """The mapping that `read` reads back, without what is at its default."""
        mapping: dict[str, Any] = {"type": self.type.value}
        if self.seed is not None:
            mapping["seed"] = self.seed
        if self.rule is not SamplingRule.RANDOM:
            mapping["rule"] = self.rule.value
        if self.logbase is not None:
            mapping["logbase"] = self.logbase
        return mapping

    def with_seed(self) -> SamplingAlgorithm:
        """A copy whose seed is known: the given one, else a fresh one of 32 bits. A grid needs none."""
        if self.seed is not None or self.type is SamplerType.GRID:
            return self
        return replace(self, seed=int.from_bytes(os.urandom(4), "big"))

    def validate(self, space: SearchSpace, where: str = "sampling_algorithm") -> Iterator[Problem]:
        """Why this algorithm cannot run, on this space; that a grid takes only choices is the space's rule."""
        if self.logbase is not None and (not math.isfinite(self.logbase) or self.logbase <= 0 or self.logbase == 1):
            fix = "Leave it out for e."
            yield Problem(f"{where}.logbase", "must be greater than 0 and not 1", f"{self.logbase:g}", fix)
        if self.rule is SamplingRule.SOBOL and len(space.dimensions) > SOBOL_DIMENSIONS:
            rule = f"sobol takes at most {SOBOL_DIMENSIONS} parameters"
            yield Problem(f"{where}.rule", rule, str(len(space.dimensions)), "Use rule random.")

    def warnings(self, space: SearchSpace, limits: Limits, where: str = "sampling_algorithm") -> Iterator[Problem]:
        """What may disappoint although it runs; bayesian sampling only."""
        if self.type is not SamplerType.BAYESIAN:
            return
        kinds = {dimension.key: dimension.distribution.kind for dimension in space.dimensions}
        foreign = {key: kind for key, kind in kinds.items() if kind not in AZUREML_BAYESIAN_KINDS}
        if foreign:
            yield Problem(
                where,
                "AzureML's bayesian takes only choice, uniform and quniform",
                ", ".join(f"{kind} for {key}" for key, kind in foreign.items()),
                "It runs here, but not on AzureML.",
            )
        advised = TRIALS_PER_PARAMETER * len(space.dimensions)
        trials = limits.max_total_trials
        if trials is not None and trials < (advised if space.size is None else min(advised, space.size)):
            rule = f"bayesian wants at least {TRIALS_PER_PARAMETER} trials for each parameter, {advised} here"
            yield Problem("limits.max_total_trials", rule, str(trials), "With fewer, random does about as well.")
        concurrent = limits.max_concurrent_trials
        if concurrent is not None and concurrent > CONCURRENT_TRIALS:
            rule = f"bayesian learns little with more than {CONCURRENT_TRIALS} trials at once"
            yield Problem("limits.max_concurrent_trials", rule, str(concurrent), "Fewer at once find better values.")


def _member(names: type[E], value: object, where: str, problems: list[Problem]) -> E | None:
    """The member of `names` with this name in any case; else None and a problem."""
    allowed = [member.value for member in names]
    if isinstance(value, str) and value.lower() in allowed:
        return names(value.lower())
    near = get_close_matches(str(value).lower(), allowed, n=1)
    fix = f"Did you mean {near[0]}?" if near else None
    problems.append(Problem(where, f"must be one of {', '.join(allowed)}", shown(value), fix))
    return None
