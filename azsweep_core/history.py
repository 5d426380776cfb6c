"""The sweep so far, built from events alone. Every decision reads a History and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from azsweep_core.objective import Objective
from azsweep_core.trial import TRANSITIONS, EarlierTrial, Measurement, Parameters, StopRequest, Trial, TrialState

__all__ = [
    "AttemptLost",
    "Event",
    "History",
    "StopRequested",
    "SweepEnded",
    "SweepStarted",
    "TrialBegan",
    "TrialEnded",
    "TrialMeasured",
    "TrialSubmitted",
    "WarmStarted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStarted:
    """The first event: when, and with which configuration."""

    time_s: float
    spec: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStarted:
    """The trials of earlier sweeps that the sampler learns from; written before any trial of this one.

    One event for all of them: a ledger holds the head start whole or, torn, not at all.
    """

    time_s: float
    trials: tuple[EarlierTrial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSubmitted:
    """An attempt is about to be handed to the launcher; written before that happens."""

    time_s: float
    number: int
    attempt: int
    parameters: Parameters
    mlflow_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBegan:
    """The attempt's task has begun, in this directory."""

    time_s: float
    number: int
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMeasured:
    """New reports of the primary metric, in order."""

    number: int
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """The trial was told to stop."""

    time_s: float
    number: int
    request: StopRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLost:
    """The infrastructure lost the attempt; the trial waits for another."""

    time_s: float
    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded:
    """The trial is over."""

    time_s: float
    number: int
    state: TrialState
    reason: str = ""
    failure: str | None = None
    directory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEnded:
    """The last event, with the reason in words."""

    time_s: float
    stop_reason: str


Event = (
    SweepStarted
    | WarmStarted
    | TrialSubmitted
    | TrialBegan
    | TrialMeasured
    | StopRequested
    | AttemptLost
    | TrialEnded
    | SweepEnded
)


class History:
    """Trials by number, with the counts and the incumbent that decisions ask for at every turn, each in O(1).

    `earlier` are trials of other sweeps: for the sampler to learn from, and in nothing else that is said here.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.started_s: float | None = None
        self.stop_reason: str | None = None
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
            case SweepStarted():
                self.started_s = event.time_s
            case WarmStarted():
                self._warm_start(event)
            case SweepEnded():
                self.stop_reason = event.stop_reason
            case TrialSubmitted():
                self._submit(event)
            case TrialBegan():
                self._put(replace(self[event.number], started_s=event.time_s, directory=event.directory))
            case TrialMeasured():
                self._measure(event)
            case StopRequested():
                self._put(replace(self[event.number], stopping=event.request))
            case AttemptLost():
                self._move(replace(self[event.number], state=TrialState.PENDING, reason=event.reason))
                del self._active[event.number]
                self._lost[event.number] = None
            case TrialEnded():
                self._end(event)

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
            trial = replace(trial, measurements=earlier.measurements, value=earlier.value)
        self._move(trial)
        self._lost.pop(event.number, None)
        self._active[event.number] = None

    def _measure(self, event: TrialMeasured) -> None:
        trial = self[event.number]
        value = trial.value
        for measurement in event.measurements:
            if self.objective.is_better(measurement.value, value):
                value = measurement.value
        self._put(replace(trial, measurements=trial.measurements + event.measurements, value=value))

    def _end(self, event: TrialEnded) -> None:
        trial = self[event.number]
        self._move(
            replace(
                trial,
                state=event.state,
                reason=event.reason,
                ended_s=event.time_s,
                failure=event.failure,
                directory=event.directory or trial.directory,
            )
        )
        self._active.pop(event.number, None)
        self._lost.pop(event.number, None)
        self._ended.append(event.number)

    def _move(self, trial: Trial) -> None:
        """Store `trial` in its new state, if it may go there."""
        earlier = self._trials.get(trial.number)
        if earlier is not None:
            if trial.state not in TRANSITIONS[earlier.state]:
                raise ValueError(f"trial {trial.number} cannot go from {earlier.state.value} to {trial.state.value}")
            self._counts[earlier.state] -= 1
        self._counts[trial.state] += 1
        self._put(trial)

    def _put(self, trial: Trial) -> None:
        self._trials[trial.number] = trial
        self.best = self._better(self.best, trial)
        if trial.state is TrialState.COMPLETED:
            self._best_completed = self._better(self._best_completed, trial)

    def _better(self, best: Trial | None, trial: Trial) -> Trial | None:
        """Which of the two leads; `trial` may be a newer state of `best`. Of equals the one with the lower number."""
        if trial.value is None:
            return best
        if best is None or best.number == trial.number or self.objective.is_better(trial.value, best.value):
            return trial
        return trial if trial.value == best.value and trial.number < best.number else best
