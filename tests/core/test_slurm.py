"""What SLURM says of jobs is understood, and its silence is no answer. The commands are stand-ins with real output."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from azsweep_core.slurm import JobEnd, SlurmQueue, how_it_ended, is_over
from azsweep_core.trial import TrialState

StandIn = Callable[..., None]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Puts a command on the path that prints a text, notes its arguments in a file of its name, and ends so."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def make(name: str, output: str = "", code: int = 0) -> None:
        (tmp_path / f"{name}.output").write_text(output, encoding="utf-8")
        script = f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.calls\ncat {tmp_path}/{name}.output\nexit {code}\n'
        (tmp_path / name).write_text(script, encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    return make


@pytest.mark.parametrize(
    ("state", "trial_state", "words"),
    [
        pytest.param("NODE_FAIL", None, "was lost: its node failed", id="infrastructure"),
        pytest.param("PREEMPTED", None, "was preempted", id="preempted"),
        pytest.param("TIMEOUT", TrialState.TIMED_OUT, "reached its time limit", id="time"),
        pytest.param("OUT_OF_MEMORY", TrialState.FAILED, "ran out of memory", id="memory"),
        pytest.param("CANCELLED", TrialState.CANCELLED, "was cancelled by somebody else than this sweep", id="scancel"),
        pytest.param("FAILED", TrialState.FAILED, "ended as FAILED", id="failed"),
        pytest.param("COMPLETED", TrialState.FAILED, "ended as COMPLETED", id="no-result"),
        pytest.param("SOMETHING_NEW", TrialState.FAILED, "ended as SOMETHING_NEW", id="unknown"),
    ],
)
def test_each_final_state_has_a_verdict_in_words(state: str, trial_state: TrialState | None, words: str) -> None:
    assert is_over(state)
    assert how_it_ended(state) == JobEnd(trial_state, words)


@pytest.mark.parametrize("state", ["PENDING", "REQUEUED", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING"])
def test_a_job_that_waits_runs_or_is_about_to_end_is_not_over(state: str) -> None:
    assert not is_over(state)


def test_one_call_tells_of_all_jobs_and_only_of_those_asked_for(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("squeue", "12|RUNNING\n13_0|PENDING\n13_1|COMPLETED\n99|RUNNING\n")

    states = SlurmQueue().states({"12", "13_0", "13_1", "14"})

    assert states == {"12": "RUNNING", "13_0": "PENDING", "13_1": "COMPLETED"}
    assert len((tmp_path / "squeue.calls").read_text().splitlines()) == 1


def test_accounting_words_are_read_as_states(stand_in: StandIn) -> None:
    stand_in("sacct", "12|CANCELLED by 1000\n13_0|CANCELLED+\n12.batch|CANCELLED\n14|OUT_OF_MEMORY\n")

    states = SlurmQueue().recorded_states({"12", "13_0", "14"})

    assert states == {"12": "CANCELLED", "13_0": "CANCELLED", "14": "OUT_OF_MEMORY"}


def test_a_controller_that_is_away_says_nothing_rather_than_that_all_jobs_are_gone(stand_in: StandIn) -> None:
    stand_in("squeue", "", code=1)

    assert SlurmQueue().states({"12"}) is None


def test_jobs_are_cancelled_with_one_call_and_none_without_jobs(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("scancel")

    SlurmQueue().cancel({"13_1", "12"})
    SlurmQueue().cancel(set())

    assert (tmp_path / "scancel.calls").read_text().splitlines() == ["--quiet 12 13_1"]
