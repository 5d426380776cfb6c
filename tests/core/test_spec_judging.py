"""What is found wrong or doubtful about a whole configuration."""

from __future__ import annotations

from typing import Any

import pytest

from azsweep_core.distributions import (
    Uniform,
)
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, judge, read_and_judge, read_sweep

OBJECTIVE = {"primary_metric": "loss", "goal": "minimize"}
UNIFORM = {"type": "uniform", "min_value": 0.1, "max_value": 1}
EMPTY = "must hold at least one parameter; got {}. Give it one with an expression, as in lr: uniform(0.1, 1)."
CHOICE = {"type": "choice", "values": ["a", "b"]}


def spec_of(**changed: Any) -> SweepSpec:
    """A sound configuration with some of its parts changed; None leaves a part out."""
    sound = {"search_space": {"lr": UNIFORM}, "objective": OBJECTIVE, "limits": {"max_total_trials": 20}}
    return read_sweep({key: part for key, part in {**sound, **changed}.items() if part is not None})


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        pytest.param({}, [], id="sound"),
        pytest.param({"search_space": {}}, [f"search_space: {EMPTY}"], id="empty-space"),
        pytest.param({"search_space": None}, [f"search_space: {EMPTY}"], id="no-space"),
        pytest.param(
            {"search_space": {"lr": "uniform(1, 0)"}},
            [("search_space.lr: uniform needs min_value < max_value; got uniform(1, 0). Did you mean uniform(0, 1)?")],
            id="turned-bounds",
        ),
        pytest.param(
            {"sampling_algorithm": "grid", "search_space": {"lr": UNIFORM, "opt": CHOICE}},
            [
                (
                    "search_space.lr: grid takes choice only; got uniform(0.1, 1). "
                    "List the values in a choice, or use random."
                )
            ],
            id="grid-over-uniform",
        ),
        pytest.param(
            {"sampling_algorithm": "grid", "search_space": {"n": "randint(3)", "m": "quniform(0, 3, 1)"}},
            [
                ("search_space.n: grid takes choice only; got randint(3). List the values in a choice, or use random."),
                (
                    "search_space.m: grid takes choice only; got quniform(0, 3, 1). "
                    "List the values in a choice, or use random."
                ),
            ],
            id="grid-over-finite-expressions",
        ),
        pytest.param(
            {"objective": {"primary_metric": " ", "goal": "minimize"}},
            ["objective.primary_metric: must name the metric that the task logs; got ' '."],
            id="blank-metric",
        ),
        pytest.param(
            {"objective": {"primary_metric": "", "goal": "minimize"}},
            ["objective.primary_metric: must name the metric that the task logs; got ''."],
            id="empty-metric",
        ),
        pytest.param(
            {"limits": {}},
            [
                (
                    "limits.max_total_trials: is required: random never comes to the end of this search space; "
                    "got null. Set how many trials to run."
                )
            ],
            id="no-end-of-random",
        ),
        pytest.param(
            {"limits": None, "sampling_algorithm": "bayesian"},
            [
                (
                    "limits.max_total_trials: is required: bayesian never comes to the end of this search space; "
                    "got null. Set how many trials to run."
                )
            ],
            id="no-end-of-bayesian",
        ),
        pytest.param(
            {"limits": None, "search_space": {"n": "randint(1000001)"}},
            [
                (
                    "limits.max_total_trials: is required: random never comes to the end of this search space; "
                    "got null. Set how many trials to run."
                )
            ],
            id="more-points-than-count-as-finite",
        ),
        pytest.param({"limits": None, "search_space": {"n": "randint(1000000)"}}, [], id="finite-random"),
        pytest.param(
            {"limits": None, "search_space": {"opt": CHOICE}, "sampling_algorithm": "bayesian"},
            [],
            id="finite-bayesian",
        ),
        pytest.param(
            {"limits": None, "search_space": {"opt": CHOICE}, "sampling_algorithm": "grid"}, [], id="finite-grid"
        ),
        pytest.param(
            {"limits": {"max_total_trials": 0}},
            ["limits.max_total_trials: must be at least 1; got 0."],
            id="no-trials",
        ),
        pytest.param(
            {"sampling_algorithm": {"type": "random", "logbase": 1}},
            ["sampling_algorithm.logbase: must be greater than 0 and not 1; got 1. Leave it out for e."],
            id="logbase-of-1",
        ),
        pytest.param(
            {"early_termination": {"type": "bandit", "slack_factor": 40, "slack_amount": 3}},
            [
                (
                    "early_termination: bandit needs exactly one of slack_factor and slack_amount; "
                    "got slack_factor=40 and slack_amount=3."
                )
            ],
            id="two-slacks",
        ),
        pytest.param(
            {"early_termination": {"type": "truncation_selection", "truncation_percentage": 100}},
            ["early_termination.truncation_percentage: must be between 1 and 99; got 100."],
            id="truncating-everything",
        ),
        pytest.param(
            {"early_termination": {"type": "median_stopping", "delay_evaluation": -1}},
            ["early_termination.delay_evaluation: must be at least 0; got -1."],
            id="negative-delay",
        ),
    ],
)
def test_finds_what_speaks_against_running_it(changed: dict[str, Any], errors: list[str]) -> None:
    assert [str(error) for error in judge(spec_of(**changed)).errors] == errors


