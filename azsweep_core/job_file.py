"""Reads an AzureML sweep job file, or a sweep node of a pipeline file; never decides whether its sweep can run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from azsweep_core._job_old import modernised
from azsweep_core._job_rules import SPEC_KEYS, job_problems, node_problems
from azsweep_core._reading import nearest, shown
from azsweep_core._yaml_lines import YamlFile, read_yaml
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import JobCommand

__all__ = ["Job", "job_in", "read_job", "shape_problems", "sweeps_in"]

_SIGNS = frozenset({*SPEC_KEYS, "trial"})
"""Of a sweep: what has two of these keys was meant to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A sweep as AzureML's file describes it.

    Args:
        file: that it is written in.
        name: of the pipeline's node; None for a sweep job.
        spec_mapping: what `read_sweep` reads, with `absolute_children`.
        trial: the trial's mapping, or the component that a pipeline's node refers to.
        raw: the job or node as it stands in the file.
        pipeline_inputs: of the pipeline that the node stands in.
        before: the dotted path that a setting has in the file, for it may be in an earlier notation there.
    """

    file: YamlFile
    name: str | None
    spec_mapping: Mapping[str, Any]
    trial: Mapping[str, Any] | str
    inputs: Mapping[str, Any]
    raw: Mapping[str, Any]
    pipeline_inputs: Mapping[str, Any] = field(default_factory=dict)
    before: Callable[[str], str] = field(default=str, repr=False, compare=False)

    @property
    def path(self) -> Path:
        """The file, as the user named it."""
        return self.file.path

    @property
    def where(self) -> str:
        """The dotted path of the job in its file: "" unless it is the node of a pipeline."""
        return _path_of(self.name)

    def located(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """Problems of this job, told with paths below it, with their lines and whole paths."""
        return self.file.located((replace(each, where=self.before(each.where)) for each in problems), self.where)

    @property
    def command(self) -> str | None:
        """What a trial runs, with its placeholders; None if another file says so."""
        return None if isinstance(self.trial, str) else self.trial.get("command")

    def validate(self) -> Iterator[Problem]:
        """Placeholders of the command that nothing gives a value."""
        return self.located(self._unknown_placeholders())

    def warnings(self) -> Iterator[Problem]:
        """What is missing or idle, but does no harm."""
        return self.located(self._doubts())

    def _unknown_placeholders(self) -> Iterator[Problem]:
        known = [f"{self._kind}.{name}" for name in _names(self.spec_mapping["search_space"])]
        for key in ("inputs", "outputs"):
            known += [f"{key}.{name}" for name in (*(self.raw.get(key) or ()), *self._declared(key))]
        for placeholder in JobCommand(self.command or "").required:
            if placeholder not in known:
                fix = nearest(placeholder, known)
                yield Problem("trial.command", "unknown placeholder", f"${{{{{placeholder}}}}}", fix)

    def _doubts(self) -> Iterator[Problem]:
        if "sampling_algorithm" not in self.spec_mapping:
            yield Problem("sampling_algorithm", "is missing, which means random")
        if self.command is None:
            return
        used = JobCommand(self.command).placeholders
        for name in self.spec_mapping["search_space"]:
            placeholder = f"{self._kind}.{name}"
            if placeholder not in used:
                fix = f"Pass it on with ${{{{{placeholder}}}}}."
                yield Problem(f"search_space.{name}", "the command does not use it", None, fix)

    @property
    def _kind(self) -> str:
        """What the command calls parameters: to a component, which a pipeline's trial is, they are inputs."""
        return "search_space" if self.name is None else "inputs"

    def _declared(self, key: str) -> Mapping[str, Any]:
        """Inputs or outputs that a component declares, if it is written out in the node."""
        return {} if isinstance(self.trial, str) else self.trial.get(key) or {}


def _names(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Every parameter, those of branches too."""
    for name, expression in parameters.items():
        yield name
        values = expression.get("values") if isinstance(expression, Mapping) else None
        for value in values if isinstance(values, list) else ():
            if isinstance(value, Mapping):
                yield from _names(value)


def read_job(path: str | Path, name: str | None = None) -> Job:
    """The sweep in an AzureML job file.

    Args:
        name: of the node to take from a pipeline; else its first sweep node.
    Raises:
        SpecError: with every problem of AzureML's own rules for such a file: required keys, types of values, names.
    """
    file = read_yaml(Path(path))
    node = sweeps_in(file, name)[0]
    problems = [*file.repeated, *shape_problems(file, node)]
    if problems:
        raise SpecError(problems)
    return job_in(file, node)


def sweeps_in(file: YamlFile, name: str | None = None) -> tuple[str | None, ...]:
    """The names of a pipeline's sweep nodes, or of that one alone; None for a sweep job, or what should be one.

    Raises:
        SpecError: if there is none.
    """
    kind = file.content.get("type")
    sweeps: tuple[str | None, ...] = (None,)
    problem = None
    if kind == "pipeline":
        jobs = file.content.get("jobs")
        nodes = jobs.items() if isinstance(jobs, Mapping) else ()
        sweeps = tuple(str(key) for key, node in nodes if isinstance(node, Mapping) and node.get("type") == "sweep")
        if not sweeps:
            problem = Problem("jobs", "the pipeline must have a node of type sweep")
        elif name is not None and name not in sweeps:
            problem = Problem("jobs", "has no such sweep node", name, nearest(name, [str(each) for each in sweeps]))
    elif kind == "sweep" and name is not None:
        problem = Problem("type", f"only a pipeline has a node {name}", kind, "Leave the name out.")
        name = None
    if problem is not None:
        raise SpecError(file.located([problem]))
    return sweeps if name is None else (name,)


def shape_problems(file: YamlFile, node: str | None) -> Iterator[Problem]:
    """What AzureML's own rules have against a sweep job, or a node; what is in an earlier notation is told as that."""
    sweep, old, before = modernised(_mapping_of(file, node), is_node=node is not None)
    problems: list[Problem] = []
    if node is not None:
        problems += node_problems(sweep)
    elif sweep.get("type") == "sweep":
        problems += job_problems(sweep)
    else:
        fix = "Without a type it is a command job."
        problems.append(Problem("type", "must be sweep, or pipeline", shown(sweep.get("type")), fix))
        if len(_SIGNS & set(sweep)) >= 2:
            problems += job_problems({**sweep, "type": "sweep"})
    problems = [replace(each, where=before(each.where)) for each in problems]
    return file.located([*(each.problem for each in old), *problems], _path_of(node))


def job_in(file: YamlFile, node: str | None) -> Job:
    """The sweep of a file, in today's notation. It must have none of the above problems, but for being in another."""
    sweep, _, before = modernised(_mapping_of(file, node), is_node=node is not None)
    return Job(
        file=file,
        name=node,
        spec_mapping={key: sweep[key] for key in SPEC_KEYS if key in sweep},
        trial=sweep["trial"],
        inputs=sweep.get("inputs") or {},
        raw=sweep,
        pipeline_inputs={} if node is None else file.content.get("inputs") or {},
        before=before,
    )


def _path_of(node: str | None) -> str:
    return "" if node is None else f"jobs.{node}"


def _mapping_of(file: YamlFile, node: str | None) -> Mapping[str, Any]:
    """The job, or the node of a pipeline."""
    if node is None:
        return file.content
    return next(mapping for name, mapping in file.content["jobs"].items() if str(name) == node)
