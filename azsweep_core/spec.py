"""Reads the whole configuration of a sweep at once, and judges it; never runs, repairs or fills in anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from azsweep_core import expressions
from azsweep_core._reading import MappingReader, join, nearest
from azsweep_core._zip import read_zip
from azsweep_core.azureml_objects import as_plain
from azsweep_core.early_termination import Policy, read_policy
from azsweep_core.errors import ONLY_HERE, Problem, SpecError
from azsweep_core.initial_points import count_outside, doubtful_points, read_initial_points
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import FINITE_POINTS, SearchSpace, read_space
from azsweep_core.trial import Parameters

__all__ = ["Judgement", "SweepSpec", "judge", "read_and_judge", "read_sweep", "to_mapping"]

_KEYS = ("search_space", "sampling_algorithm", "objective", "limits", "early_termination", "zip", "initial_points")
_MOST_TRIALS_OF_AZUREML = 1000
_LEAST_TIMEOUT_OF_AZUREML_S = 60


def _seconds(reader: MappingReader, name: str) -> float | None:
    return reader.number(name, "must be a number of seconds", "Two hours, for instance, are 7200.")


_LIMITS: Mapping[str, tuple[str, Callable[[MappingReader, str], Any]]] = {
    "max_total_trials": ("max_total_trials", MappingReader.integer),
    "max_concurrent_trials": ("max_concurrent_trials", MappingReader.integer),
    "timeout": ("timeout_s", _seconds),
    "trial_timeout": ("trial_timeout_s", _seconds),
    "max_retries": ("max_retries", MappingReader.integer),
    "max_failed_trials": ("max_failed_trials", MappingReader.integer),
    "max_failure_rate": ("max_failure_rate", MappingReader.number),
    "fail_fast": ("fail_fast", MappingReader.integer),
}
"""AzureML's name of each limit, its name in Limits, and how it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSpec:
    """What to search, how, for what and how far.

    Args:
        initial_points: what to try first, by full keys; what a point leaves out is drawn.
    """

    search_space: SearchSpace
    sampling_algorithm: SamplingAlgorithm
    objective: Objective
    limits: Limits = field(default_factory=Limits)
    early_termination: Policy | None = None
    initial_points: tuple[Parameters, ...] = ()

    @property
    def max_trials(self) -> int | None:
        """Trials in all: limits.max_total_trials, else all points of the search space and the initial ones outside.

        None if the space is infinite.
        """
        return _max_trials(self.search_space, self.sampling_algorithm, self.limits, self.initial_points)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What speaks against running a spec (errors), and what is doubtful about it (warnings)."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def read_sweep(mapping: Mapping[str, Any], where: str = "", *, absolute_children: bool = False) -> SweepSpec:
    """The spec in a mapping with AzureML's keys. What is null there counts as absent.

    Args:
        where: dotted path of the mapping; "" for the top.
        absolute_children: for the search space of a job file, see `read_space`.
    Raises:
        SpecError: with every problem of names and types; whether the spec makes sense is for `judge`.
    """
    parts, problems, _ = _read_parts(mapping, where, absolute_children)
    if problems:
        raise SpecError(problems)
    return SweepSpec(**parts)


def read_and_judge(
    mapping: Mapping[str, Any], value_of: Callable[[str], Any] | None = None, *, absolute_children: bool = False
) -> tuple[SearchSpace | None, SweepSpec | None, Judgement]:
    """`read_sweep` and `judge` at once: what can be read is judged although other parts cannot.

    The space is None if it cannot be read, the spec if anything cannot; the errors hold the problems of both kinds.

    Args:
        value_of: the value that the app's own config has for a key, KeyError if it has none; for `default` among the
            initial points.
        absolute_children: for the search space of a job file, see `read_space`.
    """
    parts, problems, doubts = _read_parts(mapping, "", absolute_children, value_of)
    judgement = _judge(**parts)
    if "limits" not in parts:  # those that can be read are judged although others cannot
        problems += Limits(**_limits_in(mapping["limits"], "", [])).validate()
    spec = None if problems else SweepSpec(**parts)
    judgement = Judgement((*problems, *judgement.errors), (*doubts, *judgement.warnings))
    return parts.get("search_space"), spec, judgement


