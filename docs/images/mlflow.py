"""Makes `docs/images/mlflow.png`: `python -m docs.images.mlflow`, in the checkout, with Debian's chromium installed."""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient
from selenium.webdriver.common.by import By

from azsweep_core.objective import Goal, Objective
from azsweep_core.tracking import MlflowTracker
from azsweep_core.trial import Trial, TrialState
from tests.browser import chromium
from tests.core.tracking.conftest import free_port, running_server

PICTURE = Path(__file__).with_suffix(".png")
SIZE = (1366, 760)
NAMES = "document.querySelectorAll('[role=gridcell] a')"


def main() -> None:
    """Record two sweeps, and take a picture of the later one's trials."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place,
        running_server(Path(place), free_port()) as server,
        chromium.running(Path(place, "browser"), localhost=True) as browser,
    ):
        record(server, "2026-11-21/17-40-02", seed=2)
        record(server, "2026-11-22/04-12-15", seed=3)
        take(browser, server)


def record(server: str, name: str, *, seed: int) -> None:
    """A sweep of twelve trials, some of which were stopped early."""
    rng = random.Random(seed)
    tracker = MlflowTracker(Objective("val_loss", Goal.MINIMIZE), "digits", name, server)
    tracker.start_sweep({"objective": {"goal": "minimize", "primary_metric": "val_loss"}})
    client = MlflowClient(server)
    best: Trial | None = None
    for number in range(12):
        lr = math.exp(rng.uniform(-7, -1.2))
        parameters = {"optimizer": rng.choice(["adam", "sgd"]), "lr": float(f"{lr:.4g}"), "layers": rng.randint(1, 4)}
        value = round(0.05 + 0.04 * (math.log(lr) + 3.4) ** 2 + rng.uniform(0, 0.05), 4)
        run_id, _ = tracker.start_trial(number, parameters)
        client.log_metric(str(run_id), "val_loss", value)
        terminated = value > 0.3
        reason = f"bandit at report 5: {value:g} is worse than 0.2" if terminated else ""
        trial = Trial(
            number=number,
            parameters=parameters,
            attempt=1,
            state=TrialState.TERMINATED if terminated else TrialState.COMPLETED,
            submitted_s=0.0,
            reason=reason,
            mlflow_run_id=run_id,
            value=value,
            ended_s=time.time() + rng.uniform(20, 60),
        )
        tracker.end_trial(trial, {})
        if best is None or best.value is None or value < best.value:
            best = trial
            tracker.note_best(trial)
    tracker.end_sweep(best, failed=False, reason="all 12 trials are done")


def take(browser: chromium.Browser, server: str) -> None:
    """The experiment's page, with the trials below their sweep, their values and parameters."""
    columns = ["metrics.`val_loss`", "params.`optimizer`", "params.`lr`", "params.`layers`", "tags.`azsweep.state`"]
    remembered = {
        "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
        "mlflow.assistant.panelOpen_v1": False,
        'MLflowLocalStorage-1.1-ExperimentPage-["1"]-ReactComponentState': {"selectedColumns": columns},
    }
    browser.open(f"{server}/health")
    for key, value in remembered.items():
        browser.run("localStorage.setItem(arguments[0], arguments[1])", key, json.dumps(value))
    browser.open(f"{server}/#/experiments/1/runs?workflowType=machine_learning", size=SIZE)
    browser.wait_for(f"{NAMES}.length === 2")
    browser.driver.find_element(By.XPATH, "//div[@role='gridcell'][.//a[contains(., '2026-11-22')]]//button").click()
    browser.wait_for(f"{NAMES}.length >= 12")
    browser.wait_for("document.body.innerText.includes('terminated')")
    browser.run("document.activeElement.blur()")
    browser.screenshot(PICTURE)


if __name__ == "__main__":
    main()
