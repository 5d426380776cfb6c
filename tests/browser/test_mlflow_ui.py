"""A sweep in MLflow's own pages: its trials below it, search, comparison, chart, artifacts and the report."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from azsweep_core.objective import Goal, Objective
from azsweep_core.report import RESULTS
from azsweep_core.report._page import page
from azsweep_core.tracking import MlflowTracker
from azsweep_core.trial import Trial, TrialState
from tests.browser.chromium import Browser
from tests.browser.documents import document

NAME = "2026-11-22/18-15-00"
ENDS = (
    (TrialState.COMPLETED, "", 0.75),
    (TrialState.TERMINATED, "bandit: 0.8 is worse than 0.5", 0.8),
    (TrialState.FAILED, "ValueError: no", 0.7),
    (TrialState.TIMED_OUT, "trial_timeout: 60 s", 0.6),
    (TrialState.CANCELLED, "stopped by Ctrl-C", 0.5),
    (TrialState.COMPLETED, "", 0.25),
)
OPTIMIZERS = ("sgd", "adam")
SHOWN = "[...document.querySelectorAll('[role=gridcell] a')].map(link => link.innerText).sort()"
"""Names of the runs in the table; its rows are not in their order in the document."""


@dataclass(frozen=True)
class Sweep:
    """A sweep that is over, on a server."""

    server: str
    tracker: MlflowTracker
    runs: dict[int, str]

    @property
    def experiment(self) -> str:
        return f"{self.server}/#/experiments/{self.tracker.how_to_open.split('/')[-3]}/runs"


def report(run_id: str) -> dict[str, Any]:
    """The data of a report, whose trials all have this run."""
    data = document(40, reports=5)
    trials = [{**trial, "run_url": f"http://127.0.0.1:9/#/runs/{run_id}"} for trial in data["trials"]]
    return {**data, "trials": trials}


@pytest.fixture(scope="module")
def sweep(server: str, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Six trials that ended in every way there is."""
    tracker = MlflowTracker(Objective("loss", Goal.MINIMIZE), "in the browser", NAME, server)
    tracker.start_sweep({"objective": {"goal": "minimize", "primary_metric": "loss"}})
    client, runs = MlflowClient(server), {}
    best: Trial | None = None
    for number, (state, reason, value) in enumerate(ENDS):
        parameters = {"lr": 0.001 * (number + 1), "+optimizer": OPTIMIZERS[number % 2]}
        run_id, _ = tracker.start_trial(number, parameters)
        assert run_id is not None
        runs[number] = run_id
        for step in range(3):
            client.log_metric(run_id, "loss", value + 0.1 * (2 - step), step=step)
        trial = Trial(
            number=number, parameters=parameters, attempt=1, state=state, submitted_s=0.0, mlflow_run_id=run_id
        )
        trial = replace(trial, reason=reason, value=value, ended_s=time.time())
        tracker.end_trial(trial, {})
        if best is None or best.value is None or value < best.value:
            best = trial
            tracker.note_best(trial)
    tracker.end_sweep(best, failed=False, reason="all 6 trials are done")
    directory = tmp_path_factory.mktemp("sweep")
    (directory / "report.html").write_text(page(json.dumps(report(runs[5]))), encoding="utf-8")
    (directory / "trials.csv").write_text("number,state,value\n0,completed,0.75\n", encoding="utf-8")
    tracker.keep(directory, RESULTS)
    return Sweep(server, tracker, runs)


@pytest.fixture
def pages(browser_of_servers: Browser, sweep: Sweep) -> Browser:
    """A browser that remembers nothing, but to keep MLflow's assistant closed, which covers a third of each page."""
    browser_of_servers.open(f"{sweep.server}/health")
    browser_of_servers.run(
        "localStorage.clear();"
        "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');"
        "localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');"
    )
    return browser_of_servers


def element(pages: Browser, xpath: str) -> WebElement:
    return pages.driver.find_element(By.XPATH, xpath)


def search(pages: Browser, expression: str, found: Sequence[int]) -> None:
    """Type it into the search bar, and wait until these trials are left, and their sweep above them."""
    box = element(pages, "//input[@data-testid='search-box']")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(expression or Keys.DELETE, Keys.ENTER)
    names = sorted([NAME, *(f"18-15-00_{number}" for number in found)])
    pages.wait_for(f"JSON.stringify({SHOWN}) === JSON.stringify(arguments[0])", names)


