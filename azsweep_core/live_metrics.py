"""A tracker that also sees what tasks report through `log_metric`. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from azsweep_core.control import ControlDir
from azsweep_core.history import History
from azsweep_core.metrics_file import MetricsReader
from azsweep_core.ports import Tracker
from azsweep_core.trial import Measurement, Parameters, Trial, not_held

__all__ = ["LiveMetrics"]


class LiveMetrics:
    """Adds the files in the attempts' control directories to a tracker's metrics, and hands them on to it at the end.

    Args:
        primary_metric: the metric whose reports are measurements.
        sweep_dir: absolute.
    """

    def __init__(self, tracker: Tracker, primary_metric: str, sweep_dir: Path) -> None:
        self._tracker = tracker
        self._primary = primary_metric
        self._sweep_dir = sweep_dir
        self._readers: dict[int, tuple[int, MetricsReader]] = {}

    @property
    def how_to_open(self) -> str:
        return self._tracker.how_to_open

    @property
    def how_to_log(self) -> str:
        return self._tracker.how_to_log

    def left_open(self, history: History) -> Sequence[int]:
        return self._tracker.left_open(history)

    def start_trial(
        self, number: int, parameters: Parameters, lost_run_id: str | None = None
    ) -> tuple[str | None, Mapping[str, str]]:
        return self._tracker.start_trial(number, parameters, lost_run_id)

    def new_measurements(self, trials: Sequence[Trial]) -> Mapping[int, tuple[Measurement, ...]]:
        found = dict(self._tracker.new_measurements(trials))
        for trial in trials:
            news = self._news(trial)
            if news:
                found[trial.number] = (*found.get(trial.number, ()), *news)
        return found

    def final_measurements(self, trial: Trial) -> tuple[Measurement, ...]:
        logged = self._tracker.final_measurements(trial)
        return (*logged, *self._news(trial))

    def metric_names(self, trial: Trial) -> Sequence[str]:
        reported = dict.fromkeys(name for name, _ in self._file(trial).all())
        return [*reported, *self._tracker.metric_names(trial)]

    def note_best(self, trial: Trial) -> None:
        self._tracker.note_best(trial)

    def end_trial(
        self, trial: Trial, returned: Mapping[str, float], reported: Sequence[tuple[str, Measurement]] = ()
    ) -> None:
        self._tracker.end_trial(trial, returned, [*reported, *self._file(trial).all()])
        self._readers.pop(trial.number, None)

    def end_sweep(self, best: Trial | None, *, failed: bool, reason: str) -> None:
        self._tracker.end_sweep(best, failed=failed, reason=reason)

    def _file(self, trial: Trial) -> MetricsReader:
        return MetricsReader(ControlDir.of(self._sweep_dir, trial.number, trial.attempt).metrics_file)

    def _news(self, trial: Trial) -> tuple[Measurement, ...]:
        """Reports of the primary metric that the trial's measurements do not hold yet."""
        attempt, reader = self._readers.get(trial.number, (0, None))
        if reader is not None and attempt == trial.attempt:
            return tuple(each for name, each in reader.news() if name == self._primary)
        reader = self._file(trial)
        self._readers[trial.number] = (trial.attempt, reader)
        found = [each for name, each in reader.news() if name == self._primary]
        return not_held(found, trial.measurements)