def _read_parts(
    mapping: Mapping[str, Any],
    where: str,
    absolute_children: bool,
    value_of: Callable[[str], Any] | None = None,
) -> tuple[dict[str, Any], list[Problem], list[Problem]]:
    """The parts that can be read, by their names in SweepSpec; what is wrong with the others; what is doubtful."""
    problems: list[Problem] = []
    doubts: list[Problem] = []
    reader = MappingReader(mapping, where, _KEYS, problems)
    readers: dict[str, tuple[Callable[[Any, str], Any], Any]] = {
        "search_space": (lambda value, at: read_space(value, at, absolute_children=absolute_children), {}),
        "sampling_algorithm": (SamplingAlgorithm.read, SamplerType.RANDOM.value),
        "objective": (_read_objective, {}),
        "limits": (_read_limits, {}),
    }
    if "early_termination" in reader:
        readers["early_termination"] = (read_policy, {})
    parts: dict[str, Any] = {}
    for name, (read, default) in readers.items():
        value = reader.get(name)
        try:
            parts[name] = read(default if value is None else value, join(where, name))
        except SpecError as error:
            problems += error.problems
    space: SearchSpace | None = parts.get("search_space")
    try:
        groups = read_zip(_list(reader, "zip"), join(where, "zip"), None if space is None else space.parameters)
        if space is not None:
            parts["search_space"] = space = replace(space, zipped=groups)
    except SpecError as error:
        problems += error.problems
    try:
        given, at = _list(reader, "initial_points"), join(where, "initial_points")
        parts["initial_points"], doubts = read_initial_points(given, at, space, value_of)
    except SpecError as error:
        problems += error.problems
    return parts, problems, doubts


def _list(reader: MappingReader, name: str) -> Any:
    return reader.get(name) if name in reader else ()


def to_mapping(spec: SweepSpec) -> dict[str, Any]:
    """The mapping, fit for JSON, that `read_sweep` reads back (with the space's own `absolute_children`)."""
    mapping: dict[str, Any] = {
        "search_space": {
            key: expressions.to_mapping(distribution) for key, distribution in spec.search_space.parameters.items()
        },
        "sampling_algorithm": spec.sampling_algorithm.to_mapping(),
        "objective": {"primary_metric": spec.objective.primary_metric, "goal": spec.objective.goal.value},
        "limits": {
            name: getattr(spec.limits, attribute)
            for name, (attribute, _) in _LIMITS.items()
            if getattr(spec.limits, attribute) is not None
        },
    }
    if spec.early_termination is not None:
        mapping["early_termination"] = spec.early_termination.to_mapping()
    if spec.search_space.zipped:
        mapping["zip"] = [list(group) for group in spec.search_space.zipped]
    if spec.initial_points:
        mapping["initial_points"] = [dict(point) for point in spec.initial_points]
    return mapping


def judge(spec: SweepSpec) -> Judgement:
    """Everything that is wrong or doubtful about the spec itself, whatever it will run on."""
    return _judge(**{field.name: getattr(spec, field.name) for field in fields(spec)})


def _judge(
    search_space: SearchSpace | None = None,
    sampling_algorithm: SamplingAlgorithm | None = None,
    objective: Objective | None = None,
    limits: Limits | None = None,
    early_termination: Policy | None = None,
    initial_points: Sequence[Parameters] = (),
) -> Judgement:
    """Judge the parts that are given, each alone and those that belong together."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    if search_space is not None:
        errors, warnings = _judge_sampling(search_space, sampling_algorithm, limits, initial_points)
    if objective is not None:
        errors += _wrong_objective(objective)
    if limits is not None:
        errors += limits.validate()
        warnings += _doubtful_limits(limits)
    if early_termination is not None:
        errors += early_termination.validate()
        warnings += early_termination.warnings()
        if sampling_algorithm is not None and sampling_algorithm.type is SamplerType.BAYESIAN:
            rule = "AzureML's SDK v1 refused a policy with bayesian sampling"
            note = "Here the sampler ranks terminated trials after all others, by their last value."
            warnings.append(Problem("early_termination", rule, early_termination.type, note))
    return Judgement(tuple(errors), tuple(warnings))


def _judge_sampling(
    space: SearchSpace,
    algorithm: SamplingAlgorithm | None,
    limits: Limits | None,
    initial_points: Sequence[Parameters],
) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings of the search space and what is done with it."""
    errors = list(space.validate("search_space"))
    if algorithm is not None:
        errors += space.validate_grid("search_space") if algorithm.type is SamplerType.GRID else ()
        errors += algorithm.validate(space)
    if errors:  # then the space may have no size, and warnings no meaning
        return errors, []
    warnings = list(space.warnings("search_space"))
    if algorithm is not None and limits is not None:
        if _max_trials(space, algorithm, limits, initial_points) is None:
            rule = f"is required: {algorithm.type.value} never comes to the end of this search space"
            errors.append(Problem("limits.max_total_trials", rule, "null", "Set how many trials to run."))
        warnings += algorithm.warnings(space, limits)
        learns = algorithm.type is SamplerType.BAYESIAN
        based = _based(space, algorithm)
        warnings += doubtful_points(initial_points, based, limits.max_total_trials, learns=learns)
    return errors, warnings


