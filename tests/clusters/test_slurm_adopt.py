"""What becomes of the attempts of a killed sweep whose trials were SLURM jobs: stand-ins for SLURM, a clock to turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError
from azsweep_core.ports import TrialReport
from azsweep_core.trial import StopRequest, Trial, TrialState
from benchmarks._slurm import Cluster
from hydra_plugins.hydra_azsweep_sweeper._slurm import SlurmLauncher
from tests.clusters.stand_ins import Clock, control, poll, start

BEAT: dict[str, Any] = {"began_s": 1.0, "directory": "/d"}
RETURNED: dict[str, Any] = {**BEAT, "outcome": "returned", "returned": {"": 0.5}}
USER = StopRequest(TrialState.CANCELLED, "stopped by Ctrl-C", by_user=True)
POLICY = StopRequest(TrialState.TERMINATED, "bandit")


def trial(number: int = 0, stopping: StopRequest | None = None) -> Trial:
    return Trial(number=number, parameters={}, attempt=1, state=TrialState.RUNNING, submitted_s=0.0, stopping=stopping)


@pytest.fixture
def left(tmp_path: Path) -> ControlDir:
    """The files of an attempt whose job is on record."""
    left = ControlDir.create(tmp_path / "sweep", 0, 1)
    left.note_job({"slurm_job": "100_0"})
    return left


def ends(reports: list[TrialReport]) -> list[TrialReport]:
    return [report for report in reports if report.ended]


@pytest.mark.parametrize(
    ("state", "words", "lost", "reason"),
    [
        pytest.param(TrialState.FAILED, "FAILED", False, "its SLURM job 100_0 ended as FAILED", id="failed"),
        pytest.param(
            TrialState.TIMED_OUT, "TIMEOUT", False, "its SLURM job 100_0 reached its time limit", id="timeout"
        ),
        pytest.param(
            TrialState.CANCELLED,
            "CANCELLED",
            False,
            "its SLURM job 100_0 was cancelled by somebody else than this sweep",
            id="scancel",
        ),
        pytest.param(None, "NODE_FAIL", True, "its SLURM job 100_0 was lost: its node failed", id="node"),
    ],
)
def test_a_job_that_has_ended_meanwhile_is_judged_as_an_own_one(
    launcher: SlurmLauncher,
    cluster: Cluster,
    clock: Clock,
    left: ControlDir,
    state: TrialState | None,
    words: str,
    lost: bool,
    reason: str,
) -> None:
    left.beat(BEAT)
    cluster.answer("sacct", f"100_0|{words}")

    launcher.adopt([trial()])
    (report,) = ends(poll(launcher, clock, 20))

    assert (report.lost, report.with_sweep, report.reason) == (lost, False, reason)
    assert state in (None, report.state)


def test_a_job_that_still_runs_is_waited_for_and_its_result_counts(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir
) -> None:
    left.beat(BEAT)
    cluster.answer("squeue", "100_0|RUNNING")

    launcher.adopt([trial()])
    waiting = poll(launcher, clock, 100)
    left.write_result(RETURNED)
    (end,) = poll(launcher, clock, 1)

    assert [(report.ended, report.began_s, report.directory) for report in waiting] == [(False, 1.0, "/d")]
    assert (end.state, end.returned) == (TrialState.COMPLETED, {"": 0.5})


def test_one_that_finished_meanwhile_counts_without_a_question(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir
) -> None:
    left.write_result(RETURNED)

    launcher.adopt([trial()])
    (end,) = poll(launcher, clock, 0.1)

    assert (end.state, end.returned) == (TrialState.COMPLETED, {"": 0.5})


def test_a_trial_that_is_stopped_now_has_its_job_cancelled_after_its_grace(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir
) -> None:
    left.beat(BEAT)
    cluster.answer("squeue", "100_0|RUNNING")
    launcher.adopt([trial()])

    launcher.stop(0, POLICY, 10.0)
    poll(launcher, clock, 5)
    early = cluster.calls("scancel")
    poll(launcher, clock, 15)

    assert left.stop_request() == POLICY
    assert (early, cluster.calls("scancel")) == ([], ["--quiet 100_0"])


@pytest.mark.parametrize("exists", [True, False])
def test_an_attempt_that_was_not_submitted_is_lost_with_its_sweep(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path, exists: bool
) -> None:
    """Whether its files are there or not. Should its job be in the queue all the same, it is told to end."""
    if exists:
        ControlDir.create(tmp_path / "sweep", 0, 1).job_file.touch()

    launcher.adopt([trial()])
    (report,) = poll(launcher, clock, 0.1)

    assert (report.ended, report.lost, report.with_sweep) == (True, True, True)
    assert (control(tmp_path, 0).stop_request() is not None) == exists
    assert control(tmp_path, 0).path.exists() == exists


def test_a_launch_error_that_was_left_is_told(launcher: SlurmLauncher, clock: Clock, tmp_path: Path) -> None:
    left = ControlDir.create(tmp_path / "sweep", 0, 1)
    left.write_launch_error({"exception": "PicklingError", "message": "no", "traceback": ""})

    launcher.adopt([trial()])
    (report,) = poll(launcher, clock, 0.1)

    assert (report.lost, report.with_sweep) == (True, False)
    assert report.reason == "the launcher failed before the task began: PicklingError: no"


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ControlDir:
    """The files of an attempt whose job begins, and notes its number, just when it is told not to."""
    left = ControlDir.create(tmp_path / "sweep", 0, 1)
    left_behind = attempts.left_behind

    def and_begins(control: ControlDir, number: int) -> TrialReport:
        report = left_behind(control, number)
        control.note_job({"slurm_job": "100_0"})
        return report

    monkeypatch.setattr(attempts, "left_behind", and_begins)
    return left


def test_a_job_that_begins_as_it_is_told_not_to_is_cancelled_and_waited_for(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, late: ControlDir
) -> None:
    """Else two attempts would run in one directory; be its task over or not, which may clean up."""
    cluster.answer("squeue", "100_0|RUNNING")

    launcher.adopt([trial()])
    late.write_result({**BEAT, "outcome": "stopped", "reason": "", "ended_s": 2.0})
    early = ends(poll(launcher, clock, 60))
    cluster.answer("squeue", "100_0|CANCELLED")
    (report,) = ends(poll(launcher, clock, 20))

    assert early == []
    assert cluster.calls("scancel") == ["--quiet 100_0"]
    assert report.by_user  # so that the trial runs again, and no limit counts it


def test_a_job_that_begins_as_it_is_told_not_to_and_finishes_counts(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, late: ControlDir
) -> None:
    launcher.adopt([trial()])
    late.write_result(RETURNED)
    (report,) = ends(poll(launcher, clock, 60))

    assert (report.state, report.by_user, report.returned) == (TrialState.COMPLETED, False, {"": 0.5})


@pytest.mark.parametrize("recorded", [True, False])
def test_a_trial_that_the_user_stopped_runs_again_only_when_its_job_is_over(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir, recorded: bool
) -> None:
    """Be the stop in the ledger, or only among the attempt's files."""
    left.beat(BEAT)
    if not recorded:
        left.request_stop(USER, 2.0)
    cluster.answer("squeue", "100_0|RUNNING")

    launcher.adopt([trial(stopping=USER if recorded else None)])
    left.write_result({**BEAT, "outcome": "stopped", "reason": "", "ended_s": 2.0})
    early = ends(poll(launcher, clock, 60))
    cluster.answer("squeue", "100_0|CANCELLED")
    (report,) = ends(poll(launcher, clock, 20))

    assert early == []
    assert (report.state, report.by_user) == (TrialState.CANCELLED, True)


