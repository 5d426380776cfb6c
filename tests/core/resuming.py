"""Sweeps in virtual time that are killed and resumed: a ledger that dies, and a rig that goes on with what is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from azsweep_core import attempts
from azsweep_core.early_termination import Policy
from azsweep_core.errors import AzsweepError
from azsweep_core.events import Event
from azsweep_core.history import History
from azsweep_core.ledger import LEDGER, Ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.ports import Launch
from azsweep_core.recovery import unrecorded
from azsweep_core.replay import Recorded, replay
from azsweep_core.samplers import Sampler
from azsweep_core.signals import StopSignals
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Observer, Past, Ports, SweepPlan, SweepResult
from azsweep_core.testing.simulation import FakeClock, FakeLauncher, FakeTracker, Script
from azsweep_core.trial import Trial
from tests.core.rig import CountingSampler


class Killed(BaseException):
    """SIGKILL, as far as one process can show it to itself."""


class DyingLedger(Ledger):
    """Kills the sweep instead of writing one event more than `events`."""

    def __init__(self, path: Path, *, keep: int, events: float) -> None:
        super().__init__(path, keep=keep)
        self._left = events

    def append(self, event: Event) -> None:
        if self._left <= 0:
            raise Killed
        self._left -= 1
        super().append(event)


class FilesLauncher(FakeLauncher):
    """A fake launcher that makes the control directories of its attempts.

    Args:
        refuses: why it cannot take over what an earlier start has left.
    """

    sweep_dir: Path
    refuses: str = ""

    def adopt(self, trials: Sequence[Trial]) -> None:
        if self.refuses:
            raise AzsweepError(self.refuses)
        super().adopt(trials)

    def start(self, launch: Launch) -> None:
        attempts.prepare(self.sweep_dir, launch, None)
        super().start(launch)


@dataclass
class Resuming:
    """One sweep over several starts."""

    directory: Path
    script: Callable[[Launch], Script]
    sampler: Callable[[], Sampler] = CountingSampler
    slots: int = 2
    max_trials: int | None = 5
    limits: Limits = field(default_factory=Limits)
    policy: Policy | None = None
    outlive: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    launcher: FilesLauncher | None = None
    signals: Sequence[str] = ()
    refuses: str = ""
    observers: Callable[[], Sequence[Observer]] = tuple

    def run(self, *, events: float = math.inf, seconds: float = math.inf) -> SweepResult | None:
        """Start, or go on; None if it is killed, after so many events or seconds."""
        until = self.clock.now() + seconds

        def die_in_time() -> None:
            if self.clock.now() >= until:
                raise Killed

        self.directory.mkdir(exist_ok=True)
        launcher = FilesLauncher(self.clock, self.script, outlive=self.outlive, before=self.launcher)
        launcher.sweep_dir, launcher.refuses = self.directory, self.refuses
        self.launcher = launcher
        recorded = replay(self.directory)
        path = self.directory / LEDGER
        if recorded is None:
            path.unlink(missing_ok=True)
        keep = 0 if recorded is None else recorded.size
        with StopSignals() as signals, closing(DyingLedger(path, keep=keep, events=events)) as ledger:
            for name in self.signals:
                signals.note(name)
            ports = Ports(
                launcher=launcher,
                tracker=FakeTracker(self.clock, launcher, self.script),
                ledger=ledger,
                clock=self.clock,
                signals=signals,
                each_turn=die_in_time,
            )
            try:
                return run_sweep(self._plan(recorded), ports, self.observers())
            except Killed:
                return None

    def _plan(self, recorded: Recorded | None) -> SweepPlan:
        past = None
        if recorded is not None:
            lost = tuple(unrecorded(recorded.history, self.directory, self.clock.now()))
            past = Past(recorded=recorded, seen_s=self.clock.now(), unrecorded=lost)
        return SweepPlan(
            spec={"objective": {"primary_metric": "loss", "goal": "minimize"}},
            objective=Objective("loss", Goal.MINIMIZE),
            limits=self.limits,
            sampler=self.sampler(),
            policy=self.policy,
            max_trials=self.max_trials,
            slots=self.slots,
            past=past,
        )

    @property
    def size(self) -> int:
        """Bytes of the ledger."""
        path = self.directory / LEDGER
        return path.stat().st_size if path.exists() else 0

    def cut(self, size: int) -> None:
        """Leave so many bytes of the ledger."""
        path = self.directory / LEDGER
        if path.exists():
            path.write_bytes(path.read_bytes()[:size])


def table(history: History) -> list[tuple[object, ...]]:
    """What must not depend on interruptions."""
    return [(trial.number, trial.state.value, trial.value, dict(trial.parameters)) for trial in history.trials]
