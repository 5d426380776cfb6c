"""Decides when `report.html` is written: as often as it is cheap, and at the end. Never hurts the sweep."""

from __future__ import annotations

import contextlib
import logging
import shlex
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from azsweep_core._text import printable
from azsweep_core.control import write_atomically
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.events import Event, SweepEnded, SweepResumed, SweepStarted
from azsweep_core.history import History
from azsweep_core.ports import Clock

if TYPE_CHECKING:
    from azsweep_core.replay import Recorded
    from azsweep_core.report._report_data import Document, Moment
    from azsweep_core.report._timeline import Timeline

__all__ = ["REPORT", "HtmlReport", "report_line", "write_report"]

REPORT = "report.html"
_HOW_TO_GET_IT = "pip install 'hydra-azsweep[report]'"
_HOW_TO_MEND_IT = "plotly lacks package_data/plotly.min.js; pip install --force-reinstall plotly"
_FIRST_AFTER_S = 1.0
_REFRESH_EVERY_S = 5.0
_PAUSE_FOR_EACH_SECOND = 50.0
"""A refresh is followed by a pause so many times as long: it takes no more than a fiftieth of the time."""
_AT_ONCE_S, _NEXT_PIECE_AFTER_S = 0.1, 1.0
"""What is over is put into words in pieces, so that the sweep waits for none of them for long."""
_TRY_AGAIN_AFTER_S = 60.0
_LATER: Mapping[str, Any] = {
    "evaluator": None,
    "values": [],
    "note": "They are worked out when the sweep is over, and by `azsweep report` at any time.",
}

log = logging.getLogger("azsweep")


def what_is_missing() -> str:
    """Why there can be no report; "" if there can."""
    from azsweep_core.report._page import library

    try:
        if library() is not None:
            return ""
        is_there = find_spec("plotly") is not None
    except Exception as error:  # noqa: BLE001 - hooks of Python's import raise what they like, and the sweep goes on
        return f"looking for plotly failed: {printable(' '.join(f'{type(error).__name__}: {error}'.split()))}"
    return _HOW_TO_MEND_IT if is_there else f"plotly is not installed; {_HOW_TO_GET_IT}"


def report_line(directory: Path) -> str:
    """Where the report of the sweep in this directory is, or how to get one."""
    missing = what_is_missing()
    return f"report: none, for {missing}" if missing else f"report: {directory / REPORT}"