def test_finds_all_of_it_at_once() -> None:
    judgement = judge(
        spec_of(
            search_space={"lr": "uniform(1, 0)", "n": "randint(0)"},
            sampling_algorithm={"type": "random", "logbase": -1},
            objective={"primary_metric": "", "goal": "minimize"},
            limits={"max_concurrent_trials": 0, "timeout": -1},
            early_termination={"type": "bandit"},
        )
    )

    assert [error.where for error in judgement.errors] == [
        "search_space.lr",
        "search_space.n",
        "sampling_algorithm.logbase",
        "objective.primary_metric",
        "limits.max_concurrent_trials",
        "limits.timeout",
        "early_termination",
    ]


@pytest.mark.parametrize(
    ("changed", "warnings"),
    [
        pytest.param({}, [], id="nothing-doubtful"),
        pytest.param(
            {"limits": {"max_total_trials": 5, "max_concurrent_trials": 10}},
            ["limits.max_concurrent_trials: is more than limits.max_total_trials, 5; got 10."],
            id="more-at-once-than-in-all",
        ),
        pytest.param(
            {"limits": {"max_total_trials": 5, "max_concurrent_trials": 5}}, [], id="as-many-at-once-as-in-all"
        ),
        pytest.param({"limits": {"max_total_trials": 1000}}, [], id="as-many-trials-as-azureml-takes"),
        pytest.param(
            {"limits": {"max_total_trials": 1001}},
            [
                (
                    "limits.max_total_trials: AzureML takes at most 1000 trials; got 1001. "
                    "It runs here, but not on AzureML."
                )
            ],
            id="more-trials-than-azureml-takes",
        ),
        pytest.param(
            {"limits": {"max_total_trials": 5, "timeout": 600, "trial_timeout": 601}},
            [
                (
                    "limits.timeout: is less than limits.trial_timeout, 601; got 600. "
                    "The sweep ends before such a trial does."
                )
            ],
            id="sweep-shorter-than-a-trial",
        ),
        pytest.param(
            {"limits": {"max_total_trials": 5, "timeout": 600, "trial_timeout": 600}}, [], id="sweep-of-one-trial"
        ),
        pytest.param(
            {"limits": {"max_total_trials": 5, "timeout": 59.5, "trial_timeout": 1}},
            [
                (
                    "limits.timeout: AzureML makes less than 60 seconds into 60; got 59.5. "
                    "It is honoured here as it stands."
                ),
                (
                    "limits.trial_timeout: AzureML makes less than 60 seconds into 60; got 1. "
                    "It is honoured here as it stands."
                ),
            ],
            id="less-than-a-minute",
        ),
        pytest.param({"limits": {"max_total_trials": 5, "timeout": 60}}, [], id="a-minute"),
        pytest.param(
            {"early_termination": {"type": "median_stopping", "evaluation_interval": 0}},
            [
                (
                    "early_termination.evaluation_interval: 0 means 1; got 0. "
                    "Write 1 to judge a trial at each of its reports."
                )
            ],
            id="evaluation-interval-0",
        ),
        pytest.param(
            {"search_space": {"lr": "loguniform(0.0001, 0.1)"}},
            [
                (
                    "search_space.lr: loguniform takes exponents, not values; these give 1.0001 to 1.10517; "
                    "got loguniform(0.0001, 0.1). Did you mean loguniform(-9.21034, -2.30259)?"
                )
            ],
            id="loguniform-of-values",
        ),
        pytest.param(
            {"search_space": {"n": "choice([16, 32])"}},
            [("search_space.n: choice has one value, a list; got choice([16, 32]). Did you mean choice(16, 32)?")],
            id="choice-of-one-list",
        ),
        pytest.param(
            {"sampling_algorithm": "bayesian", "search_space": {"lr": "loguniform(-3, -1)"}},
            [
                (
                    "sampling_algorithm: AzureML's bayesian takes only choice, uniform and quniform; "
                    "got loguniform for lr. It runs here, but not on AzureML."
                )
            ],
            id="bayesian-over-loguniform",
        ),
        pytest.param(
            {"sampling_algorithm": "bayesian", "limits": {"max_total_trials": 19}},
            [
                (
                    "limits.max_total_trials: bayesian wants at least 20 trials for each parameter, 20 here; "
                    "got 19. With fewer, random does about as well."
                )
            ],
            id="bayesian-with-few-trials",
        ),
        pytest.param(
            {"sampling_algorithm": "bayesian", "limits": {"max_total_trials": 50, "max_concurrent_trials": 21}},
            [
                (
                    "limits.max_concurrent_trials: bayesian learns little with more than 20 trials at once; "
                    "got 21. Fewer at once find better values."
                )
            ],
            id="bayesian-with-many-at-once",
        ),
        pytest.param(
            {"sampling_algorithm": "bayesian", "early_termination": {"type": "median_stopping"}},
            [
                (
                    "early_termination: AzureML's SDK v1 refused a policy with bayesian sampling; got median_stopping. "
                    "Here the sampler ranks terminated trials after all others, by their last value."
                )
            ],
            id="bayesian-with-a-policy",
        ),
    ],
)
def test_warns_of_what_is_doubtful(changed: dict[str, Any], warnings: list[str]) -> None:
    judgement = judge(spec_of(**changed))

    assert [str(warning) for warning in judgement.warnings] == warnings
    assert judgement.errors == ()


