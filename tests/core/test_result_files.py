"""`trials.csv` and `optimization_results.yaml`, which are refreshed while a sweep runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from azsweep_core.events import AttemptLost, EndingKind, Event, SweepEnded, TrialBegan, TrialEnded, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.report import ResultFiles
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import Parameters, TrialState


def submitted(number: int, parameters: Parameters, attempt: int = 1) -> TrialSubmitted:
    return TrialSubmitted(time_s=0.0, number=number, attempt=attempt, parameters=parameters)


def ended(number: int, state: TrialState = TrialState.COMPLETED) -> TrialEnded:
    return TrialEnded(time_s=1.0, number=number, state=state)


OVER = SweepEnded(time_s=2.0, stop_reason="done", kind=EndingKind.FINISHED)


@dataclass
class Sweep:
    """Events as they happen, a minute apart, with the files as they are after each."""

    directory: Path
    clock: FakeClock = field(default_factory=FakeClock)
    history: History = field(default_factory=lambda: History(Objective("loss", Goal.MINIMIZE)))

    def __post_init__(self) -> None:
        self.files = ResultFiles(self.directory, self.clock)

    def happens(self, *events: Event, apart_s: float = 60.0) -> None:
        for event in events:
            self.clock.now_s += apart_s
            self.history.apply(event)
            self.files.notice(event, self.history)

    def refreshes(self, numbers: range) -> int:
        """How often the table is written while these trials run, one after the other, for a second each."""
        tables = []
        for number in numbers:
            self.happens(submitted(number, {}), ended(number), apart_s=0.5)
            tables.append(self.table)
        return len(set(tables))

    @property
    def table(self) -> str:
        return (self.directory / "trials.csv").read_text(encoding="utf-8")

    def table_made_at_once(self) -> str:
        """The file that a process writes which has just read the history."""
        other = self.directory / "other"
        other.mkdir(exist_ok=True)
        ResultFiles(other, self.clock).write(self.history)
        return (other / "trials.csv").read_text(encoding="utf-8")


def rows(table: str) -> list[list[str]]:
    """Number, state and parameters of each line."""
    return [[*line.split(",")[:2], *line.split(",")[8:]] for line in table.splitlines()[1:]]


def test_a_refresh_has_ended_and_running_trials_by_number(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)

    sweep.happens(submitted(0, {"x": 1}), submitted(1, {"x": 2}), submitted(2, {"x": 3}), ended(2), ended(0))

    assert rows(sweep.table) == [["0", "completed", "1"], ["1", "running", "2"], ["2", "completed", "3"]]


def test_a_parameter_that_appears_late_is_a_column_for_all(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    sweep.happens(submitted(0, {"model": "linear"}), ended(0))

    sweep.happens(submitted(1, {"model": "mlp", "units": 8}), ended(1))

    assert sweep.table.splitlines()[0].endswith(",model,units")
    assert rows(sweep.table) == [["0", "completed", "linear", ""], ["1", "completed", "mlp", "8"]]


def test_a_lost_trial_is_left_out_until_it_runs_again(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    lost = AttemptLost(time_s=1.0, number=0, reason="preempted")

    sweep.happens(submitted(0, {"x": 1}), submitted(1, {"x": 2}), lost, ended(1))
    meanwhile = rows(sweep.table)
    sweep.happens(submitted(0, {"x": 1}, attempt=2), ended(0, TrialState.FAILED))

    assert meanwhile == [["1", "completed", "2"]]
    assert rows(sweep.table) == [["0", "failed", "1"], ["1", "completed", "2"]]


def test_refreshed_along_the_way_or_made_at_once_the_table_is_the_same(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)

    for number in range(0, 30, 2):
        earlier, later = {"x": number, f"+key{number // 8}": "a,b"}, {"x": number + 1}
        sweep.happens(submitted(number, earlier), submitted(number + 1, later), ended(number + 1))
        assert sweep.table == sweep.table_made_at_once()
        sweep.happens(ended(number))

    sweep.happens(OVER)
    assert sweep.table == sweep.table_made_at_once()


def test_refreshes_get_rarer_as_the_trials_grow_in_number(tmp_path: Path) -> None:
    """Each writes a line for every trial, so that in a long sweep they would cost more and more."""
    sweep = Sweep(tmp_path)

    early = sweep.refreshes(range(100))
    for number in range(100, 2000):
        sweep.history.apply(submitted(number, {}))
    late = sweep.refreshes(range(2000, 2100))

    assert early > 15
    assert late < 10


def test_the_end_of_the_sweep_is_written_without_delay(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)

    sweep.happens(submitted(0, {"x": 1}), ended(0), submitted(1, {"x": 2}), ended(1), OVER, apart_s=0.0)

    assert rows(sweep.table) == [["0", "completed", "1"], ["1", "completed", "2"]]
    assert "stop_reason: done" in (tmp_path / "optimization_results.yaml").read_text(encoding="utf-8")


def test_paths_and_reasons_that_are_no_utf_8_are_written_all_the_same(tmp_path: Path) -> None:
    """A directory's name may be any bytes, and a task's exception may quote half a character."""
    sweep = Sweep(tmp_path)

    sweep.happens(submitted(0, {}), TrialBegan(time_s=0.0, number=0, directory=os.fsdecode(b"/s\xe9/0")))
    sweep.happens(ended(0), OVER)
    assert b"/s\xe9/0" in (tmp_path / "trials.csv").read_bytes()

    other = Sweep(tmp_path / "other")
    (tmp_path / "other").mkdir()
    failed = TrialEnded(time_s=1.0, number=0, state=TrialState.FAILED, reason="\ud83d is half")
    other.happens(submitted(0, {}), failed, OVER)
    assert "\\ud83d is half" in other.table
