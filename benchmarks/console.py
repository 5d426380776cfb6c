"""Console: what the live display costs the coordinator beside plain lines. Prints one table."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import pty
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median

from azsweep_core.events import SweepStarted, TrialBegan, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.report import Console, Outlook, open_console
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import Measurement, TrialState
from benchmarks._table import machine, table

_TURN_S = 0.2
_REPORT_EVERY_S = 2.0
_COLUMNS, _ROWS = 120, 40
_PARAMETERS = {
    "lr": 0.0123456,
    "momentum": 0.98765,
    "model": "resnet18",
    "model.units": 256,
    "optimizer.weight_decay": 1e-5,
}


class Sweep:
    """A sweep in virtual time: its events, and the loop's turns between them, are told to a console."""

    def __init__(self, console: Console, clock: FakeClock) -> None:
        self._console = console
        self._clock = clock
        self._history = History(Objective("val_loss", Goal.MINIMIZE))
        self._tell(SweepStarted(time_s=0.0, spec={}))

    def _tell(self, event: SweepStarted | TrialSubmitted | TrialBegan | TrialMeasured | TrialEnded) -> None:
        self._history.apply(event)
        self._console.notice(event, self._history)

    def begin(self, number: int) -> None:
        now = self._clock.now()
        self._tell(TrialSubmitted(time_s=now, number=number, attempt=1, parameters=_PARAMETERS))
        self._tell(TrialBegan(time_s=now, number=number, directory="/sweep"))

    def end(self, number: int) -> None:
        self.measure(number, step=0)
        self._tell(TrialEnded(time_s=self._clock.now(), number=number, state=TrialState.COMPLETED))

    def measure(self, number: int, step: int) -> None:
        report = Measurement(step, 1.0 / (number + step + 1), self._clock.now())
        self._tell(TrialMeasured(number=number, measurements=(report,)))

    def turn(self) -> None:
        self._clock.now_s += _TURN_S
        self._console.turn()


def long_trials(sweep: Sweep, seconds: int) -> None:
    """16 trials that run all the time and report every two seconds, one or two a turn."""
    for number in range(16):
        sweep.begin(number)
    turns_a_report = round(_REPORT_EVERY_S / _TURN_S)
    for turn in range(round(seconds / _TURN_S)):
        for number in range(16):
            if (turn + number) % turns_a_report == 0:
                sweep.measure(number, step=turn)
        sweep.turn()


def short_trials(sweep: Sweep, trials: int) -> None:
    """Trials of four turns each, four at once: one ends and one begins at every turn."""
    for number in range(trials + 4):
        if number >= 4:
            sweep.end(number - 4)
        if number < trials:
            sweep.begin(number)
        sweep.turn()


def cpu_s(mode: str, play: Callable[[Sweep], None]) -> float:
    """CPU seconds of a sweep on a terminal; "" for a sweep without anybody who looks on."""
    ours, theirs = pty.openpty()
    reader = threading.Thread(target=_read_all, args=[ours])
    reader.start()
    stream = os.fdopen(theirs, "w", encoding="utf-8", buffering=1)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    log = logging.getLogger("benchmarks.console")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[%(asctime)s][HYDRA] %(message)s"))
    log.addHandler(handler)
    clock = FakeClock()
    outlook = Outlook(max_trials=1000, timeout_s=86400.0, slots=16)
    try:
        with open_console(mode, log, outlook, clock, stream=stream) if mode else nullcontext(Nobody()) as console:
            began_s = time.thread_time()
            play(Sweep(console, clock))
            return time.thread_time() - began_s
    finally:
        log.removeHandler(handler)
        stream.close()
        reader.join()
        os.close(ours)


class Nobody:
    """A console that shows nothing at all."""

    def notice(self, event: object, history: History) -> None:
        """Nothing."""

    def turn(self) -> None:
        """Nothing."""


def _read_all(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:  # nobody writes any more
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few trials and seconds, to see that everything runs")
    is_quick = parser.parse_args().quick
    seconds, trials, times = (10, 20, 1) if is_quick else (300, 1000, 5)
    os.environ["TERM"] = "xterm-256color"
    for name in ("CI", "COLUMNS", "NO_COLOR"):
        os.environ.pop(name, None)
    rows = []
    for mode in ("none", "plain", "live"):
        cpu_s(mode, lambda sweep: short_trials(sweep, 20))  # imports and first uses
    found: dict[str, tuple[float, float]] = {}
    for mode in ("none", "plain", "live"):
        of_long = median(
            cpu_s(mode, lambda sweep: long_trials(sweep, seconds))
            - cpu_s("", lambda sweep: long_trials(sweep, seconds))
            for _ in range(times)
        )
        of_short = median(
            cpu_s(mode, lambda sweep: short_trials(sweep, trials))
            - cpu_s("", lambda sweep: short_trials(sweep, trials))
            for _ in range(times)
        )
        found[mode] = (of_long / seconds * 100, of_short / trials * 1000)
    for mode, (share, a_trial_ms) in found.items():
        rows.append([mode, f"{share:.3f}", f"{a_trial_ms:.3f}", f"{a_trial_ms / found['plain'][1]:.2f}"])
    columns = ["console", "% of the time, 16 running trials", "CPU ms a short trial", "ratio to plain"]
    note = (
        f"CPU time of the loop's thread in virtual time, on a pseudo-terminal of {_COLUMNS} x {_ROWS} that is read; "
        f"median of {times}, less that of a sweep nobody looks at. 16 trials run {seconds} s and report every "
        f"{_REPORT_EVERY_S:g} s each, so there is something new at every turn of {_TURN_S} s. {trials} short trials: "
        f"one ends and one begins at every turn. {machine()}"
    )
    print(table("Console: what it costs to be watched", columns, rows, note))


if __name__ == "__main__":
    main()
