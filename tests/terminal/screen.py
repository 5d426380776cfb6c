"""A terminal for tests: a real pseudo-terminal, and an emulator that knows what a person would see on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import pyte

__all__ = ["Terminal"]


class Terminal:
    """A terminal of a size; programs print to `theirs`, and what they print is on the screen at once."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self._ours, self.theirs = pty.openpty()
        self.raw = b""
        self.screen = pyte.Screen(columns, rows)
        self._emulator = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self._marks = 0
        self.resize(columns, rows)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, rows: int) -> None:
        """As a person would, pulling at the window's corner: what is too long is cut."""
        with self._lock:
            fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self.screen.resize(rows, columns)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # closed
                return
            with self._lock:
                self.raw += data
                self._emulator.feed(data)

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without blanks at the ends of lines and below."""
        self._marks += 1
        mark = f"\x1b]2;{self._marks}\x07".encode()
        os.write(self.theirs, mark)
        while mark not in self.raw:  # what was printed before it has come through, too
            time.sleep(0.001)
        with self._lock:
            self.raw = self.raw.replace(mark, b"")
            return "\n".join(line.rstrip() for line in self.screen.display).rstrip().split("\n")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Between Ctrl-S and Ctrl-Q."""
        self.type(b"\x13")
        while select.select([], [self.theirs], [], 0)[1]:
            time.sleep(0.001)
        try:
            yield
        finally:
            self.type(b"\x11")
            assert self.text  # comes through again

    @contextlib.contextmanager
    def unread(self) -> Iterator[None]:
        """As with a connection that stalls: output is taken until all buffers are full."""
        with self._lock:
            yield

    @property
    def settings(self) -> list[Any]:
        """How the terminal is set, apart from what is printed."""
        return termios.tcgetattr(self.theirs)

    def stream(self) -> TextIO:
        """As a program's stdout would be."""
        return os.fdopen(os.dup(self.theirs), "w", encoding="utf-8", buffering=1)

    def wait_for(self, pattern: str) -> None:
        """Until the screen shows it."""
        deadline = time.monotonic() + 60
        while not re.search(pattern, self.text, re.MULTILINE):
            assert time.monotonic() < deadline, f"{pattern} never came:\n{self.text}"
            time.sleep(0.02)

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program in the foreground of the terminal, as a shell starts it; killed if it is there at the end.

        It hears Ctrl-C even if these tests were started as a job in the background, which is deaf to it.
        """
        take_over = (
            "import fcntl,os,signal,sys,termios; signal.signal(signal.SIGINT, signal.SIG_DFL); "
            "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
        )
        with subprocess.Popen(
            [sys.executable, "-c", take_over, *command],
            cwd=cwd,
            env=environment,
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def close(self) -> None:
        os.close(self.theirs)
        self._reader.join()  # with nobody at the other end, it reads an error
        os.close(self._ours)
