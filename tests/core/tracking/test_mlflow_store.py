"""Which store is meant, and what a user is told if it cannot be used."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from azsweep_core._mlflow_store import is_same_store
from azsweep_core.errors import AzsweepError
from azsweep_core.tracking import MlflowTracker
from tests.core.tracking.conftest import OBJECTIVE, free_port

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


def chosen_uri(given: str | None = None) -> str:
    return MlflowTracker(OBJECTIVE, "experiment", "sweep", given).tracking_uri


class TestChoice:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_without_any_setting_it_is_mlflow_db_in_the_working_directory(self, tmp_path: Path) -> None:
        assert chosen_uri() == f"sqlite:///{tmp_path}/mlflow.db"

    def test_the_environment_variable_wins_over_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")

        assert chosen_uri() == "http://tracking:5000"

    def test_what_the_app_set_in_code_wins_over_the_variable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
        mlflow.set_tracking_uri("sqlite:///app.db")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")

        try:
            assert chosen_uri() == f"sqlite:///{tmp_path}/app.db"
        finally:
            mlflow.set_tracking_uri("")
            mlflow.set_tracking_uri(None)  # type: ignore[arg-type]

    def test_an_argument_wins_over_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")

        assert chosen_uri("http://other:5000") == "http://other:5000"

    @pytest.mark.parametrize(
        ("given", "absolute"),
        [
            pytest.param("sqlite:///runs.db", "sqlite:///{here}/runs.db", id="sqlite-relative"),
            pytest.param("sqlite:///../runs.db", "sqlite:///{above}/runs.db", id="sqlite-above"),
            pytest.param("sqlite:///a b/ü.db", "sqlite:///{here}/a b/ü.db", id="sqlite-space-and-umlaut"),
            pytest.param("sqlite:///runs.db?timeout=9", "sqlite:///{here}/runs.db?timeout=9", id="sqlite-query"),
            pytest.param("sqlite:////data/runs.db", "sqlite:////data/runs.db", id="sqlite-absolute"),
            pytest.param("mlruns", "file://{here}/mlruns", id="path"),
            pytest.param("./mlruns", "file://{here}/mlruns", id="path-with-dot"),
            pytest.param("/data/mlruns", "file:///data/mlruns", id="path-absolute"),
            pytest.param("file:mlruns", "file://{here}/mlruns", id="file-relative"),
            pytest.param("file:///data/mlruns", "file:///data/mlruns", id="file-absolute"),
            pytest.param("postgresql://u:p@db/mlflow", "postgresql://u:p@db/mlflow", id="postgresql"),
            pytest.param("https://tracking/path", "https://tracking/path", id="https"),
            pytest.param("databricks", "databricks", id="databricks"),
            pytest.param("databricks://profile", "databricks://profile", id="databricks-profile"),
            pytest.param("azureml://host/x", "azureml://host/x", id="azureml"),
        ],
    )
    def test_relative_paths_are_resolved_where_the_sweep_starts(
        self, tmp_path: Path, given: str, absolute: str
    ) -> None:
        assert chosen_uri(given) == absolute.format(here=tmp_path, above=tmp_path.parent)

    def test_a_directory_with_odd_characters_is_no_trouble(
        self, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        odd = tmp_path / "50% of what? #1"
        odd.mkdir()
        shutil.copy(empty_store, odd / "mlflow.db")
        before = (odd / "mlflow.db").read_bytes()
        monkeypatch.chdir(odd)

        MlflowTracker(OBJECTIVE, "experiment", "sweep").start_sweep({})

        assert (odd / "mlflow.db").read_bytes() != before

    def test_preparing_for_trials_makes_no_store(self, tmp_path: Path) -> None:
        MlflowTracker(OBJECTIVE, "experiment", "sweep").preload()

        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("given", "bound"),
        [
            ("sqlite:///runs.db", True),
            ("mlruns", True),
            ("http://localhost:5000", True),
            ("http://127.0.0.1:5000", True),
            ("http://tracking:5000", False),
            ("postgresql://db/mlflow", False),
            ("databricks", False),
        ],
    )
    def test_it_is_known_which_stores_other_machines_cannot_reach(self, given: str, bound: bool) -> None:
        assert MlflowTracker(OBJECTIVE, "experiment", "sweep", given).is_bound_to_host is bound


@pytest.mark.parametrize(
    ("uri", "store", "same"),
    [
        pytest.param("http://host:5000/", "http://host:5000", True, id="closing-slash"),
        pytest.param("http://HOST:5000", "http://me:pw@host:5000", True, id="credentials-and-case"),
        pytest.param("http://host:5001", "http://host:5000", False, id="another-port"),
        pytest.param("https://host", "http://host", False, id="another-scheme"),
        pytest.param("sqlite:///runs/a.db", "sqlite:////home/me/runs/a.db", True, id="relative-end"),
        pytest.param("sqlite:///a.db", "sqlite:////home/me/data.db", False, id="not-a-whole-name"),
        pytest.param("sqlite:////runs/a.db", "sqlite:////home/me/runs/a.db", False, id="absolute"),
        pytest.param("sqlite:///../b/a.db", "sqlite:////tmp/b/a.db", True, id="from-here"),
        pytest.param("mlruns", "sqlite:////home/me/mlflow.db", False, id="files"),
    ],
)
def test_it_is_known_whether_a_uri_means_the_same_store(uri: str, store: str, same: bool) -> None:
    assert is_same_store(uri, store, Path("/tmp/here")) is same


class TestRefusal:
    """Before the first trial, in seconds, in one line, and without a password."""

    @pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
    def test_a_server_that_is_not_there(self, scheme: str) -> None:
        port = free_port()
        tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep", f"{scheme}://me:se@cret@127.0.0.1:{port}/x")
        how = "Start it" if scheme == "http" else "Check it"

        with pytest.raises(AzsweepError) as refusal:
            tracker.start_sweep({})

        text = str(refusal.value)
        assert text.startswith(
            "tracking: the MLflow store must be reachable; "
            rf"got {scheme}://***@127.0.0.1:{port}/x ("
        )
        assert text.endswith(f"). {how}, set MLFLOW_TRACKING_URI to another store, or set tracking: none.")
        assert "cret" not in text
        assert "\n" not in text

    def test_an_address_of_no_known_kind(self) -> None:
        tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep", "htp://host")

        with pytest.raises(AzsweepError, match=r"got htp://host \(.*Supported URI schemes are: .*\)\. Check it, set"):
            tracker.start_sweep({})

    def test_a_server_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep", f"http://127.0.0.1:{silent.getsockname()[1]}")

            with pytest.raises(AzsweepError, match=r"^tracking: the MLflow store must .* \(timed out\)\."):
                tracker.start_sweep({})

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "mlflow.db").write_text("what is this?" * 100, encoding="utf-8")
        tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep", f"sqlite:///{tmp_path}/mlflow.db")

        with pytest.raises(AzsweepError, match=r"^tracking: the MLflow store .* \(file is not a database\)\."):
            tracker.start_sweep({})

    def test_a_store_of_files_which_mlflow_no_longer_supports(self, tmp_path: Path) -> None:
        tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep", str(tmp_path / "mlruns"))

        with pytest.raises(AzsweepError, match=r"^tracking: the MLflow store .* in maintenance mode "):
            tracker.start_sweep({})

    @pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
    def test_a_database_in_memory(self, uri: str) -> None:
        rule = "an SQLite store must be a file, since every trial is a process of its own"

        with pytest.raises(AzsweepError) as refusal:
            MlflowTracker(OBJECTIVE, "experiment", "sweep", uri)

        assert str(refusal.value) == f"MLFLOW_TRACKING_URI: {rule}; got {uri}. Use sqlite:///mlflow.db."

    def test_an_experiment_that_was_deleted(self, store: str) -> None:
        client = MlflowClient(store)
        client.delete_experiment(client.create_experiment("gone"))

        with pytest.raises(AzsweepError) as refusal:
            MlflowTracker(OBJECTIVE, "gone", "sweep").start_sweep({})

        assert str(refusal.value) == (
            "experiment_name: must not name a deleted MLflow experiment; got gone. "
            "Restore it with `mlflow experiments restore`, or choose another name."
        )
