"""`azsweep attach` and `azsweep stop`: a sweep's own words in another shell, and its end."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from azsweep_core.cli._follow import Follower
from azsweep_core.events import AttemptLost, Ending, EndingKind, Event, SweepResumed, TrialEnded
from azsweep_core.trial import TrialState
from tests.cli.sweeps import FINISHED, NOON_S, SPEC, SweepDir, azsweep, started, sweep_now

FAILED, CANCELLED = TrialState.FAILED, TrialState.CANCELLED
STOPPED = Ending(EndingKind.USER, "stopped by azsweep stop")


@pytest.mark.parametrize(
    ("value", "ending", "code"),
    [
        pytest.param(0.5, FINISHED, 0, id="a-trial-has-a-value"),
        pytest.param(None, FINISHED, 1, id="no-trial-has-a-value"),
        pytest.param(0.5, Ending(EndingKind.FAILURES, "fail_fast"), 1, id="a-failure-limit"),
        pytest.param(0.5, STOPPED, 130, id="the-user"),
    ],
)
def test_attach_shows_how_a_sweep_has_ended_and_exits_as_it_did(
    sweep: SweepDir, value: float | None, ending: Ending, code: int
) -> None:
    sweep.begin(0, after_s=1)
    sweep.end_trial(0, value, after_s=61, reason="because\nof this")
    sweep.end(ending)

    result = azsweep("attach", sweep.path)

    assert result.exit_code == code
    shown = "" if value is None else "  loss=0.5"
    best = "" if value is None else "  (best so far)"
    assert f"[2023-11-15 12:01:01] [1/5] trial 0 completed{shown}  x=0  because ...{best}\n" in result.stdout
    assert f"Trials:         1 completed ({ending.reason})\n" in result.stdout
    assert (f"Go on:          azsweep resume {sweep.path}\n" in result.stdout) == (ending is STOPPED)


def test_attach_begins_with_the_last_ten_lines_only(sweep: SweepDir) -> None:
    for number in range(12):
        sweep.begin(number, after_s=number)
        sweep.end_trial(number, 1.0, after_s=number + 2)
    sweep.end()

    text = azsweep("attach", sweep.path).stdout

    lines = [(str(number), what) for number in range(7, 12) for what in ("started", "completed")]
    assert re.findall(r"trial (\d+) (started|completed) ", text) == lines


def test_attach_to_a_sweep_that_nobody_coordinates_says_how_to_go_on(sweep: SweepDir) -> None:
    sweep.lock(pid=2**22 + 1)
    (sweep.path / ".azsweep" / "coordinator.log").touch()

    result = azsweep("attach", sweep.path)

    assert result.exit_code == 1
    assert re.search(
        rf"^DIR: must hold a sweep that runs; got {sweep.path}, interrupted: nobody coordinates it, process \d+ on \S+ "
        rf"is gone; last sign of life .*\. `azsweep resume {sweep.path}` goes on with it\. "
        rf"`azsweep logs {sweep.path}` may tell why\.$",
        result.stderr,
    )


def test_attach_shows_a_running_sweep_as_it_goes_on_and_leaves_it_with_ctrl_c(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    sweep.start()
    sweep.lock()
    with started("attach", sweep.path) as process:
        assert process.stdout is not None
        assert "running: process " in process.stdout.readline()

        sweep.begin(0, after_s=1)
        sweep.end_trial(0, 0.5, after_s=2)
        sweep.begin(1, after_s=3)

        assert process.stdout.readline().endswith("] trial 0 started  x=0\n")
        assert "[1/5] trial 0 completed  loss=0.5  x=0  (best so far)" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"(\[\S+\] trial 1 started  x=1\n)?", out)
    assert err == f"Left; the sweep goes on. `azsweep stop {sweep.path}` stops it.\n"
    assert not (sweep.path / ".azsweep" / "stop").exists()


class Turns:
    """Time that passes while somebody waits; right after each look at the ledger the next of some things happens."""

    def __init__(self, *things: Callable[[], object]) -> None:
        self.now_s = 0.0
        self._things = list(things)

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def next(self) -> None:
        if self._things:
            self._things.pop(0)()


def followed(sweep: SweepDir, turns: Turns) -> list[Event]:
    follower, events = Follower(sweep.path, wait=turns.wait, clock=turns.clock), []
    for event in follower.until(lambda: False):
        if event is None:
            turns.next()
        else:
            events.append(event)
    return events


def test_following_misses_nothing_until_the_process_is_gone(sweep: SweepDir) -> None:
    """A line that is being written is read when it is whole; so is what came right before the end."""
    lock = sweep.lock()
    ledger = sweep.path / "sweep.jsonl"

    def tear() -> None:
        whole = ledger.read_bytes()
        sweep.begin(0, after_s=1)
        written.append(ledger.read_bytes())
        ledger.write_bytes(written[0][: len(whole) + 40])

    def give_up() -> None:
        sweep.write(AttemptLost(time_s=NOON_S + 9, number=0, reason="killed"))
        lock.release()

    written: list[bytes] = []
    turns = Turns(tear, lambda: ledger.write_bytes(written[0]), *[lambda: None] * 3, give_up)  # as it is looked for

    events = followed(sweep, turns)

    names = [type(event).__name__ for event in events]
    assert names == ["SweepStarted", "TrialSubmitted", "TrialBegan", "AttemptLost"]
    assert turns.now_s < 5


def test_a_sweep_that_has_ended_is_followed_until_its_process_has_written_the_results(sweep: SweepDir) -> None:
    lock = sweep.lock()
    turns = Turns(sweep.end, *([lambda: None] * 9), lock.release)

    followed(sweep, turns)

    assert turns.now_s >= 3


def test_a_process_that_never_ends_after_its_sweep_has_is_not_waited_for_for_ever(sweep: SweepDir) -> None:
    sweep.lock()
    turns = Turns(sweep.end)

    followed(sweep, turns)

    assert 60 < turns.now_s < 65


def test_a_sweep_on_another_host_is_followed_as_long_as_it_gives_signs_of_life(tmp_path: Path) -> None:
    sweep = SweepDir(tmp_path)
    sweep.start()
    sweep.lock(host="node7", machine="another")  # seen last years ago

    assert len(followed(sweep, Turns())) == 1


def test_what_happens_after_a_resumption_is_told_too(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1)
    sweep.end_trial(0, 1.0, after_s=2, state=CANCELLED, reason="stopped by Ctrl-C", by_user=True)
    sweep.end(STOPPED)
    sweep.write(SweepResumed(time_s=NOON_S + 200, used_s=100, spec=SPEC))
    sweep.write(AttemptLost(time_s=NOON_S + 200, number=0, reason="stopped by Ctrl-C", with_sweep=True))
    sweep.begin(0, after_s=201, attempt=2)
    sweep.end_trial(0, 0.5, after_s=300)
    sweep.end()

    text = azsweep("attach", sweep.path).stdout

    assert "[2023-11-15 12:03:20] the sweep goes on\n" in text
    assert "[2023-11-15 12:05:00] [1/5] trial 0 completed  loss=0.5  x=0  (best so far)\n" in text


def test_an_event_that_cannot_follow_names_its_line(sweep: SweepDir) -> None:
    sweep.lock()

    def damage() -> None:
        sweep.write(TrialEnded(time_s=NOON_S, number=7, state=FAILED))

    with pytest.raises(Exception, match=rf"^{sweep.path}/sweep.jsonl:2: must be an event that can follow; got 7\.$"):
        followed(sweep, Turns(damage))


@pytest.mark.parametrize(("options", "requests"), [((), 1), (("--now",), 2)], ids=["at-first-gently", "now"])
def test_stop_leaves_word_for_the_coordinator(tmp_path: Path, options: tuple[str, ...], requests: int) -> None:
    sweep = sweep_now(tmp_path)
    sweep.start()
    sweep.lock()

    result = azsweep("stop", sweep.path, "--no-wait", *options)

    assert result.exit_code == 0
    assert re.search(r": process \d+ on \S+ is asked to (end|kill its trials and end)$", result.stdout)
    assert json.loads((sweep.path / ".azsweep" / "stop").read_text(encoding="utf-8")) == {"requests": requests}


def test_stop_waits_for_a_sweep_that_is_only_getting_ready_and_says_what_happens(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    lock = sweep.lock()
    with started("stop", sweep.path) as process:
        assert process.stdout is not None
        assert "is asked to end" in process.stdout.readline()

        sweep.start()
        sweep.begin(0, after_s=1)
        sweep.end_trial(0, None, after_s=2, state=CANCELLED, reason=STOPPED.reason, by_user=True)
        sweep.end(STOPPED)
        lock.release()

        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "trial 0 cancelled  x=0  stopped by azsweep stop\n" in out
    assert out.endswith(f": stopped by azsweep stop\n`azsweep resume {sweep.path}` goes on with it.\n")


def test_stop_has_nothing_to_do_for_a_sweep_that_has_ended(sweep: SweepDir) -> None:
    sweep.end()
    before = sweep.snapshot()

    result = azsweep("stop", sweep.path)

    assert result.exit_code == 0
    assert result.stdout == f"{sweep.path}: ended at 2023-11-15 12:01:40: all 5 trials are done\n"
    assert sweep.snapshot() == before


@pytest.mark.parametrize(
    ("holder", "remedy"),
    [
        pytest.param({"pid": 2**22 + 1}, "`azsweep resume {}` goes on with it.", id="its-process-is-gone"),
        pytest.param(
            {"host": "node7", "machine": "another"},
            "If you know that it does not run: `azsweep resume {} hydra.sweeper.break_lock=true`.",
            id="silent-on-another-host",
        ),
    ],
)
def test_stop_of_what_nobody_is_known_to_coordinate_fails(
    sweep: SweepDir, holder: dict[str, object], remedy: str
) -> None:
    sweep.lock(**holder)

    result = azsweep("stop", sweep.path)

    assert result.exit_code == 1
    assert result.stderr.endswith(f"{remedy.format(sweep.path)}\n")
