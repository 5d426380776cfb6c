"""Where a trial runs is Hydra's business, under every launcher."""

from __future__ import annotations

from pathlib import Path

from tests.launchers.conftest import LauncherApp


def test_the_directory_may_depend_on_the_overrides_and_be_the_working_directory(any_app: LauncherApp) -> None:
    any_app.write("Path('here').write_text(str(cfg.x)); return 0.0", {"x": 0}, sweeper={"sampling_algorithm": "grid"})

    run = any_app.sweep("x=1,2", "hydra.sweep.subdir='x is ${x}'", "hydra.job.chdir=true")

    directories = [Path(row["dir"]) for row in run.trials]
    assert directories == [run.sweep / "x is 1", run.sweep / "x is 2"]
    assert [(directory / "here").read_text() for directory in directories] == ["1", "2"]
    assert all((directory / ".hydra" / "config.yaml").exists() for directory in directories)
    assert all(".azsweep" in (directory / "output.log").resolve().parts for directory in directories)
