"""Settings of `hydra.sweeper` that cannot be run: refused before anything is written, in words that say what to do."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import App
from tests.plugin.in_process import HYDRAS_HINT, assert_refused, refuse, refused, write_app

REFUSED = [
    refused(
        "unknown",
        "sampling_algorithm=grd",
        "sampling_algorithm: must be one of random, grid, bayesian; got grd. Did you mean grid?",
    ),
    refused(
        "unknown-type",
        "sampling_algorithm={type: foo}",
        "sampling_algorithm.type: must be one of random, grid, bayesian; got foo.",
    ),
    refused("empty", "sampling_algorithm=''", "sampling_algorithm: must be one of random, grid, bayesian; got ''."),
    refused(
        "list",
        "sampling_algorithm=[grid]",
        "sampling_algorithm: must be one of random, grid, bayesian; got ['grid']. Did you mean grid?",
    ),
    refused(
        "unknown-key",
        "sampling_algorithm={type: random, sed: 1}",
        "sampling_algorithm.sed: unknown key. Did you mean seed?",
    ),
    refused(
        "seed-no-number",
        "sampling_algorithm={type: random, seed: a}",
        "sampling_algorithm.seed: must be a whole number; got a.",
    ),
    refused(
        "seed-of-grid",
        "sampling_algorithm={type: grid, seed: 1}",
        "sampling_algorithm.seed: grid has no seed; got 1. Leave it out; it is for random and bayesian.",
    ),
    refused(
        "rule-of-bayesian",
        "sampling_algorithm={type: bayesian, rule: sobol}",
        "sampling_algorithm.rule: bayesian has no rule; got sobol. Leave it out; it is for random.",
    ),
    refused(
        "unknown-rule",
        "sampling_algorithm={type: random, rule: sobl}",
        "sampling_algorithm.rule: must be one of random, sobol; got sobl. Did you mean sobol?",
    ),
    refused(
        "logbase-1",
        "sampling_algorithm={type: random, logbase: 1}",
        "sampling_algorithm.logbase: must be greater than 0 and not 1; got 1. Leave it out for e.",
    ),
    refused(
        "logbase-0",
        "sampling_algorithm={type: random, logbase: 0}",
        "sampling_algorithm.logbase: must be greater than 0 and not 1; got 0. Leave it out for e.",
    ),
    refused(
        "logbase-negative",
        "sampling_algorithm={type: random, logbase: -2}",
        "sampling_algorithm.logbase: must be greater than 0 and not 1; got -2. Leave it out for e.",
    ),
    refused(
        "logbase-no-number",
        "sampling_algorithm={type: random, logbase: ten}",
        "sampling_algorithm.logbase: must be a positive number or e; got ten.",
    ),
    refused("no-objective", "objective=null", "objective: must name a primary_metric and a goal."),
    refused(
        "objective-empty",
        "objective={primary_metric: null, goal: null}",
        "objective: must name a primary_metric and a goal.",
    ),
    refused(
        "objective-no-mapping",
        "objective=loss",
        "objective: must be a mapping; got loss. It may hold primary_metric, goal.",
    ),
    refused("no-goal", "objective.goal=null", "objective.goal: must be minimize or maximize; got null."),
    refused(
        "goal-misspelt",
        "objective.goal=min",
        "objective.goal: must be minimize or maximize; got min. Did you mean minimize?",
    ),
    refused(
        "goal-unknown",
        "objective.goal=up",
        "objective.goal: must be minimize or maximize; got up. Known: minimize, maximize.",
    ),
    refused(
        "no-metric",
        "objective.primary_metric=null",
        "objective.primary_metric: must name the metric that the task logs.",
    ),
    refused(
        "metric-empty",
        "objective.primary_metric=''",
        "objective.primary_metric: must name the metric that the task logs; got ''.",
    ),
    refused("metric-no-text", "objective.primary_metric=3", "objective.primary_metric: must be text; got 3."),
    refused(
        "metric-missing",
        "objective.primary_metric=???",
        "hydra.sweeper.objective.primary_metric: must be given; got ???.",
    ),
    refused(
        "objective-unknown-key", "objective.metric=loss", "objective.metric: unknown key. Did you mean primary_metric?"
    ),
    refused("no-trials", "limits.max_total_trials=0", "limits.max_total_trials: must be at least 1; got 0."),
    refused(
        "trials-fraction", "limits.max_total_trials=2.5", "limits.max_total_trials: must be a whole number; got 2.5."
    ),
    refused(
        "trials-no-number", "limits.max_total_trials=many", "limits.max_total_trials: must be a whole number; got many."
    ),
    refused(
        "none-at-once", "limits.max_concurrent_trials=0", "limits.max_concurrent_trials: must be at least 1; got 0."
    ),
    refused(
        "timeout-0",
        "limits.timeout=0",
        "limits.timeout: must be greater than 0 seconds; got 0. Leave it out for no limit.",
    ),
    refused(
        "timeout-negative",
        "limits.timeout=-1",
        "limits.timeout: must be greater than 0 seconds; got -1. Leave it out for no limit.",
    ),
    refused(
        "timeout-with-unit",
        "limits.timeout=2h",
        "limits.timeout: must be a number of seconds; got 2h. Two hours, for instance, are 7200.",
    ),
    refused(
        "timeout-infinite",
        "limits.timeout=inf",
        "limits.timeout: must be a number of seconds; got inf. Two hours, for instance, are 7200.",
    ),
    refused(
        "trial-timeout-0",
        "limits.trial_timeout=0",
        "limits.trial_timeout: must be greater than 0 seconds; got 0. Leave it out for no limit.",
    ),
    refused(
        "rate-above-1",
        "limits.max_failure_rate=2",
        "limits.max_failure_rate: must be between 0 and 1; got 2. 1 means never stop.",
    ),
    refused("fail-fast-negative", "limits.fail_fast=-1", "limits.fail_fast: must be at least 0; got -1."),
    refused("limit-unknown", "limits.max_trials=3", "limits.max_trials: unknown key. Did you mean max_total_trials?"),
    refused(
        "limits-no-mapping",
        "limits=20",
        "limits: must be a mapping; "
        "got 20. It may hold max_total_trials, max_concurrent_trials, timeout, trial_timeout, max_retries, "
        "max_failed_trials, max_failure_rate, fail_fast.",
    ),
    refused(
        "policy-name-alone",
        "early_termination=bandit",
        "early_termination: must be a mapping with a type; "
        "got bandit. For instance {type: median_stopping, delay_evaluation: 5}.",
    ),
    refused(
        "policy-off",
        "early_termination=false",
        "early_termination: must be a mapping with a type; "
        "got false. For instance {type: median_stopping, delay_evaluation: 5}.",
    ),
    refused(
        "policy-empty",
        "early_termination={}",
        "early_termination.type: must be one of bandit, median_stopping, truncation_selection, asha; "
        "got null. Known: bandit, median_stopping, truncation_selection, asha.",
    ),
    refused(
        "policy-unknown",
        "early_termination={type: hyperband}",
        "early_termination.type: must be one of bandit, median_stopping, truncation_selection, asha; "
        "got hyperband. Known: bandit, median_stopping, truncation_selection, asha.",
    ),
    refused(
        "policy-misspelt",
        "early_termination={type: bandt}",
        "early_termination.type: must be one of bandit, median_stopping, truncation_selection, asha; "
        "got bandt. Did you mean bandit?",
    ),
    refused(
        "bandit-no-slack",
        "early_termination={type: bandit}",
        "early_termination: bandit needs exactly one of slack_factor and slack_amount; got neither.",
    ),
    refused(
        "bandit-both",
        "early_termination={type: bandit, slack_factor: 0.1, slack_amount: 1}",
        "early_termination: bandit needs exactly one of slack_factor and slack_amount; "
        "got slack_factor=0.1 and slack_amount=1.",
    ),
    refused(
        "bandit-factor-negative",
        "early_termination={type: bandit, slack_factor: -0.1}",
        "early_termination.slack_factor: must be at least 0; got -0.1.",
    ),
    refused(
        "bandit-amount-negative",
        "early_termination={type: bandit, slack_amount: -1}",
        "early_termination.slack_amount: must be at least 0; got -1.",
    ),
    refused(
        "bandit-misspelt",
        "early_termination={type: bandit, slack_facto: 0.1}",
        "early_termination.slack_facto: unknown key. Did you mean slack_factor?",
    ),
    refused(
        "truncation-without-percentage",
        "early_termination={type: truncation_selection}",
        "early_termination.truncation_percentage: is required for truncation_selection; got null.",
    ),
    refused(
        "truncation-0",
        "early_termination={type: truncation_selection, truncation_percentage: 0}",
        "early_termination.truncation_percentage: must be between 1 and 99; got 0.",
    ),
    refused(
        "truncation-100",
        "early_termination={type: truncation_selection, truncation_percentage: 100}",
        "early_termination.truncation_percentage: must be between 1 and 99; got 100.",
    ),
    refused(
        "median-with-slack",
        "early_termination={type: median_stopping, slack_factor: 1}",
        "early_termination.slack_factor: unknown key. Known: type, evaluation_interval, delay_evaluation.",
    ),
    refused(
        "evaluation-interval-negative",
        "early_termination={type: median_stopping, evaluation_interval: -1}",
        "early_termination.evaluation_interval: must be at least 0; got -1.",
    ),
    refused(
        "delay-negative",
        "early_termination={type: median_stopping, delay_evaluation: -1}",
        "early_termination.delay_evaluation: must be at least 0; got -1.",
    ),
    refused(
        "truncation-no-boolean",
        "early_termination={type: truncation_selection, truncation_percentage: 9, exclude_finished_jobs: 1}",
        "early_termination.exclude_finished_jobs: must be true or false; got 1.",
    ),
    refused(
        "asha-settings",
        "early_termination={type: asha, grace_period: 0, reduction_factor: 1}",
        "early_termination.grace_period: must be at least 1; got 0.",
        "early_termination.reduction_factor: must be greater than 1; got 1. With 4, one trial of four goes on.",
    ),
    refused("tracking-unknown", "tracking=mlfow", "tracking: must be mlflow or none; got mlfow."),
    refused("tracking-null", "tracking=null", "tracking: must be mlflow or none; got null."),
    refused("experiment-no-text", "experiment_name=3", "experiment_name: must be text; got 3. Write '3' in quotes."),
    refused("grace-negative", "stop_grace=-1", "stop_grace: must be a number of seconds, at least 0; got -1."),
    refused("poll-0", "poll_interval=0", "poll_interval: must be a number of seconds, at least 0.01; got 0."),
    refused(
        "poll-no-number", "poll_interval=soon", "poll_interval: must be a number of seconds, at least 0.01; got soon."
    ),
    refused("setting-misspelt", "serch_space={}", "hydra.sweeper.serch_space: unknown key. Did you mean search_space?"),
    refused(
        "space-no-mapping", "search_space=3", "search_space: must be a mapping from Hydra keys, which are text; got 3."
    ),
    refused("params-no-mapping", "params=3", "params: must be a mapping from Hydra keys, which are text; got 3."),
    refused("execution-unknown", "execution=thread", "execution: must be auto, process or native; got thread."),
    refused(
        "execution-not-there",
        "execution=native",
        "execution: native is not there for this launcher; "
        "got hydra._internal.core_plugins.basic_launcher.BasicLauncher. Use auto or process.",
    ),
    refused(
        "start-method-unknown", "start_method=forkserver", "start_method: must be auto, fork or spawn; got forkserver."
    ),
    refused(
        "devices-number",
        "devices=2",
        "devices: must be auto, null or a list of device numbers or names; "
        "got 2. List a device twice to let two trials share it.",
    ),
    refused(
        "devices-none",
        "devices=[]",
        "devices: must be auto, null or a list of device numbers or names; "
        "got []. List a device twice to let two trials share it.",
    ),
]


@pytest.mark.parametrize(("setting", "error"), REFUSED)
def test_a_setting_that_makes_no_sense_is_refused_in_words(
    app: App, capsys: pytest.CaptureFixture[str], setting: str, error: str
) -> None:
    write_app(app)

    run = refuse(app, capsys, "x=1,2", f"hydra.sweeper.{setting}")

    assert_refused(app, run, error)


@pytest.mark.parametrize(
    ("directory", "error"),
    [
        pytest.param(
            "${nowhere}",
            "hydra.sweep.dir: interpolations must resolve (Interpolation key 'nowhere' not found).",
            id="unresolved",
        ),
        pytest.param(
            "'${hydra:job.name}'",
            "hydra.sweep.dir: interpolations must resolve (ValueError raised while resolving interpolation:"
            " HydraConfig was not set). Here, write ${hydra.key} for ${hydra:key}.",
            id="hydras-resolver",
        ),
        pytest.param("???", "hydra.sweep.dir: must be given; got ???.", id="missing"),
    ],
)
def test_a_sweep_directory_that_is_not_known_is_refused_in_words(
    app: App, capsys: pytest.CaptureFixture[str], directory: str, error: str
) -> None:
    write_app(app)

    run = refuse(app, capsys, "x=1,2", f"hydra.sweep.dir={directory}")

    assert_refused(app, run, error)


@pytest.mark.parametrize(
    ("setting", "last_line"),
    [
        pytest.param(
            "experiment_name=${nowhere}",
            "omegaconf.errors.InterpolationKeyError: Interpolation key 'nowhere' not found",
            id="unresolved",
        ),
        pytest.param(
            "limits=???",
            "omegaconf.errors.MissingMandatoryValue: Missing mandatory value: hydra.sweeper.limits",
            id="missing",
        ),
    ],
)
def test_settings_that_hydra_cannot_resolve_end_in_hydra_before_anything_is_written(
    app: App, capsys: pytest.CaptureFixture[str], setting: str, last_line: str
) -> None:
    """Hydra resolves them to make the sweeper, whichever it is, and shows a traceback if it cannot."""
    write_app(app)

    run = refuse(app, capsys, "x=1,2", f"hydra.sweeper.{setting}")

    assert f"\n{last_line}\n" in run.err
    assert_refused(app, run, run.err.removesuffix(HYDRAS_HINT).rstrip("\n"))
