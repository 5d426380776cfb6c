"""`azsweep trials`: all trials of a sweep in a table, as its ledger has them. Writes nothing."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from azsweep_core._reading import nearest
from azsweep_core.cli._click import SWEEP_DIR, Command, sweep_of
from azsweep_core.cli._documents import say_as_it_is, say_json, trial_document
from azsweep_core.cli._standing import Standing, SweepNow, look
from azsweep_core.cli._table import ABSENT, Column, cell, cut, fitting, lines
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.replay import Recorded
from azsweep_core.report import column_of, parameter_keys, plain_key, trials_csv
from azsweep_core.trial import Trial, TrialState

__all__ = ["trials"]

_SORT_KEYS = ("number", "state", "value", "duration")
_WIDEST, _WIDEST_ON_A_TERMINAL, _LONGEST_REASON = 40, 24, 200
_COLOURS = {TrialState.FAILED: "red", TrialState.TIMED_OUT: "red", TrialState.RUNNING: "cyan"}


class _State(click.ParamType):  # type: ignore[type-arg]  # generic in later versions of click only
    name = "state"

    def convert(self, value: str | TrialState, param: click.Parameter | None, ctx: click.Context | None) -> TrialState:
        if isinstance(value, TrialState):
            return value
        names = [state.value for state in TrialState]
        name = value.lower().replace("-", "_")
        if name not in names:
            self.fail(f"must be a state of trials; got {value}. {nearest(name, names)}", param, ctx)
        return TrialState(name)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(state.value) for state in TrialState if state.value.startswith(incomplete.lower())]


def _sort_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's
    """What shells offer after --sort."""
    directory = sweep_of(ctx)
    try:
        recorded = None if directory is None else look(directory).recorded
    except (AzsweepError, OSError):
        recorded = None
    keys = () if recorded is None else parameter_keys(recorded.history.trials)
    return [CompletionItem(key) for key in (*_SORT_KEYS, *map(column_of, keys)) if key.startswith(incomplete)]


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.option("--sort", "key", metavar="KEY", default="number", shell_complete=_sort_keys, help="number, if left out.")
@click.option("-r", "--reverse", is_flag=True, help="The other way round.")
@click.option("--state", "states", metavar="STATE", type=_State(), multiple=True, help="Only such trials; repeatable.")
@click.option("--csv", "as_csv", is_flag=True, help="As trials.csv has them, with all parameters in full.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def trials(directory: Path, key: str, reverse: bool, states: Sequence[TrialState], as_csv: bool, as_json: bool) -> None:
    """Show all trials of the sweep in DIR, whether it runs or not.

    A line a trial, and below it why it did not complete. On a terminal what does not fit is left out and named; in a
    pipe each trial is one line with everything, its reason last.

    KEY is value (the best first), number, state, duration, or a parameter. A parameter of such a name is
    params.value. Trials without one come last.

    STATE is pending, running, completed, failed, timed_out, terminated or cancelled.

    Examples:
      azsweep trials multirun/2026-11-22/04-12-15
      azsweep trials DIR --sort value | head -n 11
      azsweep trials DIR --state failed --state timed_out
      azsweep trials DIR --sort optimizer.lr --csv > trials.csv

    Exit codes:
      0  shown, even if there is no such trial
      1  DIR holds no sweep, or its trials no such parameter
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other.")
    now = look(directory)
    recorded = now.recorded
    found = [] if recorded is None else _sorted(recorded.history, key, reverse=reverse)
    shown = [trial for trial in found if not states or trial.state in states]
    if as_json:
        document = {
            "directory": str(directory),
            "state": now.standing.value,
            "objective": None if recorded is None else recorded.latest.spec.get("objective"),
            "trials": [trial_document(trial) for trial in shown],
        }
        say_json(document)
    elif as_csv:
        begun = [trial for trial in found if trial.state is not TrialState.PENDING]
        keys = parameter_keys(sorted(begun, key=lambda trial: trial.number))
        say_as_it_is(trials_csv(shown if states else begun, keys))
    elif recorded is None or not shown:
        what = " or ".join(state.value for state in states)
        click.echo(f"no trial is {what}" if found else "there is no trial yet", err=True)
    else:
        _show(now, recorded, shown, key)


def _sorted(history: History, key: str, *, reverse: bool) -> list[Trial]:
    """All trials in this order; those that have nothing to be sorted by come last."""
    found = list(history.trials)
    sort_key = _sort_key(found, history.objective, key)
    having = [trial for trial in found if sort_key(trial) is not None]
    having.sort(key=lambda trial: (sort_key(trial), -trial.number if reverse else trial.number), reverse=reverse)
    return having + [trial for trial in found if sort_key(trial) is None]


