"""A launcher of SLURM jobs whose SLURM starts nothing and whose clock is turned by hand, for tests of its decisions."""

from __future__ import annotations

from pathlib import Path

from azsweep_core.control import ControlDir
from azsweep_core.ports import Launch, TrialReport
from hydra_plugins.hydra_azsweep_sweeper._slurm import SlurmLauncher


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def start(launcher: SlurmLauncher, *numbers: int) -> None:
    for number in numbers:
        launcher.start(Launch(number=number, attempt=1, parameters={"x": number}, environment={}))


def control(tmp_path: Path, number: int) -> ControlDir:
    return ControlDir.of(tmp_path / "sweep", number, 1)


def poll(launcher: SlurmLauncher, clock: Clock, seconds: float) -> list[TrialReport]:
    """All that is reported within that time."""
    until = clock.now + seconds
    reports: list[TrialReport] = []
    while clock.now < until:
        reports += launcher.poll(min(0.2, until - clock.now))
    return reports
