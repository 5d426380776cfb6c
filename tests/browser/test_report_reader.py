"""What the report's reader can do: sort, filter, open, copy, choose; with keys alone; and what a reload keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser import documents
from tests.browser.chromium import Browser
from tests.browser.pages import NO_CHART, column, look_at, show, text_of, trials_in, write

SWEEP = documents.document(200)
TRIALS = SWEEP["trials"]
NAME_AND_OUTLINE = """
    const e = document.activeElement, {view, axis} = e.dataset;
    return [e.id || view || axis || e.value || e.innerText, e === document.body || getComputedStyle(e).outlineStyle];
"""


CHART_WIDTH = "document.querySelector('#scatter2 .main-svg').getBoundingClientRect().width"
ALIGNMENTS = """
    const rows = [document.querySelector('thead tr'), document.querySelector('tbody tr')];
    return rows.map((row) => [...row.cells].map((cell) => getComputedStyle(cell).textAlign));
"""


def press(browser: Browser, *keys: str) -> None:
    browser.driver.switch_to.active_element.send_keys(*keys)


def focus(browser: Browser, selector: str) -> None:
    browser.run("document.querySelector(arguments[0]).focus()", selector)


def click(browser: Browser, selector: str) -> None:
    browser.run("document.querySelector(arguments[0]).click()", selector)


def enter(browser: Browser, words: str) -> None:
    """Put all words into the filter at once."""
    filled = "const f = document.getElementById('filter'); f.value = arguments[0]; f.dispatchEvent(new Event('input'))"
    browser.run(filled, words)


def focused(browser: Browser) -> str:
    """The id of the element with the focus, or what stands in it."""
    return str(browser.run("const e = document.activeElement; return e.id || e.innerText"))


@pytest.fixture(scope="module")
def browser(browser_without_webgl: Browser) -> Browser:
    """Three dimensions, which take long to draw without a GPU, have tests elsewhere."""
    return browser_without_webgl


@pytest.fixture(scope="module")
def reader(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser with the report open, for tests that leave it as it was."""
    show(browser, tmp_path_factory.mktemp("report"), SWEEP, size=NO_CHART)
    return browser


@pytest.mark.parametrize(
    ("words", "keeps"),
    [
        pytest.param("stopping", lambda trial: trial["state"] == "terminated", id="a-word-of-the-reason"),
        pytest.param("trial=7", lambda trial: trial["number"] == 7, id="the-number"),
        pytest.param("optimizer.lr<0.01", lambda trial: trial["parameters"]["optimizer.lr"] < 0.01, id="a-comparison"),
        pytest.param("optimizer=SGD layers=0|2", lambda trial: trial["parameters"]["optimizer"] == "sgd"
                     and trial["parameters"]["layers"] in {0, 2}, id="both-and-either"),
        pytest.param("value<=0.2", lambda trial: trial["value"] is not None and trial["value"] <= 0.2, id="the-value"),
        pytest.param("optimizer.momentum<2", lambda trial: "optimizer.momentum" in trial["parameters"],
                     id="a-parameter-that-not-all-have"),
        pytest.param('"does not fit"', lambda trial: "does not fit" in trial["reason"], id="words-that-hold-together"),
        pytest.param("nobody has this", lambda trial: False, id="nothing"),
    ],
)  # fmt: skip
def test_the_filter_keeps_trials_that_have_every_word(
    reader: Browser, words: str, keeps: Callable[[dict[str, Any]], bool]
) -> None:
    kept = {trial["number"] for trial in TRIALS if keeps(trial)}

    enter(reader, words)

    rows = reader.run("return [...document.querySelectorAll('tr[data-trial]')].map((row) => Number(row.dataset.trial))")
    assert set(rows) <= kept
    assert len(rows) == min(len(kept), 100)
    assert text_of(reader, "#shown") == f"{len(kept)} of 200 trials"
    enter(reader, "")


def test_the_filter_tells_what_it_cannot_compare(reader: Browser) -> None:
    told = {}
    for words in ("nokey<3", "dropout<", "dropout<abc", "dropout<0.1 optimizer=adam plain", '"dropout"<"0.1" "a<b"'):
        enter(reader, words)
        told[words] = text_of(reader, "#filter-trouble")
    enter(reader, "")

    assert "nokey" in told["nokey<3"]
    assert "lacks a value" in told["dropout<"]
    assert "abc” is no number" in told["dropout<abc"]
    fine = ["dropout<0.1 optimizer=adam plain", '"dropout"<"0.1" "a<b"']
    assert [told[words] for words in fine] == ["", ""]
    assert text_of(reader, "#filter-trouble") == ""


