"""Replay: what it costs to read the ledger of a long sweep, and to go on with that sweep. Prints one table."""

from __future__ import annotations

import argparse
import gc
import random
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from azsweep_core.events import SweepStarted, TrialBegan, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, Ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Launch
from azsweep_core.recovery import unrecorded
from azsweep_core.replay import replay
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.signals import StopSignals
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Past, Ports, SweepPlan
from azsweep_core.testing.simulation import FakeClock, FakeLauncher, FakeTracker, Script
from azsweep_core.trial import Measurement, TrialState
from benchmarks._sweeps import say
from benchmarks._table import machine, table

_ROUNDS = 5
_REPORTS = 10
_SLOTS = 8
_OBJECTIVE = Objective("loss", Goal.MINIMIZE)
_SPEC: Mapping[str, Any] = {"objective": {"primary_metric": "loss", "goal": "minimize"}}
SPACE: Mapping[str, Any] = {
    "lr": {"type": "loguniform", "min_value": -7, "max_value": 0},
    "momentum": {"type": "uniform", "min_value": 0, "max_value": 1},
    "layers": {"type": "randint", "upper": 8},
    "optimizer": {"type": "choice", "values": ["sgd", "adam", "rmsprop"]},
}


class _FirstStartError(Exception):
    """The sweep has come to its first start."""


class _FirstStart(FakeLauncher):
    """Ends the sweep when it is to start something."""

    def start(self, launch: Launch) -> None:
        raise _FirstStartError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 trials, to see that everything runs")
    counts = (50, 200) if parser.parse_args().quick else (1_000, 10_000)
    space = read_space(SPACE)
    rows = []
    with tempfile.TemporaryDirectory(prefix="azsweep-replay-") as name:
        for count in (10, *counts):  # imports and first uses are not what is measured
            directory = Path(name, str(count))
            write_ledger(directory, space, count)
            replay_s = median(_replay_s(directory) for _ in range(_ROUNDS))
            size = (directory / LEDGER).stat().st_size
            for sampler in (SamplerType.RANDOM, SamplerType.BAYESIAN):
                start_s = median(_first_start_s(directory, space, sampler) for _ in range(_ROUNDS))
                row = [sampler.value, f"{count:,}".replace(",", " "), f"{size / 1e6:.1f}"]
                rows.append([*row, f"{replay_s:.3f}", f"{start_s:.3f}"])
            say(f"{count} trials: done")
    columns = ["sampler", "trials", "ledger, MB", "replay, s", "to the first start, s"]
    note = (
        f"CPU seconds, medians of {_ROUNDS}. Replay: `azsweep_core.replay.replay` of a ledger in which each trial was "
        f"measured {_REPORTS} times, an event each. To the first start: that, what the resumed sweep does before it "
        "starts a trial, and the sampler's first ask; the app's own start is not in it, nor are MLflow and processes. "
        f"{machine()}"
    )
    ordered = sorted(rows[2:], key=lambda row: row[0], reverse=True)
    print(table("Replay: what it costs to go on with a long sweep", columns, ordered, note))


def write_ledger(directory: Path, space: SearchSpace, trials: int, reports: int = _REPORTS) -> None:
    """The ledger of a sweep that was killed after so many trials of a minute each, between two starts."""
    sampler = make_sampler(SamplingAlgorithm(SamplerType.RANDOM, seed=0), space, _OBJECTIVE)
    history, chance = History(_OBJECTIVE), random.Random(0)
    directory.mkdir()
    with closing(Ledger(directory / LEDGER)) as ledger:
        ledger.append(SweepStarted(time_s=0.0, spec=_SPEC))
        for number in range(trials):
            began_s = 60.0 * (number // _SLOTS) + chance.random()
            point = sampler.ask(number, history)
            assert point is not None
            ledger.append(TrialSubmitted(time_s=began_s, number=number, attempt=1, parameters=point))
            ledger.append(TrialBegan(time_s=began_s, number=number, directory=str(directory / str(number))))
            for step in range(reports):
                report = Measurement(step, chance.random(), began_s + 5.0 * step)
                ledger.append(TrialMeasured(number=number, measurements=(report,)))
            ledger.append(TrialEnded(time_s=began_s + 59.0, number=number, state=TrialState.COMPLETED))


def _replay_s(directory: Path) -> float:
    gc.collect()
    began = time.process_time()
    assert replay(directory) is not None
    return time.process_time() - began


def _first_start_s(directory: Path, space: SearchSpace, sampler: SamplerType) -> float:
    """From the command's first look at the ledger; the ledger stays as it is."""
    gc.collect()
    began = time.process_time()
    recorded = replay(directory)
    assert recorded is not None
    clock = FakeClock()
    clock.now_s = recorded.history.last_s
    lost = tuple(unrecorded(recorded.history, directory, clock.now()))
    trials = len(recorded.history)
    plan = SweepPlan(
        spec=_SPEC,
        objective=_OBJECTIVE,
        limits=Limits(),
        sampler=make_sampler(SamplingAlgorithm(sampler, seed=0), space, _OBJECTIVE),
        policy=None,
        max_trials=trials + _SLOTS,
        slots=_SLOTS,
        past=Past(recorded=recorded, seen_s=clock.now(), unrecorded=lost),
    )
    launcher = _FirstStart(clock, _no_script)
    with (
        tempfile.TemporaryDirectory(prefix="azsweep-replay-") as name,
        closing(Ledger(Path(name, LEDGER))) as ledger,
        StopSignals() as signals,
    ):
        tracker = FakeTracker(clock, launcher, _no_script)
        ports = Ports(launcher=launcher, tracker=tracker, ledger=ledger, clock=clock, signals=signals)
        try:
            run_sweep(plan, ports)
        except _FirstStartError:
            return time.process_time() - began
    raise AssertionError("the sweep started nothing")


def _no_script(_: Launch) -> Script:
    return Script()


if __name__ == "__main__":
    main()
