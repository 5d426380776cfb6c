"""Limits hold in whole sweeps: how many trials at once, how much failure, how many attempts."""

from __future__ import annotations

import json

import pytest

from tests.launchers.conftest import LauncherApp

WORKER = """
began = time.monotonic()
(out() / "started").write_text("")
while len(list(out().parent.glob("*/started"))) < 3 and time.monotonic() < began + 60:
    time.sleep(0.02)  # the first three wait for each other, however long a start takes
time.sleep(0.1 + 0.1 * (cfg.x % 4))
(out() / "interval.json").write_text(json.dumps([began, time.monotonic()]))
return cfg.x
"""


def test_as_many_trials_as_allowed_run_at_once_and_never_more(any_app: LauncherApp) -> None:
    any_app.write(WORKER, {"x": 0})

    run = any_app.sweep("x=range(9)", "hydra.sweeper.limits.max_concurrent_trials=3")

    intervals = [json.loads(path.read_text()) for path in run.sweep.glob("*/interval.json")]
    edges = sorted([(began, 1) for began, _ in intervals] + [(ended, -1) for _, ended in intervals])
    at_once = [sum(step for _, step in edges[: index + 1]) for index in range(len(edges))]
    assert len(intervals) == 9
    assert max(at_once) == 3


def test_failing_alike_ends_the_sweep_early_and_says_why(app: LauncherApp) -> None:
    app.write("raise RuntimeError('no data')", {"x": 0})

    run = app.run("--multirun", "x=range(50)", "hydra.sweeper.limits.max_concurrent_trials=1")

    assert run.code == 1
    assert len(run.trials) == 3
    assert "RuntimeError: no data" in run.err
    assert "The sweep was stopped" in run.err


@pytest.mark.parametrize(
    ("limits", "failing", "trials", "stop_reason"),
    [
        pytest.param("fail_fast: 0", "True", 14, "all 14 trials are done", id="fail_fast off"),
        pytest.param(
            "fail_fast: 0, max_failed_trials: 2",
            "cfg.x % 2 == 0",
            5,
            "3 trials failed, more than limits.max_failed_trials = 2",
            id="max_failed_trials",
        ),
        pytest.param(
            "max_failure_rate: 0.5",
            "cfg.x > 3",
            10,
            "6 of 10 trials failed, more than limits.max_failure_rate = 0.5",
            id="max_failure_rate, of the whole sweep, from its 10th trial",
        ),
        pytest.param("max_failure_rate: 0.5", "cfg.x % 2", 14, "all 14 trials are done", id="max_failure_rate held"),
    ],
)
def test_failures_stop_a_sweep_only_as_its_limits_say(
    app: LauncherApp, limits: str, failing: str, trials: int, stop_reason: str
) -> None:
    app.write(f"if {failing}: raise ValueError('no data')\nreturn 1.0", {"x": 0})

    run = app.run(
        "--multirun",
        "x=range(14)",
        "hydra.sweeper.sampling_algorithm=grid",
        f"hydra.sweeper.limits={{max_concurrent_trials: 1, {limits}}}",
    )

    assert run.results["stop_reason"] == stop_reason
    assert len(run.trials) == trials
    assert run.code == (0 if stop_reason.startswith("all") and failing != "True" else 1)


class TestRetries:
    """What the infrastructure lost runs again; what the task did itself does not."""

    def test_a_launcher_that_fails_once_costs_an_attempt(self, some_app: LauncherApp) -> None:
        run = some_app.sweep("x=1,2", "hydra.launcher.refusals=1")

        assert [(row["state"], row["attempt"]) for row in run.trials] == [("completed", "2")] * 2
        assert "attempt lost, will run again: the launcher failed before the task began" in run.text

    def test_after_max_retries_the_trial_fails_with_the_launchers_words(self, some_app: LauncherApp) -> None:
        run = some_app.run(
            "--multirun", "x=1,2", "hydra.launcher.refusals=9", "hydra.sweeper.limits={max_retries: 2, fail_fast: 0}"
        )

        words = "lost 3 times: the launcher failed before the task began: RuntimeError: no node is free"
        assert run.code == 1
        assert [(row["state"], row["attempt"], row["reason"]) for row in run.trials] == [("failed", "3", words)] * 2

    def test_max_total_trials_counts_trials_not_attempts(self, some_app: LauncherApp) -> None:
        run = some_app.sweep("x=1,2,3,4", "hydra.launcher.refusals=1", "hydra.sweeper.limits.max_total_trials=3")

        assert [row["number"] for row in run.trials] == ["0", "1", "2"]


@pytest.fixture
def some_app(app: LauncherApp) -> LauncherApp:
    app.launcher = "some"
    return app
