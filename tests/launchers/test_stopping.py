"""However a sweep or a trial is stopped: results stay, tasks may save what they have, and nothing is left running."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.launchers.conftest import LauncherApp
from tests.plugin.conftest import Run

SLEEPER = """
import subprocess
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session=True)
(out() / "started").write_text("")
if cfg.x == 0: return 1.0
try:
    time.sleep(600)
finally:
    (out() / "finally").write_text("")
"""

STUBBORN = """
import subprocess
(out() / "started").write_text("")
while True:
    try:
        time.sleep(600)
    except BaseException:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        (out() / "refused").write_text("")
"""

CHECKPOINT = """
from azsweep_core.trial_process import TrialStopped
(out() / "started").write_text("")
try:
    time.sleep(600)
except TrialStopped as stopped:
    (out() / "checkpoint").write_text(str(stopped))
    if cfg.x == 1: return 0.75
    raise
finally:
    (out() / "finally").write_text("")
"""


@contextmanager
def running(app: LauncherApp, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A multirun in the background; killed at the end if it still runs then."""
    with subprocess.Popen(
        app.command("--multirun", *arguments),
        cwd=app.directory,
        env=app.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(holds: Callable[[], bool], within_s: float = 30.0) -> bool:
    """Whether it holds within that time; looks at real processes."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


RAYS_OWN = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""They hold no trial, and take up to a minute to notice that their Ray is gone."""
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_stopped_sweep_leaves_results_and_no_processes(app: LauncherApp, number: signal.Signals) -> None:
    app.write(SLEEPER, {"x": 0}, sweeper={"limits": {"max_concurrent_trials": 1}, "sampling_algorithm": "grid"})

    run = app.interrupt(number, "x=1,2,3")

    assert run.code == 130, run.text
    assert [row["state"] for row in run.trials] == ["cancelled"]
    assert run.trials[0]["reason"] == f"stopped by {'Ctrl-C' if number is signal.SIGINT else number.name}"
    assert (run.sweep / "0" / "finally").exists()
    assert run.results["stop_reason"].startswith("stopped by")
    assert "Traceback" not in run.text
    assert app.processes() == []


def test_a_second_ctrl_c_kills_at_once(app: LauncherApp) -> None:
    app.write(STUBBORN, {"x": 0}, sweeper={"stop_grace": 600})

    with running(app, "x=1,2", "hydra.sweeper.limits.max_concurrent_trials=1") as process:
        app.wait_for("sweep/*/started")
        process.send_signal(signal.SIGINT)
        app.wait_for("sweep/*/refused")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    run = Run(process.returncode, out, "", app.directory / "sweep")
    assert run.code == 130, out
    assert [row["state"] for row in run.trials] == ["cancelled"]
    assert app.processes() == []


def test_a_coordinator_that_is_killed_leaves_nothing(any_app: LauncherApp) -> None:
    """Not even what trials have started in sessions of their own."""
    any_app.write(SLEEPER, {"x": 0}, sweeper={"limits": {"max_concurrent_trials": 2}})

    with running(any_app, "x=1,2") as process:
        assert until(lambda: len(list(any_app.directory.glob("sweep/*/started"))) == 2)
        assert len(any_app.processes()) >= 10  # two trials with four programs each, the helper and the coordinator
        process.kill()

        assert until(lambda: all(each.startswith(RAYS_OWN) for each in any_app.processes())), any_app.processes()


def test_what_a_finished_trial_left_is_gone_before_the_sweep_ends(app: LauncherApp) -> None:
    app.write(
        """
from tests.launchers.conftest import processes_with
if cfg.x == 0:
    import subprocess
    subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session=True)
    subprocess.Popen(["setsid", "sh", "-c", "setsid sleep 600 & sleep 600"])
    return 0
key = os.environ["AZSWEEP_TRIAL_KEY"].replace(":1.1", ":0.1")
deadline = time.monotonic() + 5
while (left := processes_with(f"AZSWEEP_TRIAL_KEY={key}")) and time.monotonic() < deadline:
    time.sleep(0.02)
(out() / "left.json").write_text(json.dumps(left))
return 1
""",
        {"x": 0},
    )

    run = app.sweep("x=0,1", "hydra.sweeper.limits.max_concurrent_trials=1", "hydra.sweeper.sampling_algorithm=grid")

    assert json.loads((run.sweep / "1" / "left.json").read_text()) == []


def test_a_task_may_save_a_checkpoint_when_its_trial_is_stopped(any_app: LauncherApp) -> None:
    """Under every launcher whose task is in the main thread; one that swallows the stop and returns has completed."""
    if any_app.launcher == "some":  # in a thread the exception comes between two steps of Python
        any_app.write(CHECKPOINT.replace("time.sleep(600)", "while True: time.sleep(0.01)"), {"x": 0})
    else:
        any_app.write(CHECKPOINT, {"x": 0})

    run = any_app.sweep(
        "x=0,1",
        "hydra.sweeper.sampling_algorithm=grid",
        "hydra.sweeper.limits={trial_timeout: 1, max_concurrent_trials: 2}",
    )

    assert [(row["state"], row["reason"]) for row in run.trials] == [
        ("timed_out", "limits.trial_timeout of 1 s reached"),
        ("completed", ""),
    ]
    assert run.trials[1]["value"] == "0.75"
    for number in "01":
        assert (run.sweep / number / "checkpoint").exists()
        assert (run.sweep / number / "finally").exists()
    assert (any_app.launcher == "some") or "trial_timeout" in (run.sweep / "0" / "checkpoint").read_text()
    assert any_app.processes() == []


def test_the_sweeps_timeout_cancels_what_runs(app: LauncherApp) -> None:
    app.write(SLEEPER, {"x": 0}, sweeper={"sampling_algorithm": "grid"})

    run = app.sweep("x=0,1,2,3", "hydra.sweeper.limits={timeout: 4, max_concurrent_trials: 2}")

    assert [row["state"] for row in run.trials] == ["completed", "cancelled", "cancelled"]
    assert {row["reason"] for row in run.trials[1:]} == {"limits.timeout of 4 s reached"}
    assert run.results["stop_reason"] == "limits.timeout of 4 s reached"
    assert all((run.sweep / number / "finally").exists() for number in "12")
    assert app.processes() == []


def test_a_sweep_inside_a_trial_of_another_sweep_is_left_alone(app: LauncherApp) -> None:
    """Its processes inherit what marks those of the outer trial, which has the number of one of its own."""
    app.write(
        """
import subprocess
if "outer" in str(out()):
    inner = [sys.executable, "train.py", "--multirun", "x=range(4)", "hydra.sweep.dir=inner"]
    return float(subprocess.run([*inner, "hydra.sweeper.sampling_algorithm=grid"], check=True).returncode)
time.sleep(0.3 * cfg.x)
return cfg.x
""",
        {"x": 0},
        sweeper={"limits": {"max_concurrent_trials": 4}},
    )

    app.sweep("x=0,0", "hydra.sweep.dir=outer", "hydra.sweeper.limits.max_total_trials=1")

    inner = Run(0, "", "", app.directory / "inner")
    assert [row["state"] for row in inner.trials] == ["completed"] * 4