def test_what_a_sweep_cancels_at_its_own_failure_runs_again_when_it_is_resumed(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir
) -> None:
    """It is not taken for cancelled by somebody else."""
    left.beat(BEAT)
    cluster.command("scancel", f'echo "100_0|CANCELLED" > {cluster.directory}/squeue.out')
    cluster.answer("squeue", "100_0|RUNNING")
    launcher.adopt([trial()])
    launcher.close()

    launcher.adopt([trial()])
    (report,) = ends(poll(launcher, clock, 20))

    assert report.by_user


@pytest.mark.parametrize("job", ["--user=root", "1;rm", "", "100_[1-4]", None, 3.5, ["1"]], ids=repr)
def test_only_a_jobs_number_is_ever_given_to_slurm(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir, job: object
) -> None:
    left.job_file.write_text(json.dumps({"slurm_job": job}))

    launcher.adopt([trial()])
    (report,) = poll(launcher, clock, 0.1)
    launcher.close()

    assert report.with_sweep
    assert cluster.calls("scancel") + cluster.calls("sacct") == []


def test_an_attempt_that_may_still_run_elsewhere_is_refused(launcher: SlurmLauncher, left: ControlDir) -> None:
    left.note_job({"ray_owner": "ab12"})

    with pytest.raises(AzsweepError, match=r"^hydra/launcher: trial 0 may still run as task of the Ray actor ab12"):
        launcher.adopt([trial()])


def test_jobs_that_were_taken_over_show_that_slurm_takes_jobs(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir
) -> None:
    """So what it refuses now waits, instead of ending the sweep."""
    cluster.answer("squeue", "100_0|RUNNING")
    cluster.command("sbatch", "exit 1")
    launcher.adopt([trial()])
    start(launcher, 1)

    assert poll(launcher, clock, 100) == []


def test_jobs_of_which_the_coordinator_before_had_no_number_are_cancelled_and_no_others(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, left: ControlDir, tmp_path: Path
) -> None:
    """They would do nothing when they begin; until then they wait, and with them whatever they have asked for."""
    ControlDir.create(tmp_path / "sweep", 1, 1).job_file.touch()
    queue = {"100_0": "sweep/.submitit", "100_1": "sweep/.submitit", "101": "other/.submitit", "102": "sweep2"}
    lines = [f"{job:64}{tmp_path}/{path}/%j/%j_0_log.out" for job, path in queue.items()]
    cluster.answer("squeue", *lines, f"{'103':64}N/A", "104")

    launcher.adopt([trial(0), trial(1)])

    assert cluster.calls("scancel") == ["--quiet 100_1"]
