"""The SLURM that `.ci/slurm` starts, as tests see it; never one that this machine has of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / ".ci" / "slurm"
DIRECTORY = Path(os.environ.get("AZSWEEP_SLURM_DIR") or SCRIPT.parents[1] / ".slurm").absolute()
REQUIRED = os.environ.get("AZSWEEP_TEST_SLURM") == "required"


@dataclass(frozen=True)
class Slurm:
    """A running SLURM, with accounting: a node with 8 CPUs and 2 GPUs that are only pretended, and a small second one.

    Jobs in partition debug (the default one) take the place of jobs in low, which are requeued, and in lowcancel, which
    are cancelled. The second node is in partition second, and with the first in both.
    """

    configuration: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be given to use this SLURM."""
        return {"SLURM_CONF": str(self.configuration)}

    def run(self, *command: str) -> str:
        """Run one of SLURM's commands, which must end well, and return what it prints."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        done = subprocess.run(
            command, env={**clean, **self.environment}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def submit(self, script: str, *options: str) -> str:
        """Submit a line of shell, and return the job's number."""
        return self.run("sbatch", "--parsable", "--output=/dev/null", *options, "--wrap", script).strip()

    def queue(self, prefix: str) -> dict[str, str]:
        """Job -> state, of every job and task of an array in the queue whose name starts with this."""
        rows = [line.split(None, 2) for line in self.run("squeue", "-h", "-r", "-o", "%i %T %j").splitlines()]
        return {job: state for job, state, name in rows if name.startswith(prefix)}

    def state(self, job: str) -> str:
        """What accounting says of a job ("CANCELLED by 0" is CANCELLED), "" while it knows nothing of it."""
        return self.run("sacct", "-X", "-n", "-P", "-o", "State", "-j", job).partition(" ")[0].strip()

    def wait_for(self, job: str, state: str, *, timeout_s: float = 30) -> None:
        """Wait until accounting says so."""
        wait_until(lambda: self.state(job) == state, f"job {job} to be {state}", timeout_s=timeout_s)

    def cancel(self, prefix: str) -> None:
        """Cancel what is in the queue under names that start with this."""
        if jobs := self.queue(prefix):
            self.run("scancel", *jobs)

    def kill_second_node(self) -> None:
        """It dies with all that runs on it, like one that loses its power, and SLURM is told at once."""
        for number in (signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL):  # so that none can tell of another's death
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if self._is_on_second_node(process):
                        os.kill(int(process.name), number)
        self.run("scontrol", "update", "NodeName=second", "State=DOWN", "Reason=test")

    def _is_on_second_node(self, process: Path) -> bool:
        """Whether it is one of SLURM's own processes there, or one of a job's."""
        variables = {b"SLURMD_NODENAME=second", f"SLURM_CONF={self.configuration}".encode()}
        is_slurms = (process / "cwd").readlink() == self.configuration.parent / "spool" / "second"
        return is_slurms or variables.issubset((process / "environ").read_bytes().split(b"\0"))

    def bring_up(self) -> None:
        """Start again what is not running, and wait until every node takes jobs."""
        self.run(str(SCRIPT), "up")


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 30) -> None:
    """Look again and again at what real processes do."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def find() -> Slurm | str:
    """The SLURM that `.ci/slurm up` has started, or why there is none."""
    found = Slurm(DIRECTORY / "slurm.conf")
    if not found.configuration.exists():
        return "no SLURM: as root on Debian, `.ci/slurm up` starts one"
    try:
        found.run("sinfo")
    except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
        return f"the SLURM in {DIRECTORY} does not answer (`.ci/slurm up` repairs it): {error}"
    return found
