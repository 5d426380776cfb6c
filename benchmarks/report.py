"""Report: what keeping report.html fresh costs sweeps of 10 to 2000 trials, and how large it is. Prints one table."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from azsweep_core.events import (
    EndingKind,
    Event,
    SweepEnded,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
)
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, Ledger
from azsweep_core.objective import Goal, Objective
from azsweep_core.report import HtmlReport
from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import Measurement, TrialState
from benchmarks._sweeps import azsweep, run_sweep, say
from benchmarks._table import machine, table

_ROUNDS = 5
_REPORTS = 100
_SPEC: Mapping[str, Any] = {
    "search_space": {
        "lr": {"type": "loguniform", "min_value": -7, "max_value": 0},
        "momentum": {"type": "uniform", "min_value": 0, "max_value": 1},
        "layers": {"type": "randint", "upper": 8},
        "optimizer": {"type": "choice", "values": ["sgd", "adam", "rmsprop"]},
    },
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 10_000, "max_concurrent_trials": 8},
}
_WITHOUT_PLOTLY = "import sys\nsys.modules['plotly'] = None\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small, to see that everything runs")
    parser.add_argument("--one", type=int, metavar="TRIALS", help="one of the table's lines, as JSON")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(_measured(options.one, 1 if options.quick else _ROUNDS)))
        return
    rows = []
    for trials in (10,) if options.quick else (10, 200, 2000):
        say(f"{trials} trials")
        line = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--one", str(trials)], stdout=subprocess.PIPE, check=True
        )
        rows.append([f"{trials}", *json.loads(line.stdout)])
    say("real sweeps, with the report and without")
    trials, sleep_s, rounds = (2, 0.1, 1) if options.quick else (60, 1.0, 3)
    own = [_own_cpu_s(trials, sleep_s, has_plotly=has_plotly) for _ in range(rounds) for has_plotly in (True, False)]
    columns = (
        "trials",
        "first refresh, ms",
        "refresh, ms",
        "of the sweep's time",
        "file, MB",
        "at the end, s",
        "azsweep report, s",
    )
    with_s, without_s = median(own[::2]), median(own[1::2])
    note = (
        f"Medians of {_ROUNDS}; {_REPORTS} reports a trial. The first refresh tells all trials, the next ones one more "
        "each. Of the sweep's time: at most, if there is news all the time; the pause after a refresh sees to it. At "
        "the end: the last write, with Optuna's importances and their import. azsweep report: the whole command. "
        f"In sweeps of {trials} trials that sleep for {sleep_s:g} s, two at once, the coordinator took {with_s:.2f} s "
        f"of CPU time with the report and {without_s:.2f} s without plotly. {machine()}"
    )
    print(table("Report: what it costs to keep report.html fresh", columns, rows, note))


def _measured(trials: int, rounds: int) -> list[str]:
    """The cells of a line but for the first."""
    history, clock = History(Objective("loss", Goal.MINIMIZE)), FakeClock()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        report = HtmlReport(directory, clock)

        def happens(*events: Event) -> None:
            for event in events:
                history.apply(event)
                ledger.append(event)
                report.notice(event, history)

        with closing(Ledger(directory / LEDGER)) as ledger:
            happens(*_events(trials, directory))
            time.sleep(2.0)  # as a sweep does before its first refresh, while the page is made ready
            first_s = _refresh_s(report, clock)
            refreshes_s = []
            for number in range(trials, trials + rounds):
                happens(*_trial(number, directory, read_space(_SPEC["search_space"])))
                refreshes_s.append(_refresh_s(report, clock))
            began = time.perf_counter()
            happens(SweepEnded(time_s=2.0 * trials, stop_reason="all trials are done", kind=EndingKind.FINISHED))
            end_s = time.perf_counter() - began
        size = (directory / "report.html").stat().st_size
        commands_s = [_command_s(directory) for _ in range(rounds)]
    refresh_s = median(refreshes_s)
    share = refresh_s / (refresh_s + max(5.0, 50 * refresh_s))
    return [
        *(f"{1000 * first_s:.0f}", f"{1000 * refresh_s:.0f}", f"{share:.1%}"),
        *(f"{size / 1e6:.1f}", f"{end_s:.2f}", f"{median(commands_s):.2f}"),
    ]


def _events(trials: int, directory: Path) -> Iterator[Event]:
    space = read_space(_SPEC["search_space"])
    yield SweepStarted(time_s=0.0, spec=_SPEC, command=("python", "train.py", "--multirun"))
    for number in range(trials):
        yield from _trial(number, directory, space)


def _trial(number: int, directory: Path, space: SearchSpace) -> Sequence[Event]:
    """All that happens to one: it begins, reports ten times ten values, and ends."""
    generator = random.Random(number)
    point = space.point([generator.random() for _ in space.dimensions])
    values = [generator.random() + 9 / (step + 1) for step in range(_REPORTS)]
    found = [Measurement(step, value, 2.0 * number + step / 100) for step, value in enumerate(values)]
    begin_s = 2.0 * number
    return [
        TrialSubmitted(time_s=begin_s, number=number, attempt=1, parameters=point, mlflow_run_id=f"{number:032x}"),
        TrialBegan(time_s=begin_s, number=number, directory=str(directory / str(number))),
        *(TrialMeasured(number=number, measurements=tuple(found[at : at + 10])) for at in range(0, _REPORTS, 10)),
        TrialEnded(time_s=begin_s + 8.0, number=number, state=TrialState.COMPLETED),
    ]


def _refresh_s(report: HtmlReport, clock: FakeClock) -> float:
    clock.now_s += 1e6
    began = time.perf_counter()
    report.turn()
    return time.perf_counter() - began


def _command_s(directory: Path) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "azsweep_core", "report", directory], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - began


def _own_cpu_s(trials: int, sleep_s: float, *, has_plotly: bool) -> float:
    """CPU seconds of the coordinator of a real sweep."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        environment = {"SLEEPS_S": json.dumps([sleep_s] * trials), "PYTHONPATH": f"{Path(__file__).parents[1]}"}
        if not has_plotly:
            (directory / "sitecustomize.py").write_text(_WITHOUT_PLOTLY, encoding="utf-8")
            environment["PYTHONPATH"] += f":{directory}"
        return run_sweep(azsweep(2), "sleeper", trials, directory / "sweep", environment).own_cpu_s


if __name__ == "__main__":
    main()
