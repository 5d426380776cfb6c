"""What is legal but probably not meant: a warning in the log, and the sweep goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.plugin.conftest import App
from tests.plugin.in_process import read, write_app

BAYESIAN = "hydra.sweeper.sampling_algorithm=bayesian"
TRIALS = "hydra.sweeper.limits.max_total_trials="
AT_ONCE = "hydra.sweeper.limits.max_concurrent_trials="
TIMEOUT = "hydra.sweeper.limits.timeout="
TRIAL_TIMEOUT = "hydra.sweeper.limits.trial_timeout="
FOREIGN = "sampling_algorithm: AzureML's bayesian takes only choice, uniform and quniform; got "
CROWDED = "limits.max_concurrent_trials: bayesian learns nothing if "
FEW = "limits.max_total_trials: bayesian wants at least 20 trials for each parameter, "


def warned(app: App, caplog: pytest.LogCaptureFixture, *arguments: str) -> str:
    """What a user reads who runs a multirun with these arguments."""
    caplog.set_level(logging.WARNING, logger="azsweep")
    read(app, *arguments)
    return "\n".join(record.getMessage() for record in caplog.records)


def doubtful(name: str, arguments: Sequence[str] | str, *warnings: str) -> Any:
    given = [arguments] if isinstance(arguments, str) else arguments
    return pytest.param(given, "\n".join(f"Warning: {warning}" for warning in warnings), id=name)


@pytest.mark.parametrize(
    ("arguments", "warnings"),
    [
        doubtful("nothing", "x=uniform(0, 1)"),
        doubtful(
            "bayesian-over-logs",
            ["x=loguniform(-3, 0)", "y=qlognormal(0, 1, 1)", "net.width=4,8", BAYESIAN, f"{TRIALS}60"],
            f"{FOREIGN}loguniform for x, qlognormal for y. It runs here, but not on AzureML.",
        ),
        doubtful(
            "bayesian-over-normals",
            ["x=normal(0, 1)", "y=qnormal(0, 1, 1)", BAYESIAN, f"{TRIALS}60"],
            f"{FOREIGN}normal for x, qnormal for y. It runs here, but not on AzureML.",
        ),
        doubtful("bayesian-as-azureml-has-it", ["x=uniform(0, 1)", "y=quniform(0, 9, 1)", BAYESIAN, f"{TRIALS}40"]),
        doubtful(
            "bayesian-with-few-trials",
            ["x=uniform(0, 1)", "y=1,2", BAYESIAN, f"{TRIALS}39"],
            f"{FEW}40 here; got 39. With fewer, random does about as well.",
        ),
        doubtful("bayesian-over-a-whole-finite-space", ["x=1,2", "y=1,2", BAYESIAN, f"{TRIALS}4"]),
        doubtful(
            "bayesian-with-many-at-once",
            ["x=uniform(0, 1)", BAYESIAN, f"{TRIALS}50", f"{AT_ONCE}21"],
            "limits.max_concurrent_trials: bayesian learns little with more than 20 trials at once; got 21."
            " Fewer at once find better values.",
        ),
        doubtful(
            "more-at-once-than-in-all",
            ["x=uniform(0, 1)", f"{TRIALS}5", f"{AT_ONCE}6"],
            "limits.max_concurrent_trials: is more than limits.max_total_trials, 5; got 6.",
        ),
        doubtful(
            "more-than-azureml-takes",
            ["x=uniform(0, 1)", f"{TRIALS}1001"],
            "limits.max_total_trials: AzureML takes at most 1000 trials; got 1001. It runs here, but not on AzureML.",
        ),
        doubtful(
            "sweep-shorter-than-a-trial",
            ["x=uniform(0, 1)", f"{TIMEOUT}60", f"{TRIAL_TIMEOUT}61"],
            "limits.timeout: is less than limits.trial_timeout, 61; got 60. The sweep ends before such a trial does.",
        ),
        doubtful(
            "less-than-a-minute",
            ["x=uniform(0, 1)", f"{TIMEOUT}59", f"{TRIAL_TIMEOUT}0.5"],
            "limits.timeout: AzureML makes less than 60 seconds into 60; got 59. It is honoured here as it stands.",
            "limits.trial_timeout: AzureML makes less than 60 seconds into 60; got 0.5."
            " It is honoured here as it stands.",
        ),
        doubtful(
            "evaluation-interval-0",
            ["x=uniform(0, 1)", "hydra.sweeper.early_termination={type: median_stopping, evaluation_interval: 0}"],
            "early_termination.evaluation_interval: 0 means 1; got 0. Write 1 to judge a trial at each of its reports.",
        ),
        doubtful(
            "asha-is-ours",
            ["x=uniform(0, 1)", "hydra.sweeper.early_termination={type: asha}"],
            "early_termination.type: AzureML has no asha. It runs here, but not on AzureML.",
        ),
        doubtful(
            "loguniform-of-values",
            "x=loguniform(0.001, 0.1)",
            "search_space.x: loguniform takes exponents, not values; these give 1.001 to 1.10517;"
            " got loguniform(0.001, 0.1). Did you mean loguniform(-6.90776, -2.30259)?",
        ),
        doubtful(
            "qloguniform-of-values",
            "x=qloguniform(0.01, 1, 0.1)",
            "search_space.x: qloguniform takes exponents, not values; these give 1.01005 to 2.71828;"
            " got qloguniform(0.01, 1, 0.1). Did you mean qloguniform(-4.60517, 0.0, 0.1)?",
        ),
        doubtful("loguniform-of-exponents", "x=loguniform(-6.9, -2.3)"),
        doubtful(
            "a-choice-of-one-list",
            "x=choice([16,32])",
            "search_space.x: choice has one value, a list; got choice([16, 32]). Did you mean choice(16, 32)?",
        ),
        doubtful("a-choice-of-lists", "x=[16,32],[64]"),
        doubtful(
            "several",
            ["x=choice([16,32])", "y=loguniform(0.1, 1)", BAYESIAN, f"{TRIALS}2", f"{AT_ONCE}3"],
            "search_space.x: choice has one value, a list; got choice([16, 32]). Did you mean choice(16, 32)?",
            "search_space.y: loguniform takes exponents, not values; these give 1.10517 to 2.71828;"
            " got loguniform(0.1, 1). Did you mean loguniform(-2.30259, 0.0)?",
            f"{FOREIGN}loguniform for y. It runs here, but not on AzureML.",
            f"{FEW}40 here; got 2. With fewer, random does about as well.",
            f"{CROWDED}all 2 trials start before one has ended; got 3. Fewer at once find better values.",
            "limits.max_concurrent_trials: is more than limits.max_total_trials, 2; got 3.",
        ),
        doubtful(
            "all-at-once-as-clusters-have-it",
            [
                "x=uniform(0, 1)",
                BAYESIAN,
                f"{TRIALS}20",
                "hydra/launcher=submitit_slurm",
                "hydra.sweeper.tracking=none",
            ],
            f"{CROWDED}all 20 trials start before one has ended; got 20. Fewer at once find better values.",
        ),
    ],
)
def test_doubts_are_logged_in_words(
    app: App, caplog: pytest.LogCaptureFixture, arguments: Sequence[str], warnings: str
) -> None:
    write_app(app)

    assert warned(app, caplog, *arguments) == warnings


@pytest.mark.parametrize(
    ("branch", "warning"),
    [
        pytest.param(
            {"lr": "uniform(0, 1)"},
            "this text is passed on as it is; got 'uniform(0, 1)'."
            " For an expression write a mapping: {type: uniform, ...}.",
            id="text",
        ),
        pytest.param(
            {"lr": {"type": "unifrom", "min_value": 0, "max_value": 1}},
            "this mapping is passed on as it is; got {'type': 'unifrom', 'min_value': 0, 'max_value': 1}."
            " For an expression write type: uniform.",
            id="misspelt-mapping",
        ),
    ],
)
def test_what_looks_like_an_expression_inside_a_branch_is_doubted(
    app: App, caplog: pytest.LogCaptureFixture, branch: Mapping[str, Any], warning: str
) -> None:
    values = [{"_group_": "adam", **branch}]
    write_app(app, {"search_space": {"optimizer": {"type": "choice", "values": values}}}, groups=True)

    assert warned(app, caplog) == f"Warning: search_space.optimizer.values[0].lr: {warning}"


def test_a_real_multirun_shows_its_doubts_and_runs(app: App) -> None:
    run = app.sweep("x=1,2", "hydra.sweeper.limits={max_total_trials: 1, max_concurrent_trials: 2}")

    assert "] Warning: limits.max_concurrent_trials: is more than limits.max_total_trials, 1; got 2.\n" in run.out
    assert len(run.trials) == 1
