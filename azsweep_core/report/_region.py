"""The last lines of a terminal, drawn again and again, with all that is printed meanwhile above them.

Never hides the cursor and never changes how the terminal is set: whoever is killed leaves nothing to repair.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from types import FrameType

    from typing_extensions import Self

__all__ = ["Line", "Region", "is_foreground", "open_again", "printing_above"]

_TO_START, _CLEAR_BELOW = "\r", "\x1b[J"
_CUT, _WRAP = "\x1b[?7l", "\x1b[?7h"
"""Lines that are longer than the terminal believes, for it counts an emoji otherwise, are cut and not continued."""
_PATIENCE_S = 0.1
"""For a terminal that takes a frame in several pieces; what it has not taken then goes out later."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its styles, and how many cells of the terminal it takes."""

    text: str
    cells: int


class Region:
    """Lines at the cursor, which is left on the empty line below them.

    A process that is in the background, or was forked, prints as if there was no region. Drawing does not wait for a
    terminal that takes no output (Ctrl-S, a stalled connection): no new frame begins before the last one is out.
    Printing above the region waits for it, as printing does without one.

    Args:
        stream: a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._lines: Sequence[Line] = ()
        self._terminal: int | None = None  # where frames go: whoever shares the stream's own would not wait either
        self._unsent = b""
        self._encoding = getattr(stream, "encoding", None) or "ascii"
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
        """Whether the terminal is ours and has taken all that was drawn; gives it what it has not."""
        if os.getpid() != self._pid or self._terminal is None or not is_foreground(self._terminal):
            return False
        if not self._lock.acquire(blocking=False):  # somebody prints, and may have to wait
            return False
        try:
            self._send("", patience_s=0.0)
            return not self._unsent
        finally:
            self._lock.release()

    def show(self, lines: Sequence[Line]) -> None:
        """Draw the lines in the place of those that are there."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self.can_draw():
                self._send(self._up() + _drawn(lines))
                self._lines = lines
        finally:
            self._lock.release()

    def erase(self) -> None:
        """Leave the place as it was found."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            up = self._up()
            if self._lines or self._unsent:
                self._send(up + _CLEAR_BELOW, patience_s=math.inf)
            self._lines = ()

    def print(self, stream: TextIO, text: str) -> None:
        """Write whole lines to a stream that ends in the same terminal, above the region."""
        if os.getpid() != self._pid:
            stream.write(text)
            return
        with self._lock:
            up = self._up()
            if not self._lines and not self._unsent:
                stream.write(text)
                return
            self._send("", patience_s=math.inf)
            if stream is self._stream:
                stream.write(up + _CLEAR_BELOW + text)  # at once, or it would flicker
            else:
                self._send(up + _CLEAR_BELOW, patience_s=math.inf)
                stream.write(text)
            stream.flush()
            self._send(_drawn(self._lines))

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._earlier = signal.signal(signal.SIGCONT, self._go_on)
        with contextlib.suppress(OSError, ValueError):
            self._terminal = open_again(self._stream)
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None
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

    def _send(self, text: str, *, patience_s: float = _PATIENCE_S) -> None:
        """Give the terminal what it takes in this time; one that has gone takes nothing, and stops no sweep."""
        if self._terminal is None:
            return
        self._unsent += text.encode(self._encoding, "replace")
        deadline_s = time.monotonic() + patience_s
        try:
            while self._unsent:
                try:
                    self._unsent = self._unsent[os.write(self._terminal, self._unsent) :]
                except BlockingIOError:
                    left_s = deadline_s - time.monotonic()
                    if left_s <= 0:
                        return
                    select.select([], [self._terminal], [], min(left_s, 1.0))
        except OSError:
            self._unsent = b""


def open_again(stream: TextIO) -> int:
    """A description of a stream's terminal that nobody shares and that never waits.

    Raises:
        OSError, ValueError: if there is none, or this user may not open it.
    """
    return os.open(os.ttyname(stream.fileno()), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)


def is_foreground(descriptor: int) -> bool:
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
            whole, end, rest = (self._rest + text).rpartition("\n")
            self._rest = rest.rpartition("\r")[2]  # of a progress bar the last state
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