class HtmlReport:
    """Keeps `report.html` of a running sweep fresh: when something has happened, but not too often, and at the end.

    Without plotly it does nothing. What goes wrong is said once, and tried again later.

    Args:
        draw: makes the file's text out of the data; None for the page that people see.
    """

    def __init__(self, directory: Path, clock: Clock, draw: Callable[[str], str] | None = None) -> None:
        self._directory = directory
        self._draw = draw
        self._clock = clock
        self._is_on = not what_is_missing()
        self._has_warned = False
        self._has_news = False
        self._next_s: float | None = None
        self._start: SweepStarted | SweepResumed | None = None
        self._history: History | None = None
        self._timeline: Timeline | None = None
        self._document: Document | None = None

    def notice(self, event: Event, history: History) -> None:
        if self._is_on:
            self._attempt(lambda: self._take(event, history))
        for _ in range(2 if isinstance(event, SweepEnded) else 0):  # nothing comes after it that would try again
            self._next_s = self._clock.now()
            self.turn()
        self.turn()

    def turn(self) -> None:
        """Write the file if there is news, and it is time to. Called several times a second."""
        if self._is_on and self._has_news and self._next_s is not None and self._clock.now() >= self._next_s:
            self._attempt(self._write)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self._next_s = self._clock.now() + _TRY_AGAIN_AFTER_S
            self._warn(error.strerror or str(error))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a picture, the sweep goes on
            self._is_on = False
            self._warn(f"{type(error).__name__}: {error}")

    def _warn(self, why: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            command = shlex.join(["azsweep", "report", str(self._directory)])
            log.warning(
                "Warning: %s cannot be written (%s). The sweep goes on; `%s` writes it at any time.",
                self._directory / REPORT,
                " ".join(why.split()),
                command,
            )

    def _take(self, event: Event, history: History) -> None:
        self._history = history
        self._has_news = True
        if isinstance(event, (SweepStarted, SweepResumed)):
            self._start, self._document = event, None
            self._next_s = self._clock.now() + _FIRST_AFTER_S
            self._begin(event)
        elif self._document is not None and self._timeline is not None:
            self._timeline.apply(event)

    def _begin(self, start: SweepStarted | SweepResumed) -> None:
        """Of a sweep that goes on, learn from its ledger what has happened until now."""
        from azsweep_core.report._report_data import Document
        from azsweep_core.report._setting import Links, Setting
        from azsweep_core.report._timeline import Timeline, read_timeline

        if isinstance(start, SweepStarted):
            self._timeline, origin = Timeline([start]), start
        else:
            self._timeline, origin = read_timeline(self._directory)
        links = Links(self._directory, self._directory, origin.tracking_uri)
        self._document = Document(Setting(links, origin, start))
        if self._draw is None:
            Thread(target=_draw_nothing, daemon=True).start()

    def _write(self) -> None:
        if self._document is None and self._start is not None:
            self._begin(self._start)
        history, timeline, document = self._history, self._timeline, self._document
        if history is None or timeline is None or document is None:
            return
        now_s = self._clock.now()
        if history.ending is None and not document.prepare(history, lambda: self._clock.now() > now_s + _AT_ONCE_S):
            self._next_s = self._clock.now() + _NEXT_PIECE_AFTER_S
            return
        _write_page(self._directory / REPORT, self._text(document, history, timeline, now_s), self._draw)
        self._has_news = False
        done_s = self._clock.now()
        self._next_s = done_s + max(_REFRESH_EVERY_S, _PAUSE_FOR_EACH_SECOND * (done_s - now_s))

    def _text(self, document: Document, history: History, timeline: Timeline, now_s: float) -> str:
        from azsweep_core.report._report_data import Moment

        if history.ending is None:
            moment = Moment(written_s=now_s, state="running", state_in_words="", until_s=None)
            return document.text(history, timeline, moment, _LATER)
        moment = Moment(
            written_s=now_s,
            state="ended",
            state_in_words=history.stop_reason or "",
            until_s=history.last_s,
            is_final=True,
        )
        return document.text(history, timeline, moment, _importances(document, history))


def _importances(document: Document, history: History) -> Mapping[str, Any]:
    """They are the page's least part, and need most from elsewhere: without them it says why."""
    try:
        from azsweep_core.report._importances import importances

        return importances(document.setting.space, history)
    except Exception as error:  # noqa: BLE001 - whatever Optuna makes of these trials
        why = " ".join(f"{type(error).__name__}: {error}".split())
        return {**_LATER, "note": f"They could not be worked out ({why})."}


def _draw_nothing() -> None:
    """Have what all pages share ready when the first one is due: it takes half a second, and little of Python's."""
    from azsweep_core.report._page import page

    with contextlib.suppress(Exception):  # whoever draws the first page is told
        page("{}")


def write_report(
    directory: Path,
    recorded: Recorded,
    moment: Moment,
    to: Path | None = None,
    draw: Callable[[str], str] | None = None,
) -> Path:
    """Write the report of a sweep, however it stands, and say where it is.

    Args:
        to: another file than the one in the sweep's directory.
        draw: as that of `HtmlReport`.
    Raises:
        AzsweepError: if plotly is missing, or the file cannot be written.
        OSError: if the ledger cannot be read.
    """
    from azsweep_core.report._report_data import Document
    from azsweep_core.report._setting import Links, Setting
    from azsweep_core.report._timeline import read_timeline

    missing = what_is_missing()
    if missing:
        raise AzsweepError(f"There can be no report: {missing}")
    to = directory / REPORT if to is None else to
    timeline, origin = read_timeline(directory, recorded.size)
    document = Document(Setting(Links(directory, to.parent, origin.tracking_uri), origin, recorded.latest))
    found = _importances(document, recorded.history)
    try:
        _write_page(to, document.text(recorded.history, timeline, moment, found), draw)
    except OSError as error:
        rule = f"must be a file that can be written ({error.strerror or error})"
        fix = "`azsweep report DIR --output FILE` writes another one."
        raise AzsweepError(str(Problem(str(to), rule, None, fix))) from error
    return to


def _write_page(path: Path, document: str, draw: Callable[[str], str] | None) -> None:
    from azsweep_core.report._page import page

    write_atomically(path, (page if draw is None else draw)(document))
