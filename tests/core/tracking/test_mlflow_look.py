"""Whether a sweep could record its runs is found out without a trace, on real stores."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient

from azsweep_core._mlflow_store import default_uri
from azsweep_core.errors import AzsweepError
from azsweep_core.tracking import StoreLook, look_at_store
from tests.core.tracking.conftest import free_port

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


def files(directory: Path) -> dict[Path, tuple[int, bytes]]:
    """All that is in a directory, with times and contents."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in directory.rglob("*")
    }


def test_a_store_that_is_not_there_is_made_at_the_start_and_not_before(tmp_path: Path) -> None:
    found = look_at_store(f"sqlite:///{tmp_path}/runs/mlflow.db", "iris")

    assert found == StoreLook(is_there=False, has_experiment=False)
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_read_and_stays_as_it_is(store: str, tmp_path: Path) -> None:
    MlflowClient(store).create_experiment("iris")
    before = files(tmp_path)

    found = [look_at_store(store, name) for name in ("iris", "wine")]

    assert found == [StoreLook(is_there=True, has_experiment=True), StoreLook(is_there=True, has_experiment=False)]
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b"])
def test_a_database_may_be_in_a_folder_of_any_name(empty_store: Path, tmp_path: Path, name: str) -> None:
    """Those that mean something else in a URI are the database's all the same, and no file is made beside them."""
    (tmp_path / name).mkdir()
    shutil.copy(empty_store, tmp_path / name / "mlflow.db")
    before = files(tmp_path)

    found = look_at_store(default_uri(tmp_path / name), "Default")

    assert found == StoreLook(is_there=True, has_experiment=True)
    assert files(tmp_path) == before


def test_an_empty_database_has_no_experiments(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()

    assert look_at_store(f"sqlite:///{tmp_path}/mlflow.db", "iris") == StoreLook(is_there=True, has_experiment=False)
    assert (tmp_path / "mlflow.db").read_bytes() == b""


def test_a_folder_of_runs_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()

    assert look_at_store((tmp_path / "mlruns").as_uri(), "iris") == StoreLook(is_there=True, has_experiment=None)
    assert list((tmp_path / "mlruns").iterdir()) == []


def test_a_server_is_asked(server: str) -> None:
    MlflowClient(server).create_experiment("asked")

    found = [look_at_store(server, name).has_experiment for name in ("asked", "not-asked")]

    assert found == [True, False]
    assert MlflowClient(server).get_experiment_by_name("not-asked") is None


def test_what_would_keep_the_sweep_from_starting_is_told_in_its_words(store: str, tmp_path: Path) -> None:
    client = MlflowClient(store)
    client.delete_experiment(client.create_experiment("iris"))
    (tmp_path / "garbage.db").write_text("no database " * 100)
    (tmp_path / "file").touch()
    port = free_port()

    def refusal(uri: str) -> str:
        with pytest.raises(AzsweepError) as refused:
            look_at_store(uri, "iris")
        return str(refused.value)

    assert refusal(store).startswith("experiment_name: must not name a deleted MLflow experiment; got iris.")
    assert "the MLflow store must be reachable; got sqlite" in refusal(f"sqlite:///{tmp_path}/garbage.db")
    assert "must be one that can be written to; got" in refusal(f"sqlite:///{tmp_path}/file/mlflow.db")
    assert refusal(f"http://me:secret@127.0.0.1:{port}").startswith(
        f"tracking: the MLflow store must be reachable; got http://***@127.0.0.1:{port} ("
    )


def test_a_database_of_another_mlflow_is_refused_and_not_migrated(store: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")
    before = files(tmp_path)

    with pytest.raises(AzsweepError, match=re.escape("Detected out-of-date database schema")):
        look_at_store(store, "iris")

    assert files(tmp_path) == before
