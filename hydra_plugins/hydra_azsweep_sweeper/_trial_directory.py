"""Decides whether a trial's directory lies in its sweep's, for a name may hold values of parameters. Makes none."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from azsweep_core._reading import shown
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["MisplacedError", "depends_on_values", "refuse_misplaced"]

_BY_NUMBER = "${hydra.job.num}"
_FIX = f"Set hydra.sweep.subdir={_BY_NUMBER}."
_NOW = re.compile(r"\$\{now:[^${}]*\}")
_MOST_BYTES_OF_A_NAME, _MOST_BYTES = 255, 4000
"""Of Linux's file systems; below a trial's directory there are files of its own."""
_OWN = ".azsweep"


class MisplacedError(AzsweepError):
    """A trial cannot have the directory that its config asks for."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def depends_on_values(config: DictConfig) -> bool:
    """Whether trials' directories may differ in more than their numbers."""
    directory, subdir, folder = _as_written(config)
    return subdir != _BY_NUMBER or "${" in f"{_NOW.sub('', str(directory))}{folder}"


def refuse_misplaced(master: DictConfig, config: DictConfig) -> None:
    """See to it that a trial with this config writes nothing outside of the sweep's directory, which `master` names.

    Raises:
        MisplacedError: if it would.
    """
    if not depends_on_values(config) and _as_written(config)[0] == _as_written(master)[0]:
        return
    try:
        sweep_dir = _absolute(master.hydra.sweep.dir)
        directory, subdir, folder = _as_hydra_reads(config)
    except Exception:  # noqa: BLE001 - whatever a resolver raises: Hydra meets the same when it reads them, and can tell
        return
    path = _absolute(directory, subdir)
    problem = _problem("hydra.sweep.subdir", subdir, path, sweep_dir)
    if problem is None and folder is not None:
        problem = _problem("hydra.output_subdir", folder, _absolute(str(path), folder), path)
    if problem is not None:
        raise MisplacedError(problem)


def _as_written(config: DictConfig) -> tuple[Any, Any, Any]:
    """Sweep's directory, trial's, and that of its config, with their interpolations."""
    hydra: Any = config._get_node("hydra")  # noqa: SLF001 - the nodes themselves, not what they refer to
    sweep = hydra._get_node("sweep")  # noqa: SLF001
    nodes = (sweep._get_node("dir"), sweep._get_node("subdir"), hydra._get_node("output_subdir"))  # noqa: SLF001
    directory, subdir, folder = (None if node is None else node._value() for node in nodes)  # noqa: SLF001
    return directory, subdir, folder


def _as_hydra_reads(config: DictConfig) -> tuple[str, str, str | None]:
    """The same as they will be, but for the number and the job, which are not known yet and do no harm."""
    singleton: Any = HydraConfig.instance()
    job = config.hydra.job
    before, cfg = {name: job._get_node(name)._value() for name in ("id", "num")}, singleton.cfg  # noqa: SLF001
    try:
        singleton.cfg = config  # which `${hydra:...}` looks at
        _set(job, {"id": "0", "num": 0})
        names = ("hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir")
        directory, subdir, folder = (OmegaConf.select(config, name) for name in names)
    finally:
        singleton.cfg = cfg
        _set(job, before)
    return str(directory), str(subdir), None if folder is None else str(folder)


def _set(job: DictConfig, values: Mapping[str, Any]) -> None:
    with open_dict(job):
        for name, value in values.items():
            job[name] = value


def _absolute(*names: str) -> Path:
    return Path(os.path.abspath(os.path.join(*names)))  # noqa: PTH100, PTH118 - `..` goes by name, and nothing is looked up


def _problem(where: str, name: str, path: Path, above: Path) -> Problem | None:
    """Why a directory cannot be made there."""
    below = path.parts[len(above.parts) :]
    if not path.is_relative_to(above) or below[:1] == (_OWN,):
        rule = "must name a directory in that of the sweep, and not in its .azsweep"
        return Problem(where, rule, shown(name), _FIX)
    try:
        longest = max((len(os.fsencode(each)) for each in below), default=0)
        is_possible = (
            "\0" not in str(path) and longest <= _MOST_BYTES_OF_A_NAME and len(os.fsencode(path)) <= _MOST_BYTES
        )
    except UnicodeEncodeError:
        is_possible = False
    if is_possible:
        return None
    rule = f"must hold names that a file system can have (at most {_MOST_BYTES_OF_A_NAME} bytes, no NUL)"
    return Problem(where, rule, shown(name), _FIX)
