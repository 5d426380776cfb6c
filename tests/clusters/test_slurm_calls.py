"""How often SLURM is asked, and what a sweep does without an answer: stand-ins for its commands, a clock to turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.trial import StopRequest, TrialState
from benchmarks._slurm import Cluster
from hydra_plugins.hydra_azsweep_sweeper._slurm import SlurmLauncher
from hydra_plugins.hydra_azsweep_sweeper._submitit import minutes_for
from tests.clusters.stand_ins import Clock, control, poll, start
from tests.plugin.conftest import App

WORDS = "Batch job submission failed: Invalid qos specification"
REFUSE = f'echo "sbatch: error: {WORDS}" >&2; exit 1'
TAKE = 'echo "Submitted batch job $(wc -l < "$0.calls")"'


def test_two_hundred_trials_in_flight_cost_one_question_an_interval(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    start(launcher, *range(200))
    cluster.answer("squeue", *(f"100_{number}|RUNNING" for number in range(200)))

    poll(launcher, clock, 60)

    assert len(cluster.calls("sbatch")) == 1  # an array
    assert 10 <= len(cluster.calls("squeue")) <= 60 / 3 + 1
    assert cluster.calls("sacct") == []


def test_submissions_do_not_put_off_the_question(launcher: SlurmLauncher, cluster: Cluster, clock: Clock) -> None:
    cluster.answer("squeue", *(f"{100 + number}|RUNNING" for number in range(60)))
    for number in range(60):
        start(launcher, number)
        poll(launcher, clock, 1)

    assert 60 / 3 - 2 <= len(cluster.calls("squeue")) <= 60 / 3 + 1


def test_a_result_ends_a_trial_without_a_question(launcher: SlurmLauncher, clock: Clock, tmp_path: Path) -> None:
    start(launcher, 0)
    poll(launcher, clock, 0.1)
    beat: dict[str, Any] = {"began_s": 1.0, "directory": "/d"}
    control(tmp_path, 0).write_result({**beat, "outcome": "returned", "returned": {"": 0.5}})

    (report,) = poll(launcher, clock, 0.1)

    assert (report.ended, report.state, report.returned) == (True, TrialState.COMPLETED, {"": 0.5})


def test_a_controller_that_is_away_for_an_hour_costs_no_trial(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    start(launcher, 0)
    cluster.command("squeue", "exit 1")

    assert poll(launcher, clock, 3600) == []


def test_a_job_that_nobody_knows_any_more_is_lost_after_a_while(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    start(launcher, 0)

    (report,) = poll(launcher, clock, 60)

    assert report.lost
    assert report.reason == "its SLURM job 100 vanished"


def test_a_job_that_was_cancelled_and_forgotten_is_cancelled(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    """SLURM forgets jobs that have not begun within seconds, and its accounting is late."""
    start(launcher, 0)
    cluster.answer("squeue", "100|PENDING")
    poll(launcher, clock, 5)
    cluster.answer("squeue")

    launcher.stop(0, StopRequest(TrialState.CANCELLED, "enough"), 10.0)
    (report,) = poll(launcher, clock, 10)

    assert (report.lost, report.state, report.reason) == (False, TrialState.CANCELLED, "enough")


def test_what_the_controller_has_forgotten_the_accounting_knows(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    start(launcher, 0)
    cluster.answer("sacct", "100|NODE_FAIL")

    (report,) = poll(launcher, clock, 20)

    assert (report.lost, report.reason) == (True, "its SLURM job 100 was lost: its node failed")


def test_a_result_that_comes_late_over_the_network_counts(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    """The job is over at the first look; its result is there at the second."""
    start(launcher, 0)
    poll(launcher, clock, 0.1)
    cluster.answer("squeue", "100|COMPLETED")
    while not cluster.calls("squeue"):
        assert poll(launcher, clock, 0.25) == []
    result = {"began_s": 1.0, "directory": "/d", "outcome": "returned", "returned": {"": 0.5}}
    control(tmp_path, 0).write_result(result)

    (report,) = poll(launcher, clock, 10)

    assert report.returned == {"": 0.5}


def test_a_stop_cancels_a_waiting_job_at_once_and_a_running_one_after_its_grace(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    start(launcher, 0, 1)
    cluster.answer("squeue", "100_0|RUNNING", "100_1|PENDING")
    poll(launcher, clock, 0.1)
    control(tmp_path, 0).beat({"began_s": 1.0, "directory": "/d"})
    poll(launcher, clock, 0.1)

    for number in (0, 1):
        launcher.stop(number, StopRequest(TrialState.CANCELLED, "enough"), 10.0)
    poll(launcher, clock, 5)
    early = cluster.calls("scancel")
    poll(launcher, clock, 15)

    assert early == ["--quiet 100_1"]
    assert cluster.calls("scancel")[1] == "--quiet 100_0"


def test_a_trial_that_was_not_submitted_yet_is_stopped_without_slurm(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    start(launcher, 0)
    launcher.stop(0, StopRequest(TrialState.CANCELLED, "enough"), 10.0)

    (report,) = poll(launcher, clock, 0.1)

    assert (report.state, report.reason) == (TrialState.CANCELLED, "enough")
    assert cluster.calls("sbatch") == []


def test_the_time_limit_of_a_job_leaves_room_for_trial_grace_and_warning(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    start(launcher, 0)
    poll(launcher, clock, 0.1)

    (script,) = (tmp_path / "sweep" / ".submitit").glob("*/*_submission.sh")

    assert f"#SBATCH --time={minutes_for(600, 10, 120)}" in script.read_text()
    assert 60 * minutes_for(600, 10, 120) >= 600 + 10 + 120 + 60


def test_close_cancels_what_is_left_and_waits_until_it_has_gone(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock
) -> None:
    start(launcher, 0)
    poll(launcher, clock, 0.1)
    cluster.command("scancel", f'echo "100|CANCELLED" > {cluster.directory}/squeue.out')
    cluster.answer("squeue", "100|RUNNING")

    launcher.close()
    launcher.close()

    assert cluster.calls("scancel") == ["--quiet 100"]


def test_an_attempts_job_is_on_record(launcher: SlurmLauncher, clock: Clock, tmp_path: Path) -> None:
    start(launcher, 0)
    poll(launcher, clock, 0.1)

    assert json.loads(control(tmp_path, 0).job_file.read_text()) == {"slurm_job": "100"}


def test_a_job_that_has_its_result_may_end_as_a_script_does_although_the_sweep_is_over(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    """Exit handlers and threads of the last trial, that is; for half a minute at most."""
    start(launcher, 0, 1)
    poll(launcher, clock, 0.1)
    for number in (0, 1):
        result = {"began_s": 1.0, "directory": "/d", "outcome": "returned", "returned": {"": 0.5}}
        control(tmp_path, number).write_result(result)
    assert len(poll(launcher, clock, 0.1)) == 2
    cluster.answer("squeue", "100_0|RUNNING", "100_1|COMPLETED")
    cluster.command("scancel", f'echo "100_0|CANCELLED" > {cluster.directory}/squeue.out')
    closed_at = clock.now

    launcher.close()

    assert cluster.calls("scancel") == ["--quiet 100_0"]
    assert 30 <= clock.now - closed_at < 40


def test_jobs_that_slurm_does_not_start_are_told_in_one_line_and_cost_no_further_question(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    start(launcher, *range(6))
    jobs = [f"100_{number}" for number in range(6)]
    cluster.answer("squeue", "100_0|PENDING|Resources", *(f"{job}|PENDING|PartitionDown" for job in jobs[1:]))

    poll(launcher, clock, 180)

    told = "SLURM has not started jobs 100_1 100_2 100_3 and 2 more for a minute: PartitionDown"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"Warning: {told}. Look with squeue; Ctrl-C stops the sweep"
    ]
    assert len(cluster.calls("squeue")) <= 180 / 3 + 1


def test_what_sbatch_refuses_from_the_first_is_tried_twice_and_fails_every_trial(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """In its words, and not as lost: another attempt would be refused as well."""
    cluster.command("sbatch", REFUSE)
    start(launcher, *range(200))

    reports = poll(launcher, clock, 10)
    start(launcher, *range(200, 300))
    reports += poll(launcher, clock, 1)

    assert len(cluster.calls("sbatch")) == 2
    assert {(each.ended, each.lost, each.state, each.reason) for each in reports} == {
        (True, False, TrialState.FAILED, f"SLURM refuses its job: {WORDS}")
    }
    assert sorted(each.number for each in reports) == list(range(300))
    assert capfd.readouterr().err == ""


def test_what_sbatch_refuses_while_jobs_run_waits_and_is_told_once(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """There may be too many jobs for now."""
    start(launcher, 0)
    cluster.answer("squeue", "100|RUNNING|None")
    poll(launcher, clock, 1)
    cluster.command("sbatch", REFUSE)
    start(launcher, 1, 2)
    reports = poll(launcher, clock, 100)
    cluster.command("sbatch", TAKE)
    poll(launcher, clock, 30)

    assert reports == []
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    again = "The next try is when one has ended, or in 30 s; Ctrl-C stops the sweep"
    assert told == [f"Warning: SLURM takes no more jobs for now: {WORDS}. {again}"]
    assert len(cluster.calls("sbatch")) == 1 + 4 + 2


def test_a_refused_job_is_tried_again_as_soon_as_another_has_ended(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    start(launcher, 0)
    cluster.answer("squeue", "100|RUNNING|None")
    poll(launcher, clock, 1)
    cluster.command("sbatch", REFUSE)
    start(launcher, 1)
    poll(launcher, clock, 5)
    result = {"began_s": 1.0, "directory": "/d", "outcome": "returned", "returned": {"": 0.5}}
    control(tmp_path, 0).write_result(result)
    cluster.command("sbatch", TAKE)

    poll(launcher, clock, 4)

    assert control(tmp_path, 1).job()


def test_as_many_jobs_are_submitted_as_the_cluster_takes(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    """An array of all is refused; one job is not, nor two, nor four."""
    cluster.command("sbatch", f'grep -q "array=0-[4-9]" "$1" && {{ {REFUSE}; }}\n{TAKE}')
    start(launcher, *range(9))

    reports = poll(launcher, clock, 10)

    assert reports == []
    assert [bool(control(tmp_path, number).job()) for number in range(9)] == [True] * 9
    assert len(cluster.calls("sbatch")) == 1 + 4


def test_a_stop_reaches_what_waits_to_be_submitted(launcher: SlurmLauncher, cluster: Cluster, clock: Clock) -> None:
    cluster.command("sbatch", REFUSE)
    start(launcher, 0)
    poll(launcher, clock, 0.1)

    launcher.stop(0, StopRequest(TrialState.CANCELLED, "enough"), 10.0)
    (report,) = poll(launcher, clock, 10)

    assert (report.state, report.reason) == (TrialState.CANCELLED, "enough")
    assert len(cluster.calls("sbatch")) == 1


def test_a_terminals_ctrl_c_does_not_reach_sbatch(launcher: SlurmLauncher, cluster: Cluster, clock: Clock) -> None:
    """The job might be in the queue by then, and its number lost."""
    cluster.command("sbatch", f"kill -INT $$; {TAKE}")
    start(launcher, 0)
    poll(launcher, clock, 0.1)

    launcher.stop(0, StopRequest(TrialState.CANCELLED, "enough"), 10.0)

    assert cluster.calls("scancel") == ["--quiet 1"]


def test_a_host_without_slurm_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    app = App(tmp_path)

    run = app.run("--multirun", "x=1,2", "hydra/launcher=submitit_slurm", environment={"PATH": str(tmp_path)})

    assert run.code == 1
    assert run.err.startswith(
        "hydra/launcher: needs SLURM's commands on this host; got no sbatch, srun, squeue, scancel."
        " Start the sweep where jobs are submitted from."
    )
    assert not run.sweep.exists()
