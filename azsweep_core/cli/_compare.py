"""`azsweep compare`: sweeps side by side. Reads files, whoever writes them meanwhile."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from azsweep_core.cli._click import SWEEP_DIR, Command
from azsweep_core.cli._comparison import Comparison, names_of
from azsweep_core.cli._documents import say_json, trial_document
from azsweep_core.cli._standing import SweepNow, in_words, look, max_trials
from azsweep_core.cli._table import ABSENT, Column, cell, cut, fitting, lines
from azsweep_core.cli._words import duration, printable, say
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.report import plain_key
from azsweep_core.trial import TrialState

__all__ = ["compare"]

_WIDEST, _WIDEST_ON_A_TERMINAL = 60, 30
_DIFFERS = "What differs:"


@click.command(cls=Command)
@click.argument("directories", metavar="DIR DIR...", nargs=-1, required=True, type=SWEEP_DIR)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def compare(directories: Sequence[Path], as_json: bool) -> None:
    """Show sweeps side by side: how they stand, what they have found and how soon, and in what they differ.

    The best value has a *. "after N trials" is what each had found when as many of its trials were over as are in all
    of them. Sweeps with different objectives are shown, and not ranked.

    Examples:
      azsweep compare multirun/2026-11-22/04-12-15 multirun/2026-11-22/05-30-00
      azsweep compare multirun/2026-11-22/*

    Exit codes:
      0  shown, ranked or not
      1  a DIR holds no sweep, or cannot be read; the others are shown, if they are two at least
    """
    named = dict.fromkeys(directories)
    if len(named) < 2:
        raise click.UsageError("Needs two sweeps at least.")
    compared = Comparison(list(_readable(named)))
    if len(compared.sweeps) < 2:
        raise AzsweepError(str(Problem("DIR DIR...", "must be two sweeps that can be read, at least")))
    if as_json:
        say_json(_document(compared))
    else:
        _say(compared)
    if len(compared.sweeps) < len(named):
        click.get_current_context().exit(1)


def _readable(directories: Iterable[Path]) -> Iterator[SweepNow]:
    """How each stands; of one that cannot be read, it is told why."""
    for directory in directories:
        try:
            yield look(directory)
        except (AzsweepError, OSError) as error:
            click.echo(f"left out: {printable(' '.join(str(error).split()))}", err=True)


def _say(compared: Comparison) -> None:
    _show(compared)
    if not compared.is_ranked:
        click.echo("They are not ranked: their objectives differ.")
    for index in compared.best:
        history = compared.histories[index]
        assert history is not None
        assert history.best is not None
        metric = history.objective.primary_metric
        say(f"Best: {compared.sweeps[index].directory}, trial {history.best.number}: {metric} = {history.best.value!r}")


def _show(compared: Comparison) -> None:
    """The table; on a terminal as many sweeps beside each other as fit, the others below."""
    is_terminal = sys.stdout.isatty()
    widest = _WIDEST_ON_A_TERMINAL if is_terminal else _WIDEST
    names = names_of([now.directory for now in compared.sweeps])
    rows = [(cut(label, widest), [cut(text, widest) for text in texts]) for label, texts in _rows(compared)]
    labels = Column("", [label for label, _ in rows])
    columns = [Column(cut(name, widest), [texts[index] for _, texts in rows]) for index, name in enumerate(names)]
    while columns:
        room = shutil.get_terminal_size().columns
        count = max(fitting([labels, *columns], room) - 1, 1) if is_terminal else len(columns)
        header, *body = lines([labels, *columns[:count]])
        click.echo(click.style(header, bold=True))
        click.echo("\n".join([*body, ""]))
        columns = columns[count:]


def _rows(compared: Comparison) -> Iterator[tuple[str, list[str]]]:
    """Labels, and what each sweep has there."""
    sweeps = compared.sweeps
    yield "state", [now.standing.value for now in sweeps]
    yield "objective", [_objective(now) for now in sweeps]
    yield "algorithm", [_algorithm(now) for now in sweeps]
    yield "time used", [duration(now.used_s) for now in sweeps]
    yield "trials over", [_over(now) for now in sweeps]
    histories = compared.histories
    for state in TrialState:
        counts = [0 if history is None else history.count(state) for history in histories]
        if any(counts):
            yield f"  {state.value}", [str(count) for count in counts]
    trials = [None if history is None else history.best for history in histories]
    stars = [" *" if index in compared.best else "" for index in range(len(sweeps))]
    values = [ABSENT if trial is None else f"{trial.value:.6g}" for trial in trials]
    yield "best value", [value + star for value, star in zip(values, stars, strict=True)]
    yield "  trial", [ABSENT if trial is None else str(trial.number) for trial in trials]
    named = [{} if trial is None else {plain_key(key): v for key, v in trial.parameters.items()} for trial in trials]
    for key in dict.fromkeys(key for each in named for key in each):
        yield f"  {key}", [cell(each[key], _WIDEST) if key in each else ABSENT for each in named]
    yield "  found after", [_trials(compared.trials_to_best(index)) for index in range(len(sweeps))]
    if compared.in_common:
        after = [compared.value_after(index, compared.in_common) for index in range(len(sweeps))]
        label = f"after {_trials(compared.in_common)}"
        yield label, [ABSENT if value is None else f"{value:.6g}" for value in after]
    differences = compared.differences()
    if differences:
        yield "", [""] * len(sweeps)
        yield _DIFFERS, [""] * len(sweeps)
    for path, texts in differences.items():
        yield f"  {path}", [ABSENT if text is None else text for text in texts]


def _objective(now: SweepNow) -> str:
    if now.recorded is None:
        return ABSENT
    objective = now.recorded.history.objective
    return f"{objective.goal.value} {objective.primary_metric}"


def _algorithm(now: SweepNow) -> str:
    given = None if now.recorded is None else now.recorded.latest.spec.get("sampling_algorithm")
    return str(given.get("type", ABSENT)) if isinstance(given, dict) else ABSENT


def _over(now: SweepNow) -> str:
    if now.recorded is None:
        return ABSENT
    of = max_trials(now.recorded)
    return str(now.recorded.history.finished) + ("" if of is None else f" of {of}")


def _trials(count: int | None) -> str:
    return ABSENT if count is None else f"{count} trial{'s' if count != 1 else ''}"


def _document(compared: Comparison) -> dict[str, Any]:
    best = [str(compared.sweeps[index].directory) for index in compared.best]
    return {
        "is_ranked": compared.is_ranked,
        "best": best,
        "trials_in_common": compared.in_common,
        "sweeps": [_sweep(compared, index) for index in range(len(compared.sweeps))],
        "differences": compared.differences(),
    }


def _sweep(compared: Comparison, index: int) -> dict[str, Any]:
    now, history = compared.sweeps[index], compared.histories[index]
    counts = {} if history is None else {state.value: history.count(state) for state in TrialState}
    return {
        "directory": str(now.directory),
        "state": now.standing.value,
        "state_in_words": in_words(now),
        "used_s": now.used_s,
        "max_trials": None if now.recorded is None else max_trials(now.recorded),
        "trials": counts,
        "best": None if history is None or history.best is None else trial_document(history.best),
        "trials_to_best": compared.trials_to_best(index),
        "value_after_trials_in_common": compared.value_after(index, compared.in_common),
        "spec": None if now.recorded is None else dict(now.recorded.latest.spec),
    }
