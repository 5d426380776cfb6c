"""What SLURM does to jobs, and what becomes of their trials: a real SLURM, real preemption, real time limits."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from azsweep_core.slurm import SlurmQueue
from tests.launchers.conftest import LauncherApp
from tests.launchers.test_stopping import running, until
from tests.plugin.conftest import Run

pytestmark = pytest.mark.usefixtures("slurm")

LONG = """
with (out() / "starts").open("a") as stream:
    stream.write("started\\n")
(out() / "started").write_text("")
time.sleep(cfg.seconds)
return cfg.x
"""


@pytest.fixture
def app(tmp_path: Path) -> LauncherApp:
    app = LauncherApp(tmp_path, "submitit_slurm")
    app.write(LONG, {"x": 0, "seconds": 600}, sweeper={"sampling_algorithm": "grid", "stop_grace": 2})
    return app


def job_of(app: LauncherApp, trial: int, attempt: int = 1) -> str:
    """The id of the trial's job, as soon as it has begun."""
    path = app.directory / "sweep" / ".azsweep" / "trials" / str(trial) / str(attempt)
    assert until(lambda: (path / "heartbeat").exists() and (path / "heartbeat").stat().st_size > 0)
    job: str = json.loads((path / "job.json").read_text())["slurm_job"]
    return job


def rows(app: LauncherApp) -> list[dict[str, str]]:
    return Run(0, "", "", app.directory / "sweep").trials


def ledger(app: LauncherApp) -> str:
    path = app.directory / "sweep" / "sweep.jsonl"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def slurm(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def preempt(until_true: Callable[[], bool]) -> None:
    """Submit a job that needs the whole node to a partition that preempts, until that has come about."""
    done = subprocess.run(
        ["sbatch", "--parsable", "--partition=debug", "--exclusive", "--output=/dev/null", "--wrap=sleep 2"],
        check=True,
        capture_output=True,
        text=True,
    )
    try:
        assert until(until_true)
    finally:
        slurm("scancel", done.stdout.strip())


def test_somebody_elses_scancel_cancels_the_trial_and_no_other(app: LauncherApp) -> None:
    with running(app, "x=1,2", "seconds=600") as sweep:
        slurm("scancel", job_of(app, 0))
        assert until(lambda: '"cancelled"' in ledger(app))
        slurm("scancel", job_of(app, 1))
        sweep.wait(60)

    reason = r"its SLURM job \d+(_\d+)? was cancelled by somebody else than this sweep.*"
    assert [row["state"] for row in rows(app)] == ["cancelled", "cancelled"]
    assert [row["reason"] for row in rows(app) if not re.fullmatch(reason, row["reason"], re.DOTALL)] == []


def test_a_job_that_is_preempted_and_cancelled_runs_again_as_a_new_attempt(app: LauncherApp) -> None:
    with running(app, "x=choice(1)", "seconds=6", "hydra.launcher.partition=lowcancel") as sweep:
        job_of(app, 0)
        preempt(lambda: '"attempt_lost"' in ledger(app))
        sweep.wait(90)

    (row,) = rows(app)
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "2", "1.0")
    assert (app.directory / "sweep" / "0" / "starts").read_text() == "started\n" * 2


def test_a_job_that_is_preempted_and_requeued_is_waited_for(app: LauncherApp) -> None:
    starts = app.directory / "sweep" / "0" / "starts"
    with running(app, "x=choice(1)", "seconds=6", "hydra.launcher.partition=low") as sweep:
        job = job_of(app, 0)
        preempt(lambda: (SlurmQueue().states([job]) or {}).get(job) == "PENDING")
        assert until(lambda: starts.read_text() == "started\n" * 2, 60)
        sweep.wait(90)

    (row,) = rows(app)
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "1", "1.0")


