"""What docs/mlflow.md says of searching is true: each expression finds what it is said to find."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest

from azsweep_core.objective import Goal, Objective
from azsweep_core.tracking import MlflowTracker
from azsweep_core.trial import Trial, TrialState

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

PAGE = (Path(__file__).parents[3] / "docs" / "mlflow.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
EXPRESSIONS = re.findall(r"^\| `(.+?)` \| (?:sweeps|trials|what)", PAGE, flags=re.MULTILINE)
TRIALS = (
    (TrialState.COMPLETED, "", "adam", 0.3),
    (TrialState.COMPLETED, "", "adam", 0.05),
    (TrialState.TERMINATED, "bandit", "sgd", 0.2),
    (TrialState.FAILED, "RuntimeError: CUDA out of memory", "sgd", 0.02),
)


@pytest.fixture
def sweep(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowTracker:
    """A sweep that is over but for one trial, in the store that is used where nothing else is set."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, "mlflow.db")
    tracker = MlflowTracker(Objective("loss", Goal.MINIMIZE), "train", "2026-11-22/04-12-15")
    tracker.start_sweep({})
    lines = ["number,state,value,dir,lr"]
    ended: list[Trial] = []
    for number, (state, reason, optimizer, value) in enumerate(TRIALS):
        parameters = {"optimizer": optimizer, "lr": 0.1}
        run_id, _ = tracker.start_trial(number, parameters)
        trial = Trial(
            number=number,
            parameters=parameters,
            attempt=1,
            state=state,
            submitted_s=0.0,
            reason=reason,
            value=value,
            mlflow_run_id=run_id,
        )
        tracker.end_trial(trial, {"": value, "val_loss": value})
        lines.append(f"{number},{state.value},{value},{tmp_path}/{number},0.1")
        ended.append(trial)
    tracker.start_trial(len(TRIALS), {})
    tracker.end_sweep(ended[1], failed=False, reason="all done")
    (tmp_path / "trials.csv").write_text("\n".join(lines), encoding="utf-8")
    tracker.keep(tmp_path, ["trials.csv"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.tracking_uri)
    return tracker


def test_the_code_finds_the_best_trials_and_what_they_logged(
    sweep: MlflowTracker, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}

    for block in CODE:
        exec(block, names)

    assert names["sweep"].run_id == sweep.run_id
    assert list(names["trials"]["tags.azsweep.trial"]) == ["1", "0"]
    assert list(names["table"].sort_values("value")["number"]) == [3, 1, 2, 0]
    assert names["best"].data.metrics == {"loss": 0.05, "val_loss": 0.05}
    assert "0.05" in capsys.readouterr().out


def test_expressions_of_the_search_bar_find_what_the_page_says(sweep: MlflowTracker) -> None:
    found = [
        sorted(run.data.tags.get("azsweep.trial", "sweep") for run in runs(expression)) for expression in EXPRESSIONS
    ]

    assert found == [["1"], ["2"], ["3"], ["sweep"], ["4"]]


def runs(expression: str) -> Any:
    return mlflow.search_runs(experiment_names=["train"], filter_string=expression, output_format="list")
