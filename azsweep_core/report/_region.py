"""The last lines of a terminal, drawn again and again, with all that is printed meanwhile above them.

Never hides the cursor and never changes how the terminal is set: whoever is killed leaves nothing to repair.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from types import FrameType

    from typing_extensions import Self

__all__ = ["Line", "Region", "printing_above"]

_TO_START, _CLEAR_BELOW = "\r", "\x1b[J"
_CUT, _WRAP = "\x1b[?7l", "\x1b[?7h"
"""Lines that are longer than the terminal believes, for it counts an emoji otherwise, are cut and not continued."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its styles, and how many cells of the terminal it takes."""

    text: str
    cells: int


class Region:
    """Lines at the cursor, which is left on the empty line below them.

    A process that is in the background, or was forked, prints as if there was no region; a terminal that takes no
    output at the moment (Ctrl-S) is not waited for.

    Args:
        stream: a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._lines: Sequence[Line] = ()
        self._is_new_place = False
        cuts_lines = "XTERM_VERSION" in os.environ or "STY" in os.environ or os.environ.get("TERM") == "linux"
        self._breaks_lines = not cuts_lines  # when the window becomes narrower
        self._earlier: Any = None

    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal; (80, 24) where it does not say."""
        try:
            columns, rows = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            columns = rows = 0
        return columns or 80, rows or 24

    def can_draw(self) -> bool:
        """Whether the terminal is ours and takes output."""
        if os.getpid() != self._pid:
            return False
        try:
            descriptor = self._stream.fileno()
            return _is_foreground(descriptor) and bool(select.select([], [descriptor], [], 0)[1])
        except (OSError, ValueError):  # it is closed
            return False

    def show(self, lines: Sequence[Line]) -> None:
        """Draw the lines in the place of those that are there."""
        with self._lock:
            if not self.can_draw():
                return
            self._write(self._up() + _drawn(lines))
            self._lines = lines

    def erase(self) -> None:
        """Leave the place as it was found."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            up = self._up()
            if self._lines:
                self._write(up + _CLEAR_BELOW)
            self._lines = ()

    def print(self, stream: TextIO, text: str) -> None:
        """Write whole lines to a stream that ends in the same terminal, above the region."""
        if os.getpid() != self._pid:
            stream.write(text)
            return
        with self._lock:
            up = self._up()
            if not self._lines:
                stream.write(text)
                return
            if stream is self._stream:
                stream.write(up + _CLEAR_BELOW + text + _drawn(self._lines))
                stream.flush()
                return
            self._write(up + _CLEAR_BELOW)
            stream.write(text)
            stream.flush()
            self._write(_drawn(self._lines))

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._earlier = signal.signal(signal.SIGCONT, self._go_on)
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()
        if self._earlier is not None:
            signal.signal(signal.SIGCONT, self._earlier)

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        """After Ctrl-Z the cursor is where the shell has left it."""
        self._is_new_place = True
        if callable(self._earlier):
            self._earlier(number, frame)

    def _up(self) -> str:
        """To the first of the lines that are on the terminal, which may have become narrower meanwhile."""
        if self._is_new_place:
            self._is_new_place = False
            self._lines = ()
        columns = self.size()[0] if self._breaks_lines else sys.maxsize
        rows = sum(max(-(-line.cells // columns), 1) for line in self._lines)
        return _TO_START + (f"\x1b[{rows}A" if rows else "")

    def _write(self, text: str) -> None:
        """A terminal that has gone takes nothing any more, and stops no sweep."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def _is_foreground(descriptor: int) -> bool:
    """Whether the shell has not put this process aside; where there is none, it cannot have."""
    try:
        group = os.tcgetpgrp(descriptor)
    except OSError:
        return True
    return group in (0, os.getpgrp())  # 0 is a group of another container's


def _drawn(lines: Sequence[Line]) -> str:
    return _CUT + "".join(f"\x1b[2K{line.text}\r\n" for line in lines) + _CLEAR_BELOW + _WRAP


class _Above:
    """A stream whose lines are printed above a region as soon as they are whole; all else is the stream's own."""

    def __init__(self, stream: TextIO, region: Region) -> None:
        self._stream = stream
        self._region = region
        self._rest = ""
        self._is_given_back = False
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        if self._is_given_back:
            return self._stream.write(text)
        with self._lock:
            whole, end, self._rest = (self._rest + text).rpartition("\n")
        if end:
            self._region.print(self._stream, whole + end)
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        self.write("".join(lines))

    def give_back(self) -> None:
        """Write what has no end yet; from now on everything goes straight to the stream."""
        with self._lock:
            rest, self._rest = self._rest, ""
            self._is_given_back = True
        if rest:
            self._stream.write(rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printing_above(region: Region) -> Iterator[None]:
    """Whatever prints to a terminal through `sys.stdout`, `sys.stderr` or a log handler prints above the region.

    Files are left alone. Everybody gets their own stream back, unless they have chosen another one meanwhile.
    """
    stdout, stderr = sys.stdout, sys.stderr
    above: dict[int, TextIO] = {}

    def over(stream: TextIO) -> TextIO:
        return above.setdefault(id(stream), cast(TextIO, _Above(stream, region)))

    handlers = [(handler, handler.stream) for handler in _handlers() if _is_terminal(handler.stream)]
    for handler, stream in handlers:
        handler.setStream(over(stream))
    sys.stdout, sys.stderr = (over(stream) if _is_terminal(stream) else stream for stream in (stdout, stderr))
    try:
        yield
    finally:
        region.erase()
        for handler, stream in handlers:
            if handler.stream is above.get(id(stream)):
                handler.setStream(stream)
        sys.stdout = stdout if sys.stdout is above.get(id(stdout)) else sys.stdout
        sys.stderr = stderr if sys.stderr is above.get(id(stderr)) else sys.stderr
        for each in above.values():
            with contextlib.suppress(OSError, ValueError):
                cast(_Above, each).give_back()


def _handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    """Handlers of all loggers that write to a stream of their own."""
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    found = {id(handler): handler for logger in (logging.root, *named) for handler in logger.handlers}
    for handler in found.values():
        if isinstance(handler, logging.StreamHandler) and "stream" in vars(handler):  # else sys.stderr, as it is then
            yield handler


def _is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)
    try:
        return bool(isatty and isatty())
    except ValueError:  # it is closed
        return False
