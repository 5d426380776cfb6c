"""The example does what its page says: an ordinary app, and a sweep that finds better parameters than its own."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "lightgbm_iris"


def copied_to(directory: Path) -> Path:
    shutil.copy(EXAMPLE / "train.py", directory)
    shutil.copytree(EXAMPLE / "conf", directory / "conf")
    return directory


def run(directory: Path, *arguments: str) -> None:
    command = [sys.executable, "train.py", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def own_losses(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """What the app logs as `test-multi_logloss` when it is run without the sweeper, by steps."""
    app = copied_to(tmp_path_factory.mktemp("alone"))
    run(app)
    with closing(sqlite3.connect(app / "mlflow.db")) as store:
        query = "select value from metrics where key = 'test-multi_logloss' order by step"
        return [value for (value,) in store.execute(query)]


def test_the_app_alone_logs_the_metric_once_a_boosting_round(own_losses: list[float]) -> None:
    config = yaml.safe_load((EXAMPLE / "conf" / "config.yaml").read_text(encoding="utf-8"))

    assert len(own_losses) == config["num_boost_round"]


def test_a_short_sweep_beats_the_apps_own_parameters(
    own_losses: list[float], tmp_path: Path, empty_store: Path
) -> None:
    app = copied_to(tmp_path)
    shutil.copy(empty_store, app / "mlflow.db")

    run(
        app,
        "--multirun",
        "+experiment=sweep",
        "hydra.sweep.dir=sweep",
        "hydra.sweeper.sampling_algorithm={type: random, seed: 1}",
        "hydra.sweeper.limits.max_total_trials=4",
        "hydra.sweeper.limits.max_concurrent_trials=2",
    )

    results = yaml.safe_load((app / "sweep" / "optimization_results.yaml").read_text(encoding="utf-8"))
    assert results["trials"] == {"completed": 4}
    assert results["best_value"] < min(own_losses)