def test_states_are_switched_off_and_on(reader: Browser) -> None:
    failed = sum(trial["state"] == "failed" for trial in TRIALS)
    focus(reader, "#states input[value=failed]")

    press(reader, Keys.SPACE)
    without = text_of(reader, "#shown")
    press(reader, Keys.SPACE)

    assert failed > 0
    assert without == f"{200 - failed} of 200 trials"
    assert text_of(reader, "#shown") == ""


def test_the_table_sorts_by_click_and_by_key(reader: Browser) -> None:
    """The best value first, to begin with."""
    best_first = [float(cell) for cell in column(reader, 2) if cell]

    click(reader, "[data-key=number] button")
    numbers = column(reader, 0)
    focus(reader, "[data-key='p:optimizer.lr'] button")
    press(reader, Keys.ENTER)
    upwards = [float(cell) for cell in column(reader, 4)]
    press(reader, Keys.SPACE)
    downwards = [float(cell) for cell in column(reader, 4)]

    assert best_first == sorted(best_first)
    assert numbers == [str(number) for number in range(100)]
    assert upwards == sorted(upwards)
    assert downwards == sorted(downwards, reverse=True)
    assert downwards[0] > upwards[-1]
    sorted_by = "const th = document.querySelector('[aria-sort]'); return [th.dataset.key, th.ariaSort]"
    assert reader.run(sorted_by) == ["p:optimizer.lr", "descending"]


def test_a_long_table_has_pages(reader: Browser) -> None:
    click(reader, "[data-key=number] button")

    focus(reader, "#pages [data-step='1']")
    press(reader, Keys.ENTER)

    assert column(reader, 0) == [str(number) for number in range(100, 200)]
    assert text_of(reader, "#pages span") == "101\N{EN DASH}200 of 200"
    heads, cells = reader.run(ALIGNMENTS)
    assert heads == cells
    assert (heads[2], heads[3], heads[4]) == ("right", "left", "right")  # the value, a name, a number


def test_a_trial_opens_and_closes_by_key(reader: Browser) -> None:
    """The focus goes to it and comes back."""
    number = SWEEP["best"]["number"]
    focus(reader, "#best button.link")

    press(reader, Keys.ENTER)
    opened = (focused(reader), text_of(reader, "#trial"))
    press(reader, Keys.ESCAPE)

    assert opened[0] == "trial-heading"
    assert f"Trial {number}" in opened[1]
    assert str(TRIALS[number]["parameters"]["dropout"]) in opened[1]
    assert reader.run("return document.getElementById('trial').hidden")
    assert focused(reader) == f"trial {number}"


def test_a_copied_command_can_be_pasted(reader: Browser) -> None:
    focus(reader, "#best .copy")

    press(reader, Keys.ENTER)
    reader.wait_for("document.querySelector('#best .copy').textContent === 'Copied'")
    focus(reader, "#filter")
    press(reader, Keys.CONTROL, "v", Keys.NULL)

    assert reader.run("return document.getElementById('filter').value") == SWEEP["best"]["run_again"]
    assert text_of(reader, "#said").startswith("Copied")
    press(reader, Keys.CONTROL, "a", Keys.NULL, Keys.BACKSPACE)


def test_the_tab_key_reaches_everything_and_shows_where_it_is(reader: Browser) -> None:
    visited = []
    focus(reader, ".skip")

    for _ in range(50):
        press(reader, Keys.TAB)
        visited.append(reader.run(NAME_AND_OUTLINE))

    reached = [name for name, _ in visited]
    wanted = ["theme", "Copy", "filter", "failed", "log", "over", "by", "x", "y", "x3", "z3"]
    assert [name for name in wanted if name not in reached] == []
    assert {outline for _, outline in visited if outline is not None} <= {True, "solid", "auto"}


def test_a_reload_keeps_what_was_chosen(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, SWEEP, size=NO_CHART)
    enter(browser, "optimizer=adam")
    click(browser, "[data-key=duration] button")
    click(browser, "#states input[value=failed]")
    click(browser, "tr[data-trial] button")
    click(browser, "#theme")
    browser.run("const s = document.querySelector('[data-axis=x]'); s.value = 'p:dropout'; s.onchange()")
    before = (
        column(browser, 0),
        text_of(browser, "#trial h2"),
        browser.run("return document.documentElement.dataset.theme"),
    )

    browser.driver.refresh()
    browser.wait_for("!document.getElementById('report').hidden")

    after = (
        column(browser, 0),
        text_of(browser, "#trial h2"),
        browser.run("return document.documentElement.dataset.theme"),
    )
    assert after == before
    assert browser.run("return document.querySelector('[data-axis=x]').value") == "p:dropout"


