"""Where a trial runs is Hydra's business, under every launcher."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.launchers.conftest import LAUNCHERS, LauncherApp
from tests.plugin.conftest import Run

Swept = tuple[LauncherApp, Run]

NAMES = ["x is 0", "x is 1", "../../evil"]


@pytest.fixture(scope="module", params=LAUNCHERS)
def swept(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Swept:
    """A sweep whose trials' directories have these names, which nobody knows before."""
    app = LauncherApp(tmp_path_factory.mktemp(request.param), request.param)
    app.write(
        "Path('here').write_text(str(cfg.x)); return 0.0",
        {"x": 0, "names": {f"n{x}": name for x, name in enumerate(NAMES)}},
        sweeper={"sampling_algorithm": "grid"},
    )
    named = "hydra.sweep.subdir=\"${oc.select:'names.n${x}'}\""
    return app, app.sweep("x=0,1,2", named, "hydra.job.chdir=true")


def test_the_directory_may_depend_on_the_overrides_and_be_the_working_directory(swept: Swept) -> None:
    _, run = swept

    directories = [Path(row["dir"]) for row in run.trials[:2]]
    assert directories == [run.sweep / "x is 0", run.sweep / "x is 1"]
    assert [(directory / "here").read_text() for directory in directories] == ["0", "1"]
    assert all((directory / ".hydra" / "config.yaml").exists() for directory in directories)
    assert all(".azsweep" in (directory / "output.log").resolve().parts for directory in directories)


def test_a_name_that_leads_elsewhere_is_the_trials_failure_and_nothing_is_written_there(swept: Swept) -> None:
    """Of names that are not known before the first trial."""
    app, run = swept

    assert [(row["state"], row["attempt"]) for row in run.trials] == [("completed", "1")] * 2 + [("failed", "1")]
    assert run.trials[2]["reason"] == (
        "hydra.sweep.subdir: must name a directory in that of the sweep, and not in its .azsweep; got ../../evil. "
        "Set hydra.sweep.subdir=${hydra.job.num}."
    )
    assert not (app.directory.parent / "evil").exists()
