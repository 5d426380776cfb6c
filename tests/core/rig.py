"""Whole sweeps in virtual time, for the tests of the loop: a sampler that counts, and a rig that runs scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azsweep_core.early_termination import Policy
from azsweep_core.history import History
from azsweep_core.ledger import Ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Launch
from azsweep_core.signals import StopSignals
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Observer, Ports, SweepPlan, SweepResult
from azsweep_core.testing.simulation import FakeClock, FakeLauncher, FakeTracker, Script
from azsweep_core.trial import EarlierTrial, Parameters


@dataclass
class CountingSampler:
    """Gives {"x": number}, up to `points` of them."""

    points: int = 10**9

    def ask(self, number: int, history: History) -> Parameters | None:
        return {"x": number} if number < self.points else None


@dataclass
class Rig:
    """Runs sweeps of scripted trials; keeps what was used."""

    directory: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def run(
        self,
        script: Callable[[Launch], Script],
        *,
        limits: Limits | None = None,
        slots: int = 2,
        max_trials: int | None = 5,
        points: int = 10**9,
        policy: Policy | None = None,
        names: tuple[str, ...] = (),
        away: tuple[float, float] = (0.0, 0.0),
        earlier: tuple[EarlierTrial, ...] = (),
        observers: Sequence[Observer] = (),
    ) -> SweepResult:
        self.launcher = FakeLauncher(self.clock, script)
        self.tracker = FakeTracker(self.clock, self.launcher, script)
        self.tracker.names = names
        self.tracker.away = away
        plan = SweepPlan(
            spec={"objective": {"primary_metric": "loss", "goal": "minimize"}},
            objective=Objective("loss", Goal.MINIMIZE),
            limits=limits or Limits(),
            sampler=CountingSampler(points),
            policy=policy,
            max_trials=max_trials,
            slots=slots,
            earlier=earlier,
        )
        with StopSignals() as signals, closing(Ledger(self.directory / "sweep.jsonl")) as ledger:
            ports = Ports(
                launcher=self.launcher,
                tracker=self.tracker,
                ledger=ledger,
                clock=self.clock,
                signals=signals,
            )
            return run_sweep(plan, ports, observers)


def states(result: SweepResult) -> list[str]:
    return [trial.state.value for trial in result.trials]


def returns(value: float, **script: Any) -> Script:
    return Script(returned={"": value}, **script)
