"""Command trials: what a job's command costs as a trial of `azsweep run`, and typed by hand. Prints one table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks._table import machine, table

_SCRIPT = """
import time
began_s = time.time()
from azsweep_core import log_metric
log_metric("loss", 1.0)
print(began_s)
"""

_JOB = {
    "type": "sweep",
    "sampling_algorithm": "grid",
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "trial": {
        "command": "python now.py --x ${{search_space.x}}",
        "code": "src",
        "environment": "azureml:any@latest",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 trials, to see that everything runs")
    count = 3 if parser.parse_args().quick else 60
    with tempfile.TemporaryDirectory(prefix="azsweep-commands-") as name:
        folder = Path(name)
        (folder / "src").mkdir()
        (folder / "src" / "now.py").write_text(_SCRIPT)
        by_hand, in_sweep = _by_hand(folder, count), _in_sweep(folder, count)
    rows = [_row("typed by hand", by_hand), _row("a trial of azsweep run", in_sweep)]
    note = (
        f"Milliseconds from the start (of the process, or the trial's event in the ledger) to the script's first line, "
        f"and to its end (the event of the trial's): median and range of {count}, one at a time, without MLflow. "
        f"{machine()}"
    )
    print(table("Command trials", ["", "first line", "range", "end", "range"], rows, note))


def _row(name: str, times_s: Sequence[tuple[float, float]]) -> list[str]:
    cells = [name]
    for each in zip(*times_s, strict=True):
        cells += [f"{1000 * median(each):.0f}", f"{1000 * min(each):.0f}-{1000 * max(each):.0f}"]
    return cells


def _by_hand(folder: Path, count: int) -> list[tuple[float, float]]:
    """Seconds to the first line and to the end, of the script alone."""
    times_s = []
    for _ in range(count):
        began_s = time.time()
        run = subprocess.run([sys.executable, "now.py"], cwd=folder / "src", check=True, capture_output=True, text=True)
        times_s.append((float(run.stdout) - began_s, time.time() - began_s))
    return times_s


def _in_sweep(folder: Path, count: int) -> list[tuple[float, float]]:
    """The same of every trial but the first, which pays for what the others share."""
    space = {"x": {"type": "choice", "values": list(range(count + 1))}}
    limits = {"max_total_trials": count + 1, "max_concurrent_trials": 1}
    job = folder / "sweep.yml"
    job.write_text(json.dumps({**_JOB, "search_space": space, "limits": limits}))
    command = [sys.executable, "-m", "azsweep_core", "run", str(job), "hydra.sweeper.tracking=none"]
    subprocess.run([*command, f"hydra.sweep.dir={folder / 'sweep'}"], cwd=folder, check=True, capture_output=True)
    events = [json.loads(line) for line in (folder / "sweep" / "sweep.jsonl").read_text().splitlines()]
    at_s = {(event["event"], event.get("number")): event["time_s"] for event in events if "time_s" in event}
    times_s = []
    for number in range(1, count + 1):
        first_line_s = float((folder / "sweep" / str(number) / "output.log").read_text().split()[-1])
        began_s = at_s["trial_submitted", number]
        times_s.append((first_line_s - began_s, at_s["trial_ended", number] - began_s))
    return times_s


if __name__ == "__main__":
    main()