def test_charts_follow_the_filter_and_a_box_over_an_axis_is_one(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, SWEEP, chosen="q=optimizer%3Dadam")
    look_at(browser, "parallel")
    adam = {trial["number"] for trial in TRIALS if trial["parameters"]["optimizer"] == "adam"}
    filtered = set(column(browser, 0))

    plot = browser.driver.find_element("css selector", "#parallel .nsewdrag")
    width, height = plot.size["width"], plot.size["height"]
    at_dropout = width * (0.02 + 4) / 6.04 - width / 2  # the fifth of seven axes
    pointer = ActionChains(browser.driver, duration=20).move_to_element_with_offset(plot, at_dropout - 20, height * 0.2)
    pointer.click_and_hold().move_by_offset(20, 20).move_by_offset(20, int(height * 0.25)).release().perform()

    words = browser.wait_for(
        "document.getElementById('filter').value.includes('dropout') && document.getElementById('filter').value"
    )
    assert words.startswith("optimizer=adam dropout")
    assert filtered == {str(number) for number in adam}
    kept = {int(number) for number in column(browser, 0)}
    assert kept < adam
    assert look_at(browser, "parallel") == "chart"
    faded = "return [...document.querySelectorAll('#parallel .textpoint')]"
    faded += ".filter((e) => getComputedStyle(e).opacity < 1)"
    faded += ".length + [...document.querySelectorAll('#parallel text')].filter((e) => e.style.fillOpacity < 1).length"
    assert browser.run(faded) == 0
    assert trials_in(browser, "parallel") == {number for number in kept if TRIALS[number]["value"] is not None} != set()
    assert browser.messages() == []


def test_a_box_means_what_is_in_it_whatever_it_is_called(browser: Browser, tmp_path: Path) -> None:
    """Values and parameters with characters that mean something in a filter, and a parameter called `value`."""
    sweep = documents.document(12)
    names = ["a|b", 'say "c"', "a", "\\", "", "d e"]
    space = [
        {"key": "value", "kind": "uniform", "scale": "linear", "choices": None, "low": 0.0, "high": 99.0},
        {"key": "x y=", "kind": "choice", "scale": "category", "choices": names, "low": None, "high": None},
    ]
    for number, trial in enumerate(sweep["trials"]):
        trial.update(state="completed", value=1.0 + number, parameters={"value": 50.0, "x y=": names[number % 6]})
    show(browser, tmp_path, {**sweep, "parameters": space, "importances": documents.NO_IMPORTANCES})
    look_at(browser, "parallel")
    box = "document.querySelector('#parallel .plot').emit('plotly_selected', {range: arguments[0]})"

    browser.run(box, {"x": [0.9, 1.1], "y": [-0.1, 0.9]})
    kept = set(column(browser, 0))
    browser.run(box, {"x": [1.9, 2.1], "y": [-0.1, 0.6]})

    assert kept == {str(number) for number in range(12) if number % 6 < 5}
    assert set(column(browser, 0)) == {number for number in kept if float(number) < 7}
    assert text_of(browser, "#shown") == "6 of 12 trials"
    words = browser.run("return document.getElementById('filter').value")
    assert words == '"x y="="a|b"|"say \\"c\\""|a|\\|"" @value<=7.6'
    assert browser.messages() == []


def test_a_click_on_a_chart_opens_the_trial(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, documents.document(1))
    look_at(browser, "scatter2")

    point = browser.driver.find_element("css selector", "#scatter2 .points path")
    ActionChains(browser.driver, duration=20).move_to_element(point).perform()
    browser.run(
        "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )  # has scrolled
    ActionChains(browser.driver, duration=20).move_by_offset(1, 1).perform()
    browser.wait_for("!document.getElementById('tip').hidden")
    told = text_of(browser, "#tip")
    ActionChains(browser.driver).click().perform()

    assert "Trial 0" in told
    assert "optimizer.lr" in told
    browser.wait_for("!document.getElementById('trial').hidden")
    assert text_of(browser, "#trial h2") == "Trial 0"
    browser.wait_for(f"{CHART_WIDTH} < innerWidth / 3")  # half of what the panel leaves


def test_the_page_of_a_running_sweep_reads_itself_anew(browser: Browser, tmp_path: Path) -> None:
    """After twenty seconds without the reader's hand on it, which the test does not wait for."""
    show(browser, tmp_path, documents.document(8, is_final=False), size=NO_CHART)
    facts = text_of(browser, "#facts")
    running = (text_of(browser, "#state"), browser.run("return document.getElementById('follow').checked"))
    write(tmp_path, documents.document(9))

    browser.run("const now = performance.now.bind(performance); performance.now = () => now() + 30000")

    browser.wait_for("document.getElementById('state')?.textContent.startsWith('ended')")
    assert running == ("running", True)
    assert "4 of 58 over, 4 running" in facts
    assert browser.run("return document.getElementById('follow-label').hidden")
