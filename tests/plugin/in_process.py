"""An app's multirun in this process, up to where trials would start: quick enough for a table of a hundred rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import run_and_report
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from azsweep_core.spec import SweepSpec
from hydra_plugins.hydra_azsweep_sweeper._compute import Compute, on_compute
from hydra_plugins.hydra_azsweep_sweeper._request import read_request
from hydra_plugins.hydra_azsweep_sweeper._settings import Settings, read_settings
from tests.plugin.conftest import App, Run

HYDRAS_HINT = "\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.\n"


def refused(name: str, given: Any, *errors: str) -> Any:
    """A row of a table: what is given, and every line that the user is told."""
    return pytest.param(given, "\n".join(errors), id=name)


def write_app(app: App, sweeper: Mapping[str, Any] | None = None, *, groups: bool = False) -> None:
    """An app that tracks with MLflow and has a few keys; nothing keeps it from running.

    Args:
        groups: give it the config group optimizer too, which costs a third of the time.
    """
    app.write(
        "return 0.0",
        {"x": 1.0, "y": 0, "net": {"width": 8}},
        defaults=({"optimizer": "adam"},) if groups else (),
        files={"optimizer/adam": {"lr": 0.1}, "optimizer/sgd": {"momentum": 0.0}} if groups else {},
        sweeper={"tracking": "mlflow", "limits": {"max_total_trials": 5}, **(sweeper or {})},
    )


def assert_refused(app: App, run: Run, error: str) -> None:
    """That a multirun ended as a refusal does: with these words and nothing else, and without a trace."""
    assert run.err.removesuffix(HYDRAS_HINT).rstrip("\n") == error
    assert (run.code, run.out) == (1, "")
    assert {path.name for path in app.directory.iterdir()} == {"train.py", "conf"}


def refuse(app: App, capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    """A multirun that ends before the first trial, as Hydra reports it to the user."""
    with _hydra_of(app) as hydra, pytest.raises(SystemExit) as end:
        run_and_report(lambda: hydra.multirun("config", _never_called, list(arguments), with_log_configuration=False))
    assert isinstance(end.value.code, int)
    return Run(end.value.code, *capsys.readouterr(), app.directory / "sweep")


@dataclass(frozen=True)
class Reading:
    """What a sweep would do: its settings, its spec, and the overrides that go with every trial."""

    settings: Settings
    spec: SweepSpec
    fixed: tuple[str, ...]


def read(app: App, *arguments: str) -> Reading:
    """What a multirun with these arguments reads; a SpecError if it is refused."""
    with _hydra_of(app) as hydra:
        config = _composed(hydra, arguments)
        overrides: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
        request = read_request(hydra.config_loader, _never_called, config, overrides)
    return Reading(request.settings, request.spec, tuple(request.fixed))


def compute_of(app: App, *arguments: str) -> Compute:
    """What a multirun with these arguments makes of its job's compute, once its directory is known."""
    with _hydra_of(app) as hydra:
        config = _composed(hydra, arguments)
        directory = config.hydra.sweep.dir
        compute = on_compute(hydra.config_loader, config)
        assert compute.config.hydra.sweep.dir == directory
    return compute


def read_settings_of(app: App, *arguments: str) -> Settings:
    """The settings alone; in half the time, for they are not tried on the app's config."""
    with _hydra_of(app) as hydra:
        settings, problems = read_settings(_composed(hydra, arguments), os.environ)
    assert problems == []
    return settings


def _composed(hydra: Hydra, arguments: Sequence[str]) -> DictConfig:
    return hydra.compose_config("config", list(arguments), RunMode.MULTIRUN, with_log_configuration=False)


@contextmanager
def _hydra_of(app: App) -> Iterator[Hydra]:
    """Hydra as `python train.py` sets it up in the app's directory; afterwards as it was before."""
    before = Path.cwd()
    os.chdir(app.directory)
    try:
        with initialize_config_dir(str(app.directory / "conf"), job_name="train", version_base="1.3"):
            hydra = GlobalHydra.instance().hydra
            assert hydra is not None
            yield hydra
    finally:
        os.chdir(before)


def _never_called(config: Any) -> None:
    raise AssertionError("a trial has started")