def _max_trials(
    space: SearchSpace, algorithm: SamplingAlgorithm, limits: Limits, initial_points: Sequence[Parameters]
) -> int | None:
    if limits.max_total_trials is not None:
        return limits.max_total_trials
    based = _based(space, algorithm)
    points = based.grid_size if algorithm.type is SamplerType.GRID else based.size
    if points is None or (points > FINITE_POINTS and algorithm.type is not SamplerType.GRID):
        return None
    return points + count_outside(initial_points, based)


def _based(space: SearchSpace, algorithm: SamplingAlgorithm) -> SearchSpace:
    """The space with the algorithm's base of log expressions."""
    return space if algorithm.logbase is None else space.with_logbase(algorithm.logbase)


def _read_objective(value: object, where: str) -> Objective:
    value = as_plain(value)
    if isinstance(value, Mapping) and all(setting is None for setting in value.values()):
        raise SpecError([Problem(where, "must name a primary_metric and a goal")])
    problems: list[Problem] = []
    reader = MappingReader(value, where, ("primary_metric", "goal"), problems)
    metric = reader.text("primary_metric")
    if not problems and metric is None:
        problems.append(Problem(join(where, "primary_metric"), "must name the metric that the task logs"))
    goals = tuple(goal.value for goal in Goal)
    given = reader.get("goal")
    goal = given.lower() if isinstance(given, str) else given
    if isinstance(value, Mapping) and goal not in goals:
        reader.problem("goal", f"must be {' or '.join(goals)}", given, None if given is None else nearest(given, goals))
    if problems or metric is None:
        raise SpecError(problems)
    return Objective(metric, Goal(goal))


def _read_limits(value: object, where: str) -> Limits:
    problems: list[Problem] = []
    given = _limits_in(value, where, problems)
    if problems:
        raise SpecError(problems)
    return Limits(**given)


def _limits_in(value: object, where: str, problems: list[Problem]) -> dict[str, Any]:
    """What can be read, by the names of Limits."""
    reader = MappingReader(as_plain(value), where, tuple(_LIMITS), problems)
    given = reader.read({name: read for name, (_, read) in _LIMITS.items()})
    return {_LIMITS[name][0]: limit for name, limit in given.items()}


def _wrong_objective(objective: Objective) -> Iterator[Problem]:
    if not objective.primary_metric.strip():
        got = repr(objective.primary_metric)
        yield Problem("objective.primary_metric", "must name the metric that the task logs", got)


def _doubtful_limits(limits: Limits) -> Iterator[Problem]:
    total, concurrent = limits.max_total_trials, limits.max_concurrent_trials
    if total is not None and concurrent is not None and concurrent > total:
        yield Problem("limits.max_concurrent_trials", f"is more than limits.max_total_trials, {total}", str(concurrent))
    if total is not None and total > _MOST_TRIALS_OF_AZUREML:
        rule = f"AzureML takes at most {_MOST_TRIALS_OF_AZUREML} trials"
        yield Problem("limits.max_total_trials", rule, str(total), ONLY_HERE)
    timeout, trial_timeout = limits.timeout_s, limits.trial_timeout_s
    if timeout is not None and trial_timeout is not None and timeout < trial_timeout:
        rule = f"is less than limits.trial_timeout, {trial_timeout:g}"
        yield Problem("limits.timeout", rule, f"{timeout:g}", "The sweep ends before such a trial does.")
    for name, seconds in (("timeout", timeout), ("trial_timeout", trial_timeout)):
        if seconds is not None and 0 < seconds < _LEAST_TIMEOUT_OF_AZUREML_S:
            rule = f"AzureML makes less than {_LEAST_TIMEOUT_OF_AZUREML_S} seconds into {_LEAST_TIMEOUT_OF_AZUREML_S}"
            yield Problem(f"limits.{name}", rule, f"{seconds:g}", "It is honoured here as it stands.")
