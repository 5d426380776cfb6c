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
from azsweep_core.azureml_objects import as_plain
from azsweep_core.errors import ONLY_HERE, Problem, SpecError
from azsweep_core.limits import Limits
from azsweep_core.search_space import SearchSpace

__all__ = ["SamplerType", "SamplingAlgorithm", "SamplingRule", "Surrogate"]

SOBOL_DIMENSIONS = 21201
"""Most dimensions for which direction numbers are known (Joe and Kuo 2008)."""
TRIALS_PER_PARAMETER = 20
"""AzureML's advice for bayesian sampling: at least so many trials for each hyperparameter."""
CONCURRENT_TRIALS = 20
"""Above so many trials at once AzureML warns that bayesian sampling converges worse."""
AZUREML_BAYESIAN_KINDS = frozenset({"choice", "uniform", "quniform", "randint"})
"""What bayesian sampling takes without a doubt: AzureML's three kinds, and randint, which is a choice."""

_LOGBASE = "must be a positive number or e"

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


class Surrogate(Enum):
    """What bayesian sampling predicts results with: Optuna's TPE, or a Gaussian process and TPE in turns."""

    TPE = "tpe"
    MIXED = "mixed"


OPTIONS: Mapping[str, tuple[SamplerType, ...]] = {
    "seed": (SamplerType.RANDOM, SamplerType.BAYESIAN),  # AzureML's bayesian has no seed; ours is reproducible
    "rule": (SamplerType.RANDOM,),
    "logbase": (SamplerType.RANDOM,),
    "n_startup_trials": (SamplerType.BAYESIAN,),
    "surrogate": (SamplerType.BAYESIAN,),
}
"""Each key beside `type`, and the types that have it."""


@dataclass(frozen=True, slots=True)
class SamplingAlgorithm:
    """The sampler and its settings.

    Args:
        seed: any whole number; None until `with_seed`.
        rule: random sampling only.
        logbase: base of the log expressions under random sampling, None for e.
        n_startup_trials: bayesian sampling draws at random until so many trials have a result; None for the
            surrogate's own number.
        surrogate: bayesian sampling only.

    >>> SamplingAlgorithm.read({"type": "Random", "seed": 7, "rule": "Sobol"}).to_mapping()
    {'type': 'random', 'seed': 7, 'rule': 'sobol'}
    """

    type: SamplerType
    seed: int | None = None
    rule: SamplingRule = SamplingRule.RANDOM
    logbase: float | None = None
    n_startup_trials: int | None = None
    surrogate: Surrogate = Surrogate.TPE

    @classmethod
    def read(cls, value: object, where: str = "sampling_algorithm") -> SamplingAlgorithm:
        """The algorithm that a name (`random`), a mapping (`{type: random, seed: 1}`) or an object stands for.

        Raises SpecError with every problem of names and types; meaning is `validate`'s business.
        """
        problems: list[Problem] = []
        value = as_plain(value)
        if isinstance(value, Mapping):
            reader = MappingReader(value, where, ("type", *OPTIONS), problems)
            sampler = _member(SamplerType, value.get("type"), join(where, "type"), problems)
        else:
            reader = MappingReader({}, where, (), problems)
            sampler = _member(SamplerType, value, where, problems)
        options: dict[str, Any] = {
            "seed": reader.integer("seed"),
            "rule": _option(SamplingRule, reader, "rule"),
            "logbase": None if reader.get("logbase") == "e" else reader.number("logbase", _LOGBASE),
            "n_startup_trials": reader.integer("n_startup_trials"),
            "surrogate": _option(Surrogate, reader, "surrogate"),
        }
        for key, types in OPTIONS.items():
            if sampler is not None and key in reader and sampler not in types:
                fix = f"Leave it out; it is for {' and '.join(each.value for each in types)}."
                reader.problem(key, f"{sampler.value} has no {key}", reader.get(key), fix)
        if problems or sampler is None:
            raise SpecError(problems)
        return cls(sampler, **{key: option for key, option in options.items() if option is not None})

    def to_mapping(self) -> dict[str, Any]:
        """The mapping that `read` reads back, without what is at its default."""
        default = SamplingAlgorithm(self.type)
        set_here = {key: getattr(self, key) for key in OPTIONS if getattr(self, key) != getattr(default, key)}
        plain = {key: option.value if isinstance(option, Enum) else option for key, option in set_here.items()}
        return {"type": self.type.value, **plain}

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
        if self.n_startup_trials is not None and self.n_startup_trials < 1:
            fix = "Without a result there is nothing to learn from."
            yield Problem(f"{where}.n_startup_trials", "must be at least 1", str(self.n_startup_trials), fix)
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
                ONLY_HERE,
            )
        advised = TRIALS_PER_PARAMETER * len(space.dimensions)
        trials = limits.max_total_trials
        if trials is not None and trials < (advised if space.size is None else min(advised, space.size)):
            rule = f"bayesian wants at least {TRIALS_PER_PARAMETER} trials for each parameter, {advised} here"
            yield Problem("limits.max_total_trials", rule, str(trials), "With fewer, random does about as well.")
        if limits.max_concurrent_trials is not None:
            counts = (count for count in (trials, space.size) if count is not None)
            yield from self.crowding(space, min(counts, default=None), limits.max_concurrent_trials)

    def crowding(self, space: SearchSpace, trials: int | None, slots: int) -> Iterator[Problem]:
        """What so many trials at once, of so many in all, do to bayesian sampling: it learns from those that ended."""
        if self.type is not SamplerType.BAYESIAN:
            return
        if (slots if trials is None else min(slots, trials)) > CONCURRENT_TRIALS:
            rule = f"bayesian learns little with more than {CONCURRENT_TRIALS} trials at once"
        elif trials is not None and 1 < trials <= slots and trials != space.size:
            rule = f"bayesian learns nothing if all {trials} trials start before one has ended"
        else:
            return
        yield Problem("limits.max_concurrent_trials", rule, str(slots), "Fewer at once find better values.")


def _option(names: type[E], reader: MappingReader, key: str) -> E | None:
    """The member that is given under `key`; None if there is none, or a wrong one."""
    return _member(names, reader.get(key), join(reader.where, key), reader.problems) if key in reader else None


def _member(names: type[E], value: object, where: str, problems: list[Problem]) -> E | None:
    """The member of `names` with this name in any case; else None and a problem."""
    allowed = [member.value for member in names]
    if isinstance(value, str) and value.lower() in allowed:
        return names(value.lower())
    near = get_close_matches(str(value).lower(), allowed, n=1)
    fix = f"Did you mean {near[0]}?" if near else None
    problems.append(Problem(where, f"must be one of {', '.join(allowed)}", shown(value), fix))
    return None
