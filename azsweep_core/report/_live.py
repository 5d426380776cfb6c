"""The live display: when to draw which lines at the bottom of the terminal. Decides nothing about the sweep."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from rich.console import Console as Terminal
from rich.text import Text

from azsweep_core.events import Event, SweepEnded
from azsweep_core.history import History
from azsweep_core.ports import Clock
from azsweep_core.report._console import LogLines
from azsweep_core.report._frame import Frame, Scene
from azsweep_core.report._region import Line, Region, printing_above

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LiveConsole"]

_DRAW_EVERY_S = 0.2
_CLOCKS_EVERY_S = 1.0
"""If nothing happens, only what has to do with time changes."""
_PAUSE_FOR_EACH_SECOND = 99.0
"""Drawing takes a hundredth of the time at most, however large it is."""
_ROWS_LEFT = 3
"""For lines that are printed above the display, and for the cursor."""


class LiveConsole:
    """Lines as `lines` has them, above a display of the sweep as it is now.

    If it cannot be drawn, that is said once, and only lines follow.

    Args:
        scene: what there is to show already; goes on with what this is told.
        clock: the one whose times the events have.
        stream: a terminal.
    """

    def __init__(self, lines: LogLines, scene: Scene, clock: Clock, stream: TextIO) -> None:
        self._lines = lines
        self._clock = clock
        self._region = Region(stream)
        self._terminal = Terminal(file=stream, highlight=False)
        self._encoding = getattr(stream, "encoding", None) or "ascii"
        columns = os.environ.get("COLUMNS", "")
        self._most_columns = int(columns) if columns.isdecimal() else sys.maxsize
        self._scene = scene
        self._has_news = False
        self._is_on = True
        self._size = (0, 0)
        self._drawn_s = self._may_draw_s = 0.0
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._undo.enter_context(self._region)
        self._undo.enter_context(printing_above(self._region))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def notice(self, event: Event, history: History) -> None:
        if self._is_on:
            self._attempt(lambda: self._scene.notice(event, history))
        self._lines.notice(event, history)
        self._has_news = True
        if isinstance(event, SweepEnded):
            self._may_draw_s = 0.0  # no turn follows, and the results take a moment
        self.turn()

    def turn(self) -> None:
        """Draw the display if there is something new to see."""
        if self._is_on:
            self._attempt(self._draw_if_due)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a display, the sweep goes on
            self._is_on = False
            with contextlib.suppress(Exception):
                self._undo.close()
            self._lines.go_on_alone(f"{type(error).__name__}: {error}")

    def _draw_if_due(self) -> None:
        now = self._clock.now()
        if not self._region.can_draw() or now < self._may_draw_s or self._scene.history is None:
            return
        size = self._region.size()
        if self._has_news or size != self._size or now - self._drawn_s >= _CLOCKS_EVERY_S:
            self._draw(now, size)

    def _draw(self, now: float, size: tuple[int, int]) -> None:
        assert self._scene.history is not None
        columns, rows = size
        frame = Frame(
            self._scene,
            self._scene.history,
            now,
            width=min(columns, self._most_columns) - 1,
            height=max(rows - _ROWS_LEFT, 1),
            ascii_only=not self._encoding.lower().startswith("utf"),
        )
        self._region.show(self._styled(frame.lines()))
        self._size, self._has_news, self._drawn_s = size, False, now
        took_s = self._clock.now() - now
        self._may_draw_s = now + max(_DRAW_EVERY_S, _PAUSE_FOR_EACH_SECOND * took_s)

    def _styled(self, lines: list[Text]) -> list[Line]:
        """The lines with their styles, as far as terminal and user allow, in the terminal's encoding."""
        with self._terminal.capture() as capture:
            self._terminal.print(Text("\n").join(lines), end="", soft_wrap=True)
        text = capture.get().encode(self._encoding, "replace").decode(self._encoding)
        return [Line(styled, line.cell_len) for styled, line in zip(text.split("\n"), lines, strict=True)]
