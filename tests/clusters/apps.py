"""Hydra apps whose trials are jobs of the tests' own SLURM."""

from __future__ import annotations

import uuid
from pathlib import Path

from azsweep_core.control import ControlDir
from tests.clusters.slurm import Slurm, wait_until
from tests.jobs.conftest import JobApp
from tests.launchers.conftest import LauncherApp
from tests.plugin.conftest import Run

UNTIL_TOLD = """
with (out() / "starts").open("a") as stream:
    stream.write("started\\n")
(out() / "started").write_text("")
while not any((out().parents[1] / each).exists() for each in ("go", f"go-{cfg.x}")):
    time.sleep(0.05)
return cfg.x
"""
"""A task that returns when it is let go."""


class SlurmApp(LauncherApp):
    """An app under hydra-submitit-launcher, whose jobs can be told from all others by their name."""

    def __init__(self, directory: Path, slurm: Slurm) -> None:
        super().__init__(directory, "submitit_slurm")
        self.slurm = slurm
        self.name = f"sweep-{uuid.uuid4().hex[:8]}"

    def command(self, *arguments: str) -> list[str]:
        return super().command(*arguments, f"hydra.launcher.name={self.name}")

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**self.slurm.environment, **more)

    @property
    def queue(self) -> dict[str, str]:
        """Job -> state, of all its jobs in the queue."""
        return self.slurm.queue(self.name)

    @property
    def ledger(self) -> str:
        """What the ledger holds so far."""
        path = self.directory / "sweep" / "sweep.jsonl"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of `trials.csv`."""
        return Run(0, "", "", self.directory / "sweep").trials

    def control(self, trial: int) -> Path:
        """The control directory of the trial's first attempt."""
        return self.directory / "sweep" / ".azsweep" / "trials" / str(trial) / "1"

    def job_of(self, trial: int) -> str:
        """The id of the trial's first job, as soon as its task has begun."""
        control = ControlDir(self.control(trial))
        wait_until(lambda: control.heartbeat() is not None, f"trial {trial} to begin")
        return str(control.job()["slurm_job"])

    def let_go(self, *each: int) -> None:
        """Let trials of UNTIL_TOLD return: those with each of these x, or else all."""
        for name in [f"go-{x}" for x in each] or ["go"]:
            (self.directory / name).touch()


class SlurmJobApp(JobApp, SlurmApp):
    """A job file whose trials are jobs of the tests' own SLURM."""

    def __init__(self, directory: Path, slurm: Slurm) -> None:
        JobApp.__init__(self, directory)
        self.launcher = "submitit_slurm"
        self.slurm = slurm
        self.name = f"sweep-{uuid.uuid4().hex[:8]}"
        self.options += (f"hydra/launcher={self.launcher}", f"hydra.launcher.name={self.name}")

    def command(self, *arguments: str) -> list[str]:
        return JobApp.command(self, *arguments)
