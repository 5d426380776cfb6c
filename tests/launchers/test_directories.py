"""Where a trial runs is Hydra's business, under every launcher."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.launchers.conftest import LauncherApp


def test_the_directory_may_depend_on_the_overrides_and_be_the_working_directory(any_app: LauncherApp) -> None:
    any_app.write("Path('here').write_text(str(cfg.x)); return 0.0", {"x": 0}, sweeper={"sampling_algorithm": "grid"})

    run = any_app.sweep("x=1,2", "hydra.sweep.subdir='x is ${x}'", "hydra.job.chdir=true")

    directories = [Path(row["dir"]) for row in run.trials]
    assert directories == [run.sweep / "x is 1", run.sweep / "x is 2"]
    assert [(directory / "here").read_text() for directory in directories] == ["1", "2"]
    assert all((directory / ".hydra" / "config.yaml").exists() for directory in directories)
    assert all(".azsweep" in (directory / "output.log").resolve().parts for directory in directories)


@pytest.mark.parametrize("any_app", ["basic", "submitit_local", "ray"], indirect=True)
def test_a_name_that_leads_elsewhere_is_the_trials_failure_and_nothing_is_written_there(any_app: LauncherApp) -> None:
    """Of names that are not known before the first trial."""
    any_app.write(
        "return 0.0",
        {"x": 0, "names": {"n0": "a", "n1": "b", "n2": "../../evil"}},
        sweeper={"sampling_algorithm": "grid"},
    )

    run = any_app.sweep("x=0,1,2", "hydra.sweep.subdir=\"${oc.select:'names.n${x}'}\"")

    assert [(row["state"], row["attempt"]) for row in run.trials] == [("completed", "1")] * 2 + [("failed", "1")]
    assert run.trials[2]["reason"] == (
        "hydra.sweep.subdir: must name a directory in that of the sweep, and not in its .azsweep; got ../../evil. "
        "Set hydra.sweep.subdir=${hydra.job.num}."
    )
    assert not (any_app.directory.parent / "evil").exists()
