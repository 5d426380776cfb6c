"""The one loop: asks the scheduler what to do, does it through the ports, and records every event in the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from azsweep_core.early_termination import Policy
from azsweep_core.errors import StoreUnreachable
from azsweep_core.history import (
    AttemptLost,
    Event,
    History,
    StopRequested,
    SweepEnded,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.ledger import Ledger
from azsweep_core.limits import Limits
from azsweep_core.lookout import Lookout, missing_metric
from azsweep_core.objective import Objective
from azsweep_core.ports import Clock, Launch, Tracker, TrialLauncher, TrialReport
from azsweep_core.samplers import Sampler
from azsweep_core.scheduler import Ending, EndingKind, Start, Stop, next_actions, next_deadline, why_end
from azsweep_core.signals import StopSignals
from azsweep_core.trial import EarlierTrial, Measurement, Parameters, StopRequest, Trial, TrialState

__all__ = ["Observer", "Ports", "SweepPlan", "SweepResult", "SystemClock", "run_sweep"]

_HEAR_SIGNALS_EVERY_S = 0.2

log = logging.getLogger("azsweep")


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
class SweepPlan:
    """What to run, all checked before.

    Args:
        spec: the configuration as the ledger's first event records it.
        max_trials: trials in all; None for as many as the sampler has points.
        slots: attempts that may be submitted or running at once.
        stop_grace_s: time a stopped trial has to end by itself before it is killed.
        earlier: trials of other sweeps for the sampler to learn from.
        poll_interval_s: time between two looks at the metrics of running trials.
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
    """The world as the loop meets it. The tracker has started already; whoever made them closes them."""

    launcher: TrialLauncher
    tracker: Tracker
    ledger: Ledger
    clock: Clock
    signals: StopSignals


def run_sweep(plan: SweepPlan, ports: Ports, observers: Sequence[Observer] = ()) -> SweepResult:
    """Run the sweep to its end; no trial runs any more when this returns."""
    return _Loop(plan, ports.launcher, ports.tracker, ports.ledger, ports.clock, observers, ports.signals).run()


