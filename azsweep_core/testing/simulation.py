"""Whole sweeps in virtual time: a clock that jumps, and trials that follow a script instead of running."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azsweep_core.errors import StoreUnreachable
from azsweep_core.events import TrialEnded
from azsweep_core.history import History
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.trial import Measurement, Parameters, StopRequest, Trial, TrialState

__all__ = ["FakeClock", "FakeLauncher", "FakeTracker", "Script"]


class FakeClock:
    """Time that moves only when told to; starts at 0."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now(self) -> float:
        return self.now_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one attempt does.

    Args:
        duration_s: from its start to its end, if nobody stops it.
        curve: reports of the primary metric, the earliest first: seconds after the start, value.
        returned: numbers its task returns.
        state, reason, failure, lost: as in TrialReport, at its end.
        begins: False if the task never begins.
        stops_in_s: how long it takes to stop when asked; it is killed at the end of the grace period.
    """

    duration_s: float = 1.0
    curve: Sequence[tuple[float, float]] = ()
    returned: Mapping[str, float] = field(default_factory=dict)
    state: TrialState = TrialState.COMPLETED
    reason: str = ""
    failure: str | None = None
    lost: bool = False
    begins: bool = True
    stops_in_s: float = 0.0


@dataclass(slots=True)
class _Running:
    launch: Launch
    script: Script
    began_s: float
    ends_s: float
    request: StopRequest | None = None


class FakeLauncher:
    """A TrialLauncher whose attempts follow scripts; `poll` moves the clock to what happens next.

    Args:
        script: what each attempt does.
        outlive: whether attempts go on when their sweep is killed.
        before: the launcher of the sweep's last start, which was killed.
    """

    def __init__(
        self,
        clock: FakeClock,
        script: Callable[[Launch], Script],
        *,
        outlive: bool = False,
        before: FakeLauncher | None = None,
    ) -> None:
        self._clock = clock
        self._script = script
        self._outlive = outlive
        self._left = {} if before is None else before.running
        self.results: dict[tuple[int, int], TrialReport] = {} if before is None else before.results
        self.began_s: dict[tuple[int, int], float] = {} if before is None else before.began_s
        self._adopted: list[TrialReport] = []
        self.running: dict[int, _Running] = {}
        self.started: list[tuple[int, int]] = []
        self.most_at_once = 0
        self.closed = False
        self._agenda: list[tuple[float, int, int]] = []
        self._began: list[int] = []

    def start(self, launch: Launch) -> None:
        script, now = self._script(launch), self._clock.now()
        self.running[launch.number] = _Running(launch, script, now, now + script.duration_s)
        self.started.append((launch.number, launch.attempt))
        self.began_s[launch.number, launch.attempt] = now
        self.most_at_once = max(self.most_at_once, len(self.running))
        heapq.heappush(self._agenda, (now + script.duration_s, launch.number, launch.attempt))
        if script.begins:
            self._began.append(launch.number)

    def adopt(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            key = (trial.number, trial.attempt)
            left = self._left.get(trial.number)
            if key in self.results:
                self._adopted.append(self.results[key])
            elif left is not None and left.launch.attempt == trial.attempt and self._goes_on(left):
                self.running[trial.number] = left
                heapq.heappush(self._agenda, (max(left.ends_s, self._clock.now()), *key))
                left.ends_s = max(left.ends_s, self._clock.now())
            else:
                report = TrialReport(number=trial.number, ended=True, lost=True, with_sweep=True, reason="killed")
                self._adopted.append(report)

    def _goes_on(self, left: _Running) -> bool:
        """Whether it runs now, or had ended by itself before its sweep was killed."""
        return self._outlive or left.ends_s <= self._clock.now()

    def conclude(self, trial: Trial, end: TrialEnded) -> None:
        if not end.by_user:
            done = TrialReport(number=trial.number, ended=True, state=end.state, reason=end.reason, failure=end.failure)
            self.results.setdefault((trial.number, trial.attempt), done)

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        if self._adopted:
            adopted, self._adopted = self._adopted, []
            return adopted
        reports = [self._begin(number) for number in self._began if number in self.running]
        self._began.clear()
        if reports:
            return reports
        until = self._clock.now() + timeout_s
        self._drop_outdated()
        if not self._agenda or self._agenda[0][0] > until:
            self._clock.now_s = until
            return []
        self._clock.now_s, number, _ = heapq.heappop(self._agenda)
        return [self._end(number)]

    def stop(self, number: int, request: StopRequest, grace_s: float) -> None:
        if number not in self.running:
            return
        running = self.running[number]
        running.request = request
        running.ends_s = min(running.ends_s, self._clock.now() + min(running.script.stops_in_s, grace_s))
        heapq.heappush(self._agenda, (running.ends_s, number, running.launch.attempt))

    def close(self) -> None:
        self.closed = True
        self.running.clear()

    def _begin(self, number: int) -> TrialReport:
        return TrialReport(number=number, began_s=self.running[number].began_s, directory=f"dir/{number}")

    def _end(self, number: int) -> TrialReport:
        running = self.running.pop(number)
        script = running.script
        base: dict[str, Any] = {"number": number, "ended": True}
        if script.begins:
            base |= {"began_s": running.began_s, "directory": f"dir/{number}"}
        if running.request is not None:
            request = running.request
            report = TrialReport(**base, state=request.state, reason=request.reason, by_user=request.by_user)
        else:
            report = TrialReport(
                **base,
                lost=script.lost,
                state=script.state,
                reason=script.reason,
                failure=script.failure,
                returned=script.returned,
            )
        if not report.lost:
            self.results[number, running.launch.attempt] = report
        return report

    def _drop_outdated(self) -> None:
        """Forget agenda entries of attempts that are over or end at another time."""
        while self._agenda:
            time_s, number, attempt = self._agenda[0]
            running = self.running.get(number)
            if running is not None and running.launch.attempt == attempt and running.ends_s == time_s:
                return
            heapq.heappop(self._agenda)


class FakeTracker:
    """A Tracker that reads the scripted curves of a FakeLauncher's attempts as far as the clock has come."""

    def __init__(self, clock: FakeClock, launcher: FakeLauncher, script: Callable[[Launch], Script]) -> None:
        self._clock = clock
        self._launcher = launcher
        self._script = script
        self.names: Sequence[str] = ()
        self.ended: list[int] = []
        self.bests: list[int] = []
        self.how_to_open = ""
        self.how_to_log = "Log it"
        self.away: tuple[float, float] = (0.0, 0.0)

    def is_away(self) -> bool:
        """True in the interval `away` of the clock, whose end is not part of it."""
        return self.away[0] <= self._clock.now() < self.away[1]

    def left_open(self, history: History) -> Sequence[int]:
        return [trial.number for trial in history.trials if trial.state.is_final and trial.number not in self.ended]

    def start_trial(
        self, number: int, parameters: Parameters, lost_run_id: str | None = None
    ) -> tuple[str | None, Mapping[str, str]]:
        if self.is_away():
            raise StoreUnreachable("the store is away")
        return f"run-{number}", {}

    def new_measurements(self, trials: Sequence[Trial]) -> Mapping[int, tuple[Measurement, ...]]:
        if self.is_away():
            return {}
        found = {trial.number: self.final_measurements(trial) for trial in trials}
        return {number: measurements for number, measurements in found.items() if measurements}

    def final_measurements(self, trial: Trial) -> tuple[Measurement, ...]:
        if self.is_away():
            raise StoreUnreachable("the store is away")
        launch = Launch(number=trial.number, attempt=trial.attempt, parameters=trial.parameters, environment={})
        began_s = self._launcher.began_s.get((trial.number, trial.attempt), trial.submitted_s)
        now, known = self._clock.now(), len(trial.measurements) - trial.inherited
        return tuple(
            Measurement(step, value, began_s + after_s)
            for step, (after_s, value) in enumerate(self._script(launch).curve[known:], known)
            if began_s + after_s <= now
        )

    def metric_names(self, trial: Trial) -> Sequence[str]:
        return self.names

    def note_best(self, trial: Trial) -> None:
        self.bests.append(trial.number)

    def end_trial(
        self, trial: Trial, returned: Mapping[str, float], reported: Sequence[tuple[str, Measurement]] = ()
    ) -> None:
        self.ended.append(trial.number)

    def end_sweep(self, best: Trial | None, *, failed: bool, reason: str) -> None:
        """Nothing to record."""
