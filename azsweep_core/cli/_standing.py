"""How a sweep stands, from the files in its directory alone. Takes no lock, writes nothing, asks no process."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from azsweep_core.cli._words import at, duration
from azsweep_core.control import ControlDir
from azsweep_core.coordinator import COORDINATOR_LOG
from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.events import Ending, EndingKind
from azsweep_core.ledger import LEDGER
from azsweep_core.limits import recorded_limits
from azsweep_core.lock import Holder, current_holder
from azsweep_core.metrics_file import MetricsReader
from azsweep_core.replay import Recorded, replay
from azsweep_core.trial import Measurement, Trial

__all__ = [
    "Standing",
    "SweepNow",
    "in_words",
    "job_of",
    "last_report",
    "limits_of",
    "log_of",
    "look",
    "max_trials",
    "standing_of",
    "typed",
    "who_in_words",
]

_CLOCKS_AGREE_WITHIN_S = 1.0


class Standing(Enum):
    """How a sweep stands; `unknown` if that cannot be told from this machine."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepNow:
    """What a sweep's directory says at the moment.

    Args:
        directory: absolute.
        recorded: None while its process gets ready for the first trial.
        holder: who coordinates it, or did last; None if nobody has written that down.
        now_s: when this was; seconds since the epoch.
    """

    directory: Path
    recorded: Recorded | None
    holder: Holder | None
    standing: Standing
    now_s: float

    @property
    def was_stopped(self) -> bool:
        """Whether it has ended because the user wanted it, so that there is something to go on with."""
        ending = None if self.recorded is None else self.recorded.history.ending
        return self.standing is Standing.ENDED and ending is not None and ending.kind is EndingKind.USER

    @property
    def last_sign_s(self) -> float:
        """When it gave the last sign of life, as far as can be known."""
        signs = [0.0 if self.recorded is None else self.recorded.history.last_s]
        return max([*signs, 0.0 if self.holder is None else self.holder.seen_s])

    @property
    def used_s(self) -> float:
        """Seconds of `limits.timeout` that are used; those in which nobody coordinated it do not count."""
        started_s = None if self.recorded is None else self.recorded.history.started_s
        if started_s is None or self.recorded is None:
            return 0.0
        if self.standing is Standing.ENDED:
            return self.recorded.history.last_s - started_s
        return (self.now_s if self.standing is Standing.RUNNING else self.last_sign_s) - started_s


def look(directory: Path) -> SweepNow:
    """How the sweep in a directory stands.

    Args:
        directory: absolute.
    Raises:
        AzsweepError: in words, if there is none, or its ledger is damaged.
        OSError: if it cannot be read.
    """
    if not directory.is_dir():
        raise _no_sweep(directory, "which is a file" if directory.exists() else "which does not exist")
    holder = current_holder(directory)
    recorded = replay(directory)
    ending = None if recorded is None else recorded.history.ending
    standing = standing_of(ending, None if recorded is None else recorded.latest.time_s, holder)
    if recorded is None and standing is Standing.INTERRUPTED:
        what = "whose ledger has no whole line" if (directory / LEDGER).exists() else f"which has no {LEDGER}"
        raise _no_sweep(directory, what)
    return SweepNow(directory=directory, recorded=recorded, holder=holder, standing=standing, now_s=time.time())


def standing_of(ending: Ending | None, began_s: float | None, holder: Holder | None) -> Standing:
    """How a sweep stands.

    Args:
        began_s: its last start, or None if its ledger knows none. A holder of the lock that has not begun gets ready.
    """
    is_alive = False if holder is None else holder.is_alive
    has_begun = began_s is not None and (holder is None or began_s >= holder.since_s - _CLOCKS_AGREE_WITHIN_S)
    if is_alive is not False and not has_begun:
        return Standing.STARTING if is_alive else Standing.UNKNOWN
    if ending is not None:
        return Standing.ENDED
    if is_alive is None:
        return Standing.UNKNOWN
    return Standing.RUNNING if is_alive else Standing.INTERRUPTED


