"""The report's page in a real browser."""

from __future__ import annotations

from pathlib import Path

from azsweep_core.report._page import page
from tests.browser.chromium import Browser


def test_the_page_opens(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page('{"title": "a<b"}'), encoding="utf-8")

    browser.open(tmp_path / "report.html")

    assert browser.wait_for("document.body.innerText") == '{"title": "a<b"}'
    assert browser.messages() == []
    assert all(url.startswith("file:") for url in browser.requests())
    assert browser.run("return !!document.createElement('canvas').getContext('webgl')")
