"""Says in words what happens in a sweep: one plain line an event, and a summary at the end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from azsweep_core._text import as_text, printable
from azsweep_core.control import directory_now
from azsweep_core.events import AttemptLost, Event, StopRequested, TrialBegan, TrialEnded
from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.report._files import plain_key
from azsweep_core.report._html import REPORT
from azsweep_core.trial import Parameters, Trial, TrialState

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["LogLines", "Outlook", "first_line", "short", "summary", "words"]

_SHOWN_IN_TABLE = 10
_SHOWN_KEYS = 6
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of a sweep from its start.

    Args:
        max_trials: trials in all; None if nobody knows.
        timeout_s: how long it may take; None for no limit.
        slots: attempts that may run at once; None if nobody knows.
    """

    max_trials: int | None
    timeout_s: float | None = None
    slots: int | None = None


class LogLines:
    """Logs one line for each trial that starts, ends, is stopped or is lost; never a control character.

    Args:
        starts: whether trials that start have a line, too.
    """

    def __init__(self, logger: logging.Logger, max_trials: int | None, *, starts: bool = True) -> None:
        self._log = logger
        self._of = "" if max_trials is None else f"/{max_trials}"
        self._starts = starts

    def notice(self, event: Event, history: History) -> None:
        match event:
            case TrialBegan() if self._starts:
                self._began(history[event.number])
            case TrialEnded():
                self._ended(history[event.number], history)
            case AttemptLost() if event.with_sweep:
                self._log.info("trial %d runs again: %s", event.number, first_line(event.reason))
            case AttemptLost():
                self._log.warning("trial %d: attempt lost, will run again: %s", event.number, first_line(event.reason))
            case StopRequested():
                self._log.info("trial %d: stopping: %s", event.number, first_line(event.request.reason))

    def turn(self) -> None:
        """Lines have been written; nothing is left to show."""

    def go_on_alone(self, why: str) -> None:
        """Say that the display is gone, and why; from now on trials that start have a line."""
        self._starts = True
        self._log.warning(
            "Warning: the live display cannot be drawn (%s). The sweep goes on with a line an event.",
            printable(" ".join(why.split())),
        )

    def _began(self, trial: Trial) -> None:
        again = f" (attempt {trial.attempt})" if trial.attempt > 1 else ""
        self._log.info("trial %d started%s  %s", trial.number, again, words(trial.parameters))

    def _ended(self, trial: Trial, history: History) -> None:
        metric = printable(history.objective.primary_metric)
        parts = [f"[{history.finished}{self._of}] trial {trial.number} {trial.state.value}"]
        if trial.value is not None:
            parts.append(f"{metric}={trial.value:.6g}")
        parts.append(words(trial.parameters))
        if trial.reason:
            parts.append(first_line(trial.reason))
        if history.best is not None:
            star = "best" if history.best.number == trial.number else f"best: trial {history.best.number}"
            parts.append(f"({star} {history.best.value:.6g})" if star != "best" else "(best so far)")
        level = logging.ERROR if trial.state is TrialState.FAILED else logging.INFO
        self._log.log(level, "  ".join(part for part in parts if part))


def words(parameters: Parameters) -> str:
    """Parameters for a person, on one line: floats to six digits."""
    return " ".join(f"{printable(plain_key(key))}={short(value)}" for key, value in parameters.items())


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
    lines = [("Trials", f"{counts or 'none'} ({printable(str(history.stop_reason))})")]
    best = history.best
    if best is not None:
        metric = printable(history.objective.primary_metric)
        lines.append(("Best trial", f"{best.number}: {metric} = {best.value:.6g} with {words(best.parameters)}"))
        completed = history.best_completed()
        if completed is not None and completed.number != best.number:
            lines.append(("Best completed", f"{completed.number}: {metric} = {completed.value:.6g}"))
        lines.append(("Its files", printable(str(directory_now(directory, best.directory) or best.directory or "-"))))
    lines.append(("Results", printable(str(directory))))
    if (directory / REPORT).exists():
        lines.append(("Report", printable(str(directory / REPORT))))
    lines += hints
    for label, text in lines:
        line = Text.assemble((f"{label + ':':16}", "bold"), text)
        console.print(line, soft_wrap=True)  # paths and commands are to be copied whole


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
        justify: Literal["left", "right"] = "right" if name in ("trial", "seconds") else "left"
        table.add_column(Text(printable(name)), justify=justify, overflow="fold")
    for trial in ranked:
        cells = [str(trial.number), short(trial.value)]
        cells += [_cell(trial.parameters[key]) if key in trial.parameters else "" for key in keys]
        seconds = "" if trial.duration_s is None else f"{trial.duration_s:.1f}"
        table.add_row(*(Text(cell) for cell in [*cells, trial.state.value, seconds]))
    return table


def _cell(value: object) -> str:
    text = short(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def short(value: object) -> str:
    """A value for a person, on one line: a float to six digits."""
    return printable(as_text(value))


def first_line(text: str) -> str:
    """The first line of a text, with a mark if there is more."""
    first, _, rest = text.partition("\n")
    return f"{printable(first)} ..." if rest else printable(first)
