"""Local time is UTC in these tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.sweeps import SweepDir
from tests.plugin.conftest import App


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def sweep(tmp_path: Path) -> SweepDir:
    """A sweep of five trials in which nothing has happened yet but its start."""
    made = SweepDir(tmp_path / "sweep")
    made.start()
    return made


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)
