"""What the live display shows of a sweep, as lines of a given size. Reads no clock, knows no terminal."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from azsweep_core._text import duration, printable
from azsweep_core.events import AttemptLost, Event, TrialEnded
from azsweep_core.history import History
from azsweep_core.objective import usable
from azsweep_core.report._console import Outlook, first_line, short, words
from azsweep_core.trial import Measurement, Trial, TrialState

__all__ = ["Frame", "Scene"]

_STYLES = {
    TrialState.COMPLETED: "green",
    TrialState.RUNNING: "cyan",
    TrialState.PENDING: "yellow",
    TrialState.FAILED: "bold red",
    TrialState.TIMED_OUT: "red",
    TrialState.TERMINATED: "magenta",
    TrialState.CANCELLED: "yellow",
}
_LEAST_ENDED = 3
"""Trials that have to end before their mean duration says anything of the others."""
_SHOWN_TROUBLES = 3
_KEPT_TROUBLES = 50
_LEAST_BAR = 8
_NARROW = 60


@dataclass(slots=True)
class _Trouble:
    """Trials that ended badly in the same state and words."""

    count: int
    latest: int


@dataclass(slots=True)
class Scene:
    """What there is to show of a sweep; grows with its events, and never with its length."""

    outlook: Outlook
    history: History | None = None
    troubles: OrderedDict[tuple[str, str], _Trouble] = field(default_factory=OrderedDict)
    ended: int = 0
    held_s: float = 0.0
    """Seconds that so many trials have held a slot, in all."""
    most_active: int = 0

    def __post_init__(self) -> None:
        if self.history is not None:
            self._begin(self.history)

    def notice(self, event: Event, history: History) -> None:
        if history is not self.history:
            self._begin(history)
        elif isinstance(event, TrialEnded):
            self._ended(history[event.number])
        elif isinstance(event, AttemptLost) and not event.with_sweep:
            self._troubled("lost", event.reason, event.number)
        self.most_active = max(self.most_active, len(history.active))

    def _begin(self, history: History) -> None:
        """See a sweep that has begun already."""
        self.history, self.ended, self.held_s = history, 0, 0.0
        self.most_active = len(history.active)
        self.troubles.clear()
        for trial in history.finished_since(0):
            self._ended(trial)

    def _ended(self, trial: Trial) -> None:
        if trial.state is not TrialState.CANCELLED and trial.ended_s is not None:
            self.ended += 1
            self.held_s += max(trial.ended_s - trial.submitted_s, 0.0)
        if trial.state is not TrialState.COMPLETED and not trial.interrupted:
            self._troubled(trial.state.value, trial.reason, trial.number)

    def _troubled(self, what: str, reason: str, number: int) -> None:
        trouble = self.troubles.setdefault((what, first_line(reason)), _Trouble(0, number))
        trouble.count += 1
        trouble.latest = number
        self.troubles.move_to_end((what, first_line(reason)))
        if len(self.troubles) > _KEPT_TROUBLES:
            self.troubles.popitem(last=False)

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the last trial ends, if those to come take as long as those that have ended.

        None while that cannot be known: how many there will be, or how long one takes, before each slot has seen it.
        """
        history, outlook = self.history, self.outlook
        slots = outlook.slots or self.most_active
        if history is None or outlook.max_trials is None or self.ended < max(_LEAST_ENDED, slots):
            return None
        mean_s = self.held_s / self.ended
        running = [max(mean_s - (now_s - trial.submitted_s), 0.0) for trial in history.active]
        to_come = max(outlook.max_trials - history.finished - len(running), 0)
        work_s = sum(running) + to_come * mean_s
        return max([work_s / max(min(slots, len(running) + to_come), 1), *running, mean_s if to_come else 0.0])


