"""What values and addresses hold stays data, and secret: nothing runs it, and no file of a sweep has a password."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.launchers.conftest import LauncherApp
from tests.plugin.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

PASSWORD = "hunter2and3"
TEXTS = [
    "$(touch pwned)", "`touch pwned`", "; touch pwned", "x' ; touch pwned #", 'x" && touch pwned', "| tee pwned",
    "a\nb: touch pwned", "\\$(touch pwned)", "%(x)s {x} %s", "!!python/object/apply:os.system ['touch pwned']",
    "__import__('os').system('touch pwned')", "-rf /", "🎉 'ü'", "\t\r\n ", "../../pwned", "nul", "*",
]  # fmt: skip
HOSTILE = ["\n; ".join(TEXTS[:7]), TEXTS[7], TEXTS]


@dataclass(frozen=True)
class Swept:
    app: LauncherApp
    run: Run


@pytest.fixture(scope="module", params=["basic", "submitit_local"])
def swept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: str) -> Swept:
    """A sweep over such texts, with an address of the store that has a password in it."""
    app = LauncherApp(tmp_path_factory.mktemp("values"), request.param)
    app.write(
        "mlflow.log_metric('loss', 0.5); print(mlflow.get_tracking_uri()[:5])\n"
        "(out() / 'seen.json').write_text(json.dumps(OmegaConf.to_container(cfg)['x']))\n"
        "me = current_trial()\n"
        "known = [me.number, me.attempt, str(me.sweep_dir), me.mlflow_run_id, me.stop_requested]\n"
        "(me.directory / 'me.json').write_text(json.dumps([*known, me.parameters]))",
        {"x": ""},
        preamble="import mlflow; from azsweep_core import current_trial",
        sweeper={
            "tracking": "mlflow",
            "sampling_algorithm": "grid",
            "limits": {"max_concurrent_trials": 3},
            "search_space": {"x": {"type": "choice", "values": HOSTILE}},
        },
    )
    address = server.replace("//", f"//me:{PASSWORD}@")
    return Swept(app, app.sweep(environment={"MLFLOW_TRACKING_URI": address}))


def test_texts_arrive_as_they_are_and_are_run_by_nobody(swept: Swept) -> None:
    rows = swept.run.trials

    seen: list[Any] = [json.loads((Path(row["dir"]) / "seen.json").read_text(encoding="utf-8")) for row in rows]
    assert seen == HOSTILE
    assert [row["x"] for row in rows] == [*HOSTILE[:2], json.dumps(TEXTS, ensure_ascii=False)]
    assert {row["state"] for row in rows} == {"completed"}
    assert list(swept.app.directory.parent.rglob("pwned")) == []


def test_a_task_is_told_which_trial_it_runs_for(swept: Swept) -> None:
    for number, row in enumerate(swept.run.trials):
        told = json.loads((Path(row["dir"]) / "me.json").read_text(encoding="utf-8"))
        assert told == [number, 1, str(swept.run.sweep), row["mlflow_run_id"], False, {"x": HOSTILE[number]}]


def test_no_file_of_the_sweep_and_nothing_that_it_says_has_the_password(swept: Swept) -> None:
    files = [path for path in swept.app.directory.rglob("*") if path.is_file()]

    assert any(path.suffix == ".pkl" for path in files) == (swept.app.launcher == "submitit_local")
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD not in swept.run.text
    assert "//***@127.0.0.1" in swept.run.text
