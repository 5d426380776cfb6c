"""What a trial's process says of itself, and how it hears the stop."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.trial import StopRequest, TrialState
from azsweep_core.trial_process import STOP_SIGNAL, TaskFailed, TrialStopped, run_task

REQUEST = StopRequest(TrialState.TERMINATED, "bandit: too slow")


@pytest.fixture
def control(tmp_path: Path) -> ControlDir:
    return ControlDir.create(tmp_path, 7, 1)


class HostileError(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def raising(error: BaseException) -> Any:
    def task() -> None:
        raise error

    return task


def test_a_task_that_knows_why_it_failed_is_taken_at_its_word(control: ControlDir) -> None:
    """No exception is shown beside it, and the process ends with the code that it names."""
    with pytest.raises(SystemExit) as ended:
        run_task(control, raising(TaskFailed("the command exited with code 3; see x", "code 3", 3)), "/d")

    report = attempts.ended(control, 7, 3, None)
    assert ended.value.code == 3
    assert (report.state, report.reason) == (TrialState.FAILED, "the command exited with code 3; see x")
    assert (report.failure, report.lost) == ("code 3", False)


class TestResult:
    """The result file holds what the task returned or raised, as plain values."""

    @pytest.mark.parametrize(
        ("value", "returned", "instead"),
        [
            pytest.param(0.5, {"": 0.5}, "", id="float"),
            pytest.param(3, {"": 3.0}, "", id="int"),
            pytest.param({"loss": 0.5, "note": "x"}, {"loss": 0.5}, "", id="mapping-keeps-its-numbers"),
            pytest.param(math.inf, {"": math.inf}, "", id="infinity"),
            pytest.param(None, {}, "", id="nothing"),
            pytest.param("0.5", {}, "str", id="text-is-no-number"),
            pytest.param(True, {}, "bool", id="a-truth-is-no-number"),
            pytest.param([0.5], {}, "list", id="list"),
        ],
    )
    def test_returned(self, control: ControlDir, value: Any, returned: dict[str, float], instead: str) -> None:
        assert run_task(control, lambda: value, "out/7") is value

        report = attempts.ended(control, 7, 0, None)
        assert report.state is TrialState.COMPLETED
        assert report.returned == returned
        assert report.returned_instead == instead
        assert report.directory == "out/7"

    def test_numpy_scalars_are_numbers(self, control: ControlDir) -> None:
        import numpy as np

        run_task(control, lambda: {"a": np.float32(0.5), "b": np.array([2]), "c": np.array([1, 2])}, "out")

        assert attempts.ended(control, 7, 0, None).returned == {"a": 0.5, "b": 2.0}

    def test_nan_is_written_as_json_knows_it(self, control: ControlDir) -> None:
        run_task(control, lambda: math.nan, "out")

        json.loads(control.result_file.read_text(), parse_constant=pytest.fail)
        assert math.isnan(attempts.ended(control, 7, 0, None).returned[""])

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            pytest.param(ValueError("bad lr"), "ValueError: bad lr", id="exception"),
            pytest.param(KeyboardInterrupt(), "KeyboardInterrupt", id="no-message"),
            pytest.param(SystemExit(3), "the task called sys.exit(3)", id="sys.exit"),
            pytest.param(SystemExit("bye"), "the task called sys.exit('bye')", id="sys.exit-text"),
            pytest.param(HostileError(), "HostileError: (its message cannot be shown: RuntimeError)", id="hostile"),
        ],
    )
    def test_raised(self, control: ControlDir, error: BaseException, reason: str) -> None:
        with pytest.raises(type(error)):
            run_task(control, raising(error), "out")

        report = attempts.ended(control, 7, 1, None)
        assert report.state is TrialState.FAILED
        assert report.reason == reason
        assert not report.lost

    def test_sys_exit_zero_is_a_normal_end(self, control: ControlDir) -> None:
        with pytest.raises(SystemExit):
            run_task(control, raising(SystemExit(0)), "out")

        assert attempts.ended(control, 7, 0, None).state is TrialState.COMPLETED

    def test_one_that_cannot_be_written_is_the_infrastructures(self, control: ControlDir) -> None:
        def task() -> float:
            shutil.rmtree(control.path)
            return 0.5

        with pytest.raises(SystemExit) as end:
            run_task(control, task, "out")

        assert isinstance(end.value.code, int)
        report = attempts.ended(control, 7, end.value.code, None)
        assert (report.lost, report.reason) == (
            True,
            f"{control.result_file} could not be written: the disk is full, read-only or out of reach",
        )


class TestVerdict:
    """Without a result of its own, an attempt is judged by how its process went."""

    def test_a_death_after_the_start_is_the_tasks_own_and_quotes_the_last_output(self, control: ControlDir) -> None:
        control.beat({"began_s": 1.0, "directory": "out"})
        control.output_file.write_text("one\ntwo\nCUDA out of memory\n")

        report = attempts.ended(control, 7, -9, None)

        assert (report.state, report.lost) == (TrialState.FAILED, False)
        assert report.reason == (
            "its process was killed by SIGKILL, as happens when memory runs out; its last output:\n"
            "one\ntwo\nCUDA out of memory"
        )

    def test_a_crash_is_quoted_with_what_was_said_before_and_where_it_happened(self, control: ControlDir) -> None:
        control.beat({"began_s": 1.0, "directory": "out"})
        frames = "".join(f'  File "train.py", line {number} in step\n' for number in range(9))
        control.output_file.write_text(
            "epoch 1\nepoch 2\nterminate called after throwing 'std::bad_alloc'\nFatal Python error: Aborted\n\n"
            f'Thread 0x1 (most recent call first):\n  File "watchdog.py", line 1 in run\n\n'
            f"Current thread 0x2 (most recent call first):\n{frames}\nExtension modules: {'numpy.linalg, ' * 999}"
        )

        report = attempts.ended(control, 7, -signal.SIGABRT, None)

        assert report.reason == (
            "its process was killed by SIGABRT; its last output:\n"
            "epoch 2\nterminate called after throwing 'std::bad_alloc'\nFatal Python error: Aborted\n"
            '  File "train.py", line 0 in step\n  File "train.py", line 1 in step\n  File "train.py", line 2 in step'
        )

    def test_what_the_launcher_printed_is_not_quoted(self, control: ControlDir) -> None:
        control.output_file.write_text("Launching 1 jobs locally\n")
        control.beat({"began_s": 1.0, "directory": "out", "output_from": control.output_size()})

        assert attempts.ended(control, 7, 1, None).reason == "its process exited with code 1"

    def test_a_death_before_the_start_is_the_infrastructures(self, control: ControlDir) -> None:
        assert attempts.ended(control, 7, -9, None).lost

    def test_a_launcher_that_raised_is_quoted(self, control: ControlDir) -> None:
        control.write_launch_error({"exception": "OSError", "message": "no queue", "traceback": ""})

        report = attempts.ended(control, 7, 1, None)

        assert report.lost
        assert report.reason == "the launcher failed before the task began: OSError: no queue"

    def test_a_stopped_attempt_has_the_state_and_reason_of_its_request(self, control: ControlDir) -> None:
        control.beat({"began_s": 1.0, "directory": "out"})

        report = attempts.ended(control, 7, -9, REQUEST)

        assert report.state is TrialState.TERMINATED
        assert report.reason == "bandit: too slow (it did not stop by itself and was killed by SIGKILL)"

    def test_a_result_that_made_it_before_the_stop_counts(self, control: ControlDir) -> None:
        run_task(control, lambda: 0.5, "out")

        assert attempts.ended(control, 7, 0, REQUEST).state is TrialState.COMPLETED


def run_here(control: ControlDir, task: Callable[[], Any]) -> BaseException | None:
    try:
        run_task(control, task, "out")
    except BaseException as error:  # noqa: BLE001 - the test looks at it
        return error
    return None


def run_in_thread(control: ControlDir, task: Callable[[], Any]) -> BaseException | None:
    raised: list[BaseException | None] = []
    thread = threading.Thread(target=lambda: raised.append(run_here(control, task)))
    thread.start()
    thread.join(20)
    return raised[0]


class TestStop:
    """A stop file raises TrialStopped in the task, wherever it waits."""

    def test_a_blocking_sleep_is_interrupted_and_finally_blocks_run(self, control: ControlDir) -> None:
        seen: list[str] = []

        def task() -> None:
            control.request_stop(REQUEST, 10.0)
            try:
                time.sleep(60)
            finally:
                seen.append("finally")

        with pytest.raises(TrialStopped, match=r"^bandit: too slow$"):
            run_task(control, task, "out")

        assert seen == ["finally"]
        assert attempts.ended(control, 7, 1, REQUEST).state is TrialState.TERMINATED

    def test_the_signal_alone_is_enough(self, control: ControlDir) -> None:
        """As where no stop file can be written."""

        def task() -> None:
            os.kill(os.getpid(), STOP_SIGNAL)
            time.sleep(60)

        with pytest.raises(TrialStopped, match=r"^its sweep cannot go on$"):
            run_task(control, task, "out")

    def test_a_careless_except_does_not_swallow_it(self, control: ControlDir) -> None:
        def task() -> None:
            control.request_stop(REQUEST, 10.0)
            while True:
                with contextlib.suppress(Exception):
                    time.sleep(60)

        with pytest.raises(TrialStopped):
            run_task(control, task, "out")

    def test_a_task_that_saves_a_checkpoint_and_returns_has_completed(self, control: ControlDir) -> None:
        def task() -> float:
            control.request_stop(REQUEST, 10.0)
            try:
                time.sleep(60)
            except TrialStopped:
                return 0.25
            return math.nan

        assert run_task(control, task, "out") == 0.25

    @pytest.mark.parametrize("in_thread", [False, True], ids=["main-thread", "other-thread"])
    def test_a_database_transaction_of_mlflow_is_not_interrupted(self, control: ControlDir, in_thread: bool) -> None:
        """A connection left in the middle of one would lock the store for every other trial."""
        seen: list[str] = []
        store = {"__name__": "mlflow.store.tracking.sqlalchemy_store", "seen": seen, "time": time}
        exec("def write():\n for _ in range(6):\n  time.sleep(0.1)\n seen.append('committed')\n", store)

        def task() -> None:
            control.request_stop(REQUEST, 10.0)
            store["write"]()  # type: ignore[operator]
            seen.append("after")
            while True:
                time.sleep(0.01)

        raised = run_in_thread(control, task) if in_thread else run_here(control, task)

        assert isinstance(raised, TrialStopped)
        assert seen[0] == "committed"

    def test_an_error_while_cleaning_up_after_the_stop_is_still_a_stop(self, control: ControlDir) -> None:
        def task() -> None:
            control.request_stop(REQUEST, 10.0)
            try:
                time.sleep(60)
            finally:
                raise OSError("the store is locked")

        with pytest.raises(OSError, match="locked"):
            run_task(control, task, "out")

        assert attempts.ended(control, 7, 1, REQUEST).state is TrialState.TERMINATED

    def test_a_task_outside_the_main_thread_is_stopped_too(self, control: ControlDir) -> None:
        def task() -> None:
            control.request_stop(REQUEST, 10.0)
            while True:
                sum(range(1000))

        assert isinstance(run_in_thread(control, task), TrialStopped)


def test_the_control_files_exist_before_the_attempt_starts(tmp_path: Path) -> None:
    control = ControlDir.create(tmp_path, 3, 2)

    assert control.path == tmp_path / ".azsweep" / "trials" / "3" / "2"
    assert control.stop_file.read_text().isspace()
    assert control.heartbeat() is None
    assert control.stop_request() is None
    assert control.last_output() == ""
