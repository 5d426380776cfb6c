"""The examples of AzureML's sweep jobs run as their pages say, with nothing in them changed."""

from __future__ import annotations

import csv
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
FEW = ("hydra.sweep.dir=sweep", "hydra.sweeper.limits.max_concurrent_trials=2")


def azsweep(example: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`azsweep run sweep.yml` in a copy of an example."""
    shutil.copytree(EXAMPLES / example, directory, dirs_exist_ok=True)
    command = [sys.executable, "-m", "azsweep_core", "run", "sweep.yml", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def trials(directory: Path) -> list[dict[str, str]]:
    with (directory / "sweep" / "trials.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def page(example: str) -> str:
    return (EXAMPLES / example / "README.md").read_text(encoding="utf-8")


def test_hello_gives_the_trials_of_its_page(tmp_path: Path, empty_store: Path) -> None:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    done = azsweep("azureml_hello_sweep", tmp_path, *FEW, "hydra.sweeper.limits.max_total_trials=2")

    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(
        r"trial [01] completed  annoyance=(\S+)  greeting=(.+) volume=(\S+)  ", page("azureml_hello_sweep")
    )
    found = [(f"{float(row['value']):g}", row["greeting"], f"{float(row['volume']):g}") for row in trials(tmp_path)]
    assert found == rows
    for number, row in enumerate(trials(tmp_path)):
        words = (tmp_path / "sweep" / str(number) / "work" / "outputs" / "last_words.txt").read_text()
        assert words == f"{row['greeting']}!\n"
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        of_scripts = {value for (value,) in store.execute("select value from params where key = 'letters'")}
    assert of_scripts == {str(len(row["greeting"])) for row in trials(tmp_path)}


def test_iris_trains_with_the_input_of_this_machine_and_saves_its_model(tmp_path: Path, empty_store: Path) -> None:
    """The seed's first trial, as on the page; its metric is logged once a boosting round, by autologging."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    one = "hydra.sweeper.limits.max_total_trials=1"
    done = azsweep("azureml_lightgbm_iris", tmp_path, "--input", "iris_csv=./iris.csv", *FEW, one)

    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = trials(tmp_path)
    line = rf"0   {float(row['value']):g} +{float(row['learning_rate']):g} +{row['boosting']} "
    assert re.search(line, page("azureml_lightgbm_iris")), row
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        query = "select count(*) from metrics where key = 'test-multi_logloss' and run_uuid = ?"
        assert store.execute(query, (row["mlflow_run_id"],)).fetchone() == (20,)
    assert (tmp_path / "sweep" / "0" / "named-outputs" / "model" / "model.txt").stat().st_size > 0


def test_without_its_input_iris_is_refused_as_its_page_says(tmp_path: Path) -> None:
    done = azsweep("azureml_lightgbm_iris", tmp_path, *FEW)

    said = done.stderr.splitlines()[0].replace(f"{tmp_path}/", "")
    assert done.returncode == 1
    assert said in page("azureml_lightgbm_iris").splitlines()
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("example", ["azureml_hello_sweep", "azureml_lightgbm_iris"])
def test_nothing_in_them_knows_of_azsweep(example: str) -> None:
    texts = [path.read_text() for path in (EXAMPLES / example / "src").rglob("*.py")]

    assert texts
    assert not any(re.search("azsweep|hydra", text) for text in texts)
    assert yaml.safe_load((EXAMPLES / example / "sweep.yml").read_text())["type"] == "sweep"
