"""The timeline of slots: what a report shows of when attempts ran, from the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core.events import (
    AttemptLost,
    EndingKind,
    Event,
    SweepEnded,
    SweepResumed,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
)
from azsweep_core.ledger import LEDGER, Ledger, read_ledger
from azsweep_core.ports import Launch
from azsweep_core.report._timeline import Attempt, Timeline, read_timeline
from azsweep_core.testing.simulation import Script
from azsweep_core.trial import Measurement, TrialState
from tests.core.resuming import Resuming
from tests.core.rig import returns

STARTED = SweepStarted(time_s=100.0, spec={})


def submitted(number: int, at_s: float, attempt: int = 1) -> TrialSubmitted:
    return TrialSubmitted(time_s=at_s, number=number, attempt=attempt, parameters={})


def began(number: int, at_s: float) -> TrialBegan:
    return TrialBegan(time_s=at_s, number=number, directory="")


def ended(number: int, at_s: float, state: TrialState = TrialState.COMPLETED) -> TrialEnded:
    return TrialEnded(time_s=at_s, number=number, state=state)


def spans(rows: Sequence[Sequence[Attempt]]) -> list[list[tuple[Any, ...]]]:
    return [[(each.trial, each.attempt, each.from_s, each.to_s, each.end) for each in row] for row in rows]


def test_an_attempt_takes_the_first_slot_that_is_free_when_it_is_handed_over() -> None:
    events = (submitted(0, 100), submitted(1, 100), ended(1, 105), submitted(2, 105), ended(0, 107), submitted(3, 110))

    timeline = Timeline([STARTED, *events])

    assert spans(timeline.rows()) == [
        [(0, 1, 100, 107, "completed"), (3, 1, 110, None, None)],
        [(1, 1, 100, 105, "completed"), (2, 1, 105, None, None)],
    ]


KILLED = (submitted(0, 101), submitted(1, 102))
RESUMED = SweepResumed(time_s=500.0, used_s=8.0, spec={})


@pytest.mark.parametrize(
    ("events", "ends"),
    [
        pytest.param(
            [AttemptLost(time_s=104, number=0, reason="preempted")], [(104, "lost"), (None, None)], id="while-it-runs"
        ),
        pytest.param(
            [RESUMED, AttemptLost(time_s=500, number=0, reason="killed", with_sweep=True)],
            [(108, "lost"), (None, None)],
            id="with-the-sweep:when-that-was-last-seen",
        ),
        pytest.param(
            [RESUMED, AttemptLost(time_s=501, number=0, reason="no node")], [(501, "lost"), (None, None)], id="adopted"
        ),
        pytest.param([RESUMED, ended(0, 503)], [(503, "completed"), (None, None)], id="adopted-and-ended"),
        pytest.param(
            [
                ended(0, 104, TrialState.CANCELLED),
                SweepEnded(time_s=105, stop_reason="", kind=EndingKind.USER),
                RESUMED,
                AttemptLost(time_s=500, number=0, reason="stopped", with_sweep=True),
            ],
            [(104, "cancelled"), (None, None)],
            id="cancelled-before:stays-cancelled",
        ),
    ],
)
def test_an_attempt_ends_when_it_did(events: Sequence[Event], ends: list[tuple[float | None, str | None]]) -> None:
    timeline = Timeline([STARTED, *KILLED, *events])

    assert [(to_s, end) for row in spans(timeline.rows()) for *_, to_s, end in row] == ends


def test_the_time_in_which_nobody_coordinated_the_sweep_is_a_gap() -> None:
    again = SweepResumed(time_s=600.0, used_s=50.0, spec={})

    assert Timeline([STARTED, *KILLED, RESUMED, again]).document(None)["gaps"] == [[108.0, 500.0], [542.0, 600.0]]


def test_times_of_another_machines_clock_are_kept_within_the_attempt() -> None:
    """A task's beginning is told by the machine that it runs on, the rest by the coordinator's."""
    timeline = Timeline([STARTED, submitted(0, 110), began(0, 90), submitted(1, 110), began(1, 999), ended(1, 120)])

    drawn = [each for row in timeline.document(None)["rows"] for each in row]

    assert [(each["from_s"], each["began_s"], each["to_s"]) for each in drawn] == [(110, 110, None), (110, 120, 120)]


def test_what_was_not_over_when_the_sweep_was_last_heard_of_is_drawn_until_then() -> None:
    timeline = Timeline([STARTED, *KILLED])

    drawn = [each for row in timeline.document(130.0)["rows"] for each in row]

    assert [(each["to_s"], each["end"]) for each in drawn] == [(130.0, None), (130.0, None)]


def test_the_ledger_is_read_without_its_measurements_and_its_torn_end(tmp_path: Path) -> None:
    measured = TrialMeasured(number=0, measurements=(Measurement(0, 1.0, 102.0),))
    ledger = Ledger(tmp_path / LEDGER)
    for event in (STARTED, submitted(0, 101), measured, ended(0, 103)):
        ledger.append(event)
    ledger.close()
    size = (tmp_path / LEDGER).stat().st_size
    with (tmp_path / LEDGER).open("ab") as stream:
        stream.write(b'{"event": "trial_subm')

    timeline, origin = read_timeline(tmp_path)
    earlier, _ = read_timeline(tmp_path, size - 1)

    assert origin == STARTED
    assert spans(timeline.rows()) == [[(0, 1, 101, 103, "completed")]]
    assert spans(earlier.rows()) == [[(0, 1, 101, None, None)]]


def script(launch: Launch) -> Script:
    """Trials of different lengths, some lost by the infrastructure; they report as they go."""
    number, attempt = launch.number, launch.attempt
    curve = [(0.5, 9.0 - number), (1.0, 5.0)]
    return returns(float(number), duration_s=1.5 + number % 4, curve=curve, lost=number == 2 and attempt == 1)


@given(
    kills=st.lists(st.fixed_dictionaries({"events": st.integers(0, 25), "seconds": st.floats(0, 4)}), max_size=5),
    slots=st.integers(1, 4),
    outlive=st.booleans(),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_attempt_is_there_once_beside_others_and_never_over_them(
    kills: list[dict[str, Any]], slots: int, outlive: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In sweeps that are killed at any event or moment and go on: no more rows than slots, and as few as it takes."""
    sweep = Resuming(tmp_path_factory.mktemp("sweep") / "sweep", script, slots=slots, max_trials=8, outlive=outlive)
    for kill in kills:
        sweep.run(**kill)
    sweep.run()
    events = list(read_ledger(sweep.directory / LEDGER))

    rows = Timeline(events).rows()

    attempts = sorted((each for row in rows for each in row), key=lambda each: (each.from_s, each.trial, each.attempt))
    assert sorted((each.trial, each.attempt) for each in attempts) == sorted(
        (event.number, event.attempt) for event in events if isinstance(event, TrialSubmitted)
    )
    assert all(
        before.to_s is not None and before.to_s <= after.from_s for row in rows for before, after in pairwise(row)
    )
    assert len(rows) <= slots
    still_there = [
        sum((each.to_s or 0) > one.from_s for each in attempts[:index]) for index, one in enumerate(attempts)
    ]
    assert len(rows) == 1 + max(still_there)
