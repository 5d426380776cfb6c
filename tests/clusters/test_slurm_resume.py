"""A sweep on SLURM whose coordinator is killed or stopped, and goes on: its jobs are taken over, and each runs once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from azsweep_core.control import ControlDir
from tests.clusters.apps import UNTIL_TOLD, SlurmApp
from tests.clusters.slurm import Slurm, wait_until
from tests.clusters.test_slurm_sweeps import running


@pytest.fixture
def app(tmp_path: Path, slurm: Slurm) -> SlurmApp:
    """Trials end when they are told to."""
    app = SlurmApp(tmp_path, slurm)
    app.write(UNTIL_TOLD, {"x": 0}, sweeper={"sampling_algorithm": "grid", "stop_grace": 2})
    return app


def starts(app: SlurmApp, trial: int) -> int:
    return len((app.directory / "sweep" / str(trial) / "starts").read_text().splitlines())


def test_jobs_of_a_killed_sweep_are_taken_over_and_the_table_is_that_of_an_undisturbed_one(app: SlurmApp) -> None:
    """Two at a time: 0 ends while nobody coordinates; then 2 begins, and only its job knows its number; of 3 nobody
    knows one; 4 waits; 5 was not submitted."""
    control = [ControlDir(app.control(trial)) for trial in range(6)]
    command = ("x=0,1,2,3,4,5", "hydra.launcher.cpus_per_task=4", "hydra.sweeper.limits.max_concurrent_trials=5")
    with running(app, *command) as sweep:
        wait_until(lambda: all(each.job() for each in control[:5]), "five jobs")
        jobs = [str(each.job()["slurm_job"]) for each in control[:5]]
        app.job_of(0)
        app.job_of(1)
        sweep.kill()
        sweep.wait()
        for each in control[2:4]:
            each.job_file.write_text("")
        app.let_go(0)
        app.job_of(2)
        result = control[0].result_file.read_bytes()

        with running(app, *command) as resumed:
            wait_until(lambda: '"attempt_lost"' in app.ledger, "the one attempt to be given up")
            assert {jobs[1], jobs[2], jobs[4]} <= app.queue.keys()
            app.let_go()
            assert resumed.wait(60) == 0, resumed.communicate()

    rows = [(row["number"], row["state"], row["value"], row["x"], row["attempt"]) for row in app.rows]
    again = [1, 1, 1, 2, 1, 1]
    assert rows == [(str(x), "completed", f"{x}.0", str(x), str(attempt)) for x, attempt in enumerate(again)]
    assert [starts(app, trial) for trial in range(6)] == [1] * 6
    assert [control[trial].job()["slurm_job"] for trial in (0, 1, 2, 4)] == [jobs[trial] for trial in (0, 1, 2, 4)]
    assert control[0].result_file.read_bytes() == result
    assert app.ledger.count('"attempt_lost"') == 1
    wait_until(lambda: not app.queue, "an empty queue")


def test_a_trial_that_ctrl_c_cancelled_runs_again_when_the_sweep_is_resumed(app: SlurmApp) -> None:
    run = app.interrupt(signal.SIGINT, "x=choice(7)")
    assert [row["state"] for row in run.trials] == ["cancelled"]
    app.let_go()

    run = app.sweep("x=choice(7)")

    assert [(row["state"], row["value"], row["attempt"]) for row in run.trials] == [("completed", "7.0", "2")]
    assert starts(app, 0) == 2
