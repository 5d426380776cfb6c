"""The command azsweep: what one waits for its help, and for its answers about a long sweep. Prints one table."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from azsweep_core.search_space import read_space
from benchmarks._table import machine, table
from benchmarks.replay import SPACE, write_ledger

_COMMANDS = (
    ("--help",),
    ("status", "{sweep}"),
    ("trials", "{sweep}"),
    ("trials", "{sweep}", "--sort", "value", "--csv"),
    ("best", "{sweep}"),
    ("compare", "{sweep}", "{sweep}/../other"),
)
_COMPLETED = "trials {sweep} --sort l"
_REPORTS = 1, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 trials, two rounds, to see that everything runs")
    is_quick = parser.parse_args().quick
    trials, rounds = (20, 2) if is_quick else (1_000, 15)
    with tempfile.TemporaryDirectory(prefix="azsweep-cli-") as name:
        sweeps = {reports: Path(name, str(reports), "sweep") for reports in _REPORTS}
        for reports, sweep in sweeps.items():
            for directory in (sweep, sweep.parent / "other"):
                directory.parent.mkdir(exist_ok=True)
                write_ledger(directory, read_space(SPACE), trials, reports)
        seconds: dict[tuple[str, int], list[float]] = {}
        for _ in range(rounds):
            for reports, sweep in sweeps.items():
                for words in _COMMANDS:
                    took_s = _time([word.format(sweep=sweep) for word in words], {})
                    seconds.setdefault((" ".join(words), reports), []).append(took_s)
                typed = ["azsweep", *_COMPLETED.format(sweep=sweep).split()]
                tab = {"_AZSWEEP_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(typed), "COMP_CWORD": "4"}
                seconds.setdefault((f"{_COMPLETED} Tab", reports), []).append(_time([], tab))
    shown = dict.fromkeys(command for command, _ in seconds)
    rows = [
        [command.format(sweep="DIR"), *(f"{median(seconds[command, reports]):.2f}" for reports in _REPORTS)]
        for command in shown
    ]
    note = (
        f"Seconds from the start of `python -m azsweep_core` to its end, medians of {rounds} in turn; the others of "
        f"{trials} trials, each measured once or ten times. {machine()}"
    )
    columns = ["azsweep", *(f"{reports} report{'s' if reports > 1 else ''} a trial" for reports in _REPORTS)]
    print(table("The command azsweep, of a sweep of 1000 trials" if not is_quick else "Quick", columns, rows, note))


def _time(words: list[str], environment: dict[str, str]) -> float:
    """Seconds that the command takes."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "azsweep_core", *words]
    subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
