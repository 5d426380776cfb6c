"""Sweeps made by hand whose report is kept, and the data that a report's file holds."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azsweep_core.events import EndingKind, Event, SweepEnded, SweepStarted, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, Ledger
from azsweep_core.objective import Goal, Objective
from azsweep_core.report import HtmlReport
from azsweep_core.report._setting import Links, Setting
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import Measurement, Parameters, TrialState

SPEC: Mapping[str, Any] = {
    "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 9}},
    "sampling_algorithm": {"type": "random", "seed": 1},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 5, "max_concurrent_trials": 2, "timeout": 7200.0},
}
OVER = SweepEnded(time_s=99.0, stop_reason="all 5 trials are done", kind=EndingKind.FINISHED)


def started(spec: Mapping[str, Any] = SPEC, **origin: Any) -> SweepStarted:
    return SweepStarted(time_s=0.0, spec=spec, **origin)


def submitted(number: int, parameters: Parameters | None = None, attempt: int = 1, **more: Any) -> TrialSubmitted:
    point = {"x": float(number)} if parameters is None else parameters
    return TrialSubmitted(time_s=float(number), number=number, attempt=attempt, parameters=point, **more)


def measured(number: int, *values: float) -> TrialMeasured:
    found = tuple(Measurement(step, value, number + step / 10) for step, value in enumerate(values))
    return TrialMeasured(number=number, measurements=found)


def ended(number: int, state: TrialState = TrialState.COMPLETED, **more: Any) -> TrialEnded:
    return TrialEnded(time_s=number + 1.0, number=number, state=state, **more)


def data_of(html: str) -> dict[str, Any]:
    """The document in a report's file."""
    found = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', html)
    assert found is not None
    document: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return document


def setting(directory: Path, start: SweepStarted) -> Setting:
    return Setting(Links(directory, directory, start.tracking_uri), start, start)


@dataclass
class Kept:
    """A sweep whose report is kept: events happen a minute apart, and are in the ledger.

    Args:
        draw: makes the file; None for the page itself.
    """

    directory: Path
    clock: FakeClock = field(default_factory=FakeClock)
    draw: Callable[[str], str] | None = str
    history: History = field(default_factory=lambda: History(Objective("loss", Goal.MINIMIZE)))

    def __post_init__(self) -> None:
        self.report = HtmlReport(self.directory, self.clock, self.draw)

    def happens(self, *events: Event, apart_s: float = 60.0) -> None:
        path = self.directory / LEDGER
        for event in events:
            self.clock.now_s += apart_s
            self.history.apply(event)
            ledger = Ledger(path, keep=path.stat().st_size if path.exists() else 0)
            ledger.append(event)
            ledger.close()
            self.report.notice(event, self.history)

    @property
    def file(self) -> Path:
        return self.directory / "report.html"

    @property
    def data(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return document