@dataclass(slots=True)
class _Loop:
    plan: SweepPlan
    launcher: TrialLauncher
    tracker: Tracker
    ledger: Ledger
    clock: Clock
    observers: Sequence[Observer]
    signals: StopSignals
    history: History = field(init=False)
    ending: Ending | None = None
    exhausted: bool = False
    killed: bool = False
    lookout: Lookout | None = None
    asked: dict[int, Parameters] = field(default_factory=dict)
    unfinished: list[TrialReport] = field(default_factory=list)
    directories: dict[str, int] = field(default_factory=dict)
    warned: bool = False

    def run(self) -> SweepResult:
        self.history = History(self.plan.objective)
        if self.plan.policy is not None:
            self.lookout = Lookout(
                policy=self.plan.policy,
                tracker=self.tracker,
                clock=self.clock,
                primary_metric=self.plan.objective.primary_metric,
                poll_interval_s=self.plan.poll_interval_s,
            )
        self.record(SweepStarted(time_s=self.clock.now(), spec=self.plan.spec))
        if self.plan.earlier:
            self.record(WarmStarted(time_s=self.clock.now(), trials=self.plan.earlier))
        while True:
            self.decide()
            if self.ending is not None and not self.history.active:
                break
            self.ledger.sync()
            reports = [*self.unfinished, *self.launcher.poll(self.patience())]
            self.unfinished.clear()
            for report in reports:
                self.take(report)
            self.look_at_metrics()
        for trial in self.history.lost:
            self.end(trial.number, TrialState.CANCELLED, self.ending.reason)
        self.record(SweepEnded(time_s=self.clock.now(), stop_reason=self.ending.reason))
        if self.lookout is not None:
            self.lookout.doubt(self.history)
        self.ledger.sync()
        self.tracker.end_sweep(self.history.best, failed=self.history.best is None)
        return SweepResult(self.history, self.ending)

    def record(self, event: Event) -> None:
        self.history.apply(event)
        self.ledger.append(event)
        for observer in self.observers:
            observer.notice(event, self.history)

    def decide(self) -> None:
        """Do all that the scheduler wants now; starts are durable in the ledger before their launch."""
        self.hear_the_user()
        plan, now = self.plan, self.clock.now()
        self.ending = self.ending or self.why_end(now)
        launches: list[Launch] = []
        for action in list(
            next_actions(
                plan.limits,
                self.history,
                now,
                slots=plan.slots,
                max_trials=plan.max_trials,
                exhausted=self.exhausted,
                ending=self.ending,
            )
        ):
            match action:
                case Stop():
                    self.stop(action.number, action.request)
                case Start() if launch := self.prepare(action, now):
                    launches.append(launch)
                case Start():
                    break  # nothing to start now, so nothing after it either
        if launches:
            self.ledger.sync()
            for launch in launches:
                self.launcher.start(launch)
        if self.exhausted:
            self.ending = self.ending or self.why_end(now)

    def why_end(self, now: float) -> Ending | None:
        plan = self.plan
        return why_end(plan.limits, self.history, now, max_trials=plan.max_trials, exhausted=self.exhausted)

    def hear_the_user(self) -> None:
        """The first signal ends the sweep, the second kills what has not ended by then."""
        if self.signals.count and self.ending is None:
            self.ending = Ending(EndingKind.USER, f"stopped by {self.signals.name}")
            log.info(
                "%s: no further trial starts; %d running have %g s to end, a second signal kills them at once",
                self.ending.reason,
                len(self.history.active),
                self.plan.stop_grace_s,
            )
        if self.signals.count > 1 and not self.killed:
            self.killed = True
            for trial in self.history.active:
                request = trial.stopping or StopRequest(TrialState.CANCELLED, f"stopped by {self.signals.name}")
                self.launcher.stop(trial.number, request, 0.0)

    def prepare(self, action: Start, now: float) -> Launch | None:
        """Record the submission of a trial or of its next attempt; None if it has no parameters, or no run yet."""
        trial = self.history.get(action.number)
        parameters = self.ask(action.number) if trial is None else trial.parameters
        if parameters is None:
            return None
        lost_run_id = None if trial is None else trial.mlflow_run_id
        try:
            run_id, environment = self.tracker.start_trial(action.number, parameters, lost_run_id)
        except StoreUnreachable:
            return None
        self.asked.pop(action.number, None)
        submitted = TrialSubmitted(
            time_s=now, number=action.number, attempt=action.attempt, parameters=parameters, mlflow_run_id=run_id
        )
        self.record(submitted)
        return Launch(number=action.number, attempt=action.attempt, parameters=parameters, environment=environment)

    def ask(self, number: int) -> Parameters | None:
        """Parameters of a new trial; asked of the sampler once, however often its start is tried."""
        if number not in self.asked:
            point = self.plan.sampler.ask(number, self.history)
            if point is None:
                self.exhausted = True
                return None
            self.asked[number] = point
        return self.asked[number]

    def stop(self, number: int, request: StopRequest) -> None:
        self.record(StopRequested(time_s=self.clock.now(), number=number, request=request))
        self.launcher.stop(number, request, self.plan.stop_grace_s)

    def patience(self) -> float:
        """Seconds the loop may wait for the launcher: until a limit strikes, metrics are due or a signal is heard."""
        now = self.clock.now()
        waits = [_HEAR_SIGNALS_EVERY_S]
        if self.lookout is not None:
            waits.append(self.lookout.due_in())
        deadline = next_deadline(self.plan.limits, self.history)
        if deadline is not None:
            waits.append(deadline - now)
        return max(min(waits), 0.0)

    def take(self, report: TrialReport) -> None:
        """Record what the launcher says of an attempt."""
        trial = self.history[report.number]
        if report.began_s is not None and trial.started_s is None:
            directory = report.directory or ""
            self.note_directory(directory, report.number)
            self.record(TrialBegan(time_s=report.began_s, number=report.number, directory=directory))
        if not report.ended:
            return
        try:
            logged = self.tracker.final_measurements(trial)
        except StoreUnreachable:
            if self.ending is None:
                self.unfinished.append(report)
                return
            logged = ()  # the sweep is to end: nobody waits for a store that may never come back
        self.measure(report.number, logged)
        if report.lost and self.ending is None and trial.attempt <= self.plan.limits.max_retries:
            self.record(AttemptLost(time_s=self.clock.now(), number=report.number, reason=report.reason))
            return
        returned = report.returned.get("", report.returned.get(self.plan.objective.primary_metric))
        if returned is not None:
            self.measure(report.number, (Measurement(None, returned, self.clock.now()),))
        state, reason, failure = self.judge(report)
        self.end(report.number, state, reason, failure)
        self.tracker.end_trial(self.history[report.number], report.returned)

    def note_directory(self, directory: str, number: int) -> None:
        """Warn once if trials share a directory: each overwrites what the other leaves there."""
        other = self.directories.setdefault(directory, number)
        if other != number and not self.warned:
            self.warned = True
            log.warning(
                "Warning: trials %d and %d share the directory %s. Let hydra.sweep.subdir differ: ${hydra.job.num}",
                other,
                number,
                directory,
            )

    def judge(self, report: TrialReport) -> tuple[TrialState, str, str | None]:
        """Final state, reason and kind of failure: a completed trial needs a usable value."""
        trial = self.history[report.number]
        if report.lost:
            return TrialState.FAILED, f"lost {trial.attempt} times: {report.reason}", report.failure or "lost"
        if report.state is not TrialState.COMPLETED or trial.value is not None:
            return report.state, report.reason, report.failure
        if trial.measurements:
            reason = f"{self.plan.objective.primary_metric} was {trial.measurements[-1].value} whenever it was reported"
            return TrialState.FAILED, reason, "no usable value"
        names = sorted({*self.tracker.metric_names(trial), *(name for name in report.returned if name)})
        return (
            TrialState.FAILED,
            _missing(self.plan.objective.primary_metric, names, report, self.tracker.how_to_log),
            "no primary metric",
        )

    def end(self, number: int, state: TrialState, reason: str, failure: str | None = None) -> None:
        if not state.counts_as_failure:
            failure = None
        self.record(TrialEnded(time_s=self.clock.now(), number=number, state=state, reason=reason, failure=failure))
        if self.lookout is not None:
            self.lookout.note_end(self.history, number)

    def measure(self, number: int, found: tuple[Measurement, ...]) -> None:
        if not found:
            return
        before = self.history.best
        self.record(TrialMeasured(number=number, measurements=found))
        best = self.history.best
        if best is not None and (before is None or best.value != before.value):
            self.tracker.note_best(best)

    def look_at_metrics(self) -> None:
        """Read the running trials' metrics when due, and let the policy judge those that have news."""
        if self.lookout is None or self.lookout.due_in() > 0:
            return
        news = self.lookout.look(self.history)
        for number, found in news.items():
            self.measure(number, found)
        for number, decision in self.lookout.judge(self.history, list(news)):
            if decision.stop and self.history[number].stopping is None:
                self.stop(number, StopRequest(TrialState.TERMINATED, decision.reason))


def _missing(primary: str, names: Sequence[str], report: TrialReport, how_to_log: str) -> str:
    """That the primary metric never appeared, with what did."""
    if names:
        return f"the task {missing_metric(primary, names)}"
    instead = f" and returned {report.returned_instead}, not a number" if report.returned_instead else ""
    return f"the task never logged the primary metric {primary!r}{instead}. {how_to_log}"
