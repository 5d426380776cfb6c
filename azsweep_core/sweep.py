"""The one loop: asks the scheduler what to do, does it through the ports, and records every event in the ledger."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from azsweep_core.errors import AzsweepError, StoreUnreachable
from azsweep_core.events import (
    AttemptLost,
    Ending,
    EndingKind,
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
from azsweep_core.history import History
from azsweep_core.ledger import Ledger
from azsweep_core.lookout import Lookout, never_measured
from azsweep_core.ports import Clock, Launch, Tracker, TrialLauncher, TrialReport
from azsweep_core.scheduler import Start, Stop, next_actions, next_deadline, why_end
from azsweep_core.sweep_plan import Observer, Past, Ports, SweepPlan, SweepResult
from azsweep_core.trial import Measurement, Parameters, StopRequest, TrialState

__all__ = ["run_sweep"]

_HEAR_SIGNALS_EVERY_S = 0.2
_KILLS = 2
"""So many signals of the user's, and nobody waits any longer."""
_ENDS_WITHIN_S = 5.0

log = logging.getLogger("azsweep")


def run_sweep(plan: SweepPlan, ports: Ports, observers: Sequence[Observer] = ()) -> SweepResult:
    """Run the sweep to its end; no trial runs any more when this returns."""
    return _Loop(plan, ports, observers).run()


