"""`report.html` of a running sweep: kept fresh while that is cheap, final at the end, and never in the sweep's way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core.events import Event, SweepResumed
from azsweep_core.history import History
from azsweep_core.replay import replay
from azsweep_core.report import HtmlReport
from azsweep_core.report._html import write_report
from azsweep_core.report._report_data import Moment
from azsweep_core.sweep_plan import Observer
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import TrialState
from tests.core.reports import OVER, SPEC, Kept, data_of, ended, measured, started, submitted
from tests.core.resuming import Resuming
from tests.core.test_report_timeline import script


def states(data: dict[str, Any]) -> list[str]:
    return [trial["state"] for trial in data["trials"]]


def test_a_running_sweep_shows_what_is_over_and_what_runs(tmp_path: Path) -> None:
    sweep = Kept(tmp_path)

    sweep.happens(started(), submitted(0), submitted(1), measured(1, 0.5, 0.25), ended(0, TrialState.FAILED))

    data = sweep.data
    assert states(data) == ["failed", "running"]
    assert (data["state"], data["is_final"], data["ended_s"]) == ("running", False, None)
    assert (data["counts"], data["slots"], data["max_trials"]) == ({"running": 1, "failed": 1}, 2, 5)
    assert data["best"]["number"] == 1
    assert data["trials"][1]["reports"] == {"steps": [0, 1], "values": [0.5, 0.25], "times": [0.0, 0.1]}
    assert data["importances"]["values"] == []
    assert "azsweep report" in data["importances"]["note"]


def test_the_end_is_written_without_delay_and_says_so(tmp_path: Path) -> None:
    sweep = Kept(tmp_path)

    sweep.happens(started(), submitted(0), measured(0, 1.0), ended(0), OVER, apart_s=0.0)

    assert (sweep.data["state"], sweep.data["is_final"], sweep.data["ended_s"]) == ("ended", True, 99.0)
    assert sweep.data["state_in_words"] == "all 5 trials are done"
    assert sweep.data["importances"]["note"] == "They need 10 completed trials; there are 1."


def test_the_file_is_the_page_that_holds_the_data(tmp_path: Path) -> None:
    sweep = Kept(tmp_path, draw=None)

    sweep.happens(
        started(), submitted(0, {"x": "</script><script>alert(1)</script>"}), measured(0, 1.0), ended(0), OVER
    )

    html = sweep.file.read_text(encoding="utf-8")
    assert data_of(html)["trials"][0]["parameters"] == {"x": "</script><script>alert(1)</script>"}
    assert "alert(1)" not in html


class Checked:
    """Compares the report with one that is made from the ledger alone, after each event."""

    def __init__(self, directory: Path, compared: list[str]) -> None:
        self.directory = directory
        self.compared = compared
        self.clock = FakeClock()
        self.report = HtmlReport(directory, self.clock, str)

    def notice(self, event: Event, history: History) -> None:
        self.clock.now_s += 60.0
        self.report.notice(event, history)
        self.clock.now_s += 60.0
        self.report.turn()
        kept = json.loads((self.directory / "report.html").read_text(encoding="utf-8"))
        recorded = replay(self.directory)
        assert recorded is not None
        moment = Moment(
            written_s=kept["written_s"],
            state=kept["state"],
            state_in_words=kept["state_in_words"],
            until_s=history.last_s if kept["is_final"] else None,
            is_final=kept["is_final"],
        )
        made = json.loads(
            write_report(self.directory, recorded, moment, self.directory / "made.html", str).read_text("utf-8")
        )
        if not kept["is_final"]:
            del kept["importances"], made["importances"]
        assert kept == made
        self.compared.append(kept["state"])


@given(
    kills=st.lists(st.fixed_dictionaries({"events": st.integers(0, 25), "seconds": st.floats(0, 4)}), max_size=4),
    outlive=st.booleans(),
)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_along_the_way_or_made_from_the_ledger_at_once_the_report_is_the_same(
    kills: list[dict[str, Any]], outlive: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After each event of sweeps that are killed and go on."""
    sweep = Resuming(tmp_path_factory.mktemp("sweep") / "sweep", script, max_trials=6, outlive=outlive)
    compared: list[str] = []

    def observers() -> Sequence[Observer]:
        return [Checked(sweep.directory, compared)]

    sweep.observers = observers
    for kill in kills:
        sweep.run(**kill)
    sweep.run()

    assert compared[-1] == "ended"
    assert len(compared) > 20


def test_a_sweep_that_goes_on_shows_what_was_before(tmp_path: Path) -> None:
    before = Kept(tmp_path)
    before.happens(started(), submitted(0), submitted(1), measured(0, 0.5), ended(0))
    after = Kept(tmp_path, before.clock, history=before.history)

    after.happens(SweepResumed(time_s=500.0, used_s=9.0, spec=SPEC), submitted(2))

    assert states(after.data) == ["completed", "running", "running"]
    assert [[each["trial"] for each in row] for row in after.data["timeline"]["rows"]] == [[0, 1], [2]]
    assert after.data["timeline"]["gaps"] == [[9.0, 500.0]]
    assert after.data["started_s"] == 0.0


@pytest.mark.parametrize(
    ("takes_s", "refreshes"),
    [
        pytest.param(0.0, range(190, 205), id="every-five-seconds"),
        pytest.param(1.0, range(15, 21), id="a-second-each:a-fiftieth-of-the-time"),
    ],
)
def test_refreshes_get_rarer_the_longer_they_take(tmp_path: Path, takes_s: float, refreshes: range) -> None:
    drawn: list[str] = []

    def draw(document: str) -> str:
        clock.now_s += takes_s
        drawn.append(document)
        return document

    clock = FakeClock()
    sweep = Kept(tmp_path, clock, draw)
    sweep.happens(started(), apart_s=0.0)

    for number in range(1000):
        sweep.history.apply(submitted(number))
        sweep.report.notice(submitted(number), sweep.history)
        clock.now_s += 1.0

    assert len(drawn) in refreshes


