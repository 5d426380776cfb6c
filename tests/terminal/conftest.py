"""Terminals, and an environment that says nothing about them but their kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.plugin.conftest import App
from tests.terminal.screen import Terminal


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "STY", "TTY_COMPATIBLE", "XTERM_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    """Makes terminals of a size."""
    made: list[Terminal] = []

    def make(columns: int = 80, rows: int = 24) -> Terminal:
        made.append(Terminal(columns, rows))
        return made[-1]

    yield make
    for terminal in made:
        terminal.close()


@pytest.fixture
def terminal(open_terminal: Callable[..., Terminal]) -> Terminal:
    """One of 80 columns and 24 rows."""
    return open_terminal()


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)
