"""What the loop needs of the world: somewhere to run trials, somewhere to read metrics, and a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from azsweep_core.events import TrialEnded
from azsweep_core.history import History
from azsweep_core.trial import Measurement, Parameters, StopRequest, Trial, TrialState

__all__ = ["IN_A_CHILD_RUN", "Clock", "Launch", "Tracker", "TrialLauncher", "TrialReport"]

IN_A_CHILD_RUN = " (in a child run)"
"""Ends the names of metrics that do not count, since they are in runs below a trial's own."""


class Clock(Protocol):
    """Time as the sweep sees it."""

    def now(self) -> float:
        """Seconds since the epoch; never goes back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Everything a launcher needs to run one attempt of one trial.

    Args:
        environment: variables to add to those of the trial's process.
    """

    number: int
    attempt: int
    parameters: Parameters
    environment: Mapping[str, str]
    mlflow_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """What is known of an attempt now.

    Args:
        began_s: when the task began; None if it has not.
        ended: True once nothing of the attempt runs any more.
        lost: True if the infrastructure is to blame, so that another attempt may follow.
        with_sweep: True if it was lost because its sweep was (killed, rebooted), which counts toward no limit.
        by_user: True if it ended because the user ended the sweep; it runs again when that is resumed.
        state: final state when `ended` and not `lost`.
        reason: in words; empty for a completed trial.
        failure: what makes two failures alike.
        returned: numbers the task returned, by metric name; "" is the name of a bare number.
        returned_instead: type of what it returned, if that held no number.
    """

    number: int
    began_s: float | None = None
    directory: str | None = None
    ended: bool = False
    lost: bool = False
    with_sweep: bool = False
    by_user: bool = False
    state: TrialState = TrialState.COMPLETED
    reason: str = ""
    failure: str | None = None
    returned: Mapping[str, float] = field(default_factory=dict)
    returned_instead: str = ""


class TrialLauncher(Protocol):
    """Runs attempts asynchronously. Never decides anything about the sweep."""

    def start(self, launch: Launch) -> None:
        """Begin an attempt and return at once."""
        ...

    def adopt(self, trials: Sequence[Trial]) -> None:
        """Take over the running trials of an earlier start of this sweep, whose coordinator is gone.

        `poll` then reports on them as on its own: how those ended that have ended meanwhile, and those that still run
        when they do. What ended with its coordinator is lost `with_sweep`. Nothing of that runs when this returns.

        Raises:
            AzsweepError: if one may still run where this launcher cannot see it.
        """
        ...

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        """Reports on attempts that began or ended since the last call; waits up to `timeout_s` for the first."""
        ...

    def stop(self, number: int, request: StopRequest, grace_s: float) -> None:
        """Ask the attempt to stop, and kill it (and all it started) after the grace period; no effect if it is over."""
        ...

    def conclude(self, trial: Trial, end: TrialEnded) -> None:
        """Leave word among the attempt's files of how the trial ended, if it could not itself. Nothing of it runs."""
        ...

    def close(self) -> None:
        """Leave nothing running. Safe to call twice."""
        ...


class Tracker(Protocol):
    """Where metrics land and runs are recorded. What is to be written while the store is away waits inside."""

    @property
    def how_to_open(self) -> str:
        """What the user does to see the runs, once the sweep has started; "" if there is nothing to see."""
        ...

    @property
    def how_to_log(self) -> str:
        """What a task has to do so that its metric is seen."""
        ...

    def left_open(self, history: History) -> Sequence[int]:
        """Trials of an earlier start of this sweep that are over, and which the store does not know to be."""
        ...

    def start_trial(
        self, number: int, parameters: Parameters, lost_run_id: str | None = None
    ) -> tuple[str | None, Mapping[str, str]]:
        """Open the attempt's run: its id (None without runs) and the environment with which its process logs there.

        Args:
            lost_run_id: run of the attempt before.
        Raises:
            StoreUnreachable: if the trial should start later.
        """
        ...

    def new_measurements(self, trials: Sequence[Trial]) -> Mapping[int, tuple[Measurement, ...]]:
        """Reports of the primary metric that these trials made and their `measurements` do not hold yet."""
        ...

    def final_measurements(self, trial: Trial) -> tuple[Measurement, ...]:
        """The same for one trial whose process is gone, from its whole history.

        Raises:
            StoreUnreachable: if the trial's end should wait.
        """
        ...

    def metric_names(self, trial: Trial) -> Sequence[str]:
        """Names of all metrics the trial logged, for the message that says the primary one is missing.

        Those of runs below the trial's own end in IN_A_CHILD_RUN.
        """
        ...

    def note_best(self, trial: Trial) -> None:
        """Record that `trial` is the best one now."""
        ...

    def end_trial(
        self, trial: Trial, returned: Mapping[str, float], reported: Sequence[tuple[str, Measurement]] = ()
    ) -> None:
        """Record the final state of a trial, its parameters, the numbers it returned and what it reported elsewhere."""
        ...

    def end_sweep(self, best: Trial | None, *, failed: bool, reason: str) -> None:
        """Record the end of the sweep, why it ended, and its best trial."""
        ...
