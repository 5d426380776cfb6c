"""All that can be said of a job file without running it: errors, doubts, what AzureML says. Never writes anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from azsweep_core._job_old import modernised
from azsweep_core._job_repairs import OLD_PLACEHOLDER
from azsweep_core._job_rules import SPEC_KEYS, refused_there_alone
from azsweep_core._reading import nearest
from azsweep_core._yaml_lines import YamlFile, read_yaml
from azsweep_core.distributions import Choice
from azsweep_core.errors import ONLY_HERE, Problem, SpecError
from azsweep_core.job_command import JobCommand
from azsweep_core.job_file import Job, job_in, shape_problems, sweeps_in
from azsweep_core.job_task import RESERVED_NAMES, JobTask, distribution_problem, is_remote, local_path, read_task
from azsweep_core.sampling_algorithm import SamplerType
from azsweep_core.spec import SweepSpec, read_and_judge, read_sweep

__all__ = ["Checked", "Finding", "Kind", "check_file"]

_CLIENT_ONLY = "AzureML's client accepts it, its service does not."
_KINDS: Mapping[str, str] = {"uri_file": "file", "uri_folder": "folder"}
_UNNOTICED = "AzureML's client does not notice it."
_OF_CLIENT: Mapping[str, str] = {
    "limits.timeout": "AzureML's client makes 60 seconds of it, and no limit of 0.",
    "limits.trial_timeout": "AzureML's client makes 60 seconds of it, and no limit of 0.",
    "sampling_algorithm.logbase": "AzureML's client accepts it.",
    "objective.primary_metric": "AzureML's client accepts it.",
}
"""What AzureML makes of errors of meaning, where it is not the usual."""


class Kind(Enum):
    """What a finding means for the user."""

    ERROR = "error"
    """It cannot be run."""
    WARNING = "warning"
    """It can, but hardly as it was meant."""
    ONLY_HERE = "only here"
    """It can here, but AzureML would refuse it."""
    NOTE = "note"
    """What running it takes, or an old word that is still taken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of a job file, or a doubt about it.

    Args:
        problem: with its place.
        remark: what AzureML says of it, where that is not obvious.
    """

    kind: Kind
    problem: Problem
    remark: str | None = None

    def __str__(self) -> str:
        remark = "" if self.remark is None else f" {self.remark}"
        said = str(replace(self.problem, place=None)).removeprefix(": ")
        return f"{self.problem.place}: {self.kind.value}: {said}{remark}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a file.

    Args:
        sweeps: of those that can be read, in words.
        findings: by line, those of the file itself first.
    """

    path: Path
    sweeps: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def is_valid(self) -> bool:
        """Whether nothing keeps it from being run."""
        return all(each.kind is not Kind.ERROR for each in self.findings)


def check_file(path: Path, node: str | None = None) -> Checked:
    """All that is wrong or doubtful about a job file.

    Args:
        node: of a pipeline, to be checked alone; else all of its sweep nodes.
    """
    try:
        file = read_yaml(path)
        nodes = sweeps_in(file, node)
    except SpecError as error:
        return Checked(path, (), tuple(Finding(Kind.ERROR, each) for each in error.problems))
    checks = [_Check(file, each) for each in nodes]
    found = [Finding(Kind.ERROR, each) for each in file.repeated]
    found += [finding for check in checks for finding in check.findings()]
    found = sorted(dict.fromkeys(found), key=lambda each: _order(path, each))
    return Checked(path, tuple(check.words for check in checks if check.words), tuple(found))


def _order(path: Path, finding: Finding) -> tuple[bool, str, int]:
    place = finding.problem.place
    name, line = (str(path), 0) if place is None else (place.file, place.line or 0)
    return name != str(path), name, line


