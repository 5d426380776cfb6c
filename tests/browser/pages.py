"""What tests do with a report's page: open it, bring views into sight, ask what charts and table hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from azsweep_core.report._page import page
from tests.browser.chromium import Browser

VIEWS = {
    "metrics": "Metrics",
    "history": "Optimisation history",
    "parallel": "Parallel coordinates",
    "scatter2": "2-D scatter",
    "scatter3": "3-D scatter",
    "importances": "Parameter importances",
    "timeline": "Timeline",
}
CHARTS = """
    const plot = document.querySelector(`#${arguments[0]} .plot`);
    return plot.data.map(({type, customdata, x, hoverinfo}) => (
        {type, trials: customdata ?? [], points: x.length, isFaint: hoverinfo === "skip"}
    ));
"""


def write(directory: Path, document: dict[str, Any]) -> Path:
    path = directory / "report.html"
    path.write_text(page(json.dumps(document)), encoding="utf-8")
    return path


def show(
    browser: Browser,
    directory: Path,
    document: dict[str, Any],
    *,
    chosen: str = "",
    size: tuple[int, int] = (1366, 768),
) -> None:
    """Open the report and wait until it can be read. In a window that no chart comes near, none is drawn."""
    address = write(directory, document).as_uri()
    browser.open(f"{address}#{chosen}" if chosen else address, size=size)
    browser.wait_for("!document.getElementById('report').hidden")


NO_CHART = (1366, 120)


def look_at(browser: Browser, view: str) -> str:
    """Bring the view into sight and wait for it: "chart" or "empty"."""
    browser.run("document.getElementById(arguments[0]).scrollIntoView({behavior: 'instant', block: 'center'})", view)
    return str(browser.wait_for("document.querySelector(`#${arguments[0]} .chart`).dataset.drawn", view))


def look_at_all(browser: Browser) -> dict[str, str]:
    return {view: look_at(browser, view) for view in VIEWS}


def traces(browser: Browser, view: str) -> list[dict[str, Any]]:
    """What the chart is made of: type, number of points, the trial of each, whether they stand in the back."""
    return list(browser.run(CHARTS, view))


def trials_in(browser: Browser, view: str) -> set[int]:
    """The trials that are drawn, without those in the back, which a filter leaves out."""
    inside = (trace["trials"] for trace in traces(browser, view) if not trace["isFaint"])
    return {trial for trials in inside for trial in trials if trial is not None}


def column(browser: Browser, place: int) -> list[str]:
    """The cells of the table's n-th column, from the top."""
    script = "return [...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[arguments[0]].innerText)"
    return list(browser.run(script, place))


def text_of(browser: Browser, selector: str) -> str:
    return str(browser.run("return document.querySelector(arguments[0]).innerText", selector))


def keep_picture(browser: Browser, name: str, directory: Path) -> Path:
    """The whole page as a picture, in the folder that AZSWEEP_TEST_ARTEFACTS names or beside the page."""
    folder = os.environ.get("AZSWEEP_TEST_ARTEFACTS")
    return browser.screenshot((Path(folder) if folder else directory) / f"{name}.png")


def only_files(browser: Browser) -> bool:
    """Whether the page has asked for nothing but itself."""
    return all(address.startswith(("file:", "data:", "blob:")) for address in browser.requests())
