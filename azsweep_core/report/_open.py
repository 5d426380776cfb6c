"""Chooses a sweep's console: lines, or on a terminal that can show it a live display. Writes nothing itself."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Protocol, TextIO

from azsweep_core.events import Event
from azsweep_core.history import History
from azsweep_core.ports import Clock
from azsweep_core.report._console import LogLines, Outlook
from azsweep_core.report._region import is_foreground, open_again

__all__ = ["Console", "open_console", "why_not_live"]


class Console(Protocol):
    """An observer that is also called several times a second, whether or not anything has happened."""

    def notice(self, event: Event, history: History) -> None: ...

    def turn(self) -> None: ...


@contextlib.contextmanager
def open_console(
    mode: str,
    logger: logging.Logger,
    outlook: Outlook,
    clock: Clock,
    *,
    stream: TextIO | None = None,
    history: History | None = None,
) -> Iterator[Console]:
    """The console of a sweep while it runs; nothing of a live display is left on the terminal afterwards.

    Args:
        mode: `live`, `plain`, `none` (no more than warnings and errors), or `auto`: live on a terminal.
        logger: takes the lines.
        stream: the terminal, if it is one; None for what `sys.stdout` is now.
        history: of a sweep that has begun already.
    """
    stream = sys.stdout if stream is None else stream
    why_not = why_not_live(stream, is_wished=mode == "live") if mode in ("auto", "live") else mode
    if mode == "live" and why_not:
        logger.info("console: no live display, for %s; a line an event instead", why_not)
    if not why_not:
        from azsweep_core.report._frame import Scene
        from azsweep_core.report._live import LiveConsole

        lines = LogLines(logger, outlook.max_trials, starts=False)  # the display shows what runs
        with LiveConsole(lines, Scene(outlook, history), clock, stream) as live:
            yield live
        return
    with _warnings_only(logger) if mode == "none" else contextlib.nullcontext():
        yield LogLines(logger, outlook.max_trials)


def why_not_live(stream: TextIO | None, *, is_wished: bool = False) -> str:
    """Why a stream can show no live display, in words; "" if it can.

    Args:
        is_wished: the user wants one wherever that is possible.
    """
    try:
        if stream is None or not stream.isatty():
            return "the output goes to no terminal"
    except ValueError:
        return "the output is closed"
    terminal = os.environ.get("TERM", "")
    if terminal.lower() in ("", "dumb", "unknown"):
        return f"TERM={terminal} cannot move its cursor"
    if os.environ.get("CI") and not is_wished:
        return "CI is set"
    try:
        descriptor = open_again(stream)
    except (OSError, ValueError) as error:
        return f"the terminal cannot be opened ({error})"
    try:
        return "" if is_wished or is_foreground(descriptor) else "it runs in the background"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _warnings_only(logger: logging.Logger) -> Iterator[None]:
    before = logger.level
    logger.setLevel(max(logger.getEffectiveLevel(), logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(before)
