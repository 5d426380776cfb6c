"""The sweep's append-only record, `sweep.jsonl`: one event a line, by the coordinator alone. Decides nothing."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from azsweep_core._ledger_lines import SCHEMA_VERSION, TornLineError, decode, encode
from azsweep_core.errors import AzsweepError
from azsweep_core.events import Event

__all__ = ["LEDGER", "SCHEMA_VERSION", "Ledger", "LedgerReader", "read_ledger"]

LEDGER = "sweep.jsonl"
"""The name of every sweep's ledger, in the sweep's directory."""


class Ledger:
    """Appends events to the file. A line is whole or, after a crash, the torn last one.

    Args:
        keep: go on with the ledger that is there, of which so many bytes are whole lines; the rest is cut off.
    Raises:
        AzsweepError: if the file is there already: another sweep's record is never continued by mistake.
    """

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        self.path = path
        self._is_synced = True
        self._size = keep
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | (0 if keep else os.O_CREAT | os.O_EXCL), 0o666)
        except FileExistsError:
            raise AzsweepError(
                f"hydra.sweep.dir: must not hold another sweep; got {path.parent}, which has a {path.name}. "
                "Choose another directory, or move that one away."
            ) from None
        if keep:
            os.ftruncate(self._file, keep)

    def append(self, event: Event) -> None:
        """Write the event; durable after the next `sync`.

        Raises:
            OSError: if it cannot be written. Then the ledger is as it was before.
        """
        line = f"{json.dumps(encode(event), allow_nan=False)}\n".encode()
        try:
            written = os.write(self._file, line)
            while written < len(line):  # the disk is full, or nearly so
                written += os.write(self._file, line[written:])
        except OSError:
            with contextlib.suppress(OSError):  # a reader knows a torn line, too
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)
        self._is_synced = False

    def sync(self) -> None:
        """Have every event so far on the disk; costs nothing if they are."""
        if not self._is_synced:
            os.fsync(self._file)
            self._is_synced = True

    def close(self) -> None:
        """Leaves no file without events: no sweep has begun."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        if self._size == 0:
            self.path.unlink()


class LedgerReader:
    """Reads a ledger as it grows, each line once. A torn last line is not there yet.

    `size` is how many bytes of whole lines were read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = 0
        self.size = 0

    def news(self) -> Iterator[Event]:
        """Events that were written since the last call, in order.

        Raises:
            AzsweepError: naming the line, if one cannot be read, or is of a later schema.
            OSError: if the file cannot be read.
        """
        with self._path.open("rb") as stream:
            stream.seek(self.size)
            data = stream.read()
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        for line in lines:
            try:
                event = decode(line)
            except TornLineError as torn:
                if line is lines[-1]:
                    return
                raise self._damaged(line, torn) from torn
            except ValueError as error:
                raise self._damaged(line, error) from error
            self._lines += 1
            self.size += len(line)
            yield event

    def _damaged(self, line: bytes, error: Exception) -> AzsweepError:
        text = line.decode(errors="replace").rstrip("\n")[:80]
        return AzsweepError(f"{self._path}:{self._lines + 1}: must be an event of a sweep; got {text!r} ({error}).")


def read_ledger(path: Path) -> Iterator[Event]:
    """The events of a ledger in order; a torn last line is left out.

    Raises:
        AzsweepError, OSError: as LedgerReader's.
    """
    return LedgerReader(path).news()
