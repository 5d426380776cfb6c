"""What an AzureML sweep job file means to a Hydra app: which key each name in it stands for. The lowest source of all.

Where the job's command is a Hydra app's, it says which keys; otherwise names are keys.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from azsweep_core import expressions
from azsweep_core._reading import shown
from azsweep_core.distributions import Branch, Choice, Distribution
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import HydraCommand, as_argument
from azsweep_core.job_file import Job, read_job
from azsweep_core.job_task import JobInput, JobTask, local_path, name_of_copy, read_task
from hydra_plugins.hydra_azsweep_sweeper._override_text import to_text

__all__ = ["JobSource", "merged", "named", "read_job_source"]

_CONFIG_OPTIONS = ("--config", "-cp", "-cn", "-cd", "--package", "-p")
"""How those of Hydra's options begin that would change what the app's configuration is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSource:
    """A job file in Hydra's words.

    Args:
        spec: what `read_sweep` reads, but for the search space.
        search_space: by Hydra key, in the order of the file.
        names: of its parameters in the file, by Hydra key.
        fixed: overrides that go with every trial.
        unmapped: by Hydra key: why an input cannot be used here, unless something else gives the key a value.
        notes, warnings: for the log.
        problems: what is wrong with the file; of its space some is left out then.
    """

    job: Job | None = None
    task: JobTask | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    search_space: Mapping[str, Distribution] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    unmapped: Mapping[str, Problem] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()

    def in_its_file(
        self, problems: Iterable[Problem], own: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> Iterator[Problem]:
        """The problems, those with what the file says told by its lines and names.

        Args:
            own: the settings that are set beside the job.
            parameters: what the search space has become, by Hydra key.
        """
        for problem in problems:
            where = None if problem.place else self._where_in_file(problem.where, own, parameters)
            if self.job is None or where is None:
                yield problem
            else:
                yield from self.job.located([replace(problem, where=where)])

    def _where_in_file(self, where: str, own: Mapping[str, Any], parameters: Mapping[str, Any]) -> str | None:
        head, _, rest = where.partition(".")
        if head == "search_space":
            for key, drawn in self.search_space.items():
                if parameters.get(key) is drawn and (rest == key or rest.startswith((f"{key}.", f"{key}["))):
                    return f"search_space.{self.names[key]}{rest[len(key) :]}"
        elif head in self.spec:
            beside = own.get(head)
            if beside is None or (isinstance(beside, Mapping) and rest and rest not in beside):
                return where
        return None


def read_job_source(setting: Any, known: Collection[Any], *, is_own_app: bool = False) -> JobSource:
    """What `hydra.sweeper.job` names: a file, or `{file: pipeline.yml, node: tune}`; nothing if it is null.

    Args:
        known: top keys of the app's config. An input that maps to a key by its name is left out if there is none.
        is_own_app: the app was made for this job: names are keys, and it has the inputs already.
    """
    if setting is None:
        return JobSource()
    try:
        job = read_job(*named(setting))
    except SpecError as error:
        return JobSource(problems=error.problems)
    warnings = [*job.warnings()]
    problems = [*job.validate()]
    task: JobTask | None = None
    try:
        task = read_task(job)
    except SpecError as error:
        if is_own_app:
            problems += error.problems
        else:
            warnings += [
                replace(each, fix="So names of parameters are taken for Hydra keys.") for each in error.problems
            ]
    hydra = None if task is None or is_own_app else task.command.as_hydra()
    if hydra is not None:
        problems += job.located(hydra.problems)
    reader = _Reader(job, task, hydra, problems)
    search_space = reader.space()
    constants = tuple(reader.constants())
    inputs = _Inputs() if task is None or is_own_app else reader.inputs(task, known)
    return JobSource(
        job=job,
        task=task,
        spec={key: value for key, value in job.spec_mapping.items() if key != "search_space"},
        search_space=search_space,
        names=reader.names(),
        fixed=(*constants, *inputs.fixed),
        unmapped=inputs.unmapped,
        notes=(*reader.notes(constants), *inputs.notes),
        warnings=(*warnings, *reader.doubts()),
        problems=tuple(problems),
    )


def merged(own: Mapping[str, Any], job: Mapping[str, Any], dropped: Collection[str]) -> dict[str, Any]:
    """The settings of a sweep: its own, and the job's where it has none.

    Limits and objective are merged key by key, and so are settings of a sampling algorithm without a type.

    Args:
        dropped: what the job says of these keys, `limits.timeout` for instance, does not count.
    """
    rest = {key: _without(value, key, dropped) for key, value in job.items() if key not in dropped}
    algorithm = own.get("sampling_algorithm")
    if isinstance(algorithm, Mapping) and "type" not in algorithm:
        theirs = rest.get("sampling_algorithm", "random")
        theirs = theirs if isinstance(theirs, Mapping) else {"type": theirs}
        own = {**own, "sampling_algorithm": {**theirs, **algorithm}}
    for key in ("objective", "limits"):
        if isinstance(own.get(key), Mapping) and isinstance(rest.get(key), Mapping):
            own = {**own, key: {**rest[key], **own[key]}}
    return {**rest, **own}


def _without(value: Any, key: str, dropped: Collection[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: item for name, item in value.items() if f"{key}.{name}" not in dropped}


def named(setting: Any) -> tuple[Path, str | None]:
    """File and node; relative files are relative to the working directory."""
    if isinstance(setting, str) and setting.strip():
        return Path(setting), None
    if isinstance(setting, Mapping) and isinstance(setting.get("file"), str) and not setting.keys() - {"file", "node"}:
        node = setting.get("node")
        if node is None or isinstance(node, str):
            return Path(setting["file"]), node
    rule = "must be an AzureML sweep job file, or {file: pipeline.yml, node: NAME}"
    raise SpecError([Problem("job", rule, shown(setting))])


@dataclass(slots=True)
class _Inputs:
    """What the inputs of a job come to."""

    fixed: list[str] = field(default_factory=list)
    unmapped: dict[str, Problem] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a job whose command may be a Hydra app's; what cannot be read becomes a problem."""

    job: Job
    task: JobTask | None
    hydra: HydraCommand | None
    problems: list[Problem]

    def space(self) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for name, given in self.job.spec_mapping["search_space"].items():
            where = f"search_space.{name}"
            try:
                drawn = self._in_hydras_words(expressions.read(given, where, all_branches=True), where)
            except SpecError as error:
                self.problems.extend(self.job.located(error.problems))
                continue
            key = self._key(name)
            if key.lstrip("+") in (each.lstrip("+") for each in found):
                rule = f"{key} has the value of one parameter"
                fix = "Let the command give each parameter a key of its own."
                self.problems.extend(self.job.located([Problem(where, rule, None, fix)]))
            found[key] = drawn
        return found

    def names(self) -> dict[str, str]:
        return {self._key(name): name for name in self.job.spec_mapping["search_space"]}

    def constants(self) -> Iterator[str]:
        """The overrides of the command that are the same for every trial."""
        for override in () if self.hydra is None else self.hydra.constants:
            if override.lstrip("+~").startswith(("hydra.", "hydra/")):
                continue
            try:
                self._as_hydra_reads(override.partition("=")[2], "trial.command")
            except SpecError as error:
                self.problems.extend(self.job.located(error.problems))
            else:
                yield override

    def inputs(self, task: JobTask, known: Collection[Any]) -> _Inputs:
        found = _Inputs()
        for name, given in task.inputs.items():
            if name in self.job.spec_mapping["search_space"]:
                continue
            key = name if self.hydra is None else self.hydra.keys.get(f"inputs.{name}")
            if key is None or (self.hydra is None and key not in known):
                found.notes.append(f"job: inputs.{name} is not used: no key of the app has its value.")
            elif given.is_remote:
                rule = "must be on this machine to be used here"
                fix = f"Say where it is: {key}=./{name_of_copy(str(given.path), name)}."
                problem = Problem(f"inputs.{name}", rule, given.path, fix)
                found.unmapped[key.lstrip("+")] = next(self.job.located([problem]))
            else:
                found.fixed += self._override(name, key, given, task.folder)
        return found

    def notes(self, constants: Iterable[str]) -> Iterator[str]:
        for name in self.job.spec_mapping["search_space"]:
            key = self._key(name)
            if key != name:
                yield f"job: search_space.{name} is {key}."
        for constant in constants:
            yield f"job: its command says {constant} for every trial."

    def doubts(self) -> Iterator[Problem]:
        """Of the command: what Hydra can be told by the app's own command only."""
        options: Sequence[str] = () if self.hydra is None else self.hydra.options
        for index, word in enumerate(options):
            if word.startswith(_CONFIG_OPTIONS):
                got = word if "=" in word else " ".join(options[index : index + 2])
                rule, fix = "an option of Hydra's has no effect from there", "Give it on the command line."
                yield from self.job.located([Problem("trial.command", rule, got, fix)])

    def _key(self, name: str) -> str:
        if self.hydra is None or self.task is None:
            return name
        return self.hydra.keys.get(self.task.placeholder(name), name)

    def _in_hydras_words(self, drawn: Distribution, where: str) -> Distribution:
        """The expression with full keys in its branches, and texts that a Hydra app is handed as Hydra reads them."""
        if not isinstance(drawn, Choice) or not isinstance(drawn.values, (list, tuple)):
            return drawn
        return Choice([self._value(value, f"{where}.values[{index}]") for index, value in enumerate(drawn.values)])

    def _value(self, value: Any, where: str) -> Any:
        if isinstance(value, Branch):
            children = {
                f"/{self._key(key)}": self._child(child, f"{where}.{key}") for key, child in value.children.items()
            }
            return Branch(None, children)
        return self._as_hydra_reads(value, where) if self.hydra is not None and isinstance(value, str) else value

    def _child(self, child: Any, where: str) -> Any:
        return self._in_hydras_words(child, where) if isinstance(child, Distribution) else self._value(child, where)

    def _as_hydra_reads(self, text: str, where: str) -> Any:
        try:
            override = OverridesParser.create().parse_override(f"key={text}")
            if not override.is_sweep_override():
                return override.value()
            rule = "is several values to Hydra, as it stands in the command"
        except HydraException as error:
            rule = f"must be a value that Hydra can read from the command ({str(error).partition(chr(10))[0]})"
        raise SpecError([Problem(where, rule, text, f"Quote it for Hydra, too: \"'{text}'\".")])

    def _override(self, name: str, key: str, given: JobInput, folder: Path) -> Iterator[str]:
        """The override that gives a key its input; none, but a problem, if Hydra could not read it."""
        try:
            if given.path is not None:
                value: Any = os.path.normpath(folder / local_path(given.path))
            elif self.hydra is not None:
                value = self._as_hydra_reads(as_argument(given.value), f"inputs.{name}")
            else:
                value = given.value
            yield f"{key}={to_text(value)}"
        except SpecError as error:
            self.problems.extend(self.job.located(error.problems))
