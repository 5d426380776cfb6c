"""Says in words what happens in a sweep: one plain line an event, and a summary at the end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from azsweep_core.events import AttemptLost, Event, StopRequested, TrialEnded
from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.report._files import plain_key
from azsweep_core.trial import Parameters, Trial, TrialState

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["LogLines", "summary", "words"]

_SHOWN_IN_TABLE = 10
_SHOWN_KEYS = 6


class LogLines:
    """Logs one line for each trial that ends, is stopped or is lost."""

    def __init__(self, logger: logging.Logger, max_trials: int | None) -> None:
        self._log = logger
        self._of = "" if max_trials is None else f"/{max_trials}"

    def notice(self, event: Event, history: History) -> None:
        match event:
            case TrialEnded():
                self._ended(history[event.number], history)
            case AttemptLost() if event.with_sweep:
                self._log.info("trial %d runs again: %s", event.number, _line(event.reason))
            case AttemptLost():
                self._log.warning("trial %d: attempt lost, will run again: %s", event.number, _line(event.reason))
            case StopRequested():
                self._log.info("trial %d: stopping: %s", event.number, _line(event.request.reason))

    def _ended(self, trial: Trial, history: History) -> None:
        metric = history.objective.primary_metric
        parts = [f"[{history.finished}{self._of}] trial {trial.number} {trial.state.value}"]
        if trial.value is not None:
            parts.append(f"{metric}={trial.value:.6g}")
        parts.append(words(trial.parameters))
        if trial.reason:
            parts.append(_line(trial.reason))
        if history.best is not None:
            star = "best" if history.best.number == trial.number else f"best: trial {history.best.number}"
            parts.append(f"({star} {history.best.value:.6g})" if star != "best" else "(best so far)")
        level = logging.ERROR if trial.state is TrialState.FAILED else logging.INFO
        self._log.log(level, "  ".join(part for part in parts if part))


def words(parameters: Parameters) -> str:
    """Parameters for a person: floats to six digits."""
    return " ".join(f"{plain_key(key)}={_short(value)}" for key, value in parameters.items())


def summary(
    history: History,
    *,
    directory: Path,
    stream: TextIO,
    hints: Sequence[tuple[str, str]] = (),
) -> None:
    """Print the best trials as a table, the best one's whereabouts, and `hints` (label, text) on what to do next."""
    from rich.console import Console
    from rich.text import Text

    plain = not stream.isatty()
    console = Console(file=stream, highlight=False, soft_wrap=plain, width=200 if plain else None)
    ranked = _ranked(list(history.trials), history.objective)
    if ranked:
        console.print()
        console.print(_rows(ranked[:_SHOWN_IN_TABLE], history))
    counts = ", ".join(f"{history.count(state)} {state.value}" for state in TrialState if history.count(state))
    lines = [("Trials", f"{counts or 'none'} ({history.stop_reason})")]
    best = history.best
    if best is not None:
        metric = history.objective.primary_metric
        lines.append(("Best trial", f"{best.number}: {metric} = {best.value:.6g} with {words(best.parameters)}"))
        completed = history.best_completed()
        if completed is not None and completed.number != best.number:
            lines.append(("Best completed", f"{completed.number}: {metric} = {completed.value:.6g}"))
        lines.append(("Its files", best.directory or "-"))
    lines += [("Results", str(directory)), *hints]
    for label, text in lines:
        console.print(Text(f"{label + ':':16}", style="bold") + Text(text))


def _ranked(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Trials with a value, best first; ties by number."""
    valued = [(objective.loss(trial.value), trial.number, trial) for trial in trials if trial.value is not None]
    return [trial for _, _, trial in sorted(valued, key=lambda each: each[:2])]


def _rows(ranked: Sequence[Trial], history: History) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    keys = list(dict.fromkeys(key for trial in ranked for key in trial.parameters))[:_SHOWN_KEYS]
    table = Table(box=box.SIMPLE, title=f"Best {len(ranked)} of {len(history)} trials", title_justify="left")
    for name in ("trial", history.objective.primary_metric, *(plain_key(key) for key in keys), "state", "seconds"):
        table.add_column(Text(name), justify="right" if name in ("trial", "seconds") else "left", overflow="fold")
    for trial in ranked:
        cells = [str(trial.number), _short(trial.value)]
        cells += [_short(trial.parameters[key]) if key in trial.parameters else "" for key in keys]
        seconds = "" if trial.duration_s is None else f"{trial.duration_s:.1f}"
        table.add_row(*(Text(cell) for cell in [*cells, trial.state.value, seconds]))
    return table


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _line(text: str) -> str:
    """The first line of a text, with a mark if there is more."""
    first, _, rest = text.partition("\n")
    return f"{first} ..." if rest else first
