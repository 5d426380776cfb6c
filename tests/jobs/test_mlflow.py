"""Scripts that know MLflow only, and do with it what scripts do, report to their trial's run."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.jobs.conftest import JobApp, choice

SCRIPT = """
import multiprocessing, sys
import mlflow


def log(value):
    mlflow.log_metric("loss", value)


if __name__ == "__main__":
    mlflow.set_experiment("another")
    with mlflow.start_run():
        mlflow.log_param("mine", sys.argv[1])
        log(0.5)
    with mlflow.start_run():
        mlflow.log_metric("fold", 1.0)
    process = multiprocessing.get_context("spawn").Process(target=log, args=(0.25,))
    process.start()
    process.join()
"""


def test_what_a_script_does_with_mlflow_ends_up_in_its_trials_run(job: JobApp, empty_store: Path) -> None:
    """Another experiment, a second run, and a process that Python started afresh."""
    shutil.copy(empty_store, job.directory / "mlflow.db")
    job.options = ("hydra.sweep.dir=sweep",)
    job.write_job("python train.py ${{search_space.x}}", {"x": choice(1)}, {"train.py": SCRIPT}, experiment_name="mine")

    job.sweep()

    (row,) = job.rows
    assert (row["state"], row["value"]) == ("completed", "0.25")
    with closing(sqlite3.connect(job.directory / "mlflow.db")) as store:
        experiments = {name for (name,) in store.execute("select name from experiments")}
        parents = dict(store.execute("select run_uuid, value from tags where key = 'mlflow.parentRunId'"))
        (fold,) = (run for (run,) in store.execute("select run_uuid from metrics where key = 'fold'"))
        params = set(store.execute("select run_uuid, key, value from params where key in ('mine', 'x')"))
    trial = row["mlflow_run_id"]
    assert experiments == {"Default", "mine"}
    assert parents[fold] == trial
    assert parents.keys() == {fold, trial}
    assert params == {(trial, "mine", "1"), (trial, "x", "1")}
    output = (job.work(0).parent / "output.log").read_text()
    assert "mlflow.set_experiment('another') has no effect in a trial" in output
