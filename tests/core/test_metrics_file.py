"""What a task reports with `log_metric` is read back as it was reported, however many processes report at once."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import azsweep_core
from azsweep_core import current_trial, log_metric
from azsweep_core.control import ControlDir
from azsweep_core.metrics_file import OUTPUT_VARIABLE, VARIABLE, MetricsReader
from azsweep_core.ports import Launch
from azsweep_core.trial import StopRequest, TrialState


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ControlDir:
    """The control directory of the attempt that this process runs for."""
    directory = ControlDir.create(tmp_path, 3, 2)
    monkeypatch.setenv(VARIABLE, str(directory.path))
    return directory


def read(control: ControlDir) -> list[tuple[str, int | None, float]]:
    return [(name, each.step, each.value) for name, each in MetricsReader(control.metrics_file).news()]


def test_reports_are_read_in_their_order(control: ControlDir) -> None:
    log_metric("loss", 0.5, step=1)
    log_metric("accuracy", 1)
    log_metric("loss", 0.5, step=1)

    assert read(control) == [("loss", 1, 0.5), ("accuracy", None, 1.0), ("loss", 1, 0.5)]


@given(st.floats())
def test_every_number_comes_back_as_it_was(value: float) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        control = ControlDir.create(Path(directory), 0, 1)
        patch.setenv(VARIABLE, str(control.path))
        log_metric("loss", value)
        ((_, _, found),) = read(control)

    assert found == value or (math.isnan(found) and math.isnan(value))


def test_numbers_of_libraries_are_numbers(control: ControlDir) -> None:
    import numpy as np

    log_metric("loss", np.float32(0.5), step=np.int64(2))
    log_metric("loss", np.array([0.25]).mean())

    assert read(control) == [("loss", 2, 0.5), ("loss", None, 0.25)]


@pytest.mark.parametrize("value", ["0.5", True, None, [0.5], object()], ids=lambda value: type(value).__name__)
def test_what_is_no_number_is_refused_in_words(control: ControlDir, value: object) -> None:
    with pytest.raises(TypeError, match=r"^log_metric: value must be a number; got "):
        log_metric("loss", value)  # type: ignore[arg-type]

    assert read(control) == []


def test_outside_of_a_sweep_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    log_metric("loss", 0.5)


def test_outside_of_a_sweep_a_stand_in_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that the same program runs by itself."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)

    trial = current_trial()

    assert not trial
    assert (trial.number, trial.attempt, trial.directory) == (0, 1, tmp_path)
    assert (trial.sweep_dir, trial.mlflow_run_id, dict(trial.parameters)) == (None, None, {})
    assert not trial.stop_requested


def test_the_current_trial_is_known_to_whatever_the_trial_starts(control: ControlDir, tmp_path: Path) -> None:
    program = "from azsweep_core import current_trial; trial = current_trial(); print(trial.number, trial.attempt)"

    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert printed.split() == ["3", "2"]


def test_a_trial_knows_all_about_itself(control: ControlDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {"+lr": 0.1, "layers": [1, 2], "name": None, "x": math.inf}
    control.note_launch(Launch(number=3, attempt=2, parameters=parameters, environment={}, mlflow_run_id="c0ffee"))
    monkeypatch.setenv(OUTPUT_VARIABLE, str(tmp_path / "3"))

    trial = current_trial()

    assert trial
    assert trial == azsweep_core.CurrentTrial(
        number=3,
        attempt=2,
        directory=tmp_path / "3",
        sweep_dir=tmp_path,
        mlflow_run_id="c0ffee",
        parameters={"lr": 0.1, "layers": [1, 2], "name": None, "x": math.inf},
    )


def test_a_trial_can_ask_whether_it_is_to_stop(control: ControlDir) -> None:
    trial = current_trial()

    assert not trial.stop_requested
    control.request_stop(StopRequest(TrialState.TERMINATED, "median"), 10.0)

    assert trial.stop_requested


@pytest.mark.parametrize("text", ["{", "[]", '{"parameters": 3, "mlflow_run_id": 3}'])
def test_a_damaged_note_of_the_launch_costs_the_task_nothing(control: ControlDir, text: str) -> None:
    (control.path / "launch.json").write_text(text)

    trial = current_trial()

    assert (trial.number, trial.mlflow_run_id, dict(trial.parameters)) == (3, None, {})


def test_reports_of_many_processes_do_not_mix(control: ControlDir) -> None:
    program = "import sys; from azsweep_core import log_metric\nfor i in range(300): log_metric(sys.argv[1] * 200, i)"

    writers = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "abc"]

    assert [writer.wait() for writer in writers] == [0, 0, 0]
    found = read(control)
    for name in "abc":
        assert [value for written, _, value in found if written == name * 200] == list(range(300))


def test_a_fork_goes_on_in_the_same_file(control: ControlDir) -> None:
    log_metric("loss", 1)
    pid = os.fork()
    if pid == 0:
        log_metric("loss", 2)
        os._exit(0)
    os.waitpid(pid, 0)
    log_metric("loss", 3)

    assert [value for _, _, value in read(control)] == [1, 2, 3]


def test_each_line_is_read_once_and_a_torn_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    line = json.dumps({"name": "loss", "value": 0.5, "step": None, "time_s": 1.0})
    reader = MetricsReader(path)

    assert reader.news() == []
    path.write_text(f"{line}\n{line[:20]}")
    assert len(reader.news()) == 1
    path.write_text(f"{line}\n{line}\n")
    assert len(reader.news()) == 1
    assert reader.news() == []
    assert len(reader.all()) == 2


def test_lines_that_are_no_reports_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    good = {"name": "loss", "value": 0.5, "step": None, "time_s": 1.0}
    wrong = [("value", "much"), ("value", 10**400), ("step", "1"), ("step", 2**63), ("time_s", math.nan), ("name", 1)]
    others = ["", "{", "[]", "null", '{"name": "loss"}', *(json.dumps({**good, key: each}) for key, each in wrong)]
    others += ["\xff", "[" * 100_000]
    path.write_text("\n".join([*others, json.dumps(good), ""]), encoding="latin-1")

    assert [(name, each.value) for name, each in MetricsReader(path).news()] == [("loss", 0.5)]


def test_a_report_that_finds_no_room_fails_with_the_name_of_the_file(control: ControlDir) -> None:
    control.metrics_file.unlink()
    control.metrics_file.symlink_to("/dev/full")

    with pytest.raises(OSError, match=rf"^\[Errno 28\] No space left on device: '{control.metrics_file}'$"):
        log_metric("loss", 0.5)
