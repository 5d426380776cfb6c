"""What the attempts' own files tell that a ledger has lost, for its last lines may be torn. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from azsweep_core.control import ControlDir
from azsweep_core.events import AttemptLost, Event, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.trial import Trial, TrialState

__all__ = ["unrecorded"]


def unrecorded(history: History, sweep_dir: Path, now_s: float) -> Iterator[Event]:
    """Events that bring the history up to the attempts that were launched.

    A submission is on the disk before its launch, so there are none unless the ledger was damaged afterwards.
    """
    for trial in history.trials:
        if not trial.state.is_final or trial.interrupted:
            yield from _further_attempts(trial, sweep_dir, now_s)
    number = len(history)
    while (first := _submitted(sweep_dir, number, 1, now_s)) is not None:
        yield first
        attempt = Trial(
            number=number, parameters=first.parameters, attempt=1, state=TrialState.RUNNING, submitted_s=now_s
        )
        yield from _further_attempts(attempt, sweep_dir, now_s)
        number += 1


def _further_attempts(trial: Trial, sweep_dir: Path, now_s: float) -> Iterator[Event]:
    attempt, waits = trial.attempt + 1, trial.state is TrialState.PENDING
    while (submitted := _submitted(sweep_dir, trial.number, attempt, now_s)) is not None:
        if not waits:
            reason = trial.reason or "another attempt followed"
            yield AttemptLost(time_s=now_s, number=trial.number, reason=reason, with_sweep=True)
        yield submitted
        attempt, waits = attempt + 1, False


def _submitted(sweep_dir: Path, number: int, attempt: int, now_s: float) -> TrialSubmitted | None:
    """The submission of an attempt that has files."""
    document = ControlDir.of(sweep_dir, number, attempt).launch()
    if document is None:
        return None
    return TrialSubmitted(
        time_s=now_s,
        number=number,
        attempt=attempt,
        parameters=document["parameters"],
        mlflow_run_id=document["mlflow_run_id"],
    )
