"""The tests' own SLURM does what tests of sweeps rely on, within seconds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from azsweep_core.slurm import QueueView, SlurmQueue
from tests.clusters.slurm import Slurm, wait_until

EVERY_CPU = "--cpus-per-task=8"


@pytest.fixture
def name(slurm: Slurm) -> Iterator[str]:
    """A name for jobs, none of which is left when the test ends."""
    name = f"smoke-{uuid.uuid4().hex[:8]}"
    yield name
    slurm.cancel(name)
    wait_until(lambda: not slurm.queue(name), "an empty queue")


def test_a_job_runs_at_once_and_accounting_knows_its_end(slurm: Slurm, name: str, tmp_path: Path) -> None:
    job = slurm.submit(f"echo $SLURM_JOB_ID > {tmp_path}/out", f"--job-name={name}")

    slurm.wait_for(job, "COMPLETED", timeout_s=10)

    assert (tmp_path / "out").read_text() == f"{job}\n"
    wait_until(lambda: not slurm.queue(name), "an empty queue")


@pytest.mark.parametrize("script", ["exit 3", "kill -SEGV $$"])
def test_a_job_that_breaks_has_failed(slurm: Slurm, name: str, script: str) -> None:
    job = slurm.submit(script, f"--job-name={name}")

    slurm.wait_for(job, "FAILED", timeout_s=10)


def test_a_queue_is_that_of_one_name_and_has_every_task_of_an_array(slurm: Slurm, name: str) -> None:
    array = slurm.submit("sleep 60", f"--job-name={name}-a", "--array=0-2%1")
    job = slurm.submit("sleep 60", f"--job-name={name}-b")
    wait_until(lambda: list(slurm.queue(name).values()).count("RUNNING") == 2, "two running jobs")

    assert slurm.queue(f"{name}-b") == {job: "RUNNING"}
    assert slurm.queue(f"{name}-a") == {f"{array}_0": "RUNNING", f"{array}_1": "PENDING", f"{array}_2": "PENDING"}


def test_a_cancelled_job_leaves_the_queue_and_others_stay(slurm: Slurm, name: str) -> None:
    job, other = (slurm.submit("sleep 60", f"--job-name={name}") for _ in range(2))
    wait_until(lambda: list(slurm.queue(name).values()) == ["RUNNING", "RUNNING"], "two running jobs")

    slurm.run("scancel", job)

    slurm.wait_for(job, "CANCELLED", timeout_s=10)
    wait_until(lambda: slurm.queue(name) == {other: "RUNNING"}, "a queue with the other job alone")


def test_eight_jobs_run_at_once_and_the_ninth_waits(slurm: Slurm, name: str) -> None:
    jobs = [slurm.submit("sleep 60", f"--job-name={name}") for _ in range(9)]

    wait_until(lambda: list(slurm.queue(name).values()).count("RUNNING") == 8, "eight running jobs")

    assert slurm.queue(name)[jobs[-1]] == "PENDING"


def test_two_jobs_at_once_are_given_different_gpus(slurm: Slurm, name: str, tmp_path: Path) -> None:
    script = f"echo $CUDA_VISIBLE_DEVICES > {tmp_path}/$SLURM_JOB_ID; sleep 60"
    jobs = [slurm.submit(script, f"--job-name={name}", "--gres=gpu:1") for _ in range(2)]

    files = [tmp_path / job for job in jobs]
    wait_until(lambda: all(file.exists() and file.read_text() for file in files), "two jobs that have written")

    assert {file.read_text() for file in files} == {"0\n", "1\n"}


def test_a_job_of_low_is_requeued_by_a_better_one_and_runs_again(slurm: Slurm, name: str, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    starts.touch()
    script = f'echo "start ${{SLURM_RESTART_COUNT-0}}" >> {starts}; test "$SLURM_RESTART_COUNT" || sleep 60'
    job = slurm.submit(script, f"--job-name={name}", "--partition=low", EVERY_CPU)
    wait_until(lambda: starts.read_text() == "start 0\n", "the first start")

    better = slurm.submit("true", f"--job-name={name}", "--partition=debug", EVERY_CPU)

    slurm.wait_for(better, "COMPLETED")
    slurm.wait_for(job, "COMPLETED")
    assert starts.read_text() == "start 0\nstart 1\n"


def test_a_job_of_lowcancel_is_cancelled_by_a_better_one(slurm: Slurm, name: str) -> None:
    job = slurm.submit("sleep 60", f"--job-name={name}", "--partition=lowcancel", EVERY_CPU)
    wait_until(lambda: slurm.queue(name) == {job: "RUNNING"}, "a running job")

    better = slurm.submit("true", f"--job-name={name}", EVERY_CPU)

    slurm.wait_for(better, "COMPLETED")
    slurm.wait_for(job, "PREEMPTED")
    wait_until(lambda: not slurm.queue(name), "an empty queue")


def test_a_job_that_cannot_start_is_told_from_one_that_waits_its_turn(
    slurm: Slurm, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in slurm.environment.items():
        monkeypatch.setenv(variable, value)
    busy = slurm.submit("sleep 60", f"--job-name={name}", EVERY_CPU)
    turn = slurm.submit("true", f"--job-name={name}", EVERY_CPU)
    slurm.run("scontrol", "update", "PartitionName=second", "State=DOWN")
    try:
        hindered = slurm.submit("true", f"--job-name={name}", "--partition=second")
        states = {busy: "RUNNING", turn: "PENDING", hindered: "PENDING"}
        expected = QueueView(states, obstacles={hindered: "PartitionDown"})
        wait_until(lambda: SlurmQueue().look(set(states)) == expected, "the reason")
    finally:
        slurm.run("scontrol", "update", "PartitionName=second", "State=UP")
