"""The live display on a terminal: what it shows, that it fits, and that nothing tears it or is left of it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyte
import pytest

from azsweep_core.events import Event
from azsweep_core.history import History
from azsweep_core.report import Outlook
from azsweep_core.report._frame import Scene
from azsweep_core.trial import TrialState
from tests.terminal.screen import Terminal
from tests.terminal.shows import HOSTILE, Show

FAILED, TERMINATED, CANCELLED = TrialState.FAILED, TrialState.TERMINATED, TrialState.CANCELLED
COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;]*m")


@contextlib.contextmanager
def live(terminal: Terminal, outlook: Outlook | None = None, metric: str = "loss") -> Iterator[Show]:
    """A sweep that is shown live, with `sys.stdout` on the terminal."""
    with terminal.stream() as stream, contextlib.redirect_stdout(stream):
        show = Show(stream, metric=metric) if outlook is None else Show(stream, outlook, metric)
        with show.on("live"):
            yield show


def display(terminal: Terminal) -> list[str]:
    """The lines of the display, which begin with the progress."""
    lines = terminal.lines
    starts = [index for index, line in enumerate(lines) if re.match(r"\d+(/\d+)? trials\b", line)]
    assert len(starts) == 1, terminal.text
    return lines[starts[0] :]


class TestWhatIsShown:
    def test_progress_running_trials_the_best_one_and_what_went_wrong(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            for number, value in enumerate((0.5, 0.25, 0.75)):
                show.begin(number, {"+lr": 0.1 / (number + 1), "model": "big"})
                show.measure(number, value, step=number)
                show.wait(60)
                state, reason = [
                    (FAILED, "ValueError: no\nmore"),
                    (TrialState.COMPLETED, ""),
                    (TERMINATED, "bandit: slow"),
                ][number]
                show.end(number, state, reason)
            show.begin(3, {"+lr": 0.012345678, "model": "small"})
            show.measure(3, 0.125, step=7)
            show.measure(3, float("nan"), step=8)
            show.wait(65)
            show.submit(4, {"+lr": 1e-5, "model": "big"})
            show.wait(2)

            assert display(terminal) == [
                "3/10 trials  ━━━━━━━━━─────────────────────  4 min 7 s of 2 h, about 3 min left",
                "1 completed  1 failed  1 terminated  1 running  1 waiting",
                "best trial 3  loss=0.125 (running)  lr=0.0123457 model=small",
                "trial  time        loss  step  parameters",
                "    3  1 min 7 s  0.125     7  lr=0.0123457 model=small",
                "    4  2 s                     waiting  lr=1e-05 model=big",
                "failed  trial 0: ValueError: no ...",
                "terminated  trial 2: bandit: slow",
            ]

    def test_the_lines_of_events_stand_above_it_and_it_is_gone_at_the_end(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.wait(5)
            show.end(0, FAILED, "boom")
            show.wait(1)
            above = terminal.lines[:2]

        assert above == ["[1/10] trial 0 failed  x=0  boom", ""]
        assert terminal.lines == ["[1/10] trial 0 failed  x=0  boom"]

    def test_failures_alike_are_one_line_with_their_number(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            for number, reason in enumerate(("a", "b", "a", "c", "d")):
                show.begin(number)
                show.end(number, FAILED, reason)
            show.wait(1)

            assert display(terminal)[2:] == [
                "failed  trial 2 and 1 more: a",
                "failed  trial 3: c",
                "failed  trial 4: d",
            ]

    @pytest.mark.parametrize(
        ("state", "reason", "said"),
        [
            pytest.param(CANCELLED, "stopped by Ctrl-C", ["stopping, 2 still run: stopped by Ctrl-C"], id="the-sweep"),
            pytest.param(TERMINATED, "bandit: slow", [], id="both-trials"),
        ],
    )
    def test_a_sweep_that_stops_says_so(
        self, terminal: Terminal, state: TrialState, reason: str, said: list[str]
    ) -> None:
        with live(terminal) as show:
            for number in range(2):
                show.begin(number)
                show.stop(number, state, reason, by_user=state is CANCELLED)
            show.wait(1)

            assert [line for line in display(terminal) if line.startswith("stopping")] == said
            assert sum(f"stopping: {reason}" in line for line in display(terminal)) == (0 if said else 2)

    def test_a_further_attempt_shows_only_its_own_reports(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.measure(0, 0.5, step=3)
            show.lose(0, "node failed")
            show.begin(0, attempt=2)
            show.wait(1)

            assert display(terminal)[-3:] == [
                "trial  time  parameters",
                "    0  1 s   attempt 2  x=0",
                "lost  trial 0: node failed",
            ]

    def test_time_left_is_told_once_every_slot_has_seen_an_end(self, terminal: Terminal) -> None:
        told = []
        with live(terminal, Outlook(max_trials=9, slots=4)) as show:
            for number in range(4):
                show.begin(number)
            for number in range(4):
                show.wait(10)
                show.end(number)
                show.wait(1)
                told.append(display(terminal)[0].rpartition("─ ")[2].strip())

        assert told == ["11 s", "22 s", "33 s", "44 s, about 35 s left"]


@dataclass
class Unseen:
    """A console that draws nothing of its scene."""

    scene: Scene

    def notice(self, event: Event, history: History) -> None:
        self.scene.notice(event, history)

    def turn(self) -> None:
        """Nothing is drawn."""


SLOTS_2 = Outlook(max_trials=10, slots=2)


@pytest.mark.parametrize(
    ("outlook", "durations_s", "running_for_s", "left_s"),
    [
        pytest.param(Outlook(max_trials=None, slots=1), [10] * 5, [], None, id="nobody-knows-how-many"),
        pytest.param(SLOTS_2, [10, 10], [], None, id="too-few-have-ended"),
        pytest.param(Outlook(max_trials=10, slots=5), [10] * 4, [], None, id="a-slot-has-seen-no-end"),
        pytest.param(SLOTS_2, [10, 20, 30], [], 70.0, id="seven-to-come-of-20-s-each"),
        pytest.param(SLOTS_2, [10] * 8, [4, 0], 10.0, id="no-sooner-than-the-last-one-to-run"),
        pytest.param(SLOTS_2, [10] * 8, [50, 50], 0.0, id="those-that-run-too-long-may-end-any-time"),
        pytest.param(SLOTS_2, [10] * 7, [50, 50], 10.0, id="one-to-come-takes-its-time"),
        pytest.param(Outlook(max_trials=10), [10] * 6, [0, 0], 20.0, id="slots-as-have-been-seen"),
    ],
)
def test_time_left(outlook: Outlook, durations_s: list[int], running_for_s: list[int], left_s: float | None) -> None:
    show = Show(io.StringIO(), outlook)
    scene = Scene(outlook)
    show.console = Unseen(scene)
    for number, duration_s in enumerate(durations_s):
        show.begin(number)
        show.clock.now_s += duration_s
        show.end(number)
    now_s = show.clock.now_s
    for number, for_s in enumerate(running_for_s, start=len(durations_s)):
        show.clock.now_s = now_s - for_s
        show.begin(number)

    assert scene.left_s(now_s) == left_s


class TestSize:
    @pytest.mark.parametrize(
        ("columns", "rows", "running"),
        [(80, 24, 16), (120, 40, 40), (80, 24, 1), (40, 10, 16), (20, 5, 3), (7, 2, 2), (200, 60, 100)],
    )
    def test_it_fits_whatever_the_terminal_and_the_values(
        self, open_terminal: Callable[..., Terminal], columns: int, rows: int, running: int
    ) -> None:
        terminal = open_terminal(columns, rows)
        parameters = {"text": HOSTILE * 9, "größe": "\u4e2d\u6587" * 40, **{f"model.layer_{i}": i for i in range(30)}}
        with live(terminal, Outlook(max_trials=500, slots=running), metric="val\nloss" * 9) as show:
            show.begin(0, parameters)
            show.measure(0, 0.5)
            show.wait(1)
            show.end(0, FAILED, HOSTILE * 20)
            for number in range(1, running + 1):
                show.begin(number, parameters)
                show.measure(number, 1e-300, step=10**15)
            show.wait(1)
            lines = terminal.lines

        top = next(index for index, line in enumerate(lines) if line.startswith("1/500"))
        assert len(lines[top:]) <= max(rows - 3, 1)
        assert terminal.screen.cursor.x == 0
        assert not any("\x1b" in line for line in lines)
        assert b"\x1b[31mred" not in terminal.raw
        assert "title" not in terminal.screen.title
        assert terminal.lines == [] or not any(line.startswith("1/500") for line in terminal.lines)

    def test_sixteen_running_trials_find_room_on_an_ordinary_terminal(self, terminal: Terminal) -> None:
        with live(terminal, Outlook(max_trials=40, slots=16)) as show:
            for number in range(17):
                show.begin(number, {"lr": 0.1, "model": "big"})
            show.end(0, FAILED, "boom")
            show.measure(5, 0.5)
            show.wait(1)

            lines = display(terminal)
            assert [int(line.split()[0]) for line in lines if re.match(r" +\d+ ", line)] == list(range(1, 17))
            assert lines[-1] == "failed  trial 0: boom"

    def test_those_without_room_are_counted_and_those_that_wait_come_last(
        self, open_terminal: Callable[..., Terminal]
    ) -> None:
        terminal = open_terminal(40, 10)
        with live(terminal, Outlook(max_trials=40, slots=16)) as show:
            for number in range(5):
                show.submit(number)
            show.begin(5)
            show.wait(1)

            assert display(terminal) == [
                "0/40 trials  ─────────────────────  1 s",
                "1 running  5 waiting",
                "trial  time  parameters",
                "    5  1 s   x=5",
                "    0  1 s   waiting  x=0",
                "    1  1 s   waiting  x=1",
                "and 3 more, 3 of them waiting",
            ]

    @pytest.mark.parametrize("columns", [50, 140], ids=["narrower", "wider"])
    def test_a_terminal_that_cuts_lines_when_it_is_resized_shows_one_display_after_it(
        self, open_terminal: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch, columns: int
    ) -> None:
        monkeypatch.setenv("TERM", "linux")
        terminal = open_terminal(100, 30)
        with live(terminal) as show:
            show.log.info("before")
            show.begin(0, {f"parameter_{index}": index for index in range(20)})
            show.wait(1)
            terminal.resize(columns, 30)
            show.wait(0.25)

            lines = terminal.lines
            assert lines[0] == "before"
            assert max(map(len, display(terminal))) in range(columns - 5, columns)

    def test_a_terminal_that_breaks_lines_when_it_becomes_narrower_shows_one_display_after_it(
        self, open_terminal: Callable[..., Terminal]
    ) -> None:
        """As most do: what was one line is several then. What was printed is printed again on a narrow one."""
        terminal = open_terminal(100, 30)
        with live(terminal) as show:
            show.log.info("before")
            show.begin(0, {f"parameter_{index}": index for index in range(20)})
            show.end(0)
            show.begin(1, {f"parameter_{index}": index for index in range(20)})
            show.wait(1)
            shown = terminal.lines
            printed = len(terminal.raw)
            terminal.resize(45, 30)
            show.wait(0.25)
            narrow = pyte.Screen(45, 30)
            again = pyte.ByteStream(narrow)
            again.feed("\r\n".join([*shown, ""]).encode())
            again.feed(terminal.raw[printed:])

        lines = [line.rstrip() for line in narrow.display]
        assert lines[0] == "before"
        assert sum("1/10 trials" in line for line in lines) == 1
        assert sum("parameter_0=0" in line for line in lines) == 2  # the line of an end, and a row


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
            print("to the one that somebody has kept", file=kept)
            own.removeHandler(other)
        logging.root.removeHandler(file)
        file.close()
        assert terminal.lines == ["to the one that somebody has kept"]

    def test_who_chose_another_stream_meanwhile_keeps_it(self, terminal: Terminal) -> None:
        chosen = io.StringIO()
        with live(terminal) as show:
            before = sys.stdout
            sys.stdout = chosen
            show.wait(1)
        assert before is not chosen

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
            show.end(0, FAILED, "boom")
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

    def test_one_that_takes_no_output_is_not_waited_for(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.begin(0)
            show.wait(1)
            terminal.type(b"\x13")  # Ctrl-S
            for _ in range(1000):
                show.wait(1)
            terminal.type(b"\x11")
            show.wait(1)

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
