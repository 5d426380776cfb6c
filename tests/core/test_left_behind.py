"""What an attempt whose coordinator was killed has left, and what becomes of the processes it had started."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from azsweep_core import attempts, leftovers
from azsweep_core.control import ControlDir
from azsweep_core.coordinator import Presence, request_stop
from azsweep_core.errors import AzsweepError
from azsweep_core.events import SweepStarted, TrialEnded, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.leftovers import clear_leftovers
from azsweep_core.lock import SweepLock
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Launch
from azsweep_core.recovery import unrecorded
from azsweep_core.signals import StopSignals
from azsweep_core.trial import StopRequest, TrialState

BEGAN = {"began_s": 5.0, "directory": "/sweep/7"}


@pytest.fixture
def control(tmp_path: Path) -> ControlDir:
    return ControlDir.create(tmp_path, 7, 1)


class TestReports:
    """How an attempt ended is read from its files; without a word it was lost with its sweep."""

    def test_without_a_word_it_was_lost_with_its_sweep(self, control: ControlDir) -> None:
        control.beat(BEGAN)

        report = attempts.left_behind(control, 7)

        assert (report.ended, report.lost, report.with_sweep, report.began_s) == (True, True, True, 5.0)

    def test_an_attempt_that_was_never_launched_was_lost_too(self, tmp_path: Path) -> None:
        assert attempts.left_behind(ControlDir.of(tmp_path, 8, 1), 8).with_sweep

    def test_a_result_is_a_result(self, control: ControlDir) -> None:
        control.write_result({**BEGAN, "outcome": "returned", "returned": {"": 0.5}})

        report = attempts.left_behind(control, 7)

        assert (report.lost, report.state, report.returned) == (False, TrialState.COMPLETED, {"": 0.5})

    def test_an_exit_that_somebody_saw_is_the_tasks_own(self, control: ControlDir) -> None:
        control.beat(BEGAN)
        control.note_exit(-11)

        report = attempts.left_behind(control, 7)

        assert (report.lost, report.state) == (False, TrialState.FAILED)
        assert report.reason.startswith("its process was killed by SIGSEGV")

    def test_a_task_that_heard_the_users_stop_runs_again(self, control: ControlDir) -> None:
        control.request_stop(StopRequest(TrialState.CANCELLED, "stopped by Ctrl-C", by_user=True), 10.0)
        control.write_result({**BEGAN, "outcome": "stopped", "reason": "stopped by Ctrl-C"})

        report = attempts.left_behind(control, 7)

        assert (report.state, report.by_user) == (TrialState.CANCELLED, True)


class TestConclusions:
    """A trial that is over has a result file, whoever had to write it."""

    END = TrialEnded(time_s=9.0, number=7, state=TrialState.TIMED_OUT, reason="too slow", failure="x")

    def test_the_coordinator_writes_what_the_trial_could_not(self, control: ControlDir) -> None:
        control.beat(BEGAN)

        attempts.conclude(control, self.END)

        report = attempts.left_behind(control, 7)
        assert (report.state, report.reason, report.failure) == (TrialState.TIMED_OUT, "too slow", "x")
        assert (report.began_s, report.directory) == (5.0, "/sweep/7")

    def test_a_trials_own_word_stands(self, control: ControlDir) -> None:
        control.write_result({**BEGAN, "outcome": "returned", "returned": {}})

        attempts.conclude(control, self.END)

        assert attempts.left_behind(control, 7).state is TrialState.COMPLETED

    def test_a_trial_that_will_run_again_is_not_over(self, control: ControlDir) -> None:
        attempts.conclude(control, TrialEnded(time_s=9.0, number=7, state=TrialState.CANCELLED, by_user=True))

        assert control.result() is None


class TestJobsOfOtherLaunchers:
    """What may still run where a launcher cannot see it is refused, not started a second time."""

    @pytest.mark.parametrize("kind", ["slurm_job", "ray_owner"])
    def test_they_are_refused_in_words(self, kind: str, control: ControlDir) -> None:
        control.note_job({kind: "77"})

        with pytest.raises(AzsweepError, match=r"^hydra/launcher: trial 7 may still run as .* 77\. Resume with the"):
            attempts.refuse_job_of_another(control, 7)

        attempts.refuse_job_of_another(control, 7, own=kind)

    def test_unless_they_are_over(self, control: ControlDir) -> None:
        control.note_job({"slurm_job": "77"})
        control.write_result({**BEGAN, "outcome": "returned", "returned": {}})

        attempts.refuse_job_of_another(control, 7)


class TestRecovery:
    """Launches that the ledger has forgotten are found by their files."""

    def history(self) -> History:
        history = History(Objective("loss", Goal.MINIMIZE))
        history.apply(SweepStarted(time_s=0.0, spec={}))
        history.apply(TrialSubmitted(time_s=1.0, number=0, attempt=1, parameters={"x": 0}))
        return history

    def launched(self, directory: Path, number: int, attempt: int) -> None:
        launch = Launch(number=number, attempt=attempt, parameters={"x": {1: float("inf")}}, environment={})
        attempts.prepare(directory, launch, None)

    def test_nothing_is_made_up(self, tmp_path: Path) -> None:
        self.launched(tmp_path, 0, 1)

        assert list(unrecorded(self.history(), tmp_path, 9.0)) == []

    def test_further_trials_and_further_attempts_are_found(self, tmp_path: Path) -> None:
        for number, attempt in ((0, 1), (0, 2), (0, 3), (1, 1), (2, 1), (2, 2)):
            self.launched(tmp_path, number, attempt)
        history = self.history()

        for event in list(unrecorded(history, tmp_path, 9.0)):
            history.apply(event)

        assert [(trial.number, trial.attempt) for trial in history.active] == [(0, 3), (1, 1), (2, 2)]
        assert history[2].parameters == {"x": {1: float("inf")}}
        assert [trial.losses for trial in history.trials] == [0, 0, 0]

    def test_a_directory_whose_launch_never_came_is_none(self, tmp_path: Path) -> None:
        ControlDir.create(tmp_path, 1, 1)

        assert list(unrecorded(self.history(), tmp_path, 9.0)) == []


@contextmanager
def process(directory: Path, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=directory, **streams) as sleeping:
        yield sleeping
        sleeping.kill()


class TestLeftovers:
    """Before a sweep goes on, nothing of its earlier trials runs here any more."""

    def test_what_writes_to_a_trials_output_is_waited_for_and_killed(
        self, control: ControlDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leftovers, "_KILL_AFTER_S", 0.2)
        with control.output_file.open("wb") as output, process(tmp_path, stdout=output) as trial:
            clear_leftovers(tmp_path)

            assert trial.poll() == -9

    def test_a_reader_is_left_alone(self, control: ControlDir, tmp_path: Path) -> None:
        control.output_file.touch()
        with control.output_file.open("rb") as output, process(tmp_path, pass_fds=(output.fileno(),)) as reader:
            clear_leftovers(tmp_path)

            assert reader.poll() is None

    def test_another_sweeps_trials_are_left_alone(self, control: ControlDir, tmp_path: Path) -> None:
        other = tmp_path / "other"
        with control.output_file.open("wb") as output, process(tmp_path, stdout=output) as trial:
            clear_leftovers(other)

            assert trial.poll() is None


class TestPresence:
    """`azsweep stop` is heard by the coordinator that runs, wherever it is asked from; not by a later one."""

    @pytest.mark.parametrize(("kill", "count"), [(False, 1), (True, 2)])
    def test_a_stop_counts_as_one_signal_and_a_kill_as_two(self, kill: bool, count: int, tmp_path: Path) -> None:
        signals = StopSignals()
        presence = Presence(tmp_path, SweepLock(tmp_path), signals)

        request_stop(tmp_path, kill=kill)
        presence.turn()

        assert (signals.count, signals.name) == (count, "azsweep stop")

    def test_what_was_asked_of_an_earlier_coordinator_is_forgotten(self, tmp_path: Path) -> None:
        lock = SweepLock(tmp_path)
        request_stop(tmp_path, kill=True)

        Presence(tmp_path, lock, signals := StopSignals()).turn()

        assert signals.count == 0

    @pytest.mark.parametrize("content", ["", "{", "7", '{"requests": []}', json.dumps({"other": 1})])
    def test_what_is_no_request_is_none(self, content: str, tmp_path: Path) -> None:
        presence = Presence(tmp_path, SweepLock(tmp_path), signals := StopSignals())
        (tmp_path / ".azsweep" / "stop").write_text(content, encoding="utf-8")

        presence.turn()

        assert signals.count == 0
