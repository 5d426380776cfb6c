"""What every early termination policy is: a function from the history and a trial to a decision with its reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from azsweep_core.early_termination._cadence import Progress
from azsweep_core.errors import Problem
from azsweep_core.history import History
from azsweep_core.objective import Objective

__all__ = ["Decision", "Policy", "at_interval"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a trial shall stop, and why (or why not), in words."""

    stop: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(ABC):
    """Judges running trials by their reports of the primary metric; an interval is one such report."""

    type: ClassVar[str]
    timing: ClassVar[tuple[str, ...]] = ()
    """Names of the settings that say when trials are judged: numbers of reports."""

    def evaluate(self, history: History, number: int, since: int = 0) -> Decision:
        """Judge trial `number` at every due interval after its first `since` reports; the first stop is the answer."""
        reports = history[number].reports
        decision = Decision(False, f"{self.type}: no evaluation is due at interval {reports}")
        for interval in self.due(since, reports):
            stop, reason = self._judge(history, number, interval)
            decision = Decision(stop, f"{self.type}: {reason}")
            if stop:
                break
        return decision

    def validate(self, where: str = "early_termination") -> Iterator[Problem]:
        """Every rule this policy breaks."""
        yield from ()

    def warnings(self, where: str = "early_termination") -> Iterator[Problem]:
        """What is doubtful about this policy."""
        yield from ()

    def in_words(self) -> str:
        """Whom it stops, in words."""
        return ", ".join(f"{name} {value}" for name, value in self.to_mapping().items())

    def to_mapping(self) -> dict[str, Any]:
        """The mapping that `read_policy` reads back."""
        settings = {name: value for name, value in asdict(self).items() if value is not None}
        return {"type": self.type, **settings}

    @abstractmethod
    def due(self, since: int, reports: int) -> Iterator[int]:
        """Intervals in (since, reports] at which a trial is judged, rising; found as they are asked for."""

    @abstractmethod
    def _judge(self, history: History, number: int, interval: int) -> tuple[bool, str]:
        """Whether the trial, which has made `interval` reports or more, stops at that interval; and why, in words."""


def at_interval(progress: Progress, interval: int, objective: Objective) -> str:
    """The judged trial's part of a reason.

    >>> from azsweep_core.objective import Goal
    >>> at_interval(Progress(best=-0.61, total=-0.61, count=1), 10, Objective("accuracy", Goal.MAXIMIZE))
    '0.61 at interval 10'
    """
    if not progress.count:
        return f"no usable value by interval {interval}"
    return f"{objective.loss(progress.best):.6g} at interval {interval}"
