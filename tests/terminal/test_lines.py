"""Lines of events and the summary: what each mode prints where, and that nothing a trial says breaks a line."""

from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from azsweep_core.report import Outlook, open_console, summary, words
from azsweep_core.report._open import why_not_live
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import TrialState
from tests.terminal.screen import Terminal
from tests.terminal.shows import HOSTILE, SHOWN_HOSTILE, Show

LINES = ["trial 0 started  x=0", "[1/10] trial 0 completed  loss=0.5  x=0  (best so far)", "trial 1 started  x=1"]
LINES += ["[2/10] trial 1 failed  x=1  boom  (best: trial 0 0.5)"]
WHY = "console: no live display, for {}; a line an event instead"


JOB_CONTROL = """
import os, signal, subprocess, sys
from azsweep_core.report._open import why_not_live
from azsweep_core.report._region import Region

said = []
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
with subprocess.Popen(["sleep", "60"], preexec_fn=os.setpgrp) as other, Region(sys.stdout) as region:
    for in_front in (os.getpgrp(), other.pid, os.getpgrp()):
        os.tcsetpgrp(1, in_front)
        said.append((why_not_live(sys.stdout), why_not_live(sys.stdout, is_wished=True), region.can_draw()))
    other.kill()
for each in said:
    print(*map(repr, each))
"""


def happenings(show: Show) -> None:
    show.begin(0)
    show.measure(0, 0.5)
    show.wait(1)
    show.end(0)
    show.begin(1)
    show.end(1, TrialState.FAILED, "boom")
    show.wait(1)


def test_values_are_written_as_in_the_table_of_trials() -> None:
    parameters = {"+a": None, "b": True, "c": {"a": [1, 0.25]}, "lr": 0.123456789, "name": "it's", "text": ""}

    assert words(parameters) == "a=null b=true c={\"a\": [1, 0.25]} lr=0.123457 name=it's text=''"


@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        pytest.param("auto", LINES, id="auto"),
        pytest.param("plain", LINES, id="plain"),
        pytest.param("live", [WHY.format("the output goes to no terminal"), *LINES], id="live"),
        pytest.param("none", LINES[3:], id="none"),
    ],
)
def test_a_pipe_gets_a_line_an_event(mode: str, lines: list[str]) -> None:
    pipe = io.StringIO()
    with Show(pipe).on(mode) as show:
        happenings(show)

    assert pipe.getvalue().splitlines() == lines


@pytest.mark.parametrize(
    ("name", "value", "mode", "lines"),
    [
        pytest.param("TERM", "dumb", "auto", LINES, id="dumb-auto"),
        pytest.param("TERM", "dumb", "live", [WHY.format("TERM=dumb cannot move its cursor"), *LINES], id="dumb-live"),
        pytest.param("TERM", "", "auto", LINES, id="unknown"),
        pytest.param("CI", "true", "auto", LINES, id="ci-auto"),
        pytest.param("TERM", "xterm", "plain", LINES, id="plain"),
        pytest.param("TERM", "xterm", "none", LINES[3:], id="none"),
    ],
)
def test_so_does_a_terminal_that_can_show_no_more_or_is_not_to(
    open_terminal: Callable[..., Terminal],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    mode: str,
    lines: list[str],
) -> None:
    terminal = open_terminal(100, 24)
    monkeypatch.setenv(name, value)
    with terminal.stream() as stream, Show(stream).on(mode) as show:
        happenings(show)

    assert terminal.lines == lines
    assert b"\x1b" not in terminal.raw


