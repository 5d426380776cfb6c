"""Writes the sweep that was asked for as an AzureML sweep job, instead of running it. Writes nothing but that file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Quote
from omegaconf import DictConfig, OmegaConf

from azsweep_core._reading import MappingReader, shown
from azsweep_core.command_line import key_of
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_command import as_argument
from azsweep_core.job_export import AppCommand, JobOutline, KeyedInput, export_job, to_yaml
from azsweep_core.job_task import is_remote, local_path
from hydra_plugins.hydra_azsweep_sweeper._job import JobSource
from hydra_plugins.hydra_azsweep_sweeper._override_text import to_text
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides
from hydra_plugins.hydra_azsweep_sweeper._plain_run import find_plain_run
from hydra_plugins.hydra_azsweep_sweeper._request import Request, log_notes
from hydra_plugins.hydra_azsweep_sweeper.config import DEFAULTS

__all__ = ["export"]

_KEYS = ("file", "relative_to", "environment", "compute", "code", "inputs", "force")
_HERE = ("tracking", "stop_grace", "poll_interval", "execution", "start_method", "devices", "detach", "compute")
"""Settings of the sweeper that say how a sweep runs on this machine."""
_KEPT_OF_A_JOB = ("display_name", "description", "compute", "identity", "queue_settings", "resources")
_KEPT_OF_A_JOB_OF_ITS_OWN = ("tags", "properties", "services", "outputs")
"""Of a pipeline's node they may refer to the pipeline."""
_OPTIONS = ("--config-name", "-cn", "--config-path", "-cp", "--config-dir", "-cd", "--package", "-p")
_DIRECTORY_OPTIONS = ("--config-dir", "-cd")
_IGNORE_FILES = (".amlignore", ".gitignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """`hydra.sweeper.export` as it is set.

    Args:
        file: to write.
        folder: what relative paths in it are relative to.
        inputs: paths by Hydra key, with its prefix.
    """

    file: Path
    folder: Path
    environment: Any
    compute: str | None
    code: str | None
    inputs: Mapping[str, str]


def export(request: Request, loader: ConfigLoader, config: DictConfig) -> None:
    """Write the job.

    Raises:
        SpecError: with everything that AzureML cannot express, and what else is wrong.
    """
    if request.hooks is not None:
        raise SpecError([Problem("export", "must be asked of an app; this sweep is that of a job file already")])
    problems: list[Problem] = []
    wish = _read_wish(request.settings.export, problems)
    inputs = _Inputs(request, wish, config)
    problems += inputs.problems
    outputs = _outputs(request.job)
    plain = find_plain_run(loader, config, inputs.fixed, _values_of_a_trial(request, inputs.found, outputs))
    problems += [] if problems else plain.problems
    if request.settings.warm_start:
        fix = "Leave it out: hydra.sweeper.warm_start=null."
        problems.append(Problem("warm_start", "AzureML's sweeps learn nothing from earlier ones", None, fix))
    outline = _outline(request, wish, problems)
    app = AppCommand(
        program=_program(request.command, outline.trial.get("code"), wish.folder, problems),
        fixed=plain.fixed,
        inputs=inputs.found,
        outputs=outputs,
    )
    try:
        job = export_job(request.spec, app, outline, _write_text)
    except SpecError as error:
        raise SpecError([*problems, *error.problems]) from None
    if problems:
        raise SpecError(problems)
    try:
        wish.file.write_text(to_yaml(job.mapping), encoding="utf-8")
    except OSError as error:
        rule = f"must be a file that can be written ({error.strerror or error})"
        raise SpecError([Problem("export.file", rule, str(wish.file))]) from error
    log_notes((*inputs.notes, *plain.notes, *_notes(config, outline, app, wish), *job.notes))
    if wish.folder == wish.file.parent:
        log_notes([f"{wish.file} is written. Submit it: az ml job create --file {wish.file}"])


def _values_of_a_trial(request: Request, inputs: Sequence[KeyedInput], outputs: Iterable[str]) -> list[str]:
    """Overrides for the keys that the command of a trial has placeholders for."""
    places = {each.key: "./in" if isinstance(each.given, Mapping) else as_argument(each.given) for each in inputs}
    places |= dict.fromkeys(outputs, "./out")
    point = next(request.spec.search_space.middle_points())
    return [*(f"{key}={value}" for key, value in places.items()), *trial_overrides(point, ())]


def _write_text(value: Any, quote: str) -> str:
    return to_text(value, Quote.single if quote == "'" else Quote.double)


def _read_wish(given: Any, problems: list[Problem]) -> _Wish:
    reader = MappingReader(given, "export", _KEYS, problems)
    file = Path(reader.text("file") or "")
    if not file.name:
        problems.append(Problem("export.file", "must name the file to write", None, "For instance sweep.yml."))
    elif file.suffix.lower() not in (".yml", ".yaml") and not file.is_char_device() and not file.is_fifo():
        problems.append(Problem("export.file", "must be called *.yml or *.yaml", str(file)))
    elif file.exists() and not reader.boolean("force"):
        fix = "Give it another name, or overwrite it with --force (export.force=true)."
        problems.append(Problem("export.file", "must not be there yet", str(file), fix))
    return _Wish(
        file=file,
        folder=Path(reader.text("relative_to") or file.parent),
        environment=reader.get("environment"),
        compute=reader.text("compute"),
        code=reader.text("code"),
        inputs=dict(_read_inputs(reader, problems)),
    )


def _read_inputs(reader: MappingReader, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    given = reader.get("inputs") or []
    for each in given if isinstance(given, list) else [given]:
        key, _, path = each.partition("=") if isinstance(each, str) else ("", "", "")
        if not (key and path):
            fix = "For instance data.path=./iris.csv."
            problems.append(Problem("export.inputs", "must be KEY=PATH, with a key of the app", shown(each), fix))
        else:
            yield key, path


class _Inputs:
    """Which keys get their values from inputs of the job: of the job that was read, and those asked for.

    Args:
        found: the inputs.
        fixed: the overrides for every trial that are left.
    """

    def __init__(self, request: Request, wish: _Wish, config: DictConfig) -> None:
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.fixed = list(request.fixed)
        by_key: dict[str, KeyedInput] = {}
        for each in _inputs_of_job(request, config, wish.folder):
            mine = [text for text in self.fixed if key_of(text) == key_of(each.key) and text not in request.job.fixed]
            if mine:
                self.notes.append(f"inputs.{each.name} is left out: {mine[0]} takes its place.")
            else:
                by_key[key_of(each.key)] = each
        prefixed = {key_of(text): text.partition("=")[0] for text in self.fixed}
        for wished, path in wish.inputs.items():
            key = prefixed.get(wished, wished)
            given = self._given(key, path, wish.folder)
            earlier = by_key.get(key_of(key))
            by_key[key_of(key)] = KeyedInput(key, given, "" if earlier is None else earlier.name)
        drawn = {key_of(key): key for key in request.spec.search_space.parameters}
        for key in by_key.keys() & drawn.keys():
            fix = "Take it out of the search space, or leave the input out."
            self.problems.append(Problem(f"export.inputs.{key}", "is drawn from the search space", None, fix))
        self.fixed = [text for text in self.fixed if key_of(text) not in by_key]
        self.found = tuple(by_key.values())

    def _given(self, key: str, path: str, folder: Path) -> Mapping[str, Any]:
        if is_remote(path):
            return {"type": "uri_file" if Path(path).suffix else "uri_folder", "path": path}
        if not Path(path).exists():
            where, rule = f"export.inputs.{key}", "must be there to be uploaded, or AzureML's (azureml:NAME:VERSION)"
            self.problems.append(Problem(where, rule, path))
        return {"type": "uri_folder" if Path(path).is_dir() else "uri_file", "path": _moved(path, Path(), folder)}


def _inputs_of_job(request: Request, config: DictConfig, folder: Path) -> Iterator[KeyedInput]:
    """The inputs that the app has a key for, with their paths as the new file has to say them."""
    job, task = request.job.job, request.job.task
    if job is None or task is None:
        return
    hydra = task.command.as_hydra()
    for name, each in task.inputs.items():
        key = (name if name in config else None) if hydra is None else hydra.keys.get(f"inputs.{name}")
        if key is None or name in job.spec_mapping["search_space"]:
            continue
        if each.path is None:
            yield KeyedInput(key, each.value, name)
            continue
        raw = job.inputs.get(name)
        details = {**raw} if isinstance(raw, Mapping) and job.name is None else {"type": each.type}
        yield KeyedInput(key, {**details, "path": _moved(each.path, task.folder, folder)}, name)


def _outputs(source: JobSource) -> dict[str, str]:
    """Keys that name outputs of the job that was read."""
    hydra = None if source.task is None else source.task.command.as_hydra()
    if hydra is None or source.job is None or source.job.name is not None:
        return {}
    outputs = source.job.raw.get("outputs") or {}
    return {key: name for name in outputs if (key := hydra.keys.get(f"outputs.{name}")) is not None}


def _outline(request: Request, wish: _Wish, problems: list[Problem]) -> JobOutline:
    """What the job says besides its sweep, the job that was read included."""
    job = request.job.job
    raw = {} if job is None else job.raw
    kept = (*_KEPT_OF_A_JOB, *(_KEPT_OF_A_JOB_OF_ITS_OWN if job is None or job.name is None else ()))
    top = {"experiment_name": request.settings.experiment_name, **{key: raw[key] for key in kept if key in raw}}
    if wish.compute is not None:
        top["compute"] = wish.compute
    trial: dict[str, Any] = {}
    if job is not None and isinstance(job.trial, Mapping):
        trial = {key: value for key, value in job.trial.items() if key not in ("command", "inputs", "outputs", "type")}
    source = Path() if job is None else job.path.parent
    if "environment" in trial:
        trial["environment"] = _moved_environment(trial["environment"], source, wish.folder)
    if wish.environment is not None:
        trial["environment"] = _moved_environment(wish.environment, Path(), wish.folder)
    if not trial.get("environment"):
        fix = "For instance --environment azureml:NAME@latest."
        problems.append(Problem("export.environment", "must say what trials run in", None, fix))
        trial["environment"] = "azureml:unknown@latest"
    code = wish.code or _code_of_job(request.job) or _default_code(request.command)
    if not is_remote(code) and not Path(code).is_dir():
        problems.append(Problem("export.code", "must be a directory", code))
    trial["code"] = _moved(code, Path(), wish.folder)
    return JobOutline(trial=trial, top=top)


def _code_of_job(source: JobSource) -> str | None:
    code = None if source.task is None else source.task.code
    return code if code is None or is_remote(code) else os.path.relpath(code)


def _default_code(command: Sequence[str]) -> str:
    """The working directory, which relative paths of the app are relative to; the app's own if it is elsewhere."""
    script = _script(command)
    if script is None or script.resolve().is_relative_to(Path.cwd()):
        return "."
    return str(script.parent)


def _words_of_program(command: Sequence[str]) -> list[str]:
    """What is before the arguments of the app, without the interpreter."""
    return list(command[1 : len(command) - len(sys.argv) + 1])


def _script(command: Sequence[str]) -> Path | None:
    words = _words_of_program(command)
    return None if not words or "-m" in words else Path(words[-1])


def _program(command: Sequence[str], code: Any, folder: Path, problems: list[Problem]) -> list[str]:
    """The words of the trial's command before its overrides."""
    if not command:
        rule = "must be started by a command, for it is what trials run"
        problems.append(Problem("export", rule, None, "Use azsweep export, or python APP.py --multirun."))
        return ["python"]
    words, script = _words_of_program(command), _script(command)
    root = None if is_remote(str(code)) else (folder / str(code)).resolve()
    if script is not None and root is not None:
        if not script.resolve().is_relative_to(root):
            fix = "Name a directory that holds it: --code DIR."
            problems.append(Problem("export.code", f"must hold the app, {script}", str(code), fix))
        words[-1] = os.path.relpath(script.resolve(), root)
    return ["python", *words, *_options(command[len(command) - len(sys.argv) + 1 :], root, problems)]


def _options(arguments: Sequence[str], root: Path | None, problems: list[Problem]) -> Iterator[str]:
    """Hydra's options that say what the app's configuration is."""
    following = iter(arguments)
    for word in following:
        option, equals, value = word.partition("=")
        if option not in _OPTIONS:
            continue
        value = value if equals else next(following, "")
        if option in _DIRECTORY_OPTIONS and root is not None:
            directory = Path(value).resolve()
            if not directory.is_relative_to(root):
                problems.append(Problem("export.code", f"must hold {value}, a directory of configs", str(root)))
            value = os.path.relpath(directory, root)
        yield from (option, value)


def _moved(path: str, source: Path, folder: Path) -> str:
    """A path relative to `source` as a file in `folder` has to say it."""
    plain = local_path(path)
    if is_remote(path) or Path(plain).is_absolute():
        return path
    moved = os.path.relpath(source / plain, folder)
    return moved if moved.startswith(".") else f"./{moved}"


def _moved_environment(environment: Any, source: Path, folder: Path) -> Any:
    """An environment, with the paths of its files as the new file has to say them."""
    if isinstance(environment, str):
        is_file = environment.endswith((".yml", ".yaml")) and not is_remote(environment)
        return f"file:{_moved(environment, source, folder)}" if is_file else environment
    if not isinstance(environment, Mapping):
        return environment
    moved = dict(environment)
    if isinstance(moved.get("conda_file"), str):
        moved["conda_file"] = _moved(moved["conda_file"], source, folder)
    build = moved.get("build")
    if isinstance(build, Mapping) and isinstance(build.get("path"), str):
        moved["build"] = {**build, "path": _moved(build["path"], source, folder)}
    return moved


def _notes(config: DictConfig, outline: JobOutline, app: AppCommand, wish: _Wish) -> Iterator[str]:
    """What of the settings is left out, and what the job will bring along."""
    given: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    left_out = [f"{name}={shown(given[name])}" for name in _HERE if name in given and given[name] != DEFAULTS[name]]
    if left_out:
        yield f"hydra.sweeper: {', '.join(left_out)} is left out: it says how the sweep runs here."
    if "compute" not in outline.top:
        yield "compute: none is named, so AzureML takes its serverless compute. --compute NAME names one."
    code = str(outline.trial["code"])
    if not is_remote(code) and not any((wish.folder / code / name).exists() for name in _IGNORE_FILES):
        yield f"trial.code: all of {code} is uploaded, results of sweeps too. Say in {code}/.amlignore what is not."
    for text in app.fixed:
        key, _, value = text.partition("=")
        if value.startswith("/") and Path(value).exists():
            yield f"{text} is a path of this machine: --input {key}={value} brings along what is there."
