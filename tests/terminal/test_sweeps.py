"""Real sweeps on a real terminal and in a pipe: what a user sees, and how the terminal is left."""

from __future__ import annotations

import re
import signal
import unicodedata
from collections.abc import Callable

import pytest

from tests.cli.sweeps import azsweep_command, environment, sweep_now
from tests.plugin.conftest import App
from tests.terminal.screen import Terminal
from tests.terminal.shows import HOSTILE

WAITS = """
(out() / "started").touch()
while cfg.x > 0:
    time.sleep(0.01)
return 1.5
"""


def test_ctrl_c_says_what_it_does_removes_the_display_and_leaves_the_terminal_as_it_was(
    app: App, open_terminal: Callable[..., Terminal]
) -> None:
    terminal = open_terminal(160, 30)
    app.write(WAITS, {"x": 1}, sweeper={"limits": {"max_concurrent_trials": 2}, "sampling_algorithm": "grid"})
    before = terminal.settings
    with terminal.running(app.command("--multirun", "x=0,1,2"), app.directory, app.environment()) as process:
        terminal.wait_for(r"^best trial 0  loss=1\.5  x=0$")
        terminal.wait_for(r"^1/3 trials  ━+─+  \d s$")
        terminal.wait_for(r"^    2  \d s   x=2$")
        terminal.type(b"\x03")
        code = process.wait(60)

    text = terminal.text
    assert code == 130
    assert "stopped by Ctrl-C: no further trial starts; 2 running have 10 s to end, a second signal kills them" in text
    assert "/3 trials" not in text
    assert re.search(r"^Trials: +1 completed, 2 cancelled \(stopped by Ctrl-C\)$", text, re.MULTILINE)
    assert text.splitlines()[-1].startswith("Go on:          azsweep resume ")
    assert terminal.settings == before
    assert not terminal.screen.cursor.hidden
    assert terminal.raw.count(b"\x1b[?7l") == terminal.raw.count(b"\x1b[?7h") > 0


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_sweep_that_is_killed_leaves_a_terminal_that_can_be_used(
    app: App, open_terminal: Callable[..., Terminal], ends: signal.Signals
) -> None:
    """Its last display stays after SIGKILL; what a shell prints is below it."""
    terminal = open_terminal(100, 30)
    app.write(WAITS, {"x": 1})
    before = terminal.settings
    with terminal.running(app.command("--multirun", "x=choice(1)"), app.directory, app.environment()) as process:
        terminal.wait_for(r"^    0  \d s   x=1$")
        process.send_signal(ends)
        process.wait(60)

    assert terminal.settings == before
    assert not terminal.screen.cursor.hidden
    assert terminal.screen.cursor.x == 0
    assert ("0/1 trials" in terminal.text) == (ends is signal.SIGKILL)


def test_a_sweep_in_the_background_has_no_display_and_its_log_no_control_characters(
    app: App, open_terminal: Callable[..., Terminal]
) -> None:
    terminal = open_terminal(160, 30)
    command = app.command("--multirun", "x=choice(0)", "hydra.sweeper.detach=true")
    app.write(WAITS, {"x": 1})
    with terminal.running(command, app.directory, app.environment()) as process:
        assert process.wait(60) == 0
    app.wait_for("sweep/optimization_results.yaml")

    assert "azsweep attach" in terminal.text
    assert b"\x1b" not in terminal.raw
    log = (app.directory / "sweep" / ".azsweep" / "coordinator.log").read_text(encoding="utf-8")
    assert "] trial 0 started  x=0\n" in log
    assert "\x1b" not in log


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("auto", [r"trial 0 started  text=.*", r"\[1/1\] trial 0 failed  text=.*"], id="auto"),
        pytest.param("none", [r"\[1/1\] trial 0 failed  text=.*"], id="none"),
    ],
)
def test_a_pipe_gets_one_line_an_event_whatever_values_and_reasons_hold(
    app: App, mode: str, expected: list[str]
) -> None:
    app.write(
        "raise ValueError(cfg.text)",
        {"text": ""},
        sweeper={
            "search_space": {"text": {"type": "choice", "values": [HOSTILE.replace("\x9b", "")]}},
            "console": mode,
        },
    )

    run = app.run("--multirun")

    lines = [line.split("] ", 1)[1] for line in run.out.splitlines() if "trial 0" in line]
    assert run.code == 1
    assert len(lines) == len(expected), run.text
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(expected, lines, strict=True))
    for said in (f"sweep {run.sweep}: 1 trials, ", f"report: {run.sweep / 'report.html'}\n", "Results:"):
        assert (said in run.out) == (mode == "auto")
    controls = {each for each in run.out if unicodedata.category(each) == "Cc"}
    assert controls <= {"\n"}


def test_attach_shows_the_same_on_a_terminal_and_leaves_it_with_ctrl_c(
    tmp_path_factory: pytest.TempPathFactory, open_terminal: Callable[..., Terminal]
) -> None:
    terminal = open_terminal(100, 30)
    sweep = sweep_now(tmp_path_factory.mktemp("a") / "sweep")
    sweep.start()
    sweep.begin(0, after_s=1)
    sweep.end_trial(0, 0.5, after_s=2)
    sweep.begin(1, after_s=39)
    sweep.lock()
    with terminal.running(azsweep_command("attach", sweep.path), sweep.path, environment()) as process:
        terminal.wait_for(r"^1/5 trials  ━+─+  1 min \d+ s of 2 h$")
        terminal.wait_for(r"^    1  1 min   x=1$|^    1  1 min \d s  x=1$")
        sweep.end_trial(1, 0.25, after_s=100)
        terminal.wait_for(r"^2/5 trials")
        terminal.type(b"\x03")
        code = process.wait(60)

    assert code == 130
    assert "/5 trials" not in terminal.text
    assert terminal.lines[-1] == f"Left; the sweep goes on. `azsweep stop {sweep.path}` stops it."
