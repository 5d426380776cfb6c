"""The report's page in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

from azsweep_core.report._page import page
from tests.browser import documents
from tests.browser.chromium import Browser


def test_the_page_opens(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page(json.dumps(documents.document(20))), encoding="utf-8")

    browser.open(tmp_path / "report.html")

    assert browser.wait_for("document.querySelector('#metrics .chart')?.dataset.drawn") == "chart"
    assert browser.messages() == []
    assert all(url.startswith("file:") for url in browser.requests())
