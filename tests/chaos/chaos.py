"""Kills the coordinator of a real sweep again and again, goes on with the same command, and looks at what is left."""

from __future__ import annotations

import csv
import hashlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from azsweep_core.control import ControlDir
from azsweep_core.events import Event
from azsweep_core.ledger import read_ledger
from azsweep_core.replay import Recorded, replay
from azsweep_core.trial import Trial
from tests.launchers.conftest import LauncherApp

TRIALS = 40

BODY = """
alone = (out() / "alone").open("w")
fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
(out() / "point.json").write_text(json.dumps([cfg.x, cfg.y]))
print("x is", cfg.x)
for step in range(cfg.steps):
    azsweep_core.log_metric("loss", (cfg.x - 0.4) ** 2 + cfg.y + (step != 1), step)
    time.sleep((0.1 + 0.25 * cfg.x) / cfg.steps)
(out() / "model").write_bytes(bytes(range(cfg.y)) * 1000)
return cfg.x + cfg.y + 1
"""
"""A trial's value is its second report, so that it is lost if a report is. Two attempts at once would fail."""

SPACE = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}, "y": {"type": "choice", "values": [1, 2, 3]}}

_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.001


class Moment(Enum):
    """When a coordinator dies."""

    WHILE_IT_STARTS = "while it starts"
    LATER = "some time after the sweep goes on"
    AT_A_LINE = "as soon as a certain line is in the ledger"
    AT_THE_END = "as soon as the ledger says that the sweep is over"


def write_app(app: LauncherApp, **sweeper: Any) -> None:
    """Write an app whose sweep has 40 trials of 0.1 to 0.4 s, with values that depend on their parameters alone."""
    settings = {
        "search_space": SPACE,
        "sampling_algorithm": {"type": "random", "seed": 3},
        "limits": {"max_total_trials": TRIALS, "max_concurrent_trials": 3},
        **sweeper,
    }
    app.write(BODY, {"x": 0.0, "y": 0, "steps": 3}, preamble="import azsweep_core, fcntl", sweeper=settings)


