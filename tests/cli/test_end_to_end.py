"""A real sweep without a terminal, through its whole life, from other processes alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.sweeps import ROOT, azsweep_command
from tests.plugin.conftest import App

TASK = """
print(f"working on {cfg.x}", flush=True)
(out() / "started").touch()
while cfg.x == 1 and not (out() / "finish").exists():
    time.sleep(0.02)
return cfg.x
"""


def azsweep(app: App, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        azsweep_command(*arguments),
        cwd=app.directory,
        env=app.environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def detached(app: App) -> Iterator[App]:
    """A sweep that goes on in the background, with its second trial at work until it may finish."""
    limits = {"max_total_trials": 2, "max_concurrent_trials": 1}
    space = {"x": {"type": "choice", "values": [0, 1, 2, 3]}}
    settings = {"limits": limits, "search_space": space, "sampling_algorithm": "grid"}
    app.write(TASK, {"x": 0}, sweeper=settings)
    begun = azsweep(app, "run", "--detach", "train.py")
    assert begun.returncode == 0, begun.stderr
    app.wait_for("sweep/1/started")
    yield app
    azsweep(app, "stop", "--now", "sweep")


def test_a_detached_sweep_is_seen_stopped_and_resumed_from_elsewhere(detached: App) -> None:
    status = json.loads(azsweep(detached, "status", "--json", "sweep").stdout)
    attempt = azsweep(detached, "logs", "sweep", "1").stdout
    again = azsweep(detached, "resume", "sweep")

    stopped = azsweep(detached, "stop", "sweep")
    after = azsweep(detached, "attach", "sweep")

    assert (status["state"], status["trials"]["completed"]) == ("running", 1)
    assert [trial["number"] for trial in status["running"]] == [1]
    assert "working on 1\n" in attempt
    assert (again.returncode, "must not hold a sweep that runs" in again.stderr) == (1, True)
    assert stopped.returncode == 0, stopped.stderr
    assert "trial 1 cancelled" in stopped.stdout
    assert after.returncode == 130

    (detached.directory / "sweep" / "1" / "finish").touch()
    resumed = azsweep(detached, "resume", "sweep", "--detach", "hydra.sweeper.limits.max_total_trials=3")
    end = azsweep(detached, "attach", "sweep")

    assert resumed.returncode == 0, resumed.stderr
    assert end.returncode == 0, end.stderr
    assert "3 completed (all 3 trials are done)" in end.stdout
    assert attempts(detached.directory / "sweep") == [1, 2, 1]


def attempts(sweep: Path) -> Sequence[int]:
    trials = sorted((sweep / ".azsweep" / "trials").iterdir(), key=lambda path: int(path.name))
    return [len(list(trial.iterdir())) for trial in trials]


def test_attach_shows_the_end_of_a_sweep_that_it_has_followed(detached: App) -> None:
    command = azsweep_command("attach", "sweep")
    with subprocess.Popen(
        command,
        cwd=detached.directory,
        env=detached.environment(PYTHONPATH=str(ROOT)),
        stdout=subprocess.PIPE,
        text=True,
    ) as attached:
        assert attached.stdout is not None
        assert "running: process " in attached.stdout.readline()
        (detached.directory / "sweep" / "1" / "finish").touch()
        out, _ = attached.communicate(timeout=60)

    assert attached.returncode == 0
    assert "[2/2] trial 1 completed  loss=1  x=1  (best: trial 0 0)\n" in out
    best = f"{detached.directory}/sweep/best"
    assert out.endswith(f"Run it again:   python train.py --config-dir {best} --config-name azsweep_best\n")
