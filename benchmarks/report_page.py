"""Report page: how soon report.html can be read in a browser, and how large it is. Prints one table."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from azsweep_core.report._page import page
from benchmarks._table import machine, table
from tests.browser import chromium, documents

_ROUNDS = 5
_PARAMETERS = 10
_REPORTS = 100
_STOPWATCH = """
    window.seen = {};
    new MutationObserver(() => {
        const report = document.getElementById("report");
        if (report && !report.hidden) window.seen.text ??= performance.now();
        const isInSight = (chart) => chart.getBoundingClientRect().top < innerHeight;
        const charts = [...document.querySelectorAll(".chart")].filter(isInSight);
        if (charts.length && charts.every((one) => one.dataset.drawn)) window.seen.charts ??= performance.now();
    }).observe(document, { subtree: true, childList: true, attributes: true });
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small, to see that everything runs")
    is_quick = parser.parse_args().quick
    if (reason := chromium.missing()) is not None:
        print(reason)
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for trials in (20,) if is_quick else (20, 200, 2000):
            path = Path(folder, f"{trials}.html")
            document = documents.document(trials, reports=_REPORTS, parameters=_PARAMETERS)
            path.write_text(page(json.dumps(document)), encoding="utf-8")
            opened = [_open(path, Path(folder, f"{trials}-{i}")) for i in range(1 if is_quick else _ROUNDS)]
            text, charts = ([one[what] / 1000 for one in opened] for what in ("text", "charts"))
            size = f"{path.stat().st_size / 1e6:.1f}"
            rows.append([str(trials), size, f"{median(text):.2f}", f"{median(charts):.2f}", f"{max(charts):.2f}"])
    columns = ["trials", "file, MB", "text, s", "charts, s", "slowest"]
    note = (
        f"{_PARAMETERS} parameters, {_REPORTS} reports a trial. From the start of loading in a window of 1366 x 768: "
        "until summary and table can be read, and until the charts in sight are drawn. A Chromium without window and "
        f"GPU, started anew each time; medians of {_ROUNDS}. {machine()}"
    )
    print(table("Report page: opening it", columns, rows, note))


def _open(path: Path, profile: Path) -> dict[str, Any]:
    """Milliseconds until text and charts, in a browser that has just been started."""
    with chromium.running(profile) as browser:
        browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _STOPWATCH})
        browser.open(path)
        browser.wait_for("window.seen?.charts", seconds=60)
        return dict(browser.run("return window.seen"))


if __name__ == "__main__":
    main()