@dataclass(slots=True)
class _Loop:
    plan: SweepPlan
    ports: Ports
    observers: Sequence[Observer]
    history: History = field(init=False)
    lookout: Lookout = field(init=False)
    ending: Ending | None = None
    exhausted: bool = False
    killed: bool = False
    asked: dict[int, Parameters] = field(default_factory=dict)
    unfinished: list[TrialReport] = field(default_factory=list)
    directories: dict[str, int] = field(default_factory=dict)
    warned: bool = False
    in_charge: bool = False

    def run(self) -> SweepResult:
        self.lookout = self.make_lookout()
        try:
            self.begin()
            ending = self.turn_until_the_end()
        except (AzsweepError, OSError):
            if self.in_charge:  # else what may run is not this start's to stop
                self.abandon()
            raise
        self.tracker.end_sweep(self.history.best, failed=self.history.best is None, reason=ending.reason)
        return SweepResult(self.history, ending)

    def make_lookout(self) -> Lookout:
        plan = self.plan
        return Lookout(
            policy=plan.policy,
            tracker=self.tracker,
            clock=self.clock,
            primary_metric=plan.objective.primary_metric,
            poll_interval_s=plan.poll_interval_s,
            judged={} if plan.past is None else dict(plan.past.recorded.judged),
        )

    def begin(self) -> None:
        """Record the start; of a sweep that goes on, take over what it has left."""
        plan, now = self.plan, self.clock.now()
        if plan.past is None:
            self.history = History(plan.objective)
            self.record(SweepStarted(time_s=now, spec=plan.spec, **asdict(plan.origin)))
        else:
            self.resume(plan.past, now)
        self.in_charge = True
        if plan.earlier:
            self.record(WarmStarted(time_s=now, trials=plan.earlier))

    def resume(self, past: Past, now: float) -> None:
        """Go on as if nothing had happened: what runs is adopted, what the user had stopped waits for its turn."""
        plan = self.plan
        self.history = history = past.recorded.history
        history.objective = plan.objective
        began_s = now if history.started_s is None else history.started_s
        used_s = max(past.seen_s, history.last_s) - began_s
        resumed = SweepResumed(
            time_s=now,
            used_s=max(used_s, 0.0),
            spec=plan.spec,
            command=plan.origin.command,
            working_dir=plan.origin.working_dir,
        )
        self.record(resumed)
        for event in past.unrecorded:
            self.record(event)
        for trial in history.interrupted:
            self.lose(trial.number, trial.reason, with_sweep=True)
        for trial in history.trials:
            if trial.directory is not None:
                self.directories.setdefault(trial.directory, trial.number)
        for number in self.tracker.left_open(history):
            self.tracker.end_trial(history[number], {})
        self.ledger.sync()
        self.launcher.adopt(history.active)
        for trial in history.active:
            if trial.stopping is not None:
                self.launcher.stop(trial.number, trial.stopping, plan.stop_grace_s)

    def turn_until_the_end(self) -> Ending:
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
        ending = self.ending
        for trial in self.history.lost:
            self.end(trial.number, TrialState.CANCELLED, ending.reason, by_user=ending.kind is EndingKind.USER)
        self.record(SweepEnded(time_s=self.clock.now(), stop_reason=ending.reason, kind=ending.kind))
        self.lookout.doubt(self.history)
        self.ledger.sync()
        return ending

    def abandon(self) -> None:
        """Stop what runs, with nothing in the ledger: it cannot be written, or the sweep itself has failed.

        As after a kill, trials that had not ended run again when the sweep is resumed. Tasks that run are waited for.
        """
        request = StopRequest(TrialState.CANCELLED, "the sweep could not go on", by_user=True)
        running = {trial.number for trial in self.history.active if trial.started_s is not None}
        until = self.clock.now() + self.plan.stop_grace_s + _ENDS_WITHIN_S
        for trial in self.history.active:
            with contextlib.suppress(AzsweepError, OSError):
                self.launcher.stop(trial.number, trial.stopping or request, self.plan.stop_grace_s)
        with contextlib.suppress(AzsweepError, OSError):
            while self.clock.now() < until and self.ports.signals.count < _KILLS:
                for report in self.launcher.poll(_HEAR_SIGNALS_EVERY_S):
                    (running.discard if report.ended else running.add)(report.number)
                if not running:
                    break

    @property
    def launcher(self) -> TrialLauncher:
        return self.ports.launcher

    @property
    def tracker(self) -> Tracker:
        return self.ports.tracker

    @property
    def ledger(self) -> Ledger:
        return self.ports.ledger

    @property
    def clock(self) -> Clock:
        return self.ports.clock

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
        self.ports.each_turn()
        signals = self.ports.signals
        if signals.count and self.ending is None:
            self.ending = Ending(EndingKind.USER, f"stopped by {signals.name}")
            log.info(
                "%s: no further trial starts; %d running have %g s to end, a second signal kills them at once",
                self.ending.reason,
                len(self.history.active),
                self.plan.stop_grace_s,
            )
        if signals.count >= _KILLS and not self.killed:
            self.killed = True
            user = StopRequest(TrialState.CANCELLED, f"stopped by {signals.name}", by_user=True)
            for trial in self.history.active:
                self.launcher.stop(trial.number, trial.stopping or user, 0.0)

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
        return Launch(
            number=action.number,
            attempt=action.attempt,
            parameters=parameters,
            environment=environment,
            mlflow_run_id=run_id,
        )

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
        waits = [_HEAR_SIGNALS_EVERY_S, self.lookout.due_in()]
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
        self.settle(report)

    def settle(self, report: TrialReport) -> None:
        """Decide what the end of an attempt means: another attempt, or the end of its trial."""
        trial = self.history[report.number]
        stopping = trial.stopping
        if report.with_sweep and stopping is not None and not stopping.by_user:
            self.end(report.number, stopping.state, stopping.reason)  # it was told before the sweep was killed
        elif report.with_sweep or (report.by_user and self.ending is None):
            self.lose(report.number, report.reason, with_sweep=True)
            return
        elif report.lost and self.ending is None and trial.losses < self.plan.limits.max_retries:
            self.lose(report.number, report.reason)
            return
        else:
            returned = report.returned.get("", report.returned.get(self.plan.objective.primary_metric))
            if returned is not None:
                self.measure(report.number, (Measurement(None, returned, self.clock.now()),), returned=True)
            state, reason, failure = self.judge(report)
            self.end(report.number, state, reason, failure, by_user=report.by_user)
        self.tracker.end_trial(self.history[report.number], report.returned)

    def lose(self, number: int, reason: str, *, with_sweep: bool = False) -> None:
        self.record(AttemptLost(time_s=self.clock.now(), number=number, reason=reason, with_sweep=with_sweep))

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
            return TrialState.FAILED, f"lost {trial.losses + 1} times: {report.reason}", report.failure or "lost"
        if report.state is not TrialState.COMPLETED or trial.value is not None:
            return report.state, report.reason, report.failure
        if trial.measurements:
            reason = f"{self.plan.objective.primary_metric} was {trial.measurements[-1].value} whenever it was reported"
            return TrialState.FAILED, reason, "no usable value"
        names = sorted({*self.tracker.metric_names(trial), *(name for name in report.returned if name)})
        return (
            TrialState.FAILED,
            never_measured(self.plan.objective.primary_metric, names, report, self.tracker.how_to_log),
            "no primary metric",
        )

    def end(
        self, number: int, state: TrialState, reason: str, failure: str | None = None, *, by_user: bool = False
    ) -> None:
        end = TrialEnded(
            time_s=self.clock.now(),
            number=number,
            state=state,
            reason=reason,
            failure=failure if state.counts_as_failure else None,
            by_user=by_user,
        )
        self.launcher.conclude(self.history[number], end)
        self.record(end)
        self.lookout.note_end(self.history, number)

    def measure(self, number: int, found: tuple[Measurement, ...], *, returned: bool = False) -> None:
        if not found:
            return
        before = self.history.best
        self.record(TrialMeasured(number=number, measurements=found, returned=returned))
        best = self.history.best
        if best is not None and (before is None or best.value != before.value):
            self.tracker.note_best(best)

    def look_at_metrics(self) -> None:
        """Read the running trials' metrics when due, and let the policy judge those that have news."""
        if self.lookout.due_in() > 0:
            return
        news = self.lookout.look(self.history)
        for number, found in news.items():
            self.measure(number, found)
        for number, decision in self.lookout.judge(self.history, news):
            if decision.stop and self.history[number].stopping is None:
                self.stop(number, StopRequest(TrialState.TERMINATED, decision.reason))
