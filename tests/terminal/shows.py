"""A sweep that happens in a test's own words, before the console under test."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from azsweep_core.events import (
    AttemptLost,
    Event,
    StopRequested,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
)
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.report import Console, Outlook, open_console
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import Measurement, Parameters, StopRequest, TrialState
from tests.terminal.screen import Terminal

HOSTILE = "\x1b[31mred\nnew\r\x1b]0;title\x07\x9b2J\u2028end \U0001f600"
"""Colours, ends of lines, titles: all that might steer a terminal."""
SHOWN_HOSTILE = "red\\x0anew\\x0d\\x9b2J\\u2028end \U0001f600"


@dataclass
class Show:
    """A sweep; whatever happens to it is told to its console.

    Args:
        stream: where the console is.
    """

    stream: TextIO
    outlook: Outlook = field(default_factory=lambda: Outlook(max_trials=10, timeout_s=7200.0, slots=2))
    metric: str = "loss"
    clock: FakeClock = field(default_factory=FakeClock)
    log: logging.Logger = field(init=False)
    history: History = field(init=False)
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        self.log = logging.Logger("azsweep", logging.INFO)  # noqa: LOG001 - known to nobody else
        self.log.parent = logging.root
        self.history = History(Objective(self.metric, Goal.MINIMIZE))

    @contextlib.contextmanager
    def on(self, mode: str = "auto") -> Iterator[Show]:
        """On a console of this mode, with a handler of Hydra's kind for the log lines."""
        handler = logging.StreamHandler(self.stream)
        logging.root.addHandler(handler)
        try:
            with open_console(mode, self.log, self.outlook, self.clock, stream=self.stream) as self.console:
                self.tell(SweepStarted(time_s=self.clock.now(), spec={}))
                yield self
        finally:
            logging.root.removeHandler(handler)

    def tell(self, event: Event) -> None:
        self.history.apply(event)
        self.console.notice(event, self.history)

    def wait(self, seconds: float) -> None:
        """Time passes, and the loop turns at its end."""
        self.clock.now_s += seconds
        self.console.turn()

    def submit(self, number: int, parameters: Parameters | None = None, attempt: int = 1) -> None:
        given = {"x": number} if parameters is None else parameters
        self.tell(TrialSubmitted(time_s=self.clock.now(), number=number, attempt=attempt, parameters=given))

    def begin(self, number: int, parameters: Parameters | None = None, attempt: int = 1) -> None:
        self.submit(number, parameters, attempt)
        self.tell(TrialBegan(time_s=self.clock.now(), number=number, directory="/sweep"))

    def measure(self, number: int, value: float, step: int | None = None) -> None:
        measurement = Measurement(step, value, self.clock.now())
        self.tell(TrialMeasured(number=number, measurements=(measurement,)))

    def stop(self, number: int, state: TrialState, reason: str, *, by_user: bool = False) -> None:
        request = StopRequest(state, reason, by_user=by_user)
        self.tell(StopRequested(time_s=self.clock.now(), number=number, request=request))

    def lose(self, number: int, reason: str, *, with_sweep: bool = False) -> None:
        self.tell(AttemptLost(time_s=self.clock.now(), number=number, reason=reason, with_sweep=with_sweep))

    def end(
        self, number: int, state: TrialState = TrialState.COMPLETED, reason: str = "", by_user: bool = False
    ) -> None:
        now = self.clock.now()
        self.tell(TrialEnded(time_s=now, number=number, state=state, reason=reason, by_user=by_user))


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
