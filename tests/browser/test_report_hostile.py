"""Whatever parameters, metrics, reasons and paths hold stays text in the report's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import documents
from tests.browser.chromium import Browser
from tests.browser.pages import NO_CHART, VIEWS, look_at_all, only_files, show, text_of

SCRIPT = "<script>window.ran = 1</script>"
IMAGE = "</script></style><img src=x onerror='window.ran = 1'>"
VALUES = [
    SCRIPT, IMAGE, "\"quotes\" 'of' `each` kind &amp; &lt;",
    "<b>bold</b><a href='javascript:window.ran=1'>a</a><br>%{x}",
    "emoji \N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL} \N{PARTY POPPER}", "مرحبا", "turned \u202earound\u202c",
    "x" * 10_000, "control \x00\x1b[31m\n\ttab", "", "$x^2$", "{{data}}",
]  # fmt: skip
NUMBERS = [12345678901234567890123, "NaN", "-inf", 1e300, None, True, [1, {"<b>": "<i>"}], 0.1]
KEYS = ["<i>key</i>", "__proto__", "constructor", "a b&amp;\"'", "k" * 300]


def hostile() -> dict[str, Any]:
    """A sweep in which every text is one of the above."""
    sweep = documents.document(24)
    for number, trial in enumerate(sweep["trials"]):
        trial["parameters"] = {key: VALUES[(number + i) % len(VALUES)] for i, key in enumerate(KEYS)}
        trial["parameters"]["number"] = NUMBERS[number % len(NUMBERS)]
        trial["reason"] = VALUES[number % len(VALUES)]
        trial.update(dir=IMAGE, href="javascript:window.ran=1", run_id=IMAGE, run_url="javascript:window.ran=1")
    parameter = {"kind": "choice", "scale": "category", "choices": VALUES, "low": None, "high": None}
    numeric = {"key": "number", "kind": "uniform", "scale": "linear", "choices": None, "low": 0.0, "high": 1.0}
    best = {
        **sweep["best"],
        "parameters": sweep["trials"][1]["parameters"],
        "overrides": f"app 'x={SCRIPT}'",
        "run_url": IMAGE,
    }
    return {
        **sweep,
        "title": IMAGE,
        "directory": IMAGE,
        "state_in_words": SCRIPT,
        "objective": {"metric": SCRIPT, "goal": "minimize"},
        "parameters": [*({"key": key, **parameter} for key in KEYS), numeric],
        "importances": {"evaluator": IMAGE, "values": [["<i>key</i>", 0.5], ["__proto__", 0.2]], "note": IMAGE},
        "best": best,
        "spec": IMAGE,
        "command": IMAGE,
        "mlflow": {"how_to_open": IMAGE, "run_url": "javascript:window.ran=1"},
    }


def test_nothing_in_the_data_becomes_a_part_of_the_page(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, hostile())
    browser.resize((1366, 3500))

    drawn = look_at_all(browser)

    assert drawn == dict.fromkeys(VIEWS, "chart")
    assert browser.run("return window.ran ?? null") is None
    assert (
        browser.run("return document.querySelectorAll('#report img, #report i, #report b, .plot a[href]').length") == 0
    )
    assert (
        browser.run("return [...document.links].filter((a) => /^javascript/i.test(a.getAttribute('href'))).length") == 0
    )
    assert text_of(browser, "#title") == IMAGE
    assert text_of(browser, "#specification pre") == IMAGE
    names = "return [...document.querySelectorAll('#parallel .xtick text')].map((text) => text.textContent)"
    assert browser.run(names)[:3] == ["<i>key</i>", "__proto__", "constructor"]
    ticks = "return [...document.querySelectorAll('#scatter2 .ytick text')].map((text) => text.textContent)"
    assert "<script>window.ra…" in browser.run(ticks)
    assert "$x^2$" in browser.run(ticks)
    assert browser.messages() == []
    assert only_files(browser)


def test_what_got_into_the_page_all_the_same_could_neither_run_nor_ask(browser: Browser, tmp_path: Path) -> None:
    """Its policy holds even if its scripts were mistaken."""
    show(browser, tmp_path, documents.document(1), size=NO_CHART)

    browser.run("""
        window.refused = [];
        addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        document.body.insertAdjacentHTML("beforeend", `<img src="http://127.0.0.1:9/" onerror="window.ran = 1">`);
        const script = document.createElement("script");
        script.textContent = "window.ran = 2";
        document.body.append(script);
        fetch("http://127.0.0.1:9/").catch(() => {});
    """)

    wanted = ["connect-src", "img-src", "script-src-attr", "script-src-elem"]
    browser.wait_for("arguments[0].every((one) => refused.includes(one))", wanted, seconds=10)
    assert sorted(browser.run("return refused")) == wanted
    assert browser.run("return window.ran ?? null") is None


def panel_of(browser: Browser, number: int) -> dict[str, str]:
    browser.run("document.querySelector(`tr[data-trial='${arguments[0]}'] button`).click()", number)
    pairs = (
        "[...document.querySelectorAll('#trial .values dt')].map((dt) => [dt.innerText, dt.nextSibling.textContent])"
    )
    return dict(browser.run(f"return {pairs}"))


@pytest.fixture(scope="module")
def hostile_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    show(browser, tmp_path_factory.mktemp("hostile"), hostile(), size=NO_CHART)
    return browser


@pytest.mark.parametrize("number", range(len(VALUES)), ids=lambda number: VALUES[number][:12].strip() or "empty")
def test_a_value_is_shown_as_it_is_in_the_open_trial(hostile_page: Browser, number: int) -> None:
    """Only what cannot be seen, or turns its surroundings around, is spelled out."""
    spelled = VALUES[number]
    for unseen in "\u202e\u202c\x00\x1b\t":
        spelled = spelled.replace(unseen, f"\\u{ord(unseen):04x}")

    shown = panel_of(hostile_page, number)

    assert shown["<i>key</i>"] == spelled
    assert list(shown)[:3] == KEYS[:3]
    assert hostile_page.messages() == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0, "12345678901234567890123", id="whole-number-with-all-digits"),
        pytest.param(1, "NaN", id="nan"),
        pytest.param(2, "-inf", id="infinity"),
        pytest.param(4, "null", id="null"),
        pytest.param(5, "true", id="true"),
        pytest.param(6, '[1,{"<b>":"<i>"}]', id="nested"),
    ],
)
def test_values_that_are_no_text_are_shown_in_full(hostile_page: Browser, number: int, text: str) -> None:
    assert panel_of(hostile_page, number)["number"] == text
