"""Live metrics: what a report costs its task, and a look at 200 running trials the sweep. Prints one table."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from azsweep_core import log_metric
from azsweep_core.control import ControlDir
from azsweep_core.live_metrics import LiveMetrics
from azsweep_core.metrics_file import VARIABLE
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Tracker
from azsweep_core.tracking import MlflowTracker, NullTracker
from azsweep_core.trial import Trial, TrialState
from benchmarks._table import machine, table

_METRIC = "loss"
_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 trials and 50 reports, to see that everything runs")
    quick = parser.parse_args().quick
    trials, reports = (5, 50) if quick else (200, 2000)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="azsweep-live-") as name:
        directory = Path(name)
        store = f"sqlite:///{directory}/mlflow.db"
        rows = [*_by_file(directory, trials, reports), *_by_mlflow(directory, store, trials, reports)]
    note = (
        f"Medians of {_ROUNDS}. A report: one call in the task. A look: what the sweep does each poll_interval (1 s) "
        f"for {trials} running trials, if none of them has reported since the last look, or each has. After a look it "
        f"pauses four times as long. The store is a SQLite file of MLflow's. {machine()}"
    )
    print(table("Live metrics", ["by", "a report, µs", "a look without news, ms", "with news of all, ms"], rows, note))


def _by_file(directory: Path, trials: int, reports: int) -> list[list[str]]:
    def report(trial: Trial) -> None:
        os.environ[VARIABLE] = str(ControlDir.of(directory, trial.number, 1).path)
        log_metric(_METRIC, 0.5, step=1)

    running = [_trial(number) for number in range(trials)]
    for trial in running:
        ControlDir.create(directory, trial.number, 1)
    os.environ[VARIABLE] = str(ControlDir.of(directory, 0, 1).path)
    cost_s = _median_s(lambda: log_metric(_METRIC, 0.5, step=1), reports)
    looks = _looks(NullTracker(), directory, running, report)
    return [["azsweep_core.log_metric", f"{1e6 * cost_s:.1f}", *looks]]


def _by_mlflow(directory: Path, store: str, trials: int, reports: int) -> list[list[str]]:
    from mlflow import MlflowClient

    tracker = MlflowTracker(Objective(_METRIC, Goal.MINIMIZE), "benchmark", "sweep", store)
    tracker.start_sweep({})
    client = MlflowClient(store)
    running = [_trial(number, tracker.start_trial(number, {})[0]) for number in range(trials)]

    def report(trial: Trial) -> None:
        client.log_metric(str(trial.mlflow_run_id), _METRIC, 0.5, step=1)

    cost_s = _median_s(lambda: report(running[0]), reports // 10)
    looks = _looks(tracker, directory / "none", running, report)
    return [["MlflowClient.log_metric", f"{1e6 * cost_s:.1f}", *looks]]


def _trial(number: int, run_id: str | None = None) -> Trial:
    return Trial(
        number=number, parameters={}, attempt=1, state=TrialState.RUNNING, submitted_s=0.0, mlflow_run_id=run_id
    )


def _looks(tracker: Tracker, directory: Path, running: Sequence[Trial], report: Callable[[Trial], None]) -> list[str]:
    """Milliseconds of a look without news, and of one with news of all."""
    live = LiveMetrics(tracker, _METRIC, directory)
    quiet: list[float] = []
    busy: list[float] = []
    for _ in range(_ROUNDS):
        for trial in running:
            report(trial)
        for costs in (busy, quiet):
            began = time.perf_counter()
            news = live.new_measurements(running)
            costs.append(time.perf_counter() - began)
            running = [
                replace(trial, measurements=(*trial.measurements, *news.get(trial.number, ()))) for trial in running
            ]
    return [f"{1000 * median(quiet):.0f}", f"{1000 * median(busy):.0f}"]


def _median_s(work: Callable[[], None], times: int) -> float:
    """Seconds of one call, of so many in a row."""
    costs = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            work()
        costs.append((time.perf_counter() - began) / times)
    return median(costs)


if __name__ == "__main__":
    main()
