"""Reports in files and reports in a store come together: each once, whatever was read before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from azsweep_core.control import ControlDir
from azsweep_core.live_metrics import LiveMetrics
from azsweep_core.metrics_file import VARIABLE, log_metric
from azsweep_core.tracking import NullTracker
from azsweep_core.trial import Measurement, Trial, TrialState

TRIAL = Trial(number=0, parameters={}, attempt=1, state=TrialState.RUNNING, submitted_s=0.0)


def report(sweep_dir: Path, value: float, *, attempt: int = 1, name: str = "loss") -> None:
    control = ControlDir.of(sweep_dir, 0, attempt)
    control.path.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(control.path))
        log_metric(name, value)


def values(found: tuple[Measurement, ...]) -> list[float]:
    return [each.value for each in found]


def test_reports_of_the_primary_metric_are_news_once(tmp_path: Path) -> None:
    live = LiveMetrics(NullTracker(), "loss", tmp_path)
    report(tmp_path, 3)
    report(tmp_path, 9, name="accuracy")

    assert values(live.new_measurements([TRIAL])[0]) == [3]
    assert live.new_measurements([TRIAL]) == {}
    report(tmp_path, 2)
    assert values(live.final_measurements(TRIAL)) == [2]


def test_what_the_history_holds_is_no_news_to_a_new_reader(tmp_path: Path) -> None:
    """As after a restart of the sweep; the same value reported again is one more report."""
    for value in (3, 3):
        report(tmp_path, value)
    found = LiveMetrics(NullTracker(), "loss", tmp_path).final_measurements(TRIAL)
    report(tmp_path, 1)

    again = LiveMetrics(NullTracker(), "loss", tmp_path).final_measurements(replace(TRIAL, measurements=found))

    assert (values(found), values(again)) == ([3, 3], [1])


def test_the_next_attempt_reports_in_a_file_of_its_own(tmp_path: Path) -> None:
    live = LiveMetrics(NullTracker(), "loss", tmp_path)
    report(tmp_path, 3)
    first = live.final_measurements(TRIAL)
    report(tmp_path, 2, attempt=2)

    second = live.final_measurements(replace(TRIAL, attempt=2, measurements=first))

    assert (values(first), values(second)) == ([3], [2])


def test_names_of_all_that_was_reported_are_known(tmp_path: Path) -> None:
    for name in ("acc", "acc", "f1"):
        report(tmp_path, 1, name=name)

    assert LiveMetrics(NullTracker(), "loss", tmp_path).metric_names(TRIAL) == ["acc", "f1"]


def test_a_trial_without_a_file_has_no_reports(tmp_path: Path) -> None:
    live = LiveMetrics(NullTracker(), "loss", tmp_path)

    assert (live.new_measurements([TRIAL]), live.final_measurements(TRIAL), live.metric_names(TRIAL)) == ({}, (), [])
