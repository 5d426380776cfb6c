"""What SLURM says of jobs is understood, and its silence is no answer. The commands are stand-ins with real output."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from azsweep_core.slurm import JobEnd, Obstacles, QueueView, SlurmQueue, how_it_ended, is_over
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
    stand_in("squeue", "12|RUNNING|None\n13_0|PENDING|Resources\n13_1|COMPLETED|None\n99|RUNNING|None\n")

    view = SlurmQueue().look({"12", "13_0", "13_1", "14"})

    assert view == QueueView({"12": "RUNNING", "13_0": "PENDING", "13_1": "COMPLETED"}, obstacles={})
    assert len((tmp_path / "squeue.calls").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "reason", ["None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime", "Dependency", ""]
)
def test_who_has_to_wait_his_turn_meets_no_obstacle(stand_in: StandIn, reason: str) -> None:
    stand_in("squeue", f"12|PENDING|{reason}\n")

    assert SlurmQueue().look({"12"}) == QueueView({"12": "PENDING"}, obstacles={})


@pytest.mark.parametrize(
    "reason", ["PartitionDown", "PartitionTimeLimit", "BadConstraints", "ReqNodeNotAvail, UnavailableNodes:n[1-4]"]
)
def test_what_keeps_a_job_from_ever_starting_is_an_obstacle(stand_in: StandIn, reason: str) -> None:
    stand_in("squeue", f"12|PENDING|{reason}\n13|RUNNING|{reason}\n")

    view = SlurmQueue().look({"12", "13"})

    assert view is not None
    assert view.obstacles == {"12": reason}


def test_an_obstacle_is_told_once_however_the_nodes_that_it_names_change() -> None:
    obstacles = Obstacles()

    said = [
        *obstacles.news({"1": "ReqNodeNotAvail, UnavailableNodes:a"}, now=0),
        *obstacles.news({"1": "ReqNodeNotAvail, UnavailableNodes:a,b"}, now=60),
        *obstacles.news({"1": "ReqNodeNotAvail, UnavailableNodes:b"}, now=120),
        *obstacles.news({"1": "ReqNodeNotAvail, UnavailableNodes:b", "2": "PartitionDown"}, now=180),
        *obstacles.news({"1": "ReqNodeNotAvail, UnavailableNodes:b", "2": "PartitionDown"}, now=240),
    ]

    advice = "Look with squeue; Ctrl-C stops the sweep"
    assert said == [
        f"SLURM has not started job 1 for a minute: ReqNodeNotAvail, UnavailableNodes:a,b. {advice}",
        f"SLURM has not started job 2 for a minute: PartitionDown. {advice}",
    ]


def test_an_obstacle_that_goes_within_a_minute_is_not_told() -> None:
    obstacles = Obstacles()

    said = [*obstacles.news({"1": "NodeDown"}, now=0), *obstacles.news({}, now=30)]
    said += [*obstacles.news({"1": "NodeDown"}, now=40), *obstacles.news({"1": "NodeDown"}, now=99)]

    assert said == []


def test_accounting_words_are_read_as_states(stand_in: StandIn) -> None:
    stand_in("sacct", "12|CANCELLED by 1000\n13_0|CANCELLED+\n12.batch|CANCELLED\n14|OUT_OF_MEMORY\n")

    states = SlurmQueue().recorded_states({"12", "13_0", "14"})

    assert states == {"12": "CANCELLED", "13_0": "CANCELLED", "14": "OUT_OF_MEMORY"}


def test_a_controller_that_is_away_says_nothing_rather_than_that_all_jobs_are_gone(stand_in: StandIn) -> None:
    stand_in("squeue", "", code=1)

    assert SlurmQueue().look({"12"}) is None


def test_jobs_are_cancelled_with_one_call_and_none_without_jobs(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("scancel")

    SlurmQueue().cancel({"13_1", "12"})
    SlurmQueue().cancel(set())

    assert (tmp_path / "scancel.calls").read_text().splitlines() == ["--quiet 12 13_1"]
