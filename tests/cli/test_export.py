"""`azsweep export`: an app's sweep on its way to AzureML and back."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tests.cli.sweeps import ROOT, azsweep, azsweep_command
from tests.plugin.conftest import App

SWEEP = ["x=uniform(0,9)", "+z='choice(\"a, b\",1,null)'", "hydra.sweeper.sampling_algorithm={type:random,seed:7}"]


def export(app: App, *arguments: str) -> subprocess.CompletedProcess[str]:
    return azsweep_in(app, "export", *arguments)


def azsweep_in(app: App, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        azsweep_command(*arguments),
        cwd=app.directory,
        env=app.environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def drawn(app: App, *arguments: str) -> list[dict[str, str]]:
    """The parameters of the trials of a sweep, by key."""
    run = app.sweep(*arguments, f"hydra.sweep.dir={len(list(app.directory.iterdir()))}")
    directory = max(app.directory.glob("*/trials.csv"), key=lambda file: file.stat().st_mtime_ns).parent
    trials = type(run)(run.code, run.out, run.err, directory).trials
    return [{key: row[key] for key in ("x", "z")} for row in trials]


def test_what_was_exported_is_the_same_sweep_here(app: App) -> None:
    """Trial by trial, from the same seed; and the job alone is on standard output."""
    limits = "hydra.sweeper.limits.max_total_trials=5"

    done = export(app, "train.py", *SWEEP, limits, "y=2", *ENVIRONMENT)

    assert (done.returncode, done.stdout.partition("\n")[0]) == (0, TITLE)
    assert "limits.max_concurrent_trials: not set" in done.stderr
    assert {path.name for path in app.directory.iterdir()} == {"conf", "train.py"}
    (app.directory / "sweep.yml").write_text(done.stdout)
    before = drawn(app, *SWEEP, limits, "y=2")
    app.write("return (cfg.x - 3) ** 2 + cfg.y", {"x": 1.0, "y": 0}, sweeper={"objective": None})
    assert drawn(app, "hydra.sweeper.job=sweep.yml") == before
    assert len({row["z"] for row in before}) > 1


ENVIRONMENT = ["--environment", "azureml:e:1"]
TITLE = "# Made by `azsweep export`. Submit it with `az ml job create --file THIS_FILE`."


def test_options_say_what_the_job_has_besides_its_sweep(app: App) -> None:
    (app.directory / "it's, here").mkdir()
    options = ["--compute", "cpu", "--code", ".", "--input", "+data=it's, here", "--environment", "env.yml"]
    limits = "hydra.sweeper.limits.max_total_trials=5"

    done = export(app, "-m", "train", "x=uniform(0,9)", limits, *options, "-o", "$(id) a.yml")
    refused = export(app, "-m", "train", "x=uniform(0,9)", limits, "--environment", "mine")

    job = yaml.safe_load((app.directory / "$(id) a.yml").read_text())
    assert (done.returncode, refused.returncode, refused.stdout) == (0, 1, "")
    assert job["compute"] == "cpu"
    assert job["inputs"] == {"data": {"type": "uri_folder", "path": "./it's, here"}}
    assert job["trial"] == {
        "command": "python -m train +data=${{inputs.data}} x=${{search_space.x}}",
        "environment": "file:./env.yml",
        "code": ".",
    }
    assert refused.stderr.startswith("trial.environment: must say where it comes from; got mine.")
    assert "sweep.yml" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param([], 2, "Missing argument 'APP.py', or -m MODULE.", id="no-app"),
        pytest.param(
            ["x=1"], 1, "APP.py: must be the Python file of a Hydra app; got x=1. It comes first", id="no-file"
        ),
    ],
)
def test_an_app_is_needed(arguments: list[str], code: int, message: str) -> None:
    result = azsweep("export", *arguments)

    assert result.exit_code == code
    assert message in result.stderr


def test_what_is_a_job_file_already_is_not_exported(app: App) -> None:
    done = export(
        app, "train.py", "x=uniform(0,9)", "hydra.sweeper.limits.max_total_trials=5", *ENVIRONMENT, "-o", "a.yml"
    )
    wish = "hydra.sweeper.export={file:b.yml,environment:'azureml:e:1'}"

    again = azsweep_in(app, "run", "a.yml", wish)

    assert (done.returncode, again.returncode) == (0, 1)
    assert again.stderr.startswith("export: must be asked of an app; this sweep is that of a job file already.\n")
    assert not (app.directory / "b.yml").exists()


def test_no_file_of_another_kind_is_overwritten(app: App) -> None:
    program = (app.directory / "train.py").read_text()

    done = export(app, "train.py", "x=1,2", "-o", "train.py", "--force", *ENVIRONMENT)

    assert "export.file: must be called *.yml or *.yaml; got train.py." in done.stderr
    assert (done.returncode, (app.directory / "train.py").read_text()) == (1, program)