class _Check:
    """The check of one sweep: a job, or a node of a pipeline."""

    def __init__(self, file: YamlFile, node: str | None) -> None:
        self._file = file
        self._node = node
        self.words = ""

    def findings(self) -> Iterator[Finding]:
        shape = list(shape_problems(self._file, self._node))
        yield from (Finding(Kind.ERROR, each) for each in shape)
        holder = self._file.content if self._node is None else self._file.content["jobs"]
        raw = holder if self._node is None else next(each for name, each in holder.items() if str(name) == self._node)
        sweep, _, before = modernised(raw, is_node=self._node is not None)
        if len(set(sweep) & {*SPEC_KEYS, "trial"}) < 2:
            return
        yield from self._spec_findings(sweep, [each.where for each in shape], _Located(self._file, self._node, before))
        if _is_whole(sweep, is_node=self._node is not None):
            yield from _job_findings(job_in(self._file, self._node))

    def _spec_findings(self, sweep: Mapping[Any, Any], told: Collection[str], located: _Located) -> Iterator[Finding]:
        """Of the search space and what is done with it, without what was told already."""
        mapping = {key: sweep[key] for key in SPEC_KEYS if key in sweep}
        try:
            read_sweep(mapping, absolute_children=True)
            unreadable: tuple[Problem, ...] = ()
        except SpecError as error:
            unreadable = error.problems
        problems = [located(each) for each in unreadable]
        yield from (Finding(Kind.ERROR, each) for each in problems if not _is_told(each.where, told, exactly=False))
        told = {*told, *(each.where for each in problems)}
        readable = _without(mapping, unreadable)
        _, spec, judgement = read_and_judge(readable, absolute_children=True)
        for each in judgement.errors:
            is_emptied = not readable.get("search_space") and bool(mapping.get("search_space"))
            if not (_is_told(located(each).where, told, exactly=True) or (is_emptied and each.where == "search_space")):
                yield Finding(Kind.ERROR, located(each), _of_client(each))
        for each in judgement.warnings:
            if located(each).where not in told:
                yield Finding(Kind.ONLY_HERE if each.fix == ONLY_HERE else Kind.WARNING, located(each))
        if spec is not None and not unreadable:
            yield from (Finding(Kind.ONLY_HERE, located(each)) for each in _refused_there(spec))
            self.words = _in_words(spec, self._node)


@dataclass(frozen=True, slots=True)
class _Located:
    file: YamlFile
    node: str | None
    before: Any

    def __call__(self, problem: Problem) -> Problem:
        below = "" if self.node is None else f"jobs.{self.node}"
        return next(self.file.located([replace(problem, where=self.before(problem.where))], below))


