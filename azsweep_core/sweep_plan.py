"""What a sweep is given, and what comes of it: the plan, the ports to the world, the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from azsweep_core.early_termination import Policy
from azsweep_core.events import Ending, EndingKind, Event
from azsweep_core.history import History
from azsweep_core.ledger import Ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Objective
from azsweep_core.ports import Clock, Tracker, TrialLauncher
from azsweep_core.replay import Recorded
from azsweep_core.samplers import Sampler
from azsweep_core.signals import StopSignals
from azsweep_core.trial import EarlierTrial, Trial

__all__ = ["Observer", "Origin", "Past", "Ports", "SweepPlan", "SweepResult", "SystemClock"]


class SystemClock:
    """The wall clock at its creation, carried on by the monotonic one: never set back, comparable across restarts."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset_s


class Observer(Protocol):
    """Told of every event after it is in the ledger; shows or writes, never decides."""

    def notice(self, event: Event, history: History) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a sweep comes from, and where it goes on; as SweepStarted has it."""

    command: tuple[str, ...] = ()
    working_dir: str = ""
    tracking_uri: str | None = None
    mlflow_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What there is of a sweep that is resumed.

    Args:
        seen_s: the last sign of life of the process that coordinated it; seconds since the epoch.
        unrecorded: events that its ledger has lost, as other files tell them.
    """

    recorded: Recorded
    seen_s: float
    unrecorded: Sequence[Event] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What to run, all checked before.

    Args:
        spec: the configuration as the ledger's first event records it.
        max_trials: trials in all; None for as many as the sampler has points.
        slots: attempts that may be submitted or running at once.
        stop_grace_s: time a stopped trial has to end by itself before it is killed.
        earlier: trials of other sweeps for the sampler to learn from.
        poll_interval_s: time between two looks at the metrics of running trials.
        past: what is resumed; None for a new sweep.
    """

    spec: Mapping[str, Any]
    objective: Objective
    limits: Limits
    sampler: Sampler
    policy: Policy | None
    max_trials: int | None
    slots: int
    stop_grace_s: float = 10.0
    poll_interval_s: float = 1.0
    earlier: tuple[EarlierTrial, ...] = ()
    origin: Origin = Origin()
    past: Past | None = None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A sweep that is over: its history and what ended it."""

    history: History
    ending: Ending

    @property
    def best(self) -> Trial | None:
        """The trial with the best value, failed and stopped ones included, as AzureML counts."""
        return self.history.best

    @property
    def trials(self) -> list[Trial]:
        """Every trial, by number."""
        return list(self.history.trials)

    @property
    def exit_code(self) -> int:
        """130 if the user stopped it; 1 if a failure limit did or no trial has a value; else 0."""
        if self.ending.kind is EndingKind.USER:
            return 130
        return 1 if self.ending.kind is EndingKind.FAILURES or self.best is None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world as the loop meets it. The tracker has started already; whoever made them closes them.

    Args:
        each_turn: called several times a second.
    """

    launcher: TrialLauncher
    tracker: Tracker
    ledger: Ledger
    clock: Clock
    signals: StopSignals
    each_turn: Callable[[], object] = lambda: None
