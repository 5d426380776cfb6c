"""A dry run looks at what surrounds the sweep: launcher, devices, directory, MLflow. It leaves no trace there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from azsweep_core.events import SweepStarted, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.ledger import Ledger
from azsweep_core.lock import SweepLock
from azsweep_core.spec import to_mapping
from azsweep_core.trial import Measurement, TrialState
from hydra_plugins.hydra_azsweep_sweeper import _dry_run_checks
from tests.plugin.conftest import App
from tests.plugin.dry_runs import dry, problems, section, shown_trials
from tests.plugin.in_process import read, write_app

TRIALS = "hydra.sweeper.limits.max_total_trials="


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["hydra/launcher=joblib"], "", id="joblib"),
        pytest.param(["hydra/launcher=submitit_local"], "", id="submitit-local"),
        pytest.param(
            ["hydra/launcher=joblib", "hydra.launcher.backend=nope"],
            "hydra.launcher: must be options that it takes (Invalid backend: nope, ",
            id="joblib-backend",
        ),
        pytest.param(
            ["+hydra.launcher.n_jobs=5"], "hydra.launcher: must be options that it takes (", id="basic-has-none"
        ),
        pytest.param(
            ["hydra/launcher=submitit_slurm", "hydra.sweeper.tracking=none"],
            "hydra/launcher: needs SLURM's commands on this host; got no sbatch, srun, squeue, scancel.",
            id="no-slurm",
        ),
    ],
)
def test_the_launcher_is_asked_for_its_options(
    app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    write_app(app)
    monkeypatch.setenv("PATH", "/nowhere")

    run = dry(app, capsys, "x=uniform(0, 1)", *arguments)

    assert "".join(problems(run)).startswith(told)
    assert (run.code == 0) == (told == "")
    assert (
        f"  hydra/launcher  {arguments[0].partition('=')[2] if len(arguments) > 1 or not told else 'basic'}" in run.out
    )


def test_rays_arguments_are_looked_at_and_ray_is_not(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app)
    ray = "++hydra.launcher.ray"

    good = dry(app, capsys, "x=uniform(0, 1)", "hydra/launcher=azsweep_ray", f"{ray}.remote.num_cpus=2")
    bad = dry(
        app, capsys, "x=uniform(0, 1)", "hydra/launcher=ray", f"{ray}.init.adress=auto", f"{ray}.remote.num_cpus=-1"
    )

    negative = "The quantity of resource num_cpus cannot be negative"
    assert "  Ray             started here for the sweep; a dry run neither starts nor asks" in good.out
    assert problems(bad) == [
        "hydra.launcher.ray.init.adress: ray.init has no such argument. Did you mean address?",
        f"hydra.launcher.ray.remote: must be options of a task of Ray's ({negative}); got {{'num_cpus': -1}}.",
    ]


@pytest.mark.parametrize(
    ("script", "problem", "doubt"),
    [
        pytest.param(
            "echo GPU 0: A; echo GPU 1: A", "must be there; nvidia-smi lists 2 on this host; got 2", "", id="2"
        ),
        pytest.param("echo GPU 0: A; echo GPU 1: A; echo GPU 2: A", "", "", id="all-there"),
        pytest.param(None, "", "without nvidia-smi", id="nobody-to-ask"),
        pytest.param("exit 9", "", "while nvidia-smi does not answer", id="no-driver"),
        pytest.param("exec sleep 60", "", "while nvidia-smi does not answer", id="it-hangs"),
    ],
)
def test_devices_are_looked_for(
    app: App,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    script: str | None,
    problem: str,
    doubt: str,
) -> None:
    write_app(app)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    if script is not None:
        tool = tmp_path / "bin" / "nvidia-smi"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        if "sleep" in script:
            monkeypatch.setattr(_dry_run_checks, "_NVIDIA_SMI_S", 0.3)

    run = dry(app, capsys, "x=uniform(0, 1)", "hydra.sweeper.devices=[0,2,2]")

    assert problems(run) == ([f"devices: {problem}."] if problem else [])
    doubted = " ".join(" ".join(section(run, "Doubts")).split())
    assert doubted == (f"- devices: cannot be looked for {doubt}; got 0, 2, 2." if doubt else "")


def test_what_a_directory_holds_is_told_with_what_would_become_of_it(
    app: App, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_app(app, {"tracking": "none", "sampling_algorithm": {"type": "random", "seed": 7}})
    space = "x=uniform(0, 1)"
    new = dry(app, capsys, space)
    app.sweep(space, f"{TRIALS}2")

    over = dry(app, capsys, space, f"{TRIALS}2")
    goes_on = dry(app, capsys, space, f"{TRIALS}4")
    another = dry(app, capsys, "x=uniform(0, 2)", f"{TRIALS}4")
    lock = SweepLock(app.directory / "sweep")
    held = dry(app, capsys, space, f"{TRIALS}4")
    lock.release()
    (app.directory / "sweep" / "sweep.jsonl").unlink()
    orphaned = dry(app, capsys, space, f"{TRIALS}4")

    standing = [" ".join(" ".join(section(run, "Where it runs")[1:3]).split()) for run in (new, over, goes_on)]
    assert standing[0].startswith("is made, for a new sweep")
    assert standing[1].startswith("holds a sweep that is over (all 2 trials are done): its result would be shown")
    assert standing[2].startswith("holds an unfinished sweep, which goes on: 2 of 4 trials are over")
    assert shown_trials(over) == {}
    assert shown_trials(goes_on) == {number: shown_trials(new)[number] for number in (2, 3)}
    assert problems(another)[0].startswith("hydra.sweep.dir: must not hold another sweep; got ")
    assert problems(held)[0].startswith("hydra.sweep.dir: must not hold a sweep that is running; got ")
    assert problems(orphaned)[0].startswith("hydra.sweep.dir: must not hold trials whose sweep.jsonl is gone or empty")


def test_trials_that_run_again_give_results_before_the_next_ones(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a bayesian sweep that was killed, only those are shown that no result decides, whoever is over by then."""
    space = ("x=uniform(0, 1)", f"{TRIALS}8")
    app.write("", {"x": 1}, sweeper={"sampling_algorithm": {"type": "bayesian", "seed": 0, "n_startup_trials": 5}})
    (app.directory / "sweep").mkdir()
    ledger = Ledger(app.directory / "sweep" / "sweep.jsonl")
    ledger.append(SweepStarted(time_s=0.0, spec=to_mapping(read(app, *space).spec)))
    for number in range(5):
        ledger.append(TrialSubmitted(time_s=0.0, number=number, attempt=1, parameters={"x": number / 5}))
    ledger.append(TrialMeasured(number=0, measurements=(Measurement(None, 1.0, 0.0),)))
    for number, state in enumerate([TrialState.COMPLETED, TrialState.FAILED]):
        ledger.append(TrialEnded(time_s=1.0, number=number, state=state))
    ledger.close()

    run = dry(app, capsys, *space)

    assert "2 of 8 trials are over; 3 that had begun run again" in " ".join(run.out.split())
    assert list(shown_trials(run)) == [5]


def test_what_mlflow_holds_is_told(app: App, capsys: pytest.CaptureFixture[str], empty_store: Path) -> None:
    write_app(app)
    shutil.copy(empty_store, app.directory / "mlflow.db")

    there = dry(app, capsys, "x=uniform(0, 1)")
    default = dry(app, capsys, "x=uniform(0, 1)", "hydra.sweeper.experiment_name=Default")

    place = f"sqlite:///{app.directory}/mlflow.db"
    wanted = [f"  MLflow          {place}", "  experiment      train (is made at the start)"]
    assert section(there, "Where it runs")[2:4] == wanted
    assert section(default, "Where it runs")[3] == "  experiment      Default"
