"""Where a trial's process prints: to a file of its attempt. A disk that is full costs what is printed, and no trial."""

from __future__ import annotations

import errno
import faulthandler
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["renew_streams", "write_output_to"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def write_output_to(path: Path) -> None:
    """Append to the file what this process, and whatever it starts, prints from now on; its crash as well."""
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for target in (1, 2):
        os.dup2(output, target)
    os.close(output)
    renew_streams()


def renew_streams() -> None:
    """Give Python streams to the descriptors 1 and 2, whatever it printed to before."""
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    faulthandler.enable(sys.stderr)


def _stream(descriptor: int) -> TextIO:
    raw = _Forgiving(descriptor, "wb", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True)


class _Forgiving(io.FileIO):
    """Loses what finds no room on the disk: a task is not to fail because of what it has to say."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in _NO_ROOM:
                return memoryview(data).nbytes
            raise
