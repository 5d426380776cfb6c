"""Where a trial runs is Hydra's business, under every launcher."""

from __future__ import annotations

from pathlib import Path

from tests.launchers.conftest import LauncherApp


def test_the_subdirectory_may_depend_on_the_overrides(any_app: LauncherApp) -> None:
    run = any_app.sweep("x=1,2", "hydra.sweeper.sampling_algorithm=grid", "hydra.sweep.subdir='x is ${x}'")

    directories = [Path(row["dir"]) for row in run.trials]
    assert directories == [run.sweep / "x is 1", run.sweep / "x is 2"]
    assert all((directory / ".hydra" / "config.yaml").exists() for directory in directories)
    assert all("azsweep" in str((directory / "output.log").resolve()) for directory in directories)


def test_a_task_may_run_in_its_trials_directory(any_app: LauncherApp) -> None:
    any_app.write("Path('here').write_text(str(cfg.x)); return 0.0", {"x": 0})

    run = any_app.sweep("x=1,2", "hydra.sweeper.sampling_algorithm=grid", "hydra.job.chdir=true")

    assert [(Path(row["dir"]) / "here").read_text() for row in run.trials] == ["1", "2"]