def test_nothing_is_written_while_nothing_happens(tmp_path: Path) -> None:
    sweep = Kept(tmp_path)
    sweep.happens(started(), submitted(0))
    before = sweep.data["written_s"]

    for _ in range(100):
        sweep.clock.now_s += 60.0
        sweep.report.turn()

    assert sweep.data["written_s"] == before


def test_the_last_of_many_events_at_once_is_shown_as_soon_as_the_next_refresh_is_due(tmp_path: Path) -> None:
    """The end of a trial and the start of the next come together, and then nothing for hours."""
    sweep = Kept(tmp_path)
    sweep.happens(started(), submitted(0))
    sweep.happens(ended(0), submitted(1), apart_s=0.1)
    stale = states(sweep.data)

    sweep.clock.now_s += 5.0
    sweep.report.turn()

    assert stale == ["running"]
    assert states(sweep.data) == ["completed", "running"]


class TestWhatGoesWrong:
    """A report that cannot be written is a warning, and no more."""

    def test_a_file_that_cannot_be_written_is_told_once_and_tried_again_later(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        sweep, tried = Kept(tmp_path), []

        def full(document: str) -> str:
            tried.append(document)
            raise OSError(28, "No space left on device")

        sweep.report = HtmlReport(tmp_path, sweep.clock, full)
        sweep.happens(
            started(), *(event for number in range(30) for event in (submitted(number), ended(number))), apart_s=4
        )
        sweep.happens(OVER, apart_s=0)

        warning = (
            f"Warning: {tmp_path}/report.html cannot be written (No space left on device). "
            f"The sweep goes on; `azsweep report {tmp_path}` writes it at any time."
        )
        assert [record.getMessage() for record in caplog.records] == [warning]
        assert len(tried) == 6  # in 244 s, and twice at the end

    def test_it_is_written_once_there_is_room_again(self, tmp_path: Path) -> None:
        """Though nothing more happens."""
        blocked = tmp_path / "report.html"
        blocked.mkdir()
        sweep = Kept(tmp_path)
        sweep.happens(started(), submitted(0))
        blocked.rmdir()

        sweep.clock.now_s += 60.0
        sweep.report.turn()

        assert states(sweep.data) == ["running"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "sweep.jsonl"]

    def test_at_the_end_it_is_tried_again_at_once(self, tmp_path: Path) -> None:
        """A page that went on saying that the sweep runs would read itself anew for ever."""
        tried: list[str] = []

        def full(document: str) -> str:
            tried.append(document)
            if len(tried) == 2:
                raise OSError(28, "No space left on device")
            return document

        sweep = Kept(tmp_path, draw=full)
        sweep.happens(started(), submitted(0), OVER)

        assert sweep.data["is_final"]

    def test_a_ledger_that_cannot_be_read_when_the_sweep_goes_on_is_read_later(self, tmp_path: Path) -> None:
        before = Kept(tmp_path)
        before.happens(started(), submitted(0))
        after = Kept(tmp_path, before.clock, history=before.history)
        resumed = SweepResumed(time_s=500.0, used_s=9.0, spec=SPEC)
        ledger, hidden = tmp_path / "sweep.jsonl", tmp_path / "hidden"
        after.history.apply(resumed)
        ledger.rename(hidden)
        after.report.notice(resumed, after.history)
        hidden.rename(ledger)
        after.happens(submitted(1))

        assert states(after.data) == ["running", "running"]
        assert [[each["trial"] for each in row] for row in after.data["timeline"]["rows"]] == [[0], [1]]

    def test_a_fault_of_the_report_is_told_once_and_ends_the_report_alone(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        sweep, tried = Kept(tmp_path), []

        def broken(document: str) -> str:
            tried.append(document)
            raise RecursionError("maximum depth\nexceeded")

        sweep.report = HtmlReport(tmp_path, sweep.clock, broken)
        sweep.happens(started(), submitted(0), ended(0), OVER)

        (record,) = caplog.records
        assert "cannot be written (RecursionError: maximum depth exceeded). The sweep goes on" in record.getMessage()
        assert len(tried) == 1

    def test_importances_that_cannot_be_worked_out_cost_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError("float division\nby zero")

        monkeypatch.setattr("azsweep_core.report._importances.importances", broken)
        sweep = Kept(tmp_path)
        sweep.happens(started(), submitted(0), measured(0, 1.0), ended(0), OVER)

        note = "They could not be worked out (ZeroDivisionError: float division by zero)."
        assert sweep.data["importances"] == {"evaluator": None, "values": [], "note": note}
        assert sweep.data["is_final"]

    def test_a_specification_that_cannot_be_read_leaves_a_report_without_its_axes(self, tmp_path: Path) -> None:
        sweep = Kept(tmp_path)
        spec = {"objective": SPEC["objective"], "search_space": {"x": {"type": "of-the-future"}}}

        sweep.happens(started(spec), submitted(0, {"x": 1.5, "name": "a"}), measured(0, 1.0), ended(0), OVER)

        axes = [(axis["key"], axis["kind"], axis["scale"]) for axis in sweep.data["parameters"]]
        assert axes == [("x", "number", "linear"), ("name", "choice", "category")]
        assert (
            sweep.data["importances"]["note"] == "The search space was recorded by another version, and cannot be read."
        )