class Frame:
    """Makes lines of a scene.

    Args:
        width: cells of a line at most; longer ones are cut.
        height: lines at most; running trials that find no room are counted.
    """

    def __init__(
        self, scene: Scene, history: History, now_s: float, *, width: int, height: int, ascii_only: bool
    ) -> None:
        self._scene = scene
        self._history = history
        self._now_s = now_s
        self._width = max(width, 1)
        self._height = max(height, 1)
        self._ascii_only = ascii_only

    def lines(self) -> list[Text]:
        head = [*self._progress(), self._counts(), *self._stopping(), *self._best()]
        active = self._history.active
        active.sort(key=lambda trial: trial.started_s is None)  # those that wait last
        troubles = list(self._troubles())
        room = self._height - len(head)
        troubles = troubles[-max(room - len(active) - 1, 1) :] if active else troubles
        table = self._table(active, room - len(troubles))
        if not table and active:
            table = self._table(active, room)
            troubles = []
        lines = [*head, *table, *troubles]
        if len(lines) < self._height:
            lines.insert(0, Text())  # sets the display apart from what is printed above it
        for line in lines:
            line.truncate(self._width, overflow="crop" if self._ascii_only else "ellipsis")
        return lines[: self._height]

    def _progress(self) -> Iterator[Text]:
        """How far it is: trials done, a bar, and time; the latter on a line of its own where there is little room."""
        history, outlook = self._history, self._scene.outlook
        most = outlook.max_trials
        used_s = 0.0 if history.started_s is None else max(self._now_s - history.started_s, 0.0)
        done = f"{history.finished} trials" if most is None else f"{history.finished}/{most} trials"
        share = None if not outlook.timeout_s else used_s / outlook.timeout_s
        share = share if not most else history.finished / most
        time = self._time(used_s)
        bar = self._width - cell_len(done) - cell_len(time) - 4
        own_line = share is not None and bar < _LEAST_BAR
        if own_line:
            bar = self._width - cell_len(done) - 2
        line = Text().append(done, style="bold")
        if share is not None and bar >= _LEAST_BAR:
            line.append("  ").append(self._bar(min(share, 1.0), bar))
        if own_line:
            yield line
            yield Text(time)
        else:
            yield line.append("  ").append(time)

    def _time(self, used_s: float) -> str:
        timeout_s = self._scene.outlook.timeout_s
        used = duration(used_s) if timeout_s is None else f"{duration(used_s)} of {duration(timeout_s)}"
        left_s = None if self._is_stopping() else self._scene.left_s(self._now_s)
        if left_s is None:
            return used
        if timeout_s is not None and left_s > timeout_s - used_s:
            return f"{used}, the timeout comes first"
        return f"{used}, about {_roughly(left_s)} left"

    def _bar(self, share: float, cells: int) -> Text:
        full, empty = ("#", "-") if self._ascii_only else ("━", "─")
        done = int(share * cells)
        return Text().append(full * done, style="green").append(empty * (cells - done), style="dim")

    def _counts(self) -> Text:
        history = self._history
        waiting = sum(trial.started_s is None for trial in history.active)
        counts = [(history.count(state), state.value, state) for state in TrialState if state.is_final]
        counts += [
            (len(history.active) - waiting, "running", TrialState.RUNNING),
            (waiting, "waiting", TrialState.PENDING),
            (len(history.lost), "to run again", TrialState.PENDING),
        ]
        shown = [Text(f"{count} {name}", style=_STYLES[state]) for count, name, state in counts if count]
        return Text("  ").join(shown) if shown else Text("no trial has started yet")

    def _is_stopping(self) -> bool:
        active = self._history.active
        return bool(active) and all(
            trial.stopping is not None and trial.stopping.state is TrialState.CANCELLED for trial in active
        )

    def _stopping(self) -> Iterator[Text]:
        """That the sweep is over, or all that runs was told to end; and why."""
        active, ending = self._history.active, self._history.ending
        if ending is not None:
            yield Text(f"over: {first_line(ending.reason)}", style="bold")
        if not self._is_stopping() or active[0].stopping is None:
            return
        still = f"{len(active)} still {'runs' if len(active) == 1 else 'run'}"
        yield Text(f"stopping, {still}: {first_line(active[0].stopping.reason)}", style="bold yellow")

    def _best(self) -> Iterator[Text]:
        best = self._history.best
        if best is None:
            return
        metric = printable(self._history.objective.primary_metric)
        line = Text().append(f"best trial {best.number}  ", style="bold")
        line.append(f"{metric}={short(best.value)}", style="bold green")
        if best.state is not TrialState.COMPLETED:
            line.append(f" ({best.state.value})", style=_STYLES[best.state])
        yield line.append(f"  {self._words(best)}")

    def _troubles(self) -> Iterator[Text]:
        """The last trials that ended badly, with the reasons; the last one last."""
        latest = list(self._scene.troubles.items())[-_SHOWN_TROUBLES:]
        styles = {state.value: style for state, style in _STYLES.items()}
        for (what, reason), trouble in latest:
            more = "" if trouble.count == 1 else f" and {trouble.count - 1} more"
            line = Text().append(what, style=styles.get(what, "yellow"))
            yield line.append(f"  trial {trouble.latest}{more}: {reason[: self._width]}")

    def _table(self, active: Sequence[Trial], room: int) -> list[Text]:
        """A line for each trial that is not over, as many as find room, below the names of the columns."""
        if not active or room < min(len(active) + 1, 3):
            return []
        shown = active if len(active) < room else active[: room - 2]
        rows = [self._row(trial) for trial in shown]
        metric = printable(self._history.objective.primary_metric)
        names = ["trial", "time", _cut(metric, max(self._width // 5, 8)), "step"]
        used = [index for index in range(4) if index < 2 or any(row[index] for row, _ in rows)]
        if self._width < _NARROW and 3 in used:
            used.remove(3)
        widths = {index: max(cell_len(names[index]), *(cell_len(row[index]) for row, _ in rows)) for index in used}
        heading = "  ".join(_padded(names[index], widths[index], right=index != 1) for index in used)
        lines = [Text(f"{heading}  parameters", style="dim")]
        for row, rest in rows:
            line = Text("  ".join(_padded(row[index], widths[index], right=index != 1) for index in used))
            lines.append(line.append("  ").append(rest))
        if more := active[len(shown) :]:
            waiting = sum(trial.started_s is None for trial in more)
            of_these = f", {waiting} of them waiting" if waiting else ""
            lines.append(Text(f"and {len(more)} more{of_these}", style="dim"))
        return lines

    def _row(self, trial: Trial) -> tuple[list[str], Text]:
        """The cells of the first columns, and what stands behind them."""
        since_s = trial.submitted_s if trial.started_s is None else trial.started_s
        for_ = duration(self._now_s - since_s)
        report = _last_report(trial)
        rest = Text()
        if trial.started_s is None:
            rest.append("waiting  ", style=_STYLES[TrialState.PENDING])
        if trial.attempt > 1:
            rest.append(f"attempt {trial.attempt}  ", style=_STYLES[TrialState.PENDING])
        if trial.stopping is not None:
            reason = "" if self._is_stopping() else f": {_cut(first_line(trial.stopping.reason), self._width // 2)}"
            rest.append(f"stopping{reason}  ", style=_STYLES[trial.stopping.state])
        rest.append(self._words(trial))
        step = "" if report is None or report.step is None else str(report.step)
        return [str(trial.number), for_, "" if report is None else short(report.value), step], rest

    def _words(self, trial: Trial) -> str:
        """As much of a trial's parameters as a line can hold."""
        found, cells = [], 0
        for key, value in trial.parameters.items():
            kept = value[: self._width] if isinstance(value, str) else value
            found.append(words({key: kept})[: self._width])
            cells += len(found[-1]) + 1
            if cells > self._width:
                break
        return " ".join(found)


def _last_report(trial: Trial) -> Measurement | None:
    """The last report of this attempt that can win, else the last."""
    measurements = trial.measurements
    for index in range(len(measurements) - 1, trial.inherited - 1, -1):
        if usable(measurements[index].value):
            return measurements[index]
    return measurements[-1] if len(measurements) > trial.inherited else None


def _roughly(seconds: float) -> str:
    """A span that nobody knows to the second."""
    grains = ((60, 5), (600, 10), (86_400, 60), (math.inf, 3600))
    grain_s = next(grain_s for below_s, grain_s in grains if seconds < below_s)
    return duration(max(round(seconds / grain_s), 1) * grain_s)


def _cut(text: str, cells: int) -> str:
    line = Text(text)
    line.truncate(cells, overflow="ellipsis")
    return line.plain


def _padded(text: str, cells: int, *, right: bool) -> str:
    padding = " " * (cells - cell_len(text))
    return padding + text if right else text + padding