def test_ci_shows_a_live_display_if_that_is_what_the_user_wants(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with terminal.stream() as stream, Show(stream).on("live") as show:
        happenings(show)

        assert "2/10 trials" in terminal.text


def test_in_the_background_there_is_no_display_but_by_wish_and_nothing_is_drawn(
    terminal: Terminal, tmp_path: Path
) -> None:
    """As `&` starts a sweep, and as Ctrl-Z and `bg` leave it."""
    with terminal.running([sys.executable, "-c", JOB_CONTROL], tmp_path, dict(os.environ)) as process:
        assert process.wait(60) == 0

    in_front, behind = "'' '' True", "'it runs in the background' '' False"
    assert terminal.lines == [in_front, behind, in_front]


def test_a_stream_that_is_closed_shows_nothing(terminal: Terminal) -> None:
    stream = terminal.stream()
    assert why_not_live(stream) == ""
    stream.close()

    assert why_not_live(stream) == "the output is closed"


def test_a_terminal_that_cannot_be_opened_again_gets_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `su`, which leaves it another user's."""
    monkeypatch.setattr(os, "ttyname", lambda descriptor: "/nowhere")

    with terminal.stream() as stream:
        assert why_not_live(stream).startswith("the terminal cannot be opened (")


def test_modes_leave_the_logger_as_they_found_it() -> None:
    logger = logging.Logger("mine", logging.DEBUG)  # noqa: LOG001 - known to nobody else
    for level, within in ((logging.DEBUG, logging.WARNING), (logging.ERROR, logging.ERROR)):
        logger.setLevel(level)

        with open_console("none", logger, Outlook(max_trials=1), FakeClock()):
            assert logger.level == within

        assert logger.level == level


def test_hostile_values_names_and_reasons_stay_in_their_lines() -> None:
    pipe = io.StringIO()
    with Show(pipe, metric=HOSTILE).on("plain") as show:
        show.begin(0, {HOSTILE: HOSTILE, "nested": {"a": [HOSTILE]}, "half": "\ud800"})
        show.measure(0, 0.5)
        show.stop(0, TrialState.TERMINATED, HOSTILE)
        show.lose(0, HOSTILE)
        show.begin(0, {HOSTILE: HOSTILE}, attempt=2)
        show.end(0, TrialState.FAILED, HOSTILE)

    lines = pipe.getvalue().split("\n")
    assert len(lines) == 6
    assert lines[4].startswith(f"[1/10] trial 0 failed  {SHOWN_HOSTILE}=0.5  {SHOWN_HOSTILE}={SHOWN_HOSTILE}  red ...")
    assert not [each for line in lines for each in line if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]


def test_so_they_do_in_the_summary(tmp_path: Path) -> None:
    pipe = io.StringIO()
    with Show(io.StringIO(), metric="l\x1b[31mo\nss").on("plain") as show:
        show.begin(0, {"x\r": HOSTILE, "long": "y" * 10_000})
        show.measure(0, 0.5)
        show.end(0, reason=HOSTILE)

    summary(show.history, directory=tmp_path, stream=pipe)

    text = pipe.getvalue()
    assert f"Best trial:     0: lo\\x0ass = 0.5 with x\\x0d={SHOWN_HOSTILE} long={'y' * 10_000}\n" in text
    assert not [each for each in text if unicodedata.category(each) == "Cc" and each != "\n"]
    assert text.count("y" * 97) == 103 + 1  # the second as a cell of the table, cut
    assert max(len(line) for line in text.splitlines() if not line.startswith("Best trial:")) <= 200


@pytest.mark.parametrize("has_colours", [True, False])
def test_the_summary_on_a_terminal_has_colours_if_the_user_wants_them_and_lines_to_copy(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_colours: bool
) -> None:
    """A command that is longer than the terminal is wide has no end of line within."""
    monkeypatch.setenv("NO_COLOR", "" if has_colours else "1")
    command = "python train.py --config-dir " + "long/" * 30
    with Show(io.StringIO()).on("plain") as show:
        happenings(show)

    with terminal.stream() as stream:
        summary(show.history, directory=tmp_path, stream=stream, hints=[("Run it again", command)])

    assert terminal.text
    assert f"{command}\r\n".encode() in terminal.raw
    assert b"\x1b[1m" in terminal.raw  # bold is no colour
    assert b"\x1b[3" not in terminal.raw.replace(b"\x1b[3m", b"")
