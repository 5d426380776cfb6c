"""Browsers for tests of pages: skipped without Debian's Chromium unless AZSWEEP_TEST_BROWSER=required."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import chromium
from tests.browser.chromium import Browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that reaches nothing but files."""
    need_chromium()
    with chromium.running(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def browser_without_webgl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The same where nothing can be drawn in three dimensions."""
    need_chromium()
    with chromium.running(tmp_path_factory.mktemp("chromium"), webgl=False) as running:
        yield running


@pytest.fixture(scope="module")
def browser_of_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that reaches servers on this machine, and nothing beyond it."""
    need_chromium()
    with chromium.running(tmp_path_factory.mktemp("chromium"), localhost=True) as running:
        yield running


def need_chromium() -> None:
    reason = chromium.missing()
    if reason is not None:
        (pytest.fail if chromium.REQUIRED else pytest.skip)(reason)
