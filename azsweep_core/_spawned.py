"""What runs in a trial's process that is a fresh interpreter instead of a fork: reads its job and does it."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from typing import NoReturn, TypeVar

from azsweep_core._output import renew_streams
from azsweep_core.errors import AzsweepError

__all__ = ["main", "pickled", "replace_process"]

Payload = TypeVar("Payload")


def pickled(run: Callable[[Payload], object]) -> bytes:
    """`run` as bytes that a fresh interpreter can load; functions of the main program go by value.

    Raises:
        AzsweepError: if it cannot be pickled.
    """
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(run)
    except Exception as error:
        raise AzsweepError(
            "start_method: spawn needs an app that can be pickled; "
            f"got {type(error).__name__}: {error}. Move what cannot be pickled into the task, or use fork."
        ) from error
    return data


def replace_process(run: bytes, payload: object) -> NoReturn:
    """Become a fresh interpreter that calls `run(payload)`; streams, directory and environment stay as they are."""
    with tempfile.TemporaryFile() as file:  # without a name: nobody else can write what is unpickled
        file.write(pickle.dumps((sys.path, sys.argv)) + run + pickle.dumps(payload))
        file.seek(0)
        job = os.dup(file.fileno())
    os.set_inheritable(job, True)
    program = f"import sys; sys.path[:] = {sys.path!r}; from azsweep_core._spawned import main; main({job})"
    os.execv(sys.executable, [sys.executable, "-c", program])


def main(job: int) -> None:
    """The fresh interpreter's program; `job` is the descriptor of what `replace_process` wrote."""
    renew_streams()
    with os.fdopen(job, "rb") as stream:
        sys.path[:], sys.argv[:] = pickle.load(stream)
        run = pickle.load(stream)
        payload = pickle.load(stream)
    run(payload)