def _sort_key(found: Sequence[Trial], objective: Objective, key: str) -> Any:
    """What gives what a trial is sorted by; None if it has none.

    Raises:
        AzsweepError: if there is no such key.
    """
    if key in _SORT_KEYS:
        order = list(TrialState)
        return {
            "number": lambda trial: trial.number,
            "state": lambda trial: order.index(trial.state),
            "value": lambda trial: None if trial.value is None else objective.loss(trial.value),
            "duration": lambda trial: trial.duration_s,
        }[key]
    keys = parameter_keys(found)
    wanted = _parameter(key, keys)
    if wanted is None:
        near = nearest(key, [*_SORT_KEYS, *keys])
        raise AzsweepError(str(Problem("--sort", "must be value, number, state, duration or a parameter", key, near)))
    return lambda trial: _rank(_named(trial).get(wanted))


def _parameter(key: str, keys: Collection[str]) -> str | None:
    """The parameter that a sort key means, if it is one."""
    plain = plain_key(key)
    given = () if key in _SORT_KEYS else (plain, plain.removeprefix("params."))
    return next((each for each in given if each in keys), None)


def _named(trial: Trial) -> dict[str, Any]:
    return {plain_key(key): value for key, value in trial.parameters.items()}


def _rank(value: Any) -> Any:
    """Numbers by size, before anything else by its text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (0, value, "")
    return (1, 0, cell(value, _LONGEST_REASON))


def _show(now: SweepNow, recorded: Recorded, shown: Sequence[Trial], sort: str) -> None:
    """Print the table; on a terminal the parameter that it is sorted by comes first."""
    is_terminal = sys.stdout.isatty()
    metric = recorded.history.objective.primary_metric
    fixed = [
        Column("trial", [str(trial.number) for trial in shown], is_number=True),
        Column("state", [trial.state.value for trial in shown]),
        Column(cut(metric, _WIDEST_ON_A_TERMINAL), [_value(trial) for trial in shown]),
        Column("seconds", [_seconds(now, trial) for trial in shown], is_number=True),
    ]
    widest = _WIDEST_ON_A_TERMINAL if is_terminal else _WIDEST
    named = [_named(trial) for trial in shown]
    keys = [key for key in parameter_keys(recorded.history.trials) if any(key in each for each in named)]
    if is_terminal:
        first = _parameter(sort, keys)
        keys.sort(key=lambda key: key != first)
    parameters = [
        Column(cut(key, widest), [cell(each[key], widest) if key in each else ABSENT for each in named]) for key in keys
    ]
    reasons = [_reason(trial) for trial in shown]
    if not is_terminal:
        whole = [*fixed, *parameters, *([Column("reason", reasons)] if any(reasons) else [])]
        click.echo("\n".join(lines(whole)))
        return
    columns = shutil.get_terminal_size().columns
    fit = fitting([*fixed, *parameters], columns)
    header, *rows = lines([*fixed, *parameters][:fit])
    click.echo(click.style(header, bold=True))
    for trial, row, reason in zip(shown, rows, reasons, strict=True):
        click.echo(click.style(row, fg=_COLOURS.get(trial.state)))
        if reason:
            click.echo(click.style(f"{'':7}{cut(reason, max(columns - 7, 20))}", dim=True))
    if fit < len(fixed) + len(parameters):
        left_out = ", ".join(keys[max(fit - len(fixed), 0) :])
        click.echo(cut(f"Too narrow for {left_out}", columns), err=True)


def _value(trial: Trial) -> str:
    return ABSENT if trial.value is None else f"{trial.value:.6g}"


def _seconds(now: SweepNow, trial: Trial) -> str:
    """How long it ran; or has run, as far as can be known."""
    if trial.duration_s is not None:
        return f"{trial.duration_s:.1f}"
    if trial.started_s is None or trial.state is not TrialState.RUNNING:
        return ABSENT
    until_s = now.now_s if now.standing is Standing.RUNNING else now.last_sign_s
    return f"{max(until_s - trial.started_s, 0):.1f}"


def _reason(trial: Trial) -> str:
    """The first line of what became of it."""
    reason = trial.reason if trial.stopping is None or trial.reason else f"stopping: {trial.stopping.reason}"
    return cut(reason.partition("\n")[0], _LONGEST_REASON)
