"""The sweep so far, built from events alone. Every decision reads a History and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from azsweep_core.events import (
    AttemptLost,
    Ending,
    Event,
    StopRequested,
    SweepEnded,
    SweepResumed,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.objective import Objective
from azsweep_core.trial import TRANSITIONS, EarlierTrial, Trial, TrialState

__all__ = ["History"]


class History:
    """Trials by number, with the counts and the incumbent that decisions ask for at every turn, each in O(1).

    `started_s` is when the sweep would have started had it never been interrupted; `last_s` the time of the last event.
    `earlier` are trials of other sweeps: for the sampler to learn from, and in nothing else that is said here.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.started_s: float | None = None
        self.last_s = 0.0
        self.ending: Ending | None = None
        self.best: Trial | None = None
        self.earlier: tuple[EarlierTrial, ...] = ()
        self._trials: dict[int, Trial] = {}
        self._active: dict[int, None] = {}
        self._lost: dict[int, None] = {}
        self._counts: Counter[TrialState] = Counter()
        self._best_completed: Trial | None = None
        self._ended: list[int] = []

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    def __contains__(self, number: object) -> bool:
        return number in self._trials

    def get(self, number: int) -> Trial | None:
        """The trial, or None if it was never submitted."""
        return self._trials.get(number)

    @property
    def trials(self) -> Iterator[Trial]:
        """Every trial, by number."""
        return iter(self._trials[number] for number in sorted(self._trials))

    @property
    def stop_reason(self) -> str | None:
        """Why the sweep has ended, in words."""
        return None if self.ending is None else self.ending.reason

    @property
    def active(self) -> list[Trial]:
        """Trials handed to the launcher and not over, oldest first."""
        return [self._trials[number] for number in self._active]

    @property
    def lost(self) -> list[Trial]:
        """Trials whose last attempt was lost and which wait for another."""
        return [self._trials[number] for number in self._lost]

    @property
    def finished(self) -> int:
        """How many trials are over."""
        return sum(count for state, count in self._counts.items() if state.is_final)

    @property
    def interrupted(self) -> list[Trial]:
        """Trials that the user's stop cancelled, which run again when the sweep is resumed; by number."""
        return [trial for trial in self.trials if trial.interrupted]

    def first_finished(self, count: int) -> list[Trial]:
        """The first `count` trials that ended (at most), in the order they did."""
        return [self._trials[number] for number in self._ended[:count]]

    def finished_since(self, count: int) -> list[Trial]:
        """Trials that ended after the first `count` had, in the order they did."""
        return [self._trials[number] for number in self._ended[count:]]

    def count(self, *states: TrialState) -> int:
        """How many trials are in one of `states`."""
        return sum(self._counts[state] for state in states)

    def best_completed(self) -> Trial | None:
        """Best trial among those that ran to their end."""
        return self._best_completed

    def apply(self, event: Event) -> None:
        """Bring the history up to `event`; an event that cannot follow is a fault of ours and raises ValueError."""
        match event:
            case SweepStarted() | SweepResumed() | SweepEnded():
                self._turn(event)
            case WarmStarted():
                self._warm_start(event)
            case TrialSubmitted():
                self._submit(event)
            case TrialBegan():
                self._put(replace(self[event.number], started_s=event.time_s, directory=event.directory))
            case TrialMeasured():
                self._measure(event)
            case StopRequested():
                self._put(replace(self[event.number], stopping=event.request))
            case AttemptLost():
                self._lose(event)
            case TrialEnded():
                self._end(event)
        if not isinstance(event, (TrialBegan, TrialMeasured)):  # the times of those two are another machine's
            self.last_s = max(self.last_s, event.time_s)

    def _turn(self, event: SweepStarted | SweepResumed | SweepEnded) -> None:
        match event:
            case SweepStarted():
                if self.started_s is not None:
                    raise ValueError("a sweep begins once")
                self.started_s = event.time_s
            case SweepResumed():
                self.started_s = event.time_s - event.used_s
                self.ending = None
            case SweepEnded():
                self.ending = Ending(event.kind, event.stop_reason)

    def _warm_start(self, event: WarmStarted) -> None:
        if self._trials or self.earlier:
            raise ValueError("a sweep is warm-started once, before its first trial")
        self.earlier = event.trials

    def _submit(self, event: TrialSubmitted) -> None:
        trial = Trial(
            number=event.number,
            parameters=event.parameters,
            attempt=event.attempt,
            state=TrialState.RUNNING,
            submitted_s=event.time_s,
            mlflow_run_id=event.mlflow_run_id,
        )
        earlier = self._trials.get(event.number)
        if earlier is not None:
            held = earlier.measurements
            trial = replace(trial, measurements=held, inherited=len(held), losses=earlier.losses)
        self._move(trial)
        self._lost.pop(event.number, None)
        self._active[event.number] = None

    def _measure(self, event: TrialMeasured) -> None:
        trial = self[event.number]
        if trial.inherited and not event.returned:
            self._put(_valued(trial.with_reports(event.measurements), self.objective))
            return
        value = _valued(trial, self.objective).value if trial.inherited else trial.value
        for measurement in event.measurements:
            if self.objective.is_better(measurement.value, value):
                value = measurement.value
        self._put(replace(trial, measurements=trial.measurements + event.measurements, value=value))

    def _lose(self, event: AttemptLost) -> None:
        trial = self[event.number]
        if trial.state.is_final:
            self._ended.remove(event.number)
        losses = trial.losses + (not event.with_sweep)
        waiting = replace(trial, reason=event.reason, losses=losses, value=None, ended_s=None, failure=None)
        self._move(replace(waiting, state=TrialState.PENDING, interrupted=False, stopping=None))
        self._active.pop(event.number, None)
        self._lost[event.number] = None

    def _end(self, event: TrialEnded) -> None:
        trial = self[event.number]
        if trial.value is None:  # none of its last attempt's reports came
            trial = _valued(trial, self.objective)
        self._move(
            replace(
                trial,
                state=event.state,
                reason=event.reason,
                ended_s=event.time_s,
                failure=event.failure,
                directory=event.directory or trial.directory,
                interrupted=event.by_user,
            )
        )
        self._active.pop(event.number, None)
        self._lost.pop(event.number, None)
        self._ended.append(event.number)

    def _move(self, trial: Trial) -> None:
        """Store `trial` in its new state, if it may go there."""
        earlier = self._trials.get(trial.number)
        if earlier is not None:
            again = earlier.interrupted and trial.state is TrialState.PENDING
            if trial.state not in TRANSITIONS[earlier.state] and not again:
                raise ValueError(f"trial {trial.number} cannot go from {earlier.state.value} to {trial.state.value}")
            self._counts[earlier.state] -= 1
        self._counts[trial.state] += 1
        self._put(trial)

    def _put(self, trial: Trial) -> None:
        self._trials[trial.number] = trial
        if self.best is not None and self.best.number == trial.number and self._is_worse(trial.value, self.best.value):
            self.best = None
            for each in self._trials.values():
                self.best = self._better(self.best, each)
        self.best = self._better(self.best, trial)
        if trial.state is TrialState.COMPLETED:
            self._best_completed = self._better(self._best_completed, trial)

    def _is_worse(self, value: float | None, before: float | None) -> bool:
        return value is None or (before is not None and self.objective.is_better(before, value))

    def _better(self, best: Trial | None, trial: Trial) -> Trial | None:
        """Which of the two leads; `trial` may be a newer state of `best`. Of equals the one with the lower number."""
        if trial.value is None:
            return best
        if best is None or best.number == trial.number or self.objective.is_better(trial.value, best.value):
            return trial
        return trial if trial.value == best.value and trial.number < best.number else best


def _valued(trial: Trial, objective: Objective) -> Trial:
    """The trial with the best of all its measurements as its value."""
    value = None
    for measurement in trial.measurements:
        if objective.is_better(measurement.value, value):
            value = measurement.value
    return replace(trial, value=value)
