"""What Ray's worker runs for a trial: hands it to a supervisor of its own, and waits. Imports nothing of Hydra's.

A worker has threads and open connections, so no trial is forked from it. The supervisor is a fresh interpreter that
lives as long as the worker: it runs one trial after the other, and is gone as soon as its standard input ends.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import IO

__all__ = ["run_trial"]

_PROGRAM = """
import sys
sys.path[:] = {path!r}
from hydra_plugins.hydra_azsweep_sweeper._ray_job import serve
serve()
"""

_supervisors: dict[str, _Supervisor] = {}
"""The supervisor of this worker, by the sweep that it was started for."""


def run_trial(sweep: str, job: bytes) -> int:
    """Exit status of the trial's process, once nothing of it is left.

    Args:
        sweep: tells this sweep from others that the worker may have served.
        job: a pickled RayJob.
    Raises:
        RuntimeError: if the supervisor was killed; the trial has gone with it.
    """
    import ray

    context = ray.get_runtime_context()
    if sweep not in _supervisors:
        _dismiss_all()
        _supervisors[sweep] = _Supervisor()
    surroundings = {"RAY_ADDRESS": context.gcs_address, **os.environ}
    try:
        return _supervisors[sweep].run(job, surroundings, str(context.get_task_id()))
    except BaseException:  # Ray interrupts the task when somebody cancels it: what it started must not go on
        _dismiss_all()
        raise


def _dismiss_all() -> None:
    for supervisor in _supervisors.values():
        supervisor.dismiss()
    _supervisors.clear()


class _Supervisor:
    """The process, seen by the worker."""

    def __init__(self) -> None:
        program = _PROGRAM.format(path=sys.path)
        self._process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, job: bytes, environment: dict[str, str], task_id: str) -> int:
        try:
            pickle.dump((job, environment, task_id), self._stdin)
            self._stdin.flush()
            status: int = pickle.load(self._stdout)
        except (BrokenPipeError, EOFError):
            raise RuntimeError("the process that watches over the trial is gone") from None
        return status

    def dismiss(self) -> None:
        """Let it kill what it runs, and wait until it has gone."""
        with self._process:  # closes its pipes, and waits
            pass

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout
