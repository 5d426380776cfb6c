"""The live display on a terminal: what it shows, that it fits, and that nothing tears it or is left of it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import pyte
import pytest

from azsweep_core.events import EndingKind, Event, SweepEnded, SweepStarted
from azsweep_core.history import History
from azsweep_core.report import Outlook
from azsweep_core.report._frame import Frame, Scene
from azsweep_core.report._region import Region
from azsweep_core.trial import TrialState
from tests.terminal.screen import Terminal
from tests.terminal.shows import HOSTILE, Show, display, live

FAILED, TERMINATED, CANCELLED = TrialState.FAILED, TrialState.TERMINATED, TrialState.CANCELLED


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

    def test_what_the_user_stopped_is_no_trouble_and_says_nothing_of_the_others(self, terminal: Terminal) -> None:
        with live(terminal, Outlook(max_trials=9, slots=1)) as show:
            for number in range(4):
                show.begin(number)
                show.wait(10 if number < 3 else 1000)
                show.end(number, *((CANCELLED, "stopped by Ctrl-C", True) if number == 3 else ()))
            show.wait(1)

            lines = display(terminal)
            assert lines[0].endswith("─  17 min 11 s, about 50 s left")
            assert lines[1:] == ["3 completed  1 cancelled"]

    def test_a_sweep_that_is_over_says_so_at_once(self, terminal: Terminal) -> None:
        with live(terminal) as show:
            show.wait(1)
            show.tell(SweepEnded(time_s=1.0, stop_reason="all 10 trials are done", kind=EndingKind.FINISHED))

            assert display(terminal)[1:] == ["no trial has started yet", "over: all 10 trials are done"]

    def test_a_timeout_that_comes_before_the_last_trial_is_told(self, terminal: Terminal) -> None:
        with live(terminal, Outlook(max_trials=100, timeout_s=60.0, slots=1)) as show:
            for number in range(3):
                show.begin(number)
                show.wait(10)
                show.end(number)
            show.wait(1)

            assert display(terminal)[0].endswith("─  31 s of 1 min, the timeout comes first")

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


def test_troubles_are_remembered_up_to_a_number_and_what_is_lost_with_a_sweep_is_none() -> None:
    show = Show(io.StringIO())
    scene = Scene(show.outlook)
    show.console = Unseen(scene)
    show.tell(SweepStarted(time_s=0.0, spec={}))
    for number in range(1000):
        show.begin(number)
        show.end(number, FAILED, f"reason {number}")
    show.begin(1000)
    show.lose(1000, "the coordinator was killed", with_sweep=True)

    assert [trouble.latest for trouble in scene.troubles.values()] == list(range(950, 1000))


@pytest.mark.parametrize("broken", [(Frame, "lines"), (Scene, "notice"), (Region, "show")], ids=lambda at: at[1])
def test_one_that_fails_is_removed_and_told_once_and_lines_go_on(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, broken: tuple[type, str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no\nsuch cell")

    with live(terminal) as show:
        show.begin(0)
        show.wait(1)
        assert display(terminal)
        monkeypatch.setattr(*broken, fail)
        show.measure(0, 0.5)
        show.wait(1)
        show.begin(1)
        show.end(0)
        show.wait(1)

        assert "".join(terminal.lines).startswith(
            "Warning: the live display cannot be drawn (RuntimeError: no such cell)"
        )
        assert terminal.lines[-2:] == ["trial 1 started  x=1", "[1/10] trial 0 completed  loss=0.5  x=0  (best so far)"]
        assert terminal.text.count("Warning") == 1
        assert "/10 trials" not in terminal.text


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
            assert terminal.text  # has come through
            narrow = pyte.Screen(45, 30)
            again = pyte.ByteStream(narrow)
            again.feed("\r\n".join([*shown, ""]).encode())
            again.feed(terminal.raw[printed:])

        lines = [line.rstrip() for line in narrow.display]
        assert lines[0] == "before"
        assert sum("1/10 trials" in line for line in lines) == 1
        assert sum("parameter_0=0" in line for line in lines) == 2  # the line of an end, and a row