@dataclass
class Chaos:
    """One sweep, of which coordinators are killed.

    Args:
        arguments: of the command, each time.
    """

    app: LauncherApp
    seed: int
    arguments: tuple[str, ...] = ()
    _start_s: float = 1.0
    _haste: float = 1.0
    _over: dict[int, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    @property
    def sweep(self) -> Path:
        return self.app.directory / "sweep"

    @property
    def ledger(self) -> Path:
        return self.sweep / "sweep.jsonl"

    @property
    def recorded(self) -> Recorded | None:
        """The sweep as its ledger has it."""
        return replay(self.sweep)

    @property
    def trials(self) -> list[Trial]:
        """Those of its ledger."""
        return [] if self.recorded is None else list(self.recorded.history.trials)

    @property
    def events(self) -> list[Event]:
        """Those of its ledger."""
        return list(read_ledger(self.ledger))

    @property
    def lost_attempts(self) -> list[ControlDir]:
        """What attempts have left that were not their trials' last ones."""
        earlier = [(trial.number, attempt) for trial in self.trials for attempt in range(1, trial.attempt)]
        return [ControlDir.of(self.sweep, number, attempt) for number, attempt in earlier]

    def kill_often(self, times: int, *moments: Moment, damage: Callable[[Chaos], None] | None = None) -> None:
        """Start the sweep so many times, and kill it each time; the oftener, the sooner, so that trials are left.

        Args:
            moments: any of these, drawn anew for each.
            damage: what is done to the sweep after each.
        """
        self._haste = times / 20
        for kill in range(times):
            share = 0.8 * TRIALS * (kill + 1) / times
            moment = self.random.choice(moments)
            if self._ends() >= share:
                moment = Moment.WHILE_IT_STARTS
            self.kill_at(moment, share)
            if damage is not None:
                damage(self)
                self.look()

    def kill_at(self, moment: Moment, share: float = TRIALS) -> None:
        """Start the sweep, kill its coordinator at this moment, and see what is left."""
        with self._coordinator() as process:
            self._await(process, moment, share)
            assert moment is Moment.AT_THE_END or process.poll() is None, f"it has ended by itself:\n{self._printed()}"
            process.kill()
        assert "Traceback" not in self._printed(), self._printed()
        self.look()

    def finish(self) -> None:
        """Let the sweep come to its end."""
        with self._coordinator() as process:
            code = process.wait(2 * _PATIENCE_S)
        assert code == 0, self._printed()
        self.look()

    def look(self) -> None:
        """See that trials that have a result are as they were at the first look, and that those that ended have one."""
        for number, before in self._over.items():
            assert _prints(self.sweep, number) == before, f"trial {number} was over, and is not what it was"
        for number in range(TRIALS):
            if number not in self._over and results_of(self.sweep, number):
                self._over[number] = _prints(self.sweep, number)
        assert {trial.number for trial in self.trials if trial.state.is_final} <= self._over.keys()

    @contextmanager
    def _coordinator(self) -> Iterator[subprocess.Popen[bytes]]:
        """The user's command; it alone is gone when this ends."""
        with (self.app.directory / "printed").open("ab") as output:
            output.truncate(0)
            process = subprocess.Popen(
                self.app.command("--multirun", *self.arguments),
                cwd=self.app.directory,
                env=self.app.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _await(self, process: subprocess.Popen[bytes], moment: Moment, share: float) -> None:
        began, lines = time.monotonic(), self._lines()
        if moment is Moment.WHILE_IT_STARTS:
            _wait(process, lambda: self._lines() > lines, self.random.uniform(0.0, self._start_s))
            return
        _wait(process, lambda: self._lines() > lines, _PATIENCE_S)
        self._start_s = time.monotonic() - began
        if moment is Moment.LATER:
            _wait(process, lambda: self._ends() >= share, self.random.uniform(0.0, 1.5 / self._haste))
        elif moment is Moment.AT_A_LINE:
            lines += self.random.randint(1, max(round(20 / self._haste), 4))
            _wait(process, lambda: self._lines() >= lines or self._ends() >= share, 3.0)
        else:
            _wait(process, lambda: self._count(b'"sweep_ended"') > 0, _PATIENCE_S)

    def _lines(self) -> int:
        return self._count(b"\n")

    def _ends(self) -> int:
        return self._count(b'"trial_ended"')

    def _count(self, words: bytes) -> int:
        return self.ledger.read_bytes().count(words) if self.ledger.exists() else 0

    def _printed(self) -> str:
        return (self.app.directory / "printed").read_text(encoding="utf-8", errors="replace")


def _wait(process: subprocess.Popen[bytes], condition: Callable[[], bool], most_s: float) -> None:
    """Until the condition holds, the process has ended, or so many seconds are over."""
    deadline = time.monotonic() + most_s
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)


def _prints(sweep: Path, number: int) -> dict[str, str]:
    """What a trial's directory holds, its result files and what it printed: each file by a hash of its bytes."""
    directory = sweep / str(number)
    found = {}
    for path in [*sorted(directory.rglob("*")), *results_of(sweep, number)]:
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        target = str(path.readlink()) if path.is_symlink() else ""
        found[str(path.relative_to(sweep))] = f"{target} {content}"
    return found


def cut_the_ledger(chaos: Chaos) -> None:
    """Cut it somewhere in its last two lines, but not in its first: at an end of a line, a byte before, or anywhere."""
    data = chaos.ledger.read_bytes()
    if data.count(b"\n") < 3:
        return
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    last_but_one = data[: last - 1].rfind(b"\n") + 1
    places = [last_but_one, last - 1, last, len(data) - 1, chaos.random.randrange(last_but_one, len(data))]
    os.truncate(chaos.ledger, chaos.random.choice(places))


def outcome(sweep: Path) -> dict[str, Any]:
    """What a sweep has come to, but for times, attempts and where it is."""
    with (sweep / "trials.csv").open(encoding="utf-8", newline="") as stream:
        rows = [
            [row[name] for name in ("number", "state", "reason", "value", "x", "y")] for row in csv.DictReader(stream)
        ]
    results = yaml.safe_load((sweep / "optimization_results.yaml").read_text(encoding="utf-8"))
    del results["best_trial"]["dir"]
    best = (sweep / "best" / "azsweep_best.yaml").read_text(encoding="utf-8")
    return {"rows": rows, "results": results, "best": best}


def results_of(sweep: Path, number: int) -> list[Path]:
    """The result files of all attempts of a trial."""
    return list((sweep / ".azsweep" / "trials" / str(number)).glob("*/result.json"))