def _without(mapping: Mapping[str, Any], unreadable: Iterable[Problem]) -> Mapping[str, Any]:
    """The mapping without the settings that cannot be read, so that the others can be judged."""
    left = {key: dict(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}
    for problem in unreadable:
        part, _, rest = problem.where.partition(".")
        holder = left.get(part)
        if not rest or not isinstance(holder, dict) or part == "early_termination":
            left.pop(part, None)
        elif (part, rest) == ("objective", "goal"):
            holder["goal"] = "minimize"
        elif part in ("search_space", "limits"):
            left[part] = {
                key: value
                for key, value in holder.items()
                if rest != key and not rest.startswith((f"{key}.", f"{key}["))
            }
    return left


def _is_told(where: str, told: Collection[str], *, exactly: bool) -> bool:
    """Whether it was told already: of this setting, a part of it, or that what is around it is missing or wrong."""
    for other in told:
        if where == other or (not exactly and other.startswith((f"{where}.", f"{where}["))):
            return True
        is_around = where.startswith((f"{other}.", f"{other}["))
        if is_around and not other.endswith("search_space"):
            return True
    return False


def _of_client(problem: Problem) -> str:
    if problem.rule.startswith("is required"):
        return "AzureML's client requires it, too."
    return _OF_CLIENT.get(problem.where, _CLIENT_ONLY)


def _is_whole(sweep: Mapping[Any, Any], *, is_node: bool) -> bool:
    """Whether the parts that a trial is made of can be read."""
    mappings = [sweep.get(key, {}) for key in ("search_space", "inputs", "outputs")]
    trial = sweep.get("trial")
    is_command = isinstance(trial, Mapping) and isinstance(trial.get("command"), str)
    return all(each is None or isinstance(each, Mapping) for each in mappings[1:]) and (
        isinstance(mappings[0], Mapping)
        and "search_space" in sweep
        and (is_command or (is_node and isinstance(trial, str)))
    )


def _refused_there(spec: SweepSpec) -> Iterator[Problem]:
    """What AzureML's documents and its earlier SDK have against a sweep that runs here, and no other warning says."""
    concurrent = spec.limits.max_concurrent_trials
    if concurrent is not None and concurrent > 1000:
        yield Problem("limits.max_concurrent_trials", "AzureML takes at most 1000 at once", str(concurrent))
    if spec.sampling_algorithm.type is SamplerType.RANDOM:
        return
    sampler = spec.sampling_algorithm.type.value
    for key, each in spec.search_space.parameters.items():
        if not isinstance(each, Choice) or not isinstance(each.values, (list, tuple)):
            continue
        kinds = {isinstance(value, str) for value in each.values}
        if each.is_nested:
            rule = f"AzureML's {sampler} takes numbers and texts only, no mappings"
            yield Problem(f"search_space.{key}", rule, None, "With random it takes them.")
        elif len(kinds) > 1:
            rule = f"AzureML's {sampler} takes numbers or texts, not both in one choice"
            yield Problem(f"search_space.{key}", rule, None, "Put the numbers in quotes.")


def _job_findings(job: Job) -> Iterator[Finding]:
    """Of what the trials run, as far as it can be told without running it."""
    for each in job.located(refused_there_alone(job.raw, is_node=job.name is not None)):
        yield Finding(Kind.ONLY_HERE, each)
    for each in job.validate():
        yield Finding(Kind.ERROR, each, None if "${{inputs." in str(each.got) else _UNNOTICED)
    for each in job.warnings():
        is_algorithm = each.where.endswith("sampling_algorithm")
        yield Finding(Kind.ONLY_HERE if is_algorithm else Kind.WARNING, each, _CLIENT_ONLY if is_algorithm else None)
    try:
        task = read_task(job)
    except SpecError as error:
        yield from (_of_component(job, each) for each in error.problems)
        return
    yield from _command_findings(job, task)
    yield from _code_findings(job, task)
    yield from (Finding(kind, each) for kind, problem in _input_problems(job, task) for each in job.located([problem]))


def _of_component(job: Job, problem: Problem) -> Finding:
    """A component that is somewhere else is no fault of the file."""
    if problem.rule.startswith("cannot be read"):
        told = replace(problem, where="trial", got=str(job.trial), fix="So its command is not checked.")
        return Finding(Kind.WARNING, next(job.located([told])))
    is_away = isinstance(job.trial, str) and not job.trial.endswith((".yml", ".yaml"))
    return Finding(Kind.NOTE if is_away or is_remote(str(job.trial)) else Kind.ERROR, problem)


def _of_trial(job: Job, task: JobTask, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Problems of what is below trial, in the file that it is written in."""
    if isinstance(job.trial, str):
        return task.file.located(problems, task.trial)
    return job.located(replace(each, where=f"trial.{each.where}") for each in problems)


def _command_findings(job: Job, task: JobTask) -> Iterator[Finding]:
    for each in _of_trial(job, task, task.command.validate("command")):
        yield Finding(Kind.ERROR, each, _UNNOTICED)
    old = tuple(dict.fromkeys(OLD_PLACEHOLDER.findall(task.command.text)))
    if old:
        rule, got = (
            "has placeholders of an old notation, which AzureML still takes",
            ", ".join(f"{{{each}}}" for each in old),
        )
        problem = Problem("command", rule, got, f"Write ${{{{{old[0]}}}}}{', and so on' if len(old) > 1 else ''}.")
        yield from (Finding(Kind.NOTE, each) for each in _of_trial(job, task, [problem]))
    if not isinstance(job.trial, str):
        return
    parameters = job.spec_mapping["search_space"]
    known = [f"inputs.{name}" for name in dict.fromkeys([*parameters, *task.inputs, *task.unset])]
    known += [f"outputs.{name}" for name in task.outputs]
    for placeholder in JobCommand(task.command.text).required:
        if placeholder not in known:
            fix = nearest(placeholder, known) if known else None
            problem = Problem("command", "unknown placeholder", f"${{{{{placeholder}}}}}", fix)
            yield from (Finding(Kind.ERROR, each) for each in _of_trial(job, task, [problem]))


def _code_findings(job: Job, task: JobTask) -> Iterator[Finding]:
    """Of the source: what `azsweep run` would have to be told."""
    code = task.code
    if code is None:
        return
    if Path(code).is_dir() and not is_remote(code):
        script = _script(task.command)
        if script is not None and not Path(code, script).is_file():
            problem = Problem("command", "its script must be in the folder of the code", script)
            yield from (Finding(Kind.WARNING, each) for each in _of_trial(job, task, [problem]))
        return
    kind, rule = (Kind.NOTE, "is not on this machine") if is_remote(code) else (Kind.WARNING, "must be a folder")
    fix = "`azsweep run` takes another folder with --code DIR."
    written = task.file.text("code") if isinstance(job.trial, str) else str(job.trial["code"])
    problem = Problem("code", rule, written or code, fix)
    yield from (Finding(kind, each) for each in _of_trial(job, task, [problem]))


def _script(command: JobCommand) -> str | None:
    """What Python is to run, if the command starts with that."""
    if command.needs_shell or any(command.validate("command")):
        return None
    words = command.render(dict.fromkeys(command.placeholders, "")).words
    is_python = len(words) > 1 and words[0] in ("python", "python3") and words[1].endswith(".py")
    return words[1] if is_python and words[1] in command.text else None


def _input_problems(job: Job, task: JobTask) -> Iterator[tuple[Kind, Problem]]:
    """What `azsweep run` would have to be told: of the inputs, and of what it cannot do."""
    for name in RESERVED_NAMES:
        if name in job.spec_mapping["search_space"]:
            fix = "`azsweep run` needs another name for it."
            yield Kind.NOTE, Problem(f"search_space.{name}", "is a key of its own where a job is run", None, fix)
    for name, given in task.inputs.items():
        if given.path is None or f"inputs.{name}" not in task.command.placeholders:
            continue
        fix = f"`azsweep run` takes another path with --input {name}=PATH."
        path = local_path(given.path)
        if given.is_remote:
            yield Kind.NOTE, Problem(f"inputs.{name}", "is not on this machine", given.path, fix)
        elif not (task.folder / path).exists():
            yield Kind.WARNING, Problem(f"inputs.{name}", "must be there", given.path, fix)
        elif given.type.lower() in _KINDS and (task.folder / path).is_dir() != (given.type.lower() == "uri_folder"):
            yield Kind.WARNING, Problem(f"inputs.{name}", f"must be a {_KINDS[given.type.lower()]}", given.path, fix)
    if task.distribution is not None and (problem := distribution_problem(task.distribution)) is not None:
        yield Kind.NOTE, problem


def _in_words(spec: SweepSpec, node: str | None) -> str:
    count, trials = len(spec.search_space.parameters), spec.max_trials
    parameters = f"{count} parameter{'' if count == 1 else 's'}"
    many = "" if trials is None else f", {trials} trial{'' if trials == 1 else 's'}"
    what = "sweep job" if node is None else f"sweep {node} of a pipeline"
    return f"{what}: {parameters}{many}, {spec.sampling_algorithm.type.value}"
