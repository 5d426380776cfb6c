"""Reads an AzureML sweep job file, or a sweep node of a pipeline file; never decides whether its sweep can run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azsweep_core._job_rules import SPEC_KEYS, job_problems, node_problems
from azsweep_core._reading import nearest, shown
from azsweep_core._yaml_lines import YamlFile, read_yaml
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import JobCommand

__all__ = ["Job", "read_job"]


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
    """

    file: YamlFile
    name: str | None
    spec_mapping: Mapping[str, Any]
    trial: Mapping[str, Any] | str
    inputs: Mapping[str, Any]
    raw: Mapping[str, Any]
    pipeline_inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file, as the user named it."""
        return self.file.path

    @property
    def where(self) -> str:
        """The dotted path of the job in its file: "" unless it is the node of a pipeline."""
        return "" if self.name is None else f"jobs.{self.name}"

    def located(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """Problems of this job, told with paths below it, with their lines and whole paths."""
        return self.file.located(problems, self.where)

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
    document = file.content
    if document.get("type") == "pipeline":
        node_name, node = _sweep_node(file, name)
        problems = [*file.repeated, *file.located(node_problems(node), f"jobs.{node_name}")]
    else:
        node_name, node = None, document
        shape = [*_kind_problems(document, name), *job_problems(document), *node_problems(document)]
        problems = [*file.repeated, *file.located(shape)]
    if problems:
        raise SpecError(problems)
    return Job(
        file=file,
        name=node_name,
        spec_mapping={key: node[key] for key in SPEC_KEYS if key in node},
        trial=node["trial"],
        inputs=node.get("inputs") or {},
        raw=node,
        pipeline_inputs={} if node_name is None else document.get("inputs") or {},
    )


def _kind_problems(document: Mapping[str, Any], name: str | None) -> Iterator[Problem]:
    kind = document.get("type")
    if kind != "sweep":
        yield Problem("type", "must be sweep, or pipeline", shown(kind), "Without a type it is a command job.")
    elif name is not None:
        yield Problem("type", f"only a pipeline has a node {name}", kind, "Leave the name out.")


def _sweep_node(file: YamlFile, name: str | None) -> tuple[str, Mapping[str, Any]]:
    jobs = file.content.get("jobs")
    nodes = {} if not isinstance(jobs, Mapping) else jobs
    sweeps = {
        str(key): node for key, node in nodes.items() if isinstance(node, Mapping) and node.get("type") == "sweep"
    }
    problem = None
    if not sweeps:
        problem = Problem("jobs", "the pipeline must have a node of type sweep")
    elif name is not None and name not in sweeps:
        problem = Problem("jobs", "has no such sweep node", name, nearest(name, tuple(sweeps)))
    if problem is not None:
        raise SpecError(file.located([problem]))
    name = next(iter(sweeps)) if name is None else name
    return name, sweeps[name]
