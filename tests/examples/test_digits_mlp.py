"""The example does what its page says: with its policy a sweep trains fewer epochs, and finds what it finds without."""

from __future__ import annotations

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits_mlp"
EPOCHS = 40
RATES = "0.05,0.0001"
"""The first one is best from the first epoch to the last: no policy may stop it."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    directory = tmp_path_factory.mktemp("digits")
    shutil.copy(empty_store, directory / "mlflow.db")
    shutil.copy(EXAMPLE / "train.py", directory)
    shutil.copytree(EXAMPLE / "conf", directory / "conf")
    return directory


def sweep(app: Path, name: str, *arguments: str) -> list[tuple[str, list[float]]]:
    """A small version of the example's sweep; each trial's state, and the losses that it logged, epoch by epoch."""
    small = (f"epochs={EPOCHS}", f"learning_rate={RATES}", "batch_size=16", "layers=1", "units=64")
    settings = ("sampling_algorithm=grid", "limits={max_concurrent_trials: 1}", "poll_interval=0.1", *arguments)
    done = subprocess.run(
        [sys.executable, "train.py", "--multirun", "+experiment=sweep", f"hydra.sweep.dir={name}", *small]
        + [f"hydra.sweeper.{setting}" for setting in settings],
        cwd=app,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # two threads take longer for so small matrices
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    query = "select value from metrics where key = 'validation_loss' and run_uuid = ? order by step"
    with (app / name / "trials.csv").open(encoding="utf-8") as rows, closing(sqlite3.connect(app / "mlflow.db")) as db:
        return [
            (row["state"], [value for (value,) in db.execute(query, (row["mlflow_run_id"],))])
            for row in csv.DictReader(rows)
        ]


def test_the_policy_saves_epochs_and_finds_the_same(app: Path) -> None:
    without = sweep(app, "without", "early_termination=null")
    with_policy = sweep(app, "with")

    assert [(state, len(losses)) for state, losses in without] == [("completed", EPOCHS)] * 2
    assert with_policy[0][0] == "completed"
    assert with_policy[1][0] == "terminated"
    assert 5 <= len(with_policy[1][1]) < EPOCHS
    best = [min(min(losses) for _, losses in trials) for trials in (without, with_policy)]
    assert best[1] == pytest.approx(best[0], rel=1e-3)
