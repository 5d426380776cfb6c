"""`azsweep plan`: the dry run of what `azsweep run` would start; what the page holds is tested with the sweeper."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azsweep_core.cli._run import started_command
from azsweep_core.errors import AzsweepError
from tests.cli.sweeps import azsweep
from tests.cli.test_end_to_end import azsweep as azsweep_in
from tests.plugin.conftest import App

JOB = {
    "type": "sweep",
    "trial": {
        "command": "echo ${{search_space.x}} ${{inputs.data}} > ${{outputs.out}}/x",
        "code": "src",
        "environment": "azureml:e:1",
    },
    "search_space": {"x": {"type": "choice", "values": [1, 2]}},
    "inputs": {"data": {"type": "uri_file", "path": "azureml:data:1"}},
    "outputs": {"out": {"type": "uri_folder"}},
    "sampling_algorithm": "grid",
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 2, "max_concurrent_trials": 1},
}


def files(directory: Path) -> set[Path]:
    return {path for path in directory.rglob("*") if "__pycache__" not in path.parts}


def test_the_sweep_of_an_app_is_planned_and_not_started(app: App) -> None:
    app.write("raise SystemExit('a trial has started')", {"x": 1})
    before = files(app.directory)

    good = azsweep_in(app, "plan", "train.py", "x=range(0,9)", "hydra.sweeper.sampling_algorithm=grid", "--trials", "2")
    bad = azsweep_in(app, "plan", "train.py", "x=uniform(0, 1)")

    assert (good.returncode, good.stderr) == (0, "")
    assert "\nFirst 2 trials of 9: exactly these\n  0        x=0\n  1        x=1\n" in good.stdout
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("limits.max_total_trials: is required: ")
    assert files(app.directory) == before


def test_the_trials_of_a_job_are_shown_as_its_commands(app: App) -> None:
    (app.directory / "src").mkdir()
    (app.directory / "data.csv").touch()
    (app.directory / "job.yml").write_text(json.dumps(JOB), encoding="utf-8")
    before = files(app.directory)
    options = ("hydra.sweeper.tracking=none", "hydra.sweep.dir=sweep")

    plan = azsweep_in(app, "plan", "job.yml", "--input", "data=./data.csv", *options)

    assert (plan.returncode, plan.stderr) == (0, "")
    assert f"  by hand  in {app.directory}/src, what stands beside the number\n" in plan.stdout
    assert "  max_total_trials       2 (job file)\n" in plan.stdout
    line = next(line for line in plan.stdout.splitlines() if line.startswith("  0 "))
    assert "bash" in line
    assert f"{app.directory}/data.csv" in line
    assert "Doubts" not in plan.stdout
    assert files(app.directory) == before


def test_the_words_are_those_of_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text("import hydra", encoding="utf-8")
    Path("script.py").write_text("print('started')", encoding="utf-8")
    wish = ["hydra.sweeper.dry_run=5"]

    command = started_command(["app.py", "x=1,2", "--config-name", "other"], None, wish, (), None, None)

    assert command[1:] == ["app.py", "--multirun", "x=1,2", *wish, "--config-name", "other"]
    with pytest.raises(AzsweepError, match=r"^APP\.py: must be the Python file of a Hydra app, or a job file; got x=1"):
        started_command(["x=1"], None, wish, (), None, None)
    with pytest.raises(AzsweepError, match=r"nothing in it speaks of hydra; got script\.py\. If it calls an app that"):
        started_command(["script.py"], None, wish, (), None, None)


def test_an_app_with_another_sweeper_is_told_how_to_choose_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app says what Hydra says."""
    monkeypatch.chdir(tmp_path)
    said = "Could not override 'hydra.sweeper.dry_run'.\nTo append to your config use +hydra.sweeper.dry_run=5"
    Path("app.py").write_text(f"import sys  # for hydra\nsys.exit({said!r})", encoding="utf-8")
    Path("bad.py").write_text("import sys  # for hydra\nsys.stderr.write('bad'); sys.exit(3)", encoding="utf-8")

    other, bad = azsweep("plan", "app.py", "x=1,2"), azsweep("plan", "bad.py")

    fix = "Choose it: add hydra/sweeper=azsweep, or write `override hydra/sweeper: azsweep` in its defaults."
    assert (other.exit_code, other.stderr) == (1, f"hydra/sweeper: must be azsweep; the app has another one. {fix}\n")
    assert (bad.exit_code, bad.stderr) == (3, "bad")


@pytest.mark.parametrize("arguments", [(), ("app.py", "--trials", "-1"), ("app.py", "--trials", "many")])
def test_what_is_misspelt_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert azsweep("plan", *arguments).exit_code == 2