def in_words(now: SweepNow) -> str:
    """How the sweep stands, for a person."""
    seen = f"last sign of life {_ago(now.last_sign_s, now.now_s)}"
    since = "" if now.holder is None else f"since {at(now.holder.since_s, now.now_s)}"
    history = None if now.recorded is None else now.recorded.history
    match now.standing:
        case Standing.STARTING:
            return f"starting: {now.holder} {since} gets ready"
        case Standing.RUNNING:
            return f"running: {now.holder} {since} coordinates it; {seen}"
        case Standing.ENDED if history is not None:
            return f"ended at {at(history.last_s, now.now_s)}: {history.stop_reason}"
        case Standing.UNKNOWN if now.holder is not None:
            whose = f"{now.holder} coordinates it, or did, {since}"
            return f"cannot be told from here: {whose}; {seen}. On {now.holder.host} it can"
    return f"interrupted: {who_in_words(now)}; {seen}"


def who_in_words(now: SweepNow) -> str:
    """Who coordinates the sweep, without times: as it can be read elsewhere, and later."""
    holder = now.holder
    if holder is None:
        return "nobody coordinates it"
    match now.standing:
        case Standing.STARTING:
            return f"{holder} gets ready"
        case Standing.RUNNING:
            return f"{holder} coordinates it"
        case Standing.UNKNOWN:
            return f"{holder} coordinates it, or did"
    return f"nobody coordinates it, {holder} {'has given it up' if holder.released else 'is gone'}"


def max_trials(recorded: Recorded) -> int | None:
    """Trials in all; None if there is no limit, or the recorded configuration cannot be read."""
    given = limits_of(recorded).get("max_total_trials")
    if isinstance(given, int):
        return given
    from azsweep_core.spec import read_sweep

    try:
        return read_sweep(recorded.latest.spec).max_trials
    except SpecError:
        return None


def limits_of(recorded: Recorded) -> Mapping[str, float]:
    """The sweep's limits by AzureML's names; those that were left out are not there."""
    return recorded_limits(recorded.latest.spec)


def last_report(now: SweepNow, trial: Trial) -> Measurement | None:
    """What the trial's attempt reported last of the primary metric; the loop may not have seen it yet."""
    assert now.recorded is not None
    seen = trial.measurements[trial.inherited :][-1:]
    path = ControlDir.of(now.directory, trial.number, trial.attempt).metrics_file
    written = MetricsReader(path).last(now.recorded.history.objective.primary_metric)
    return max([*seen, *([] if written is None else [written])], key=lambda each: each.time_s, default=None)


def job_of(now: SweepNow, trial: Trial) -> str:
    """The job of a cluster that runs the trial, in words; "" if none does."""
    document = ControlDir.of(now.directory, trial.number, trial.attempt).job()
    return ", ".join(f"{kind.replace('_', ' ')} {name}" for kind, name in document.items())


def log_of(directory: Path) -> Path | None:
    """What a detached coordinator printed; None if it had a terminal."""
    path = directory / ".azsweep" / COORDINATOR_LOG
    return path if path.exists() else None


def typed(verb: str, directory: Path) -> str:
    """The command that does something to the sweep, as a shell takes it."""
    return shlex.join(["azsweep", verb, str(directory)])


def _ago(time_s: float, now_s: float) -> str:
    passed_s = now_s - time_s
    return f"{duration(passed_s)} ago" if passed_s < 60 else f"at {at(time_s, now_s)}, {duration(passed_s)} ago"


def _no_sweep(directory: Path, what: str) -> AzsweepError:
    near = next(_sweeps_near(directory), None)
    fix = None if near is None else f"{near} holds one."
    if (directory / ".azsweep").is_dir() and not (directory / LEDGER).exists():
        said = "" if log_of(directory) is None else f" `{typed('logs', directory)}` shows what it said."
        fix = f"One was to begin there, and has not yet, or could not.{said}"
    return AzsweepError(str(Problem("DIR", "must be the directory of a sweep", f"{directory}, {what}", fix)))


def _sweeps_near(directory: Path) -> Iterator[Path]:
    """Directories of sweeps that may be meant: one around it, or the latest at most two folders below."""
    yield from (each for each in list(directory.parents)[:3] if (each / LEDGER).exists())
    for pattern in (f"*/{LEDGER}", f"*/*/{LEDGER}"):
        with contextlib.suppress(OSError):
            ledgers = list(directory.glob(pattern)) if directory.is_dir() else []
            yield from (path.parent for path in sorted(ledgers, key=lambda path: path.stat().st_mtime, reverse=True))
