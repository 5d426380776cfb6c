"""The report's page in a real browser: what it draws, and that it asks nobody for anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser import documents
from tests.browser.chromium import Browser
from tests.browser.pages import (
    NO_CHART,
    VIEWS,
    keep_picture,
    look_at,
    look_at_all,
    only_files,
    show,
    text_of,
    traces,
    trials_in,
)

SWEEP = documents.document(200)
TRIALS = SWEEP["trials"]
WITH_VALUE = {trial["number"] for trial in TRIALS if trial["value"] is not None}
ALL = {trial["number"] for trial in TRIALS}


def test_every_view_of_a_sweep_with_all_states_is_drawn(browser: Browser, tmp_path: Path) -> None:
    """Under its title, with every trial that it can hold; without an error and without asking for anything."""
    show(browser, tmp_path, SWEEP)

    assert {trial["state"] for trial in TRIALS} == {"completed", "failed", "timed_out", "terminated", "cancelled"}
    assert look_at_all(browser) == dict.fromkeys(VIEWS, "chart")
    assert {view: text_of(browser, f"#{view} h2") for view in VIEWS} == VIEWS
    assert trials_in(browser, "metrics") == WITH_VALUE
    assert trials_in(browser, "history") == ALL
    assert trials_in(browser, "parallel") == WITH_VALUE
    assert trials_in(browser, "scatter2") == trials_in(browser, "scatter3") == ALL
    assert {trace["type"] for trace in traces(browser, "scatter3")} == {"scatter3d"}
    assert [trace["points"] for trace in traces(browser, "importances")] == [5]
    attempts = sum(len(row) for row in SWEEP["timeline"]["rows"])
    assert sum(trace["points"] for trace in traces(browser, "timeline")) == 2 * attempts  # waiting and running
    assert keep_picture(browser, "report-light", tmp_path).stat().st_size > 100_000
    assert browser.messages() == []
    assert only_files(browser)


def test_a_reader_of_dark_pages_gets_dark_charts(browser_without_webgl: Browser, tmp_path: Path) -> None:
    browser = browser_without_webgl
    browser.prefer(prefers_color_scheme="dark")
    backs = (
        "return [getComputedStyle(document.body).color, document.querySelector('#metrics .plot').layout.paper_bgcolor]"
    )
    show(browser, tmp_path, SWEEP)
    look_at_all(browser)
    dark = browser.run(backs)
    keep_picture(browser, "report-dark", tmp_path)

    browser.run("document.getElementById('theme').click()")

    look_at(browser, "metrics")
    browser.prefer()
    assert dark == ["rgb(232, 237, 242)", "#181f27"]
    assert browser.run(backs) == ["rgb(22, 32, 43)", "#ffffff"]
    assert browser.messages() == []


def test_the_top_says_how_the_sweep_stands_and_how_to_run_the_best_again(
    browser_without_webgl: Browser, tmp_path: Path
) -> None:
    browser = browser_without_webgl
    show(browser, tmp_path, SWEEP, size=NO_CHART)

    assert text_of(browser, "#title") == "multirun/2026-11-22/04-12-15"
    assert re.fullmatch(r"ended at 2026-11-22 \d\d:\d\d:\d\d: all trials are done", text_of(browser, "#state"))
    assert "minimize val_loss" in text_of(browser, "#facts")
    assert "200 of 200 over" in text_of(browser, "#facts")
    assert f"trial {SWEEP['best']['number']}" in text_of(browser, "#best")
    assert SWEEP["best"]["run_again"] in text_of(browser, "#best")
    assert "median_stopping" in text_of(browser, "#specification")


@pytest.mark.parametrize(
    ("stands", "told"),
    [
        pytest.param({"is_final": True}, "ended at 2026-11-22 13:00:40: all are done", id="ended"),
        pytest.param(
            {"state": "interrupted", "state_in_words": "nobody coordinates it"},
            "interrupted, last heard of at 2026-11-22 13:00:40: nobody coordinates it",
            id="interrupted",
        ),
        pytest.param({"state": "running", "state_in_words": "", "ended_s": None}, "running", id="running"),
    ],
)
def test_since_when_is_told_with_its_date_by_the_readers_clock(
    browser_without_webgl: Browser, tmp_path: Path, stands: dict[str, object], told: str
) -> None:
    browser = browser_without_webgl
    ended = {"is_final": False, "state": "ended", "state_in_words": "all are done", "ended_s": 1_795_320_040.0}
    browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})

    show(browser, tmp_path, {**documents.document(1, is_final=False), **ended, **stands}, size=NO_CHART)

    browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})
    assert text_of(browser, "#state") == told
    is_interrupted = stands.get("state") == "interrupted"
    page = text_of(browser, "main")
    assert ("azsweep resume /home/me/digits/multirun/2026-11-22/04-12-15" in page) == is_interrupted
    assert ("not over" in page, "1 running" in page) == (is_interrupted, not is_interrupted)
    assert browser.run("return document.getElementById('follow-label').hidden") == (stands.get("state") != "running")


def test_without_webgl_the_3d_view_says_so_and_the_rest_is_drawn(
    browser_without_webgl: Browser, tmp_path: Path
) -> None:
    browser = browser_without_webgl

    show(browser, tmp_path, SWEEP)

    assert look_at_all(browser) == {**dict.fromkeys(VIEWS, "chart"), "scatter3": "empty"}
    assert "WebGL" in text_of(browser, "#scatter3 .chart")
    assert browser.messages() == []


def test_a_view_that_cannot_be_drawn_says_so_and_costs_no_other(browser_without_webgl: Browser, tmp_path: Path) -> None:
    browser = browser_without_webgl
    importances = {"evaluator": "", "values": [["dropout", None]], "note": ""}

    show(browser, tmp_path, {**documents.document(3), "importances": importances}, size=(1366, 3000))

    drawn = look_at_all(browser)
    assert {view for view, how in drawn.items() if how == "empty"} == {"importances", "scatter3"}
    assert text_of(browser, "#importances .chart").startswith("This view could not be drawn: TypeError")
    assert len(browser.messages()) == 1


def failed_alone() -> dict[str, object]:
    sweep = documents.document(12)
    nothing: dict[str, list[float]] = {"steps": [], "values": [], "times": []}
    for trial in sweep["trials"]:
        trial.update(state="failed", value=None, reports=nothing)
    return {**sweep, "best": None, "best_completed": None, "importances": documents.NO_IMPORTANCES}


def with_parameters(scale: str | None) -> dict[str, object]:
    sweep = documents.document(12)
    known = [parameter for parameter in sweep["parameters"] if parameter["scale"] == scale]
    names = {parameter["key"] for parameter in known}
    for trial in sweep["trials"]:
        trial["parameters"] = {key: value for key, value in trial["parameters"].items() if key in names}
    return {**sweep, "parameters": known, "importances": documents.NO_IMPORTANCES}


@pytest.mark.parametrize(
    ("sweep", "empty"),
    [
        pytest.param({**documents.document(0), "importances": documents.NO_IMPORTANCES}, set(VIEWS), id="no-trial"),
        pytest.param(documents.document(1), set(), id="one-trial"),
        pytest.param(failed_alone(), {"metrics", "parallel", "importances"}, id="all-failed"),
        pytest.param(with_parameters("log"), {"importances"}, id="one-parameter"),
        pytest.param(with_parameters(None), {"parallel", "importances"}, id="no-parameter"),
        pytest.param(documents.document(12, is_final=False), set(), id="running"),
    ],
)
def test_small_sweeps_look_sensible(
    browser_without_webgl: Browser, tmp_path: Path, sweep: dict[str, object], empty: set[str]
) -> None:
    """What cannot be drawn says so in words."""
    browser = browser_without_webgl  # faster, and the same but for one view

    show(browser, tmp_path, sweep, size=(1366, 3000))  # all views at once
    drawn = look_at_all(browser)

    assert {view for view, how in drawn.items() if how == "empty"} == {*empty, "scatter3"}
    assert all(text_of(browser, f"#{view} .chart .empty") for view in empty)
    assert browser.messages() == []
