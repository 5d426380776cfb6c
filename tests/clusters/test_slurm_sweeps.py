"""What SLURM does to jobs, and what becomes of their trials: a real SLURM, real preemption, real time limits."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clusters.apps import UNTIL_TOLD, SlurmApp
from tests.clusters.slurm import Slurm, wait_until
from tests.launchers.test_stopping import running as in_background


@pytest.fixture
def app(tmp_path: Path, slurm: Slurm) -> SlurmApp:
    app = SlurmApp(tmp_path, slurm)
    app.write(UNTIL_TOLD, {"x": 0}, sweeper={"sampling_algorithm": "grid", "stop_grace": 2})
    return app


@contextmanager
def running(app: SlurmApp, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A multirun in the background, whose jobs are gone when this ends."""
    with in_background(app, *arguments) as process:
        try:
            yield process
        finally:
            process.kill()
            app.slurm.cancel(app.name)


@contextmanager
def preempting(app: SlurmApp) -> Iterator[None]:
    """A job that needs the whole node, in a partition that takes the place of others."""
    job = app.slurm.submit("sleep 60", "--partition=debug", "--exclusive", f"--job-name={app.name}-preempts")
    try:
        yield
    finally:
        app.slurm.run("scancel", job)


@contextmanager
def draining(app: SlurmApp) -> Iterator[None]:
    """The only node of the partition takes no new jobs, until this ends."""
    node = app.slurm.run("sinfo", "--noheader", "--format=%n", "--partition=debug").strip()
    app.slurm.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    try:
        yield
    finally:
        app.slurm.run("scontrol", "update", f"NodeName={node}", "State=RESUME")


def test_somebody_elses_scancel_cancels_the_trial_and_no_other(app: SlurmApp) -> None:
    with running(app, "x=1,2") as sweep:
        app.slurm.run("scancel", app.job_of(0))
        wait_until(lambda: '"cancelled"' in app.ledger, "the end of trial 0")
        app.let_go()
        sweep.wait(60)

    reason = r"its SLURM job \d+(_\d+)? was cancelled by somebody else than this sweep.*"
    assert [row["state"] for row in app.rows] == ["cancelled", "completed"]
    assert re.fullmatch(reason, app.rows[0]["reason"], re.DOTALL)


def test_a_job_that_is_preempted_and_cancelled_runs_again_as_a_new_attempt(app: SlurmApp) -> None:
    with running(app, "x=choice(1)", "hydra.launcher.partition=lowcancel") as sweep:
        app.job_of(0)
        with preempting(app):
            wait_until(lambda: '"attempt_lost"' in app.ledger, "the attempt to be lost")
        app.let_go()
        sweep.wait(90)

    (row,) = app.rows
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "2", "1.0")
    assert (app.directory / "sweep" / "0" / "starts").read_text() == "started\n" * 2


def test_a_job_that_is_preempted_and_requeued_is_waited_for(app: SlurmApp) -> None:
    starts = app.directory / "sweep" / "0" / "starts"
    with running(app, "x=choice(1)", "hydra.launcher.partition=low") as sweep:
        job = app.job_of(0)
        with preempting(app):
            wait_until(lambda: app.queue.get(job) == "PENDING", "the job to be requeued")
        wait_until(lambda: starts.read_text() == "started\n" * 2, "the job to run again", timeout_s=90)
        app.let_go()
        sweep.wait(90)

    (row,) = app.rows
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "1", "1.0")


def test_a_drained_node_ends_no_trial_and_starts_none(app: SlurmApp) -> None:
    """Trial 0 goes on there for longer than two looks at the queue are apart."""
    app.write("time.sleep(4 * (cfg.x == 1))\nreturn cfg.x", {"x": 0}, sweeper={"sampling_algorithm": "grid"})
    with running(app, "x=1,2", "hydra.sweeper.limits.max_concurrent_trials=1") as sweep:
        app.job_of(0)
        with draining(app):
            wait_until(lambda: '"completed"' in app.ledger, "trial 0 to end")
            wait_until(lambda: list(app.queue.values()) == ["PENDING"], "trial 1 to wait")
        sweep.wait(90)

    assert [(row["state"], row["attempt"]) for row in app.rows] == [("completed", "1")] * 2


def test_a_finished_trial_that_slurm_runs_again_stays_as_it_is(app: SlurmApp) -> None:
    """An administrator's requeue, say, after the result was written and before the job has gone."""
    lingers = "__import__('threading').Thread(target=time.sleep, args=(8 * (cfg.x == 1),)).start(); return 1.0"
    app.write(UNTIL_TOLD.replace("return cfg.x", lingers), {"x": 0}, sweeper={"sampling_algorithm": "grid"})
    app.let_go()
    with running(app, "x=1,2", "hydra.sweeper.limits.max_concurrent_trials=1") as sweep:
        result = app.control(0) / "result.json"
        wait_until(result.exists, "a result")
        before = result.read_bytes()
        app.slurm.run("scontrol", "requeue", app.job_of(0))
        sweep.wait(90)

    assert [row["state"] for row in app.rows] == ["completed"] * 2
    assert result.read_bytes() == before
    assert (app.directory / "sweep" / "0" / "starts").read_text() == "started\n"


