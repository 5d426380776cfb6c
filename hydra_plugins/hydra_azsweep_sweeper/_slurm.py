"""A TrialLauncher over submitit's SLURM launcher: a job for each attempt, and one look at the queue for all of them.

What a job's files say (heartbeat, result) comes first and is looked at all the time; the queue tells of jobs that end
without a word. A job outlives a sweep that was killed, and the sweep that goes on takes it over.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.events import TrialEnded
from azsweep_core.ports import Launch, TrialReport
from azsweep_core.slurm import JobEnd, Obstacles, SlurmQueue, how_it_ended, is_over
from azsweep_core.trial import Parameters, StopRequest, Trial, TrialState
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, TrialJob, note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._slurm_submit import (
    RefusedError,
    check_exports,
    refuse_without_commands,
    submitted,
)
from hydra_plugins.hydra_azsweep_sweeper._submitit import executor_options, make_executor, submitit_job
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import JOB, SubmititJob

__all__ = ["SlurmLauncher"]

log = logging.getLogger("azsweep")

_LOOK_AT_FILES_EVERY_S = 0.25
_ASK_QUEUE_EVERY_S = 3.0
_SUBMIT_SOON_AFTER_S = 3.0
_SUBMIT_AGAIN_AFTER_S = 30.0
_VANISHED_AFTER_S = 30.0
_SECOND_LOOK_AFTER_S = 1.0
_KILL_LATER_S = 5.0
_CLEAR_WITHIN_S = 60.0


@dataclass(slots=True)
class _Attempt:
    """An attempt in flight; times are of the monotonic clock.

    Args:
        runs_again: as soon as this one has ended, in the same directory; so its job must be over.
    """

    number: int
    control: ControlDir
    environment: Mapping[str, str]
    overrides: Sequence[str]
    job: str | None = None
    request: StopRequest | None = None
    kill_at: float | None = None
    has_begun: bool = False
    unknown_since: float | None = None
    over_as: str | None = None
    runs_again: bool = False

    def set_deadline(self, grace_s: float) -> None:
        """Have its job cancelled, at once or later."""
        # The job itself kills what does not end; one that still waits in the queue has nobody to do that.
        waits = self.control.heartbeat() is None
        self.kill_at = time.monotonic() + (0.0 if waits else grace_s + _KILL_LATER_S)


class SlurmLauncher:
    """Submits attempts by the user's own submitit launcher, with all its options.

    Args:
        sweep_dir: absolute, on a file system that the nodes share.
        overrides_of: the Hydra overrides that give a trial its parameters.
        trial_timeout_s, grace_s: from which a job's time limit follows unless the user has set one.
    Raises:
        AzsweepError: if there is no SLURM here, or jobs could not be told what they need.
    """

    def __init__(
        self,
        app: HydraApp,
        *,
        sweep_dir: Path,
        overrides_of: Callable[[Parameters], Sequence[str]],
        trial_timeout_s: float | None,
        grace_s: float,
    ) -> None:
        refuse_without_commands()
        self._sweep_dir = sweep_dir
        self._overrides_of = overrides_of
        self._config_folder: str | None = app.config.hydra.output_subdir
        self._launcher, _ = app.make_launcher()
        self._options = executor_options("slurm", self._launcher.params, trial_timeout_s, grace_s)
        if app.config.hydra.sweeper.get("tracking") == "mlflow":
            check_exports(self._options.executor)
        self._queue = SlurmQueue()
        self._waiting: list[_Attempt] = []
        self._running: dict[int, _Attempt] = {}
        self._leaving: dict[str, float] = {}
        self._ask_at = 0.0
        self._failed: list[TrialReport] = []
        self._obstacles = Obstacles()
        self._batch = math.inf
        self._submit_at = 0.0
        self._has_taken_jobs = False
        self._hopeless: str | None = None
        self._told: set[str] = set()

    def start(self, launch: Launch) -> None:
        control = attempts.prepare(self._sweep_dir, launch, self._config_folder)
        control.job_file.touch()  # network file systems cache a file's absence, not its content
        attempt = _Attempt(launch.number, control, launch.environment, tuple(self._overrides_of(launch.parameters)))
        self._waiting.append(attempt)

    def adopt(self, trials: Sequence[Trial]) -> None:
        was_submitting = False
        for trial in trials:
            control = ControlDir.of(self._sweep_dir, trial.number, trial.attempt)
            attempts.refuse_job_of_another(control, trial.number, own=JOB)
            if (job := _job_of(control)) is None:
                # It may be in the queue nevertheless: it notes its number before it looks whether it was told to stop,
                # and this tells it to stop before it looks for its number.
                report = attempts.left_behind(control, trial.number)
                if (job := _job_of(control)) is None:
                    self._failed.append(report)
                    was_submitting = True
                    continue
            request = trial.stopping or control.stop_request()
            self._take_over(_Attempt(trial.number, control, {}, (), job=job, request=request))
        if was_submitting:
            self._cancel_unknown()

    def _take_over(self, attempt: _Attempt) -> None:
        if attempt.request is not None:
            attempt.set_deadline(attempt.control.stop_grace_s() or 0.0)
            attempt.runs_again = attempt.request.by_user
        self._running[attempt.number] = attempt
        self._has_taken_jobs = True

    def _cancel_unknown(self) -> None:
        """Cancel the jobs of this sweep that are no attempt's, rather than let them wait for nothing."""
        if unknown := self._queue.jobs_that_print_below(self._sweep_dir / ".submitit"):
            notes = (self._sweep_dir / ".azsweep" / "trials").glob("*/*/job.json")
            self._queue.cancel(unknown.difference(_job_of(ControlDir(note.parent)) for note in notes))

    def conclude(self, trial: Trial, end: TrialEnded) -> None:
        attempts.conclude(ControlDir.of(self._sweep_dir, trial.number, trial.attempt), end)

    def poll(self, timeout_s: float) -> Sequence[TrialReport]:
        self._submit()
        deadline = time.monotonic() + timeout_s
        while not (reports := [*self._take_failed(), *self._look_at_files(), *self._look_at_queue()]):
            self._cancel_overdue()
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            time.sleep(min(left_s, _LOOK_AT_FILES_EVERY_S))
        return reports

    def stop(self, number: int, request: StopRequest, grace_s: float) -> None:
        for attempt in [each for each in self._waiting if each.number == number]:
            self._waiting.remove(attempt)
            stopped = TrialReport(
                number=number, ended=True, state=request.state, reason=request.reason, by_user=request.by_user
            )
            self._failed.append(stopped)
        running = self._running.get(number)
        if running is None:
            return
        running.request = request
        running.control.request_stop(request, grace_s)
        running.set_deadline(grace_s)
        self._ask_at = 0.0
        self._cancel_overdue()

    def close(self) -> None:
        """Leave nothing in the queue: what has a result may end as a script does, all else is cancelled."""
        running = {attempt.job for attempt in self._running.values() if attempt.job is not None}
        leaving = dict(self._leaving)
        for attempt in self._running.values():
            if attempt.request is None:  # else a sweep that goes on would take it for cancelled by somebody else
                with contextlib.suppress(OSError):
                    attempt.control.request_stop(attempts.WITH_SWEEP, 0.0)
        self._waiting.clear()
        self._running.clear()
        self._leaving.clear()
        deadline = time.monotonic() + _CLEAR_WITHIN_S
        pause_s = 0.2
        while (jobs := running | leaving.keys()) and time.monotonic() < deadline:
            self._queue.cancel(running | {job for job, until in leaving.items() if time.monotonic() > until})
            view = self._queue.look(jobs)
            if view is not None:
                over = {job for job in jobs if is_over(view.states.get(job, "COMPLETED"))}
                running -= over
                leaving = {job: until for job, until in leaving.items() if job not in over}
            if running or leaving:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)
        if jobs:
            log.warning("jobs that SLURM has not ended yet: %s. Look with squeue", " ".join(sorted(jobs)))

    def _submit(self) -> None:
        """Hand what waits to SLURM: one by one, or as one array if there are several."""
        if self._hopeless is not None:
            self._fail_what_waits(self._hopeless)
        if not self._waiting or time.monotonic() < self._submit_at:
            return
        some = self._waiting[: int(min(self._batch, len(self._waiting)))]
        try:
            executor = make_executor("slurm", self._options, self._sweep_dir)
            jobs = submitted(executor, [self._job(attempt) for attempt in some], some[0].environment)
        except RefusedError as refusal:
            self._take_refusal(str(refusal))
            return
        except Exception as error:  # noqa: BLE001 - whatever submitit or pickle has against it
            del self._waiting[: len(some)]
            for attempt in some:
                note_launch_error(attempt.control, error)
                self._failed.append(attempts.ended(attempt.control, attempt.number, 1, None))
            return
        del self._waiting[: len(some)]
        self._batch *= 2
        self._has_taken_jobs = True
        if not self._running and not self._leaving:  # else the rhythm stays: submissions may never pause for so long
            self._ask_at = time.monotonic() + _ASK_QUEUE_EVERY_S
        for attempt, job in zip(some, jobs, strict=True):
            attempt.job = job
            self._running[attempt.number] = attempt
            attempt.control.note_job({JOB: job})

    def _take_refusal(self, words: str) -> None:
        """Let what sbatch refuses wait, for it may be too much for now; but not if it never takes even a first job.

        The next try is with one job, then with two, four ...: as many as the cluster lets this user submit.
        """
        if self._has_taken_jobs:
            self._submit_at = time.monotonic() + _SUBMIT_AGAIN_AFTER_S
            if words not in self._told:
                self._told.add(words)
                again = f"The next try is when one has ended, or in {_SUBMIT_AGAIN_AFTER_S:g} s; Ctrl-C stops the sweep"
                log.warning("Warning: SLURM takes no more jobs for now: %s. %s", words, again)
        elif self._batch > 1:
            self._submit_at = time.monotonic() + _SUBMIT_SOON_AFTER_S
        else:
            self._hopeless = words
        self._batch = 1

    def _fail_what_waits(self, words: str) -> None:
        reason = f"SLURM refuses its job: {words}"
        for attempt in self._waiting:
            failed = TrialReport(
                number=attempt.number, ended=True, state=TrialState.FAILED, reason=reason, failure=reason
            )
            self._failed.append(failed)
        self._waiting.clear()

    def _job(self, attempt: _Attempt) -> SubmititJob:
        job = TrialJob(attempt.number, attempt.overrides, attempt.control)
        return submitit_job(self._launcher, job, attempt.environment, self._options.limit_s)

    def _take_failed(self) -> list[TrialReport]:
        failed, self._failed = self._failed, []
        return failed

    def _look_at_files(self) -> Iterator[TrialReport]:
        """Reports on attempts that have begun or left a result since the last look."""
        for attempt in [each for each in self._running.values() if not each.runs_again]:
            status = 0 if attempt.control.result() is not None else attempt.control.exit_status()
            if status in (-signal.SIGKILL, -signal.SIGTERM) and attempt.request is None:  # SLURM kills so, too
                self._ask_at = min(self._ask_at, time.monotonic() + _SECOND_LOOK_AFTER_S)
            elif status is not None:
                yield self._end(attempt, attempts.ended(attempt.control, attempt.number, status, attempt.request))
            elif not attempt.has_begun and (report := attempts.began(attempt.control, attempt.number)) is not None:
                attempt.has_begun = True
                yield report

    def _end(self, attempt: _Attempt, report: TrialReport) -> TrialReport:
        del self._running[attempt.number]
        if attempt.job is not None:
            self._leaving[attempt.job] = time.monotonic() + _VANISHED_AFTER_S
        self._submit_at = min(self._submit_at, time.monotonic() + _SUBMIT_SOON_AFTER_S)
        return report

    def _look_at_queue(self) -> Iterator[TrialReport]:
        """Reports on attempts whose job is over without a result; one question for all jobs."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + _ASK_QUEUE_EVERY_S
        running = {attempt.job: attempt for attempt in self._running.values() if attempt.job is not None}
        jobs = running.keys() | self._leaving.keys()
        view = self._queue.look(jobs) if jobs else None
        if view is None:
            return
        states = view.states
        self._see_off(states, now)
        for news in self._obstacles.news(view.obstacles, now):
            log.warning("Warning: %s", news)
        forgotten = [job for job in running if job not in states]
        if forgotten:
            states |= self._queue.recorded_states(forgotten) or {}
        for job, attempt in running.items():
            report = self._judge(attempt, states.get(job), now)
            if report is not None:
                yield self._end(attempt, report)
                self._leaving.pop(job, None)

    def _judge(self, attempt: _Attempt, state: str | None, now: float) -> TrialReport | None:
        """The attempt's end if its job is over: at the second look, for a result may be on its way to this host."""
        if state is not None and not is_over(state):
            attempt.over_as = attempt.unknown_since = None
            return None
        if state is None:
            attempt.unknown_since = attempt.unknown_since or now
            if now - attempt.unknown_since < (_VANISHED_AFTER_S if attempt.request is None else _ASK_QUEUE_EVERY_S):
                return None
        elif attempt.over_as is None:
            attempt.over_as = state
            self._ask_at = min(self._ask_at, now + _SECOND_LOOK_AFTER_S)
            return None
        status = 0 if attempt.control.result() is not None else attempt.control.exit_status()
        if status is not None and (attempt.runs_again or state in ("COMPLETED", "FAILED")):
            return attempts.ended(attempt.control, attempt.number, status, attempt.request)
        end = JobEnd(None, "vanished") if state is None else how_it_ended(state)
        words = f"its SLURM job {attempt.job} {end.words}"
        return attempts.judged(attempt.control, attempt.number, end.state, words, attempt.request)

    def _see_off(self, states: Mapping[str, str], now: float) -> None:
        """Forget jobs that have left the queue after their result, and cancel those that linger."""
        for job, until in list(self._leaving.items()):
            if is_over(states.get(job, "COMPLETED")):
                del self._leaving[job]
            elif now > until:
                self._queue.cancel([job])

    def _cancel_overdue(self) -> None:
        now = time.monotonic()
        overdue = [each for each in self._running.values() if each.kill_at is not None and now >= each.kill_at]
        for attempt in overdue:
            attempt.kill_at = None
        self._queue.cancel([attempt.job for attempt in overdue if attempt.job is not None])


def _job_of(control: ControlDir) -> str | None:
    """The attempt's job, as far as it is known; never anything else that `scancel` would take."""
    job = str(control.job().get(JOB))
    return job if re.fullmatch(r"\d+(_\d+)?", job) else None
