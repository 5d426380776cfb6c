"""`report.html` of real sweeps: there while they run, final at their end, and right after a kill and a resume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.core.reports import data_of
from tests.plugin.conftest import App

LIMITS = {"max_total_trials": 6, "max_concurrent_trials": 2}
SPACE = {
    "x": {"type": "uniform", "min_value": 0, "max_value": 9},
    "word": {"type": "choice", "values": ["it's", "</script>", None]},
}
BODY = """
from azsweep_core import log_metric
(out() / "started").touch()
for step in range(3):
    log_metric("loss", (cfg.x - 3) ** 2 + 3 - step, step)
while cfg.wait and not (Path(__file__).parent / "go").exists() and HydraConfig.get().job.num >= 2:
    time.sleep(0.05)
print("word is", cfg.word)
"""


def report(path: Path) -> dict[str, Any]:
    return data_of(path.read_text(encoding="utf-8"))


def wait_for_report(path: Path, states: list[str]) -> None:
    """Until the report shows trials in these states, as it must within a few seconds."""
    deadline = time.monotonic() + 60
    while not path.exists() or [trial["state"] for trial in report(path)["trials"]] != states:
        assert time.monotonic() < deadline, "the report does not show it"
        time.sleep(0.1)


def test_a_sweep_keeps_its_report_over_a_kill_and_to_its_end(app: App) -> None:
    """And its commands run the best trial again."""
    app.write(BODY, {"x": 0.0, "word": "a", "wait": True}, sweeper={"search_space": SPACE, "limits": LIMITS})
    path = app.directory / "sweep" / "report.html"
    with app.started() as process:
        wait_for_report(path, ["completed", "completed", "running", "running"])
        process.send_signal(signal.SIGKILL)
    left = report(path)
    (app.directory / "go").touch()

    run = app.sweep()

    data = report(path)
    assert (left["state"], left["is_final"], left["counts"]) == ("running", False, {"running": 2, "completed": 2})
    assert f"report: {path}" in run.text
    assert (data["state"], data["is_final"], data["counts"]) == ("ended", True, {"completed": 6})
    assert [trial["attempt"] for trial in data["trials"]] == [1, 1, 2, 2, 1, 1]
    attempts = [each for row in data["timeline"]["rows"] for each in row]
    assert sorted((each["trial"], each["end"]) for each in attempts) == [
        *((0, "completed"), (1, "completed"), (2, "completed"), (2, "lost"), (3, "completed"), (3, "lost")),
        *((4, "completed"), (5, "completed")),
    ]
    assert len(data["timeline"]["rows"]) == data["slots"] == 2
    assert len(data["timeline"]["gaps"]) == 1
    assert [axis["key"] for axis in data["parameters"]] == ["x", "word"]
    assert all((path.parent / trial["href"] / "started").exists() for trial in data["trials"])
    assert {tuple(trial["reports"]["steps"]) for trial in data["trials"]} == {(0, 1, 2)}
    best = data["best"]
    environment = app.environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for command in (best["run_again"], best["overrides"]):
        again = subprocess.run(
            command, shell=True, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        assert f"word is {best['parameters']['word']}" in again.stdout


def test_a_sweep_that_is_stopped_has_a_final_report(app: App) -> None:
    app.write(BODY, {"x": 0.0, "word": "a", "wait": True}, sweeper={"search_space": SPACE, "limits": LIMITS})

    run = app.interrupt(signal.SIGINT)

    data = report(run.sweep / "report.html")
    assert run.code == 130
    assert (data["state"], data["is_final"]) == ("ended", True)
    assert data["state_in_words"].endswith("stopped by Ctrl-C")