def test_what_can_be_read_is_judged_although_other_parts_cannot() -> None:
    space, spec, judgement = read_and_judge(
        {"search_space": {"lr": "uniform(1, 0)"}, "objective": {"primary_metric": "", "goal": "max"}, "limits": 20}
    )

    assert space == SearchSpace({"lr": Uniform(1, 0)})
    assert spec is None
    assert [error.where for error in judgement.errors] == ["objective.goal", "limits", "search_space.lr"]


def test_a_limit_that_cannot_be_read_hides_no_other() -> None:
    limits = {"max_total_trials": "many", "timeout": -5, "max_concurrent_trials": 0, "trial_timout": 3}

    _, _, judgement = read_and_judge({"search_space": {"lr": UNIFORM}, "objective": OBJECTIVE, "limits": limits})

    assert [error.where for error in judgement.errors] == [
        "limits.trial_timout",
        "limits.max_total_trials",
        "limits.max_concurrent_trials",
        "limits.timeout",
    ]


def test_reading_and_judging_at_once_says_what_each_says() -> None:
    mapping = {"search_space": {"lr": UNIFORM}, "objective": OBJECTIVE, "limits": {"timeout": 5}}

    space, spec, judgement = read_and_judge(mapping)

    assert spec == read_sweep(mapping)
    assert space == spec.search_space
    assert judgement == judge(spec)


@pytest.mark.parametrize(
    ("changed", "trials"),
    [
        pytest.param({"limits": {"max_total_trials": 7}}, 7, id="as-limited"),
        pytest.param({"limits": None}, None, id="infinite"),
        pytest.param({"limits": None, "search_space": {"n": "randint(7)"}}, 7, id="finite"),
        pytest.param({"limits": None, "search_space": {"n": "choice(1, 1, 2)"}}, 2, id="random-counts-distinct-points"),
        pytest.param(
            {"limits": None, "search_space": {"n": "choice(1, 1, 2)"}, "sampling_algorithm": "bayesian"},
            2,
            id="bayesian-counts-distinct-points",
        ),
        pytest.param(
            {"limits": None, "search_space": {"n": "choice(1, 1, 2)"}, "sampling_algorithm": "grid"},
            3,
            id="grid-counts-repetitions",
        ),
        pytest.param(
            {
                "limits": None,
                "search_space": {"n": "choice(range(2000000))"},
                "sampling_algorithm": "grid",
            },
            2000000,
            id="grid-of-any-size",
        ),
        pytest.param(
            {"limits": {"max_total_trials": 9}, "search_space": {"n": "randint(7)"}}, 9, id="more-than-there-are-points"
        ),
        pytest.param(
            {
                "limits": None,
                "search_space": {"n": "qloguniform(0, 3, 1)"},
                "sampling_algorithm": {"type": "random", "logbase": 2},
            },
            8,
            id="logbase-counts",
        ),
    ],
)
def test_trials_in_all(changed: dict[str, Any], trials: int | None) -> None:
    assert spec_of(**changed).max_trials == trials