def test_a_finished_trial_that_slurm_runs_again_stays_as_it_is(app: LauncherApp) -> None:
    """An administrator's requeue, say, after the result was written and before the job has gone."""
    body = LONG.replace(
        "return cfg.x", "__import__('threading').Thread(target=time.sleep, args=(8,)).start(); return 1.0"
    )
    app.write(body, {"x": 0, "seconds": 0}, sweeper={"sampling_algorithm": "grid"})
    with running(app, "x=1,2", "hydra.sweeper.limits.max_concurrent_trials=1") as sweep:
        result = app.directory / "sweep" / ".azsweep" / "trials" / "0" / "1" / "result.json"
        assert until(result.exists)
        before = result.read_bytes()
        slurm("scontrol", "requeue", json.loads((result.parent / "job.json").read_text())["slurm_job"])
        sweep.wait(90)

    assert [row["state"] for row in rows(app)] == ["completed"] * 2
    assert result.read_bytes() == before
    assert (app.directory / "sweep" / "0" / "starts").read_text() == "started\n"


def test_slurms_time_limit_times_the_trial_out(app: LauncherApp) -> None:
    """SLURM warns before the minute is over, and the task is told to stop."""
    run = app.run("--multirun", "x=choice(1)", "hydra.launcher.timeout_min=1")

    (row,) = run.trials
    assert (row["state"], row["reason"]) == ("timed_out", "its SLURM job is about to reach its time limit")
    assert app.processes() == []


@pytest.mark.parametrize("slots", [1, 3])
def test_ctrl_c_leaves_no_job_in_the_queue(app: LauncherApp, queue: list[str], slots: int) -> None:
    """Neither running ones nor those that wait; there is one of each in the second row."""
    limits = [f"hydra.sweeper.limits.max_concurrent_trials={slots}", "hydra.launcher.cpus_per_task=4"]
    run = app.interrupt(signal.SIGINT, "x=1,2,3,4", *limits)

    assert run.code == 130, run.text
    assert {row["state"] for row in run.trials} == {"cancelled"}
    assert len(run.trials) == slots
    assert SlurmQueue().states(queue) == {} or queue == []
    assert app.processes() == []


def test_a_second_ctrl_c_does_not_wait(app: LauncherApp) -> None:
    stubborn = (
        "(out() / 'started').write_text('')\nwhile True:\n    try: time.sleep(600)\n    except BaseException: pass"
    )
    app.write(stubborn, {"x": 0}, sweeper={"sampling_algorithm": "grid", "stop_grace": 600})
    with running(app, "x=choice(1)") as sweep:
        job_of(app, 0)
        sweep.send_signal(signal.SIGINT)
        assert until(lambda: '"stop_requested"' in ledger(app))
        began = time.monotonic()
        sweep.send_signal(signal.SIGINT)
        assert sweep.wait(60) == 130
        assert time.monotonic() - began < 30

    assert [row["state"] for row in rows(app)] == ["cancelled"]


def test_waiting_in_the_queue_does_not_eat_the_trials_time(app: LauncherApp) -> None:
    """Three jobs of a node with room for two: the last waits longer than a trial may take, and completes."""
    limits = ["hydra.sweeper.limits.trial_timeout=8", "hydra.launcher.cpus_per_task=4"]

    run = app.sweep("x=1,2,3", "seconds=5", *limits)

    assert [row["state"] for row in run.trials] == ["completed"] * 3


def test_what_sbatch_refuses_is_told_in_its_words(app: LauncherApp) -> None:
    run = app.run("--multirun", "x=1,2,3,4", "hydra.launcher.partition=nowhere")

    assert run.code == 1
    assert "invalid partition specified: nowhere" in run.text
    assert "Traceback" not in run.text.replace("traceback", "")
    assert len(run.trials) <= 4


def test_options_of_the_launcher_reach_slurm(app: LauncherApp) -> None:
    app.write("return float(os.environ['SLURM_CPUS_PER_TASK']) + ('GREETING' in os.environ) / 2", {"x": 0})

    run = app.sweep(
        "x=choice(1)",
        "hydra.launcher.cpus_per_task=3",
        "hydra.launcher.setup=['export GREETING=hi']",
        "+hydra.launcher.additional_parameters.comment=ours",
    )

    assert [row["value"] for row in run.trials] == ["3.5"]


def test_a_store_that_other_hosts_cannot_reach_is_refused(app: LauncherApp) -> None:
    run = app.run("--multirun", "x=1,2", "hydra.sweeper.tracking=mlflow")

    assert run.code == 1
    assert run.err.startswith(
        "tracking: trials on other hosts need a store that they can reach and write to all at once;"
    )
    assert "mlflow server" in run.err
    assert not run.sweep.exists()
