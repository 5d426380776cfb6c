"""What a job of submitit's is given, and when a local one is over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.types import HydraContext, RunMode

from azsweep_core.control import ControlDir
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialJob
from hydra_plugins.hydra_azsweep_sweeper._submitit import submitit_job
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import _loaded
from tests.plugin.conftest import App

pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
LAUNCHER = "hydra/launcher=submitit_local"


def nothing() -> None:
    """What there is to prepare."""


@pytest.fixture
def hydra_app(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[HydraApp]:
    monkeypatch.chdir(app.directory)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with initialize_config_dir(str(app.directory / "conf"), job_name="train", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.compose_config("config", [LAUNCHER], RunMode.MULTIRUN, with_log_configuration=False)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        yield HydraApp(context=context, task_function=lambda _: 0.0, config=config, prepare=nothing)


def given(app: HydraApp, launcher: Any, number: int, *, is_composed: bool) -> tuple[Any, tuple[Any, ...]]:
    """The launcher and the arguments that the job of this trial unpickles."""
    job = TrialJob(number, (f"x={number}",), ControlDir(Path(f"/control/{number}")))
    config = app.context.config_loader.load_sweep_config(app.config, list(job.overrides)) if is_composed else None
    return _loaded(submitit_job(launcher, job, {}, 60.0, config))


@pytest.mark.parametrize("is_composed", [True, False])
def test_each_job_has_the_trial_that_it_is_for(hydra_app: HydraApp, is_composed: bool) -> None:
    """Its control directory, number, overrides and config, be it composed before or in the job."""
    shared, _ = hydra_app.make_launcher()

    for number in (3, 4):
        launcher, (overrides, _, job_number, _, _) = given(hydra_app, shared, number, is_composed=is_composed)
        config = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, overrides)

        assert launcher.task_function.control == ControlDir(Path(f"/control/{number}"))
        assert (overrides, job_number) == ([f"x={number}"], number)
        assert config == hydra_app.context.config_loader.load_sweep_config(hydra_app.config, overrides)


def test_what_all_jobs_share_is_pickled_once(hydra_app: HydraApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher and Hydra's global state are most of what a submission costs."""
    launcher, _ = hydra_app.make_launcher()
    given(hydra_app, launcher, 0, is_composed=False)
    monkeypatch.setattr(Singleton, "get_state", lambda: pytest.fail("pickled again"))

    given(hydra_app, launcher, 1, is_composed=False)


def test_variables_that_hydra_copies_are_those_of_the_job(app: App) -> None:
    """`hydra.job.env_copy` is read where the job runs."""
    app.write("return cfg.x", {"x": 1.0})

    outside = {"SUBMITIT_LOCAL_GLOBALID": "of no job"}
    run = app.sweep("x=1,2", LAUNCHER, "hydra.job.env_copy=[SUBMITIT_LOCAL_GLOBALID]", environment=outside)

    config = yaml.safe_load((run.sweep / "1" / ".hydra" / "hydra.yaml").read_text())
    assert config["hydra"]["job"]["env_set"] == {"SUBMITIT_LOCAL_GLOBALID": "0"}


def test_a_job_of_several_processes_is_over_when_all_are(app: App) -> None:
    """The first one reports; the others may still be at work then."""
    app.write(
        """
if os.environ["SUBMITIT_LOCAL_GLOBALID"] == "1":
    while not Path(f"sweep/.azsweep/trials/{HydraConfig.get().job.num}/1/exit.json").exists():
        time.sleep(0.01)
    (out() / "ended").touch()
return cfg.x
""",
        {"x": 1.0},
    )

    run = app.sweep("x=1,2", LAUNCHER, "hydra.launcher.tasks_per_node=2")

    assert all((run.sweep / str(number) / "ended").exists() for number in (0, 1))


def test_a_job_has_its_share_of_the_cores_from_its_start(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    app.write("return float(os.environ['OMP_NUM_THREADS'])", {"x": 1.0})

    run = app.sweep("x=1,2", LAUNCHER, "hydra.sweeper.limits.max_concurrent_trials=100")

    assert [float(row["value"]) for row in run.trials] == [1.0, 1.0]
