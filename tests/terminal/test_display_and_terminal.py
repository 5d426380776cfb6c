"""The live display beside all else that a terminal shows, and what becomes of the terminal itself."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from azsweep_core.report import Outlook
from azsweep_core.trial import TrialState
from tests.terminal.screen import Terminal
from tests.terminal.shows import Show, display, live

COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;]*m")


def turn_a_thousand_times(show: Show) -> None:
    """A second each; fails if that takes long, for then the display waits for the terminal."""

    def turn() -> None:
        for _ in range(1000):
            show.wait(1)

    turning = threading.Thread(target=turn, daemon=True)
    turning.start()
    turning.join(5)
    assert not turning.is_alive()


class TestWhatElseIsPrinted:
    def test_everything_appears_above_it_whole_and_in_order(self, terminal: Terminal) -> None:
        with live(terminal) as show, contextlib.redirect_stderr(sys.stdout):
            show.begin(0)
            show.wait(1)
            print("a", end="")
            show.wait(1)
            print("b")
            logging.getLogger("somebody").warning("two\nlines")
            sys.stdout.write("50%\r100%\r")
            sys.stderr.writelines(["error\n", "rest"])
            show.wait(1)

            assert terminal.lines[:5] == ["ab", "two", "lines", "error", ""]
            assert display(terminal)[-1] == "    0  3 s   x=0"
        assert terminal.lines == ["ab", "two", "lines", "error", "rest"]

    def test_of_a_progress_bar_the_last_state_is_kept_and_nothing_else(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.wait(1)
            began_s = time.thread_time()
            for step in range(20_000):
                sys.stdout.write(f"\rstep {step} of many")
            took_s = time.thread_time() - began_s
            print()

            assert terminal.lines[0] == "step 19999 of many"
        assert terminal.raw.count(b"of many") == 1
        assert took_s < 0.5

    def test_a_process_that_was_forked_prints_as_if_there_was_none(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.wait(1)
            assert display(terminal)
            before = len(terminal.raw)
            with monkeypatch.context() as forked:
                forked.setattr(os, "getpid", lambda: 0)
                print("a trial's")
                show.wait(1)
            assert terminal.text

            assert terminal.raw[before:] == b"a trial's\r\n"

    def test_streams_and_handlers_are_given_back_whatever_happens(self, terminal: Terminal, tmp_path: Path) -> None:
        file = logging.FileHandler(tmp_path / "log")
        file_stream = file.stream
        logging.root.addHandler(file)
        with terminal.stream() as stream, contextlib.redirect_stdout(stream):
            other = logging.StreamHandler(stream)
            own = logging.getLogger("own")
            own.addHandler(other)
            with pytest.raises(ZeroDivisionError), Show(stream).on("live") as show:  # noqa: PT012 - in the midst of it
                show.wait(1)
                kept, others, of_file = sys.stdout, other.stream, file.stream
                _ = 1 / 0
            assert stream not in (kept, others)
            assert of_file is file_stream

            assert sys.stdout is stream
            assert other.stream is stream
            print("to the one that somebody has kept", end="", file=kept, flush=True)
            own.removeHandler(other)
        logging.root.removeHandler(file)
        file.close()
        assert terminal.lines == ["to the one that somebody has kept"]

    def test_who_chose_another_stream_meanwhile_keeps_it(self, terminal: Terminal) -> None:
        chosen = io.StringIO()
        with terminal.stream() as stream, contextlib.redirect_stdout(stream):
            with Show(stream).on("live") as show:
                show.wait(1)
                sys.stdout = chosen

            assert sys.stdout is chosen

    def test_it_begins_anew_below_what_the_shell_has_printed_after_ctrl_z(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.wait(1)
            os.write(terminal.theirs, b"[1]+  Stopped\r\n$ fg\r\n")
            os.kill(os.getpid(), signal.SIGCONT)
            show.wait(1)

            lines = terminal.lines
            shell = lines.index("$ fg")
            assert lines[shell - 1] == "[1]+  Stopped"
            assert lines[shell + 1 :] == [
                "",
                "0/10 trials  ──────────────────────────────────────────────────────  2 s of 2 h",
                "1 running",
                "trial  time  parameters",
                "    0  2 s   x=0",
            ]


class TestTheTerminal:
    def test_its_settings_and_its_cursor_are_left_alone(self, terminal: Terminal) -> None:
        before = terminal.settings
        with live(terminal) as show:
            show.begin(0)
            show.wait(1)
            assert terminal.settings == before
            assert not terminal.screen.cursor.hidden

        assert terminal.lines == [""]
        assert terminal.settings == before
        assert b"\x1b[?25l" not in terminal.raw

    @pytest.mark.parametrize(
        ("name", "value", "has_colours"),
        [("TERM", "xterm", True), ("NO_COLOR", "1", False)],
        ids=["as-it-can", "NO_COLOR"],
    )
    def test_colours_are_the_users_choice(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, has_colours: bool
    ) -> None:
        monkeypatch.setenv(name, value)
        with live(terminal) as show:
            show.begin(0)
            show.measure(0, 0.5)
            show.end(0, TrialState.FAILED, "boom")
            show.wait(1)

            assert display(terminal)[-1] == "failed  trial 0: boom"
        assert bool(COLOUR.search(terminal.raw)) is has_colours

    def test_columns_of_the_users_environment_are_not_exceeded(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "50")
        with live(terminal) as show:
            show.begin(0, {"text": "x" * 100})
            show.wait(1)

            assert max(map(len, display(terminal))) == 49

    def test_no_frame_waits_for_one_that_takes_no_output(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.wait(1)
            with terminal.stopped():
                turn_a_thousand_times(show)
            show.wait(1)

            assert display(terminal)[-1] == "    0  16 min 42 s  x=0"

    def test_no_frame_waits_for_one_that_nobody_reads_and_all_are_whole(
        self, open_terminal: Callable[..., Terminal]
    ) -> None:
        terminal = open_terminal(150, 24)
        with live(terminal) as show:
            for number in range(18):
                show.begin(number, {f"parameter_{index}": index for index in range(20)})
            with terminal.unread():
                turn_a_thousand_times(show)
            show.wait(0.25)
            assert terminal.text
            show.wait(1)

            assert len(display(terminal)) == 21
            assert display(terminal)[0].endswith("─  16 min 41 s of 2 h")
        assert terminal.lines == [""]

    def test_a_line_waits_for_one_that_takes_no_output_as_it_would_without_a_display_and_frames_do_not(
        self, terminal: Terminal
    ) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.wait(1)
            with terminal.stopped():
                printing = threading.Thread(target=print, args=["a line"], daemon=True)
                printing.start()
                turn_a_thousand_times(show)
                assert printing.is_alive()
            printing.join(5)
            show.wait(1)

            assert terminal.lines[0] == "a line"
            assert display(terminal)[-1] == "    0  16 min 42 s  x=0"

    def test_it_draws_five_times_a_second_at_most_and_once_if_nothing_happens(self, terminal: Terminal) -> None:
        def drawn() -> int:
            assert terminal.lines
            return terminal.raw.count(b"/10 trials")

        with live(terminal, Outlook(max_trials=10, slots=9)) as show:
            show.begin(0)
            show.wait(1)
            at_first = drawn()
            for number in range(100):
                show.measure(0, number)
                show.wait(0.01)
            with_news = drawn()
            for _ in range(400):
                show.wait(0.01)

            assert with_news - at_first in range(4, 6)
            assert drawn() - with_news in range(3, 6)

    def test_drawing_takes_a_hundredth_of_the_time_at_most(self, terminal: Terminal) -> None:
        class Slow(io.StringIO):
            """Over a connection on which a frame takes half a second."""

            def isatty(self) -> bool:
                return True

            def fileno(self) -> int:
                return terminal.theirs

            def write(self, text: str) -> int:
                show.clock.now_s += 0.5
                return super().write(text)

        show = Show(Slow())
        with show.on("live"):
            before_s = show.clock.now_s
            for _ in range(1000):
                show.wait(0.1)
            drawing_s = show.clock.now_s - before_s - 100.0

        assert drawing_s == pytest.approx(1.0)  # so many frames in 100 s, each written once
