"""Which files of a sweep become artifacts of its run, and that no artifact store can hold a sweep up."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from azsweep_core.report import RESULTS
from azsweep_core.tracking import MlflowTracker
from tests.core.tracking.conftest import OBJECTIVE, Bench, Gate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy


@pytest.fixture
def sweep_dir(tmp_path: Path) -> Path:
    """A sweep's directory with its results, which say what they are."""
    for name in RESULTS:
        path = tmp_path / "sweep" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n", encoding="utf-8")
    return tmp_path / "sweep"


def artifacts(tracker: MlflowTracker, place: Path) -> dict[str, str]:
    """Text of each artifact of the sweep's run, by its path there."""
    assert tracker.run_id is not None
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    MlflowClient(tracker.tracking_uri).download_artifacts(tracker.run_id, "", str(place))
    files = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_results_become_artifacts_at_their_paths(bench: Bench, sweep_dir: Path, tmp_path: Path) -> None:
    (sweep_dir / "report.html").unlink()

    bench.tracker.keep(sweep_dir, RESULTS)

    kept = artifacts(bench.tracker, tmp_path / "kept")
    assert kept.pop("sweep_spec.yaml") == "limits:\n  max_total_trials: 4\n"
    assert kept == {name: f"{name}\n" for name in RESULTS if name != "report.html"}


def test_passwords_stay_here(bench: Bench, sweep_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also those in the specification; what cannot be read, and so not be judged, is left out with a warning."""
    tracker = MlflowTracker(OBJECTIVE, "experiment", "sweep")
    tracker.start_sweep({"search_space": {"db.password": {"type": "choice", "values": ["abc"]}}})
    (sweep_dir / "best" / "overrides.txt").write_text("+aws={secret_key:abc}\n", encoding="utf-8")
    (sweep_dir / "trials.csv").write_text('reason,api_key\n"bad\npassword=abc",abc\n', encoding="utf-8")
    (sweep_dir / "optimization_results.yaml").write_text("{password: abc\n", encoding="utf-8")

    tracker.keep(sweep_dir, ["optimization_results.yaml", "best/overrides.txt", "trials.csv"])

    assert artifacts(tracker, tmp_path / "kept") == {
        "sweep_spec.yaml": "search_space:\n  db.password: '***'\n",
        "best/overrides.txt": "+aws={secret_key:***}\n",
        "trials.csv": 'reason,api_key\n"bad\npassword=***",***\n',
    }
    assert caplog.messages[-1].startswith("Not kept as artifacts in MLflow: optimization_results.yaml (it is no YAML")


def test_those_of_a_sweep_that_went_on_replace_the_earlier_ones(bench: Bench, sweep_dir: Path, tmp_path: Path) -> None:
    bench.tracker.keep(sweep_dir, RESULTS)
    again = MlflowTracker(OBJECTIVE, "experiment", "sweep")
    again.start_sweep({"limits": {"max_total_trials": 8}}, run_id=bench.tracker.run_id)
    (sweep_dir / "trials.csv").write_text("longer\n", encoding="utf-8")

    again.keep(sweep_dir, RESULTS)

    kept = artifacts(again, tmp_path / "kept")
    assert (kept["trials.csv"], kept["report.html"]) == ("longer\n", "report.html\n")
    assert kept["sweep_spec.yaml"] == "limits:\n  max_total_trials: 8\n"


def test_a_server_keeps_them_too(server: str, sweep_dir: Path, tmp_path: Path) -> None:
    tracker = MlflowTracker(OBJECTIVE, "artifacts", "sweep", server)
    tracker.start_sweep({})

    tracker.keep(sweep_dir, RESULTS)

    assert sorted(artifacts(tracker, tmp_path / "kept")) == sorted([*RESULTS, "sweep_spec.yaml"])


class TestArtifactStoreThat:
    def test_refuses_is_told_of_in_one_line(
        self, bench: Bench, sweep_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        shutil.rmtree(tmp_path / "mlruns")
        (tmp_path / "mlruns").touch()

        bench.tracker.keep(sweep_dir, RESULTS)

        (line,) = caplog.messages
        assert line.startswith(f"Not kept as artifacts in MLflow: {', '.join(RESULTS)} ([Errno ")

    def test_is_away_is_told_of_in_one_line(
        self, gate: Gate, sweep_dir: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        tracker = MlflowTracker(OBJECTIVE, "away", "sweep", gate.address)
        tracker.start_sweep({})
        gate.is_open = False
        began_s = time.monotonic()

        tracker.keep(sweep_dir, RESULTS)

        (line,) = caplog.messages
        assert line.startswith(f"Not kept as artifacts in MLflow: {', '.join(RESULTS)} (")
        assert time.monotonic() < began_s + 10

    def test_never_answers_is_waited_for_so_long(
        self, gate: Gate, sweep_dir: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        tracker = MlflowTracker(OBJECTIVE, "slow", "sweep", gate.address, patience_s=0.5)
        tracker.start_sweep({})
        caplog.clear()
        gate.answers.clear()

        tracker.keep(sweep_dir, RESULTS)

        assert caplog.messages == [f"Not kept as artifacts in MLflow: {', '.join(RESULTS)} (this took more than 0.5 s)"]

    def test_was_away_at_the_end_is_not_waited_for_again(
        self, gate: Gate, sweep_dir: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        tracker = MlflowTracker(OBJECTIVE, "gone", "sweep", gate.address, patience_s=0.5)
        tracker.start_sweep({})
        gate.is_open = False
        tracker.end_sweep(None, failed=True, reason="all done")
        before = gate.refused

        tracker.keep(sweep_dir, RESULTS)

        assert gate.refused == before
        assert "MLflow stayed away" in caplog.messages[-1]