def test_trials_stand_below_their_sweep_are_found_by_what_they_are_and_compared(
    pages: Browser, sweep: Sweep, tmp_path: Path
) -> None:
    pages.open(sweep.experiment)
    pages.wait_for(f"{SHOWN}.length === 1")
    element(pages, f"//div[@role='gridcell'][.//a[contains(., '{NAME}')]]//button").click()
    pages.wait_for(f"{SHOWN}.length === 7")
    pages.screenshot(tmp_path / "trials.png")

    search(pages, "params.optimizer = 'adam'", (5, 3, 1))
    search(pages, "params.lr = '0.004'", (3,))
    search(pages, "tags.\"azsweep.state\" = 'completed'", (5, 0))
    search(pages, "tags.`azsweep.reason` LIKE 'bandit%'", (1,))
    search(pages, "metrics.loss < 0.55 and attributes.status = 'KILLED'", (4,))
    search(pages, "", (5, 4, 3, 2, 1, 0))

    for count, number in enumerate((0, 3, 5), start=1):  # the first one moves the table
        row = f"//div[@role='row'][.//a[.='18-15-00_{number}']]"
        element(pages, f"{row}//input[contains(@aria-label, 'row selection')]").click()
        pages.wait_for(f"document.querySelectorAll('[aria-label$=\"selection (checked)\"]').length === {count}")
    element(pages, "//button[.='Compare']").click()
    pages.wait_for("document.body.innerText.includes('Comparing 3 Runs')")
    for row in (
        "lr\\t0.001\\t0.004\\t0.006",
        "optimizer\\tsgd\\tadam\\tadam",
        "azsweep.state\\tcompleted\\ttimed_out\\tcompleted",
        "loss\\n0.75\\n0.6\\n0.25",
    ):
        pages.wait_for(f"document.body.innerText.includes('{row}')")
    pages.screenshot(tmp_path / "compared.png")


def test_the_link_that_a_sweep_tells_opens_its_page_with_its_chart_and_its_files(
    pages: Browser, sweep: Sweep, tmp_path: Path
) -> None:
    pages.open(sweep.tracker.how_to_open)
    pages.wait_for("document.body.innerText.includes('all 6 trials are done')")
    pages.wait_for("[0, 1, 2, 3, 4, 5].every(n => document.body.innerText.includes(`18-15-00_${n}`))")
    pages.screenshot(tmp_path / "sweep.png")

    element(pages, "//*[@role='tab'][.='Model metrics']").click()
    pages.wait_for("document.body.innerText.includes('best_loss')")
    assert pages.wait_for("document.querySelector('.js-plotly-plot')?.data?.[0]?.y") == [0.75, 0.7, 0.6, 0.5, 0.25]
    pages.screenshot(tmp_path / "best.png")

    element(pages, "//*[@role='tab'][.='Artifacts']").click()
    for name in ("sweep_spec.yaml", "trials.csv", "report.html"):
        pages.wait_for(f"document.body.innerText.includes('{name}')")


def test_the_report_works_in_the_viewer_of_artifacts(pages: Browser, sweep: Sweep, tmp_path: Path) -> None:
    """The viewer is a frame of no origin that may run scripts, but opens nothing and knows no other files."""
    pages.open(f"{sweep.tracker.how_to_open}/artifacts/report.html")
    pages.wait_for("document.querySelector('iframe.mlflow-html-iframe')")
    pages.screenshot(tmp_path / "report.png")
    pages.messages()
    pages.driver.switch_to.frame(element(pages, "//iframe"))

    pages.wait_for("document.body.innerText.includes('40 of 40')")
    run = element(pages, "//*[@id='best']//a[.='MLflow']")
    run.click()
    pages.wait_for("arguments[0].textContent === 'address copied'", run)
    assert pages.run("return [...document.links].filter(link => link.innerText === 'directory').length") == 0

    element(pages, "//input[@id='filter']").send_keys("adam")
    pages.wait_for("/^(?!40)[1-9][0-9]* of 40 trials/.test(document.getElementById('shown').innerText)")
    for box in ("metrics", "history"):
        pages.run(f"document.getElementById('{box}').scrollIntoView()")
        pages.wait_for(f"document.querySelector('#{box} .js-plotly-plot .main-svg')")
    assert pages.messages() == []
    pages.driver.switch_to.default_content()
    pages.screenshot(tmp_path / "charts.png")


def test_a_trial_is_reached_by_its_run_alone(pages: Browser, sweep: Sweep) -> None:
    pages.open(f"{sweep.server}/#/runs/{sweep.runs[3]}")

    pages.wait_for("document.body.innerText.includes('trial_timeout: 60 s')")
    assert pages.run("return location.href") == f"{sweep.experiment}/{sweep.runs[3]}"