def test_slurms_time_limit_times_the_trial_out(app: SlurmApp) -> None:
    """SLURM warns before the minute is over, and the task is told to stop. Beside it, another job just ends there."""
    job = app.slurm.submit("sleep 300", f"--job-name={app.name}-other", "--time=1")
    wait_until(lambda: app.slurm.queue(f"{app.name}-other") == {job: "RUNNING"}, "a running job")
    app.slurm.run("scontrol", "update", f"JobId={job}", "EndTime=now+1")  # a limit is whole minutes, its end is not

    run = app.run("--multirun", "x=choice(1)", "hydra.launcher.timeout_min=1")

    (row,) = run.trials
    assert (row["state"], row["reason"]) == (
        "timed_out",
        "its job is about to reach its time limit (hydra.launcher.timeout_min)",
    )
    assert app.processes() == []
    app.slurm.wait_for(job, "TIMEOUT", timeout_s=60)  # SLURM looks at limits every 30 s


@pytest.mark.parametrize("slots", [1, 3])
def test_ctrl_c_leaves_no_job_in_the_queue(app: SlurmApp, slots: int) -> None:
    """Neither running ones nor those that wait; there is one of each in the second row."""
    limits = [f"hydra.sweeper.limits.max_concurrent_trials={slots}", "hydra.launcher.cpus_per_task=4"]
    run = app.interrupt(signal.SIGINT, "x=1,2,3,4", *limits)

    assert run.code == 130, run.text
    assert {row["state"] for row in run.trials} == {"cancelled"}
    assert len(run.trials) == slots
    assert app.queue == {}
    assert app.processes() == []


def test_a_second_ctrl_c_does_not_wait(app: SlurmApp) -> None:
    stubborn = (
        "(out() / 'started').write_text('')\nwhile True:\n    try: time.sleep(600)\n    except BaseException: pass"
    )
    app.write(stubborn, {"x": 0}, sweeper={"sampling_algorithm": "grid", "stop_grace": 600})
    with running(app, "x=choice(1)") as sweep:
        app.job_of(0)
        sweep.send_signal(signal.SIGINT)
        wait_until(lambda: '"stop_requested"' in app.ledger, "the stop")
        began = time.monotonic()
        sweep.send_signal(signal.SIGINT)
        assert sweep.wait(60) == 130
        assert time.monotonic() - began < 30

    assert [row["state"] for row in app.rows] == ["cancelled"]


def test_waiting_in_the_queue_does_not_eat_the_trials_time(app: SlurmApp) -> None:
    """Three jobs of a node with room for two: the last waits longer than a trial may take, and completes."""
    limits = ["hydra.sweeper.limits.trial_timeout=8", "hydra.launcher.cpus_per_task=4"]

    app.write("time.sleep(5)\nreturn cfg.x", {"x": 0}, sweeper={"sampling_algorithm": "grid"})
    run = app.sweep("x=1,2,3", *limits)

    assert [row["state"] for row in run.trials] == ["completed"] * 3


@pytest.mark.parametrize(
    ("option", "words"),
    [
        pytest.param("partition=nowhere", "invalid partition specified: nowhere", id="no such partition"),
        pytest.param("constraint=fast", "Invalid feature specification", id="no such node"),
    ],
)
def test_what_sbatch_refuses_ends_the_sweep_in_its_words(app: SlurmApp, option: str, words: str) -> None:
    """None of the trials is tried as often as others whose start fails: the next job would be refused as well."""
    run = app.run("--multirun", "x=1,2,3,4", f"hydra.launcher.{option}")

    assert run.code == 1
    assert "The sweep was stopped: the first 3 trials failed alike (SLURM refuses its job: " in run.err
    assert words in run.err
    assert "Traceback" not in run.text
    assert len(run.trials) <= 4
    assert "attempt_lost" not in app.ledger


def test_options_of_the_launcher_reach_slurm(app: SlurmApp) -> None:
    app.write("return float(os.environ['SLURM_CPUS_PER_TASK']) + ('GREETING' in os.environ) / 2", {"x": 0})

    run = app.sweep(
        "x=choice(1)",
        "hydra.launcher.cpus_per_task=3",
        "hydra.launcher.setup=['export GREETING=hi']",
        "+hydra.launcher.additional_parameters.comment=ours",
    )

    assert [row["value"] for row in run.trials] == ["3.5"]


def test_a_store_that_other_hosts_cannot_reach_is_refused(app: SlurmApp) -> None:
    run = app.run("--multirun", "x=1,2", "hydra.sweeper.tracking=mlflow")

    assert run.code == 1
    assert run.err.startswith(
        "tracking: trials on other hosts need a store that they can reach and write to all at once;"
    )
    assert "mlflow server" in run.err
    assert not run.sweep.exists()


@pytest.mark.parametrize("most", [0, -1])
def test_a_queue_that_may_hold_no_job_is_refused(app: SlurmApp, most: int) -> None:
    """It would never end."""
    run = app.run("--multirun", "x=1,2", f"hydra.launcher.array_parallelism={most}")

    assert run.code == 1
    assert run.err.startswith(f"hydra.launcher.array_parallelism: must be at least 1; got {most}.")
    assert not run.sweep.exists()
