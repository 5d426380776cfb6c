"""Writes a sweep of a Hydra app as an AzureML sweep job, or says what keeps it from being one; touches no file.

AzureML puts values as text into a command line, which a shell splits into words and Hydra reads. So each text is
quoted for both: the app gets the very value there that it gets here.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from azsweep_core import expressions
from azsweep_core._job_rules import job_problems
from azsweep_core._values import count_of, shown
from azsweep_core.command_line import key_of
from azsweep_core.distributions import Choice, Distribution, Value
from azsweep_core.early_termination import Policy
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import JobCommand, as_argument
from azsweep_core.limits import Limits
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec

__all__ = ["AppCommand", "ExportedJob", "JobOutline", "KeyedInput", "WriteText", "export_job", "to_yaml"]

WriteText = Callable[[Value, str], str]
"""A value as the part of an override after `=`, with this kind of quotes (' or ") where texts need some."""

_SCHEMA = "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json"
_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*", re.ASCII)
"""What no shell changes, without quotes."""
_ACTIVE_IN_DOUBLE_QUOTES = re.compile(r'["$`]|\\(?=[\\]|\Z)')
_OF_AZUREML = re.compile(r"\$\{\{|\$\[\[")
_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")
_EXACT = 2**53
"""The largest whole number that JSON, which AzureML's service reads, is sure to keep."""
_LONGEST_LIST = 1000
_MOST_TRIALS = 1000
_LEAST_TIMEOUT_S = 60
_BAYESIAN_KINDS = ("choice", "uniform", "quniform")
_OWN_LIMITS = ("max_retries", "max_failed_trials", "max_failure_rate", "fail_fast")


@dataclass(frozen=True, slots=True)
class KeyedInput:
    """An input of the job that a key of the app has the value of.

    Args:
        key: Hydra key, with its prefix.
        given: as a job file has it: `{type: uri_file, path: ...}`, or a plain value.
        name: in the job; "" to make one of the key.
    """

    key: str
    given: Any
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCommand:
    """How the app is started on AzureML.

    Args:
        program: the words before the overrides.
        fixed: overrides that go with every trial; none of a key that an input or output gives its value.
        inputs, outputs: keys that have their values; of outputs the names, by key.
    """

    program: Sequence[str]
    fixed: Sequence[str] = ()
    inputs: Sequence[KeyedInput] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutline:
    """What a job says besides its sweep.

    Args:
        trial: `environment`, `code`, ..., without the command.
        top: `compute`, `experiment_name`, `tags`, ..., without inputs.
    """

    trial: Mapping[str, Any]
    top: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExportedJob:
    """A sweep job as its file has it, and what the user should know of it."""

    mapping: Mapping[str, Any]
    notes: tuple[str, ...]


def export_job(spec: SweepSpec, app: AppCommand, outline: JobOutline, write: WriteText) -> ExportedJob:
    """The job whose trials get the same values as the trials of `spec` get here.

    Raises:
        SpecError: with everything that AzureML cannot express.
    """
    problems = [*_inexpressible(spec), *_unfit_words((*app.program, *app.fixed))]
    taken = {each.name for each in app.inputs if each.name}
    inputs = {each.name or _new_name(each.key, taken): each for each in app.inputs}
    names = {key: _new_name(key, taken) for key in spec.search_space.parameters}
    words = [*map(shlex.quote, (*app.program, *app.fixed))]
    for name, each in inputs.items():
        words.append(_input_word(name, each, problems))
    words += [f"{key}=${{{{outputs.{name}}}}}" for key, name in app.outputs.items()]
    space: dict[str, Any] = {}
    for key, name in names.items():
        word, parameter = _parameter(key, name, spec.search_space.parameters[key], write, problems)
        words.append(word)
        space |= {name: parameter} if parameter else {}
    top = {key: value for key, value in outline.top.items() if key not in ("$schema", "type")}
    job: dict[str, Any] = {"$schema": _SCHEMA, "type": "sweep", **top, **_settings(spec), "search_space": space}
    if inputs:
        job["inputs"] = {name: each.given for name, each in inputs.items()}
    job["trial"] = {"command": " ".join(words), **outline.trial}
    told = {each.where for each in problems}
    problems += [each for each in job_problems(job) if each.where not in told]
    if problems:
        raise SpecError(dict.fromkeys(problems))
    return ExportedJob(job, tuple(_notes(spec)))


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, text: str) -> yaml.ScalarNode:
        style = '"' if _LINE_BREAKS.search(text) else None  # which PyYAML does not write so that it could read them
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def to_yaml(job: Mapping[str, Any]) -> str:
    """The job as the text of its file.

    >>> print(to_yaml({"type": "sweep", "limits": {"timeout": 60}, "trial": {"code": "."}}), end="")
    # Made by `azsweep export`. Submit it with `az ml job create --file THIS_FILE`.
    type: sweep
    limits: {timeout: 60}
    trial:
      code: .
    """
    parts = ["# Made by `azsweep export`. Submit it with `az ml job create --file THIS_FILE`.\n"]
    for key, value in job.items():
        flow = None if isinstance(value, Mapping) and key != "trial" else False
        parts.append(
            yaml.dump(
                {key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=flow
            )
        )
    return "".join(parts)


def _settings(spec: SweepSpec) -> dict[str, Any]:
    """What the job says of its sweep besides the space."""
    algorithm = SamplingAlgorithm(spec.sampling_algorithm.type)
    if algorithm.type is SamplerType.RANDOM:
        algorithm = spec.sampling_algorithm
    mapping = algorithm.to_mapping()
    limits = {
        "max_total_trials": spec.max_trials,
        "max_concurrent_trials": spec.limits.max_concurrent_trials,
        "timeout": _whole(spec.limits.timeout_s),
        "trial_timeout": _whole(spec.limits.trial_timeout_s),
    }
    settings = {
        "sampling_algorithm": mapping if len(mapping) > 1 else mapping["type"],
        "objective": {"primary_metric": spec.objective.primary_metric, "goal": spec.objective.goal.value},
        "limits": {name: limit for name, limit in limits.items() if limit is not None},
    }
    if spec.early_termination is not None:
        policy = spec.early_termination.to_mapping()
        policy.pop("exclude_finished_jobs", None)  # true is refused, and false is what its absence means
        settings["early_termination"] = policy
    return settings


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else math.ceil(seconds)


def _new_name(key: str, taken: set[str]) -> str:
    """A name for what `key` gets, legal and unlike the others, whatever their case: variables are named after it."""
    name = re.sub(r"\W+", "_", key.lstrip("+"), flags=re.ASCII)
    name = name if re.match(r"[A-Za-z_]", name) else f"_{name}"
    others = {other.lower() for other in taken}
    number = 2
    unique = name
    while unique.lower() in others:
        unique, number = f"{name}_{number}", number + 1
    taken.add(unique)
    return unique


def _parameter(
    key: str, name: str, drawn: Distribution, write: WriteText, problems: list[Problem]
) -> tuple[str, dict[str, Any]]:
    """The word of the command that sets a key, and what the job says of its parameter."""
    placeholder = f"{key}=${{{{search_space.{name}}}}}"
    if not isinstance(drawn, Choice):
        return _quoted(placeholder, ""), expressions.to_mapping(drawn)
    where = f"search_space.{key}"
    if drawn.is_nested:
        rule = "AzureML does not say how a nested choice comes into a command"
        fix = "Make each of its keys a parameter of its own, or export a sweep for each branch."
        problems.append(Problem(where, rule, None, fix))
        return placeholder, {}
    if not isinstance(drawn.values, (list, tuple)) and count_of(drawn.values) > _LONGEST_LIST:
        rule = f"must be {_LONGEST_LIST} values or fewer to be listed, for AzureML has no range"
        fix = "For numbers in a row take randint or quniform."
        problems.append(Problem(where, rule, str(count_of(drawn.values)), fix))
        return placeholder, {}
    values = list(drawn.values)
    if all(map(_is_plain_number, values)):
        return _quoted(placeholder, ""), {"type": "choice", "values": values}
    for quote, inner in (("", "'"), ("'", '"'), ('"', "'")):  # the shell's, and Hydra's inside
        texts = [write(value, inner) for value in values]
        if all(_is_safe(text, quote) for text in texts):
            return _quoted(placeholder, quote), {"type": "choice", "values": texts}
    problems += _unfit_values(where, values, write)
    return placeholder, {}


def _is_plain_number(value: Value) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= _EXACT


def _is_safe(text: str, quote: str) -> bool:
    """Whether a shell leaves the text as it is between these quotes, and AzureML too."""
    if "\n" in text or _OF_AZUREML.search(text) or JobCommand(text).placeholders:
        return False
    if quote == '"':
        return _ACTIVE_IN_DOUBLE_QUOTES.search(text) is None
    return quote not in text if quote else _BARE.fullmatch(text) is not None


def _quoted(placeholder: str, quote: str) -> str:
    """A word with a placeholder, for the shell that sees a value in its place."""
    key = placeholder.partition("=")[0]
    quote = quote or ("" if _BARE.fullmatch(key) else "'")
    return f"{quote}{placeholder}{quote}"


def _unfit_values(where: str, values: Sequence[Value], write: WriteText) -> Iterator[Problem]:
    """Why no quotes suit all values of a choice."""
    found = False
    for value in values:
        if not any(_is_safe(write(value, inner), quote) for quote, inner in (("'", '"'), ('"', "'"))):
            found = True
            rule = "AzureML's command line cannot hold a value with both kinds of quotes, a line break or ${{"
            yield Problem(where, rule, shown(value), "Give it a name, and let the app look up what it stands for.")
    if not found:
        rule = "AzureML's command line cannot hold these values between quotes of one kind"
        yield Problem(where, rule, shown(list(values)), "Write texts without ', \", $ and `.")


def _input_word(name: str, each: KeyedInput, problems: list[Problem]) -> str:
    placeholder = f"{each.key}=${{{{inputs.{name}}}}}"
    text = "" if isinstance(each.given, Mapping) else as_argument(each.given)
    quote = next((quote for quote in ("", "'", '"') if _is_safe(text, quote)), None)
    if quote is None:
        rule = "AzureML's command line cannot hold both kinds of quotes, nor a line break"
        problems.append(Problem(f"inputs.{name}", rule, shown(each.given)))
    return _quoted(placeholder, quote or "")


def _unfit_words(words: Sequence[str]) -> Iterator[Problem]:
    for word in words:
        if "\n" in word or _OF_AZUREML.search(word) or JobCommand(word).placeholders:
            where = f"override {key_of(word)}" if "=" in word else word
            rule = "AzureML's command line cannot hold a line break, nor what looks like a placeholder of its own"
            yield Problem(where, rule, shown(word), "Put the value into the app's configuration.")


def _inexpressible(spec: SweepSpec) -> Iterator[Problem]:
    """What AzureML has no word for, beside values."""
    space = spec.search_space
    if space.zipped:
        rule = "AzureML draws every parameter by itself"
        fix = "Make one parameter of them, and let the app's configuration derive the others."
        for group in space.zipped:
            yield Problem("zip", rule, ", ".join(group), fix)
    if spec.initial_points:
        fix = "Leave them out: hydra.sweeper.initial_points=null."
        yield Problem("initial_points", "AzureML takes no points to try first", str(len(spec.initial_points)), fix)
    policy = spec.early_termination
    if policy is not None and policy.type == "asha":
        yield Problem("early_termination.type", "AzureML has no asha", None, "Take bandit, or leave it out.")
    if getattr(policy, "exclude_finished_jobs", False):
        rule = "AzureML's client refuses it, although its documentation has it"
        where = "early_termination.exclude_finished_jobs"
        yield Problem(where, rule, "true", "Set it to false, which is the service's default.")


def _notes(spec: SweepSpec) -> Iterator[str]:
    """What is left out, and what means something else there."""
    metric = spec.objective.primary_metric
    yield (
        f'objective: AzureML knows what the task logs with mlflow.log_metric("{metric}", value), autologging included. '
        "A number that the task returns, or gives to azsweep_core.log_metric, counts here only."
    )
    yield from _notes_of_limits(spec, spec.limits)
    yield from _notes_of_sampling(spec.sampling_algorithm, spec.search_space, spec.early_termination)


def _notes_of_limits(spec: SweepSpec, limits: Limits) -> Iterator[str]:
    total = spec.max_trials
    if limits.max_total_trials is None:
        yield f"limits.max_total_trials: {total}, all points of the search space; AzureML wants the number."
    if total is not None and total > _MOST_TRIALS:
        yield f"limits.max_total_trials: AzureML's service takes {_MOST_TRIALS} at most, and {total} is more."
    if limits.max_concurrent_trials is None:
        yield "limits.max_concurrent_trials: not set, so AzureML runs as many at once as its compute has room for."
    for name, seconds in (("timeout", limits.timeout_s), ("trial_timeout", limits.trial_timeout_s)):
        if seconds is None:
            continue
        if seconds < _LEAST_TIMEOUT_S:
            yield f"limits.{name}: AzureML makes {_LEAST_TIMEOUT_S} seconds of {seconds:g}."
        elif seconds != int(seconds):
            yield f"limits.{name}: {seconds:g} becomes {_whole(seconds)}; AzureML takes whole seconds."
    for name in _OWN_LIMITS:
        value = getattr(limits, name)
        if value != getattr(Limits(), name):
            yield f"limits.{name}={value} is left out: AzureML has no such limit."


def _notes_of_sampling(algorithm: SamplingAlgorithm, space: SearchSpace, policy: Policy | None) -> Iterator[str]:
    kinds = {key: drawn.kind for key, drawn in space.parameters.items()}
    if algorithm.type is SamplerType.BAYESIAN:
        for name in algorithm.to_mapping():
            if name != "type":
                yield f"sampling_algorithm.{name} is left out: AzureML's bayesian has no settings."
        foreign = [f"{kind} for {key}" for key, kind in kinds.items() if kind not in _BAYESIAN_KINDS]
        if foreign:
            known = ", ".join(_BAYESIAN_KINDS)
            yield (
                f"search_space: AzureML's bayesian takes {known} only, so its service may refuse {', '.join(foreign)}. "
                "Its client does not."
            )
        if policy is not None:
            yield "early_termination: AzureML's SDK v1 refused it with bayesian; the service may still."
    elif algorithm.seed is not None:
        yield "sampling_algorithm.seed: AzureML draws other points from the same seed."
    if algorithm.logbase is not None:
        yield "sampling_algorithm.logbase: AzureML does not document what it does; here values are logbase ** u."
    stepped = [f"{kind} for {key}" for key, kind in kinds.items() if kind.startswith("q")]
    if stepped:
        yield (
            "search_space: AzureML does not document whether a multiple of a whole q is passed as 16, as here, or as "
            f"16.0 ({', '.join(stepped)})."
        )
