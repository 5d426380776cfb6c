"""`azsweep status`: how a sweep stands, in words or as JSON. Reads files, whoever writes them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from azsweep_core.cli._click import SWEEP_DIR, Command
from azsweep_core.cli._documents import say_json, trial_document
from azsweep_core.cli._standing import (
    Standing,
    SweepNow,
    in_words,
    job_of,
    last_report,
    limits_of,
    log_of,
    look,
    max_trials,
    typed,
)
from azsweep_core.cli._words import at, duration, labelled, say
from azsweep_core.control import directory_now
from azsweep_core.history import History
from azsweep_core.limits import Limits
from azsweep_core.replay import Recorded
from azsweep_core.report import words
from azsweep_core.trial import Measurement, Trial, TrialState

__all__ = ["status"]

_SHOWN_RUNNING = 20
_SHOWN_REASONS = 3
_LATELY = 20


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def status(directory: Path, as_json: bool) -> None:
    """Say how the sweep in DIR stands.

    Reads files only, and disturbs nobody. Whether a sweep runs can be told on the machine that coordinates it; on
    another one, what it has written can be seen.

    Examples:
      azsweep status multirun/2026-11-22/04-12-15
      azsweep status --json DIR | jq .best.parameters

    Exit codes:
      0  there is a sweep, however it stands
      1  DIR holds none, or cannot be read
    """
    now = look(directory)
    if as_json:
        say_json(_document(now))
        return
    _say_how_it_stands(now)
    if now.recorded is not None:
        _say_how_far_it_is(now, now.recorded)


def _say_how_it_stands(now: SweepNow) -> None:
    labelled("Sweep", str(now.directory), wrap=False)
    labelled("State", in_words(now))
    if now.standing is Standing.INTERRUPTED or now.was_stopped:
        labelled("Go on", typed("resume", now.directory), wrap=False)
    if now.standing is Standing.INTERRUPTED and log_of(now.directory) is not None:
        labelled("What it said", typed("logs", now.directory), wrap=False)


def _say_how_far_it_is(now: SweepNow, recorded: Recorded) -> None:
    history, limits = recorded.history, limits_of(recorded)
    metric = history.objective.primary_metric
    labelled("Objective", f"{history.objective.goal.value} {metric}")
    labelled("Trials", _counts(now, recorded))
    timeout_s = limits.get("timeout")
    labelled("Time used", duration(now.used_s) + ("" if timeout_s is None else f" of {duration(float(timeout_s))}"))
    chosen = [f"{name}={value}" for name, value in limits.items() if value != getattr(Limits(), name, None)]
    labelled("Limits", " ".join(chosen) or "none")
    best, completed = history.best, history.best_completed()
    if best is not None:
        labelled("Best trial", f"{best.number}: {metric} = {best.value:.6g} with {words(best.parameters)}")
        labelled("Its files", str(directory_now(now.directory, best.directory) or best.directory or "-"), wrap=False)
        if completed is not None and completed.number != best.number:
            labelled("Best completed", f"{completed.number}: {metric} = {completed.value:.6g}")
    _say_where_to_see_it(now, recorded)
    _say_what_runs(now, history)
    _say_what_failed(now, history)


def _say_where_to_see_it(now: SweepNow, recorded: Recorded) -> None:
    from azsweep_core.report._html import REPORT
    from azsweep_core.report._setting import Links

    if (now.directory / REPORT).is_file():
        labelled("Report", str(now.directory / REPORT), wrap=False)
    run_id, links = recorded.origin.mlflow_run_id, Links(now.directory, now.directory, recorded.origin.tracking_uri)
    mlflow = None if run_id is None else links.run(run_id) or links.to_open_mlflow()
    if mlflow is not None:
        labelled("MLflow", mlflow, wrap=False)


def _counts(now: SweepNow, recorded: Recorded) -> str:
    """How many trials there are in each state."""
    history, of = recorded.history, max_trials(recorded)
    over = [f"{history.count(state)} {state.value}" for state in TrialState if state.is_final and history.count(state)]
    waiting = sum(trial.started_s is None for trial in history.active)
    rest = {
        "running": len(history.active) - waiting,
        "waiting to begin": waiting,
        "to run again": len(history.lost),
    }
    if now.standing is Standing.INTERRUPTED:
        rest = {"were not over": len(history.active) + len(history.lost)}
    open_trials = [f"{count} {what}" for what, count in rest.items() if count]
    total = "" if of is None else f" of {of}"
    parts = [f"{history.finished}{total} over" + (f": {', '.join(over)}" if over else ""), ", ".join(open_trials)]
    return "; ".join(part for part in parts if part)


def _say_what_runs(now: SweepNow, history: History) -> None:
    if history.active:
        click.echo(click.style("Not over:" if now.standing is Standing.INTERRUPTED else "Running:", bold=True))
    for trial in history.active[:_SHOWN_RUNNING]:
        parts = [f"{_name(trial)} {_how_long(now, trial)}", job_of(now, trial)]
        parts.append(_reported(now, last_report(now, trial), history.objective.primary_metric))
        parts.append("" if trial.stopping is None else f"stopping: {_first_line(trial.stopping.reason)}")
        parts.append(words(trial.parameters))
        say("  ".join(part for part in parts if part), indent=2, hang=4)
    if len(history.active) > _SHOWN_RUNNING:
        say(f"... and {len(history.active) - _SHOWN_RUNNING} more", indent=2)


def _say_what_failed(now: SweepNow, history: History) -> None:
    """The reasons of the latest failures, each with the trials that failed for it."""
    reasons: dict[str, list[Trial]] = {}
    for trial in _failed_lately(history):
        reasons.setdefault(trial.reason, []).append(trial)
    if reasons:
        click.echo(click.style("Failed lately:", bold=True))
    for reason, trials in list(reasons.items())[:_SHOWN_REASONS]:
        numbers = ", ".join(str(trial.number) for trial in sorted(trials, key=lambda each: each.number))
        name = f"trial{'s' if len(trials) > 1 else ''} {numbers}"
        first, *more = reason.splitlines() or [trials[0].state.value]
        say(f"{name} ({at(trials[0].ended_s or now.now_s, now.now_s)}): {first}", indent=2, hang=4)
        for line in more:
            say(line, indent=4, hang=6)


def _failed_lately(history: History) -> list[Trial]:
    """Failed trials among the last that ended, the latest first."""
    ended = history.finished_since(max(history.finished - _LATELY, 0))
    return [trial for trial in reversed(ended) if trial.state.counts_as_failure]


def _name(trial: Trial) -> str:
    return f"trial {trial.number}" + (f" (attempt {trial.attempt})" if trial.attempt > 1 else "")


def _how_long(now: SweepNow, trial: Trial) -> str:
    """Since when it runs or waits; of one that nobody coordinates any more, how far it was known to come."""
    if now.standing is Standing.INTERRUPTED:
        ran = None if trial.started_s is None else duration(now.last_sign_s - trial.started_s)
        return "had not begun" if ran is None else f"had run {ran}"
    if trial.started_s is None:
        return f"has waited {duration(now.now_s - trial.submitted_s)} to begin"
    return f"for {duration(now.now_s - trial.started_s)}"


def _reported(now: SweepNow, report: Measurement | None, metric: str) -> str:
    if report is None:
        return ""
    step = "" if report.step is None else f"step {report.step}, "
    return f"{metric}={report.value:.6g} ({step}{duration(now.now_s - report.time_s)} ago)"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _document(now: SweepNow) -> dict[str, Any]:
    """All of it for programs; times are seconds since the epoch."""
    holder = now.holder
    document: dict[str, Any] = {
        "directory": str(now.directory),
        "state": now.standing.value,
        "state_in_words": in_words(now),
        "time_s": now.now_s,
        "last_sign_of_life_s": now.last_sign_s or None,
        "coordinator": None,
    }
    if holder is not None:
        names = ("host", "pid", "slurm_job", "since_s", "seen_s", "released")
        document["coordinator"] = {name: getattr(holder, name) for name in names} | {"is_alive": holder.is_alive}
    return document if now.recorded is None else document | dict(_progress(now, now.recorded))


def _progress(now: SweepNow, recorded: Recorded) -> Iterator[tuple[str, Any]]:
    history, ending = recorded.history, recorded.history.ending
    yield "command", list(recorded.latest.command)
    yield "working_dir", recorded.latest.working_dir
    yield "tracking_uri", recorded.origin.tracking_uri
    yield "mlflow_run_id", recorded.origin.mlflow_run_id
    yield "objective", recorded.latest.spec.get("objective")
    yield "limits", dict(limits_of(recorded))
    yield "used_s", now.used_s
    yield "ended_s", None if ending is None else history.last_s
    yield "ending", None if ending is None else {"kind": ending.kind.value, "reason": ending.reason}
    yield "max_trials", max_trials(recorded)
    yield "trials", {state.value: history.count(state) for state in TrialState}
    yield "best", None if history.best is None else trial_document(history.best)
    completed = history.best_completed()
    yield "best_completed", None if completed is None else trial_document(completed)
    yield "running", [_running(now, trial) for trial in history.active]
    yield "failed_lately", [trial_document(trial) for trial in _failed_lately(history)]


def _running(now: SweepNow, trial: Trial) -> dict[str, Any]:
    report = last_report(now, trial)
    last = None if report is None else {"step": report.step, "value": report.value, "time_s": report.time_s}
    stopping = None if trial.stopping is None else trial.stopping.reason
    return trial_document(trial) | {"last_report": last, "stopping": stopping, "job": job_of(now, trial)}
