"""How a whole configuration is read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from azsweep_core.distributions import (
    Choice,
    Uniform,
)
from azsweep_core.early_termination import (
    BanditPolicy,
)
from azsweep_core.errors import SpecError
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, read_sweep

OBJECTIVE = {"primary_metric": "loss", "goal": "minimize"}
UNIFORM = {"type": "uniform", "min_value": 0.1, "max_value": 1}
CHOICE = {"type": "choice", "values": ["a", "b"]}
LIMIT_NAMES = (
    "Known: max_total_trials, max_concurrent_trials, timeout, trial_timeout, max_retries, max_failed_trials, "
    "max_failure_rate, fail_fast."
)


def mapping(**changed: Any) -> dict[str, Any]:
    """A sound configuration with some of its parts changed; None leaves a part out."""
    sound = {"search_space": {"lr": UNIFORM}, "objective": OBJECTIVE, "limits": {"max_total_trials": 20}}
    return {key: part for key, part in {**sound, **changed}.items() if part is not None}


def spec_of(**changed: Any) -> SweepSpec:
    return read_sweep(mapping(**changed))


def problems_of(given_mapping: Any, where: str = "") -> list[str]:
    with pytest.raises(SpecError) as refusal:
        read_sweep(given_mapping, where)
    return [str(problem) for problem in refusal.value.problems]


def test_reads_azuremls_keys() -> None:
    spec = read_sweep(
        {
            "search_space": {"lr": UNIFORM, "opt": "choice(adam, sgd)"},
            "sampling_algorithm": {"type": "random", "seed": 7, "rule": "sobol"},
            "objective": {"primary_metric": "acc", "goal": "Maximize"},
            "limits": {"max_total_trials": 20, "max_concurrent_trials": 4, "timeout": 7200, "trial_timeout": 600},
            "early_termination": {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 5},
        }
    )

    assert spec == SweepSpec(
        search_space=SearchSpace({"lr": Uniform(0.1, 1), "opt": Choice(["adam", "sgd"])}),
        sampling_algorithm=SamplingAlgorithm(SamplerType.RANDOM, seed=7, rule=SamplingRule.SOBOL),
        objective=Objective("acc", Goal.MAXIMIZE),
        limits=Limits(max_total_trials=20, max_concurrent_trials=4, timeout_s=7200, trial_timeout_s=600),
        early_termination=BanditPolicy(slack_factor=0.1, delay_evaluation=5),
    )


def test_what_is_absent_or_null_has_its_default() -> None:
    bare = {"search_space": {"lr": UNIFORM}, "objective": OBJECTIVE}
    nulls = {
        **bare,
        "sampling_algorithm": None,
        "limits": {"max_total_trials": None, "max_retries": None, "timeout": None},
        "early_termination": None,
    }

    spec = read_sweep(bare)

    assert spec == read_sweep(nulls) == read_sweep({**bare, "limits": None})
    assert spec.sampling_algorithm == SamplingAlgorithm(SamplerType.RANDOM)
    assert spec.limits == Limits()
    assert spec.early_termination is None


def test_reads_our_own_limits() -> None:
    limits = {"max_retries": 0, "max_failed_trials": 5, "max_failure_rate": 0.5, "fail_fast": 0}

    assert spec_of(limits=limits).limits == Limits(
        max_retries=0, max_failed_trials=5, max_failure_rate=0.5, fail_fast=0
    )


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        pytest.param({"max_total_trials": "20"}, Limits(max_total_trials=20), id="count-as-text"),
        pytest.param({"max_total_trials": 20.0}, Limits(max_total_trials=20), id="count-as-whole-float"),
        pytest.param({"max_total_trials": "2e1"}, Limits(max_total_trials=20), id="count-as-exponent-text"),
        pytest.param({"timeout": "7200"}, Limits(timeout_s=7200), id="seconds-as-text"),
        pytest.param({"timeout": 0.5}, Limits(timeout_s=0.5), id="part-of-a-second"),
        pytest.param({"timeout": -5}, Limits(timeout_s=-5), id="reading-is-not-judging"),
    ],
)
def test_takes_a_number_however_it_is_written(given: dict[str, Any], limits: Limits) -> None:
    assert spec_of(limits=given).limits == limits


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        pytest.param(
            {"limits": {"timeout": "2h"}},
            ["limits.timeout: must be a number of seconds; got 2h. Two hours, for instance, are 7200."],
            id="timeout-with-a-unit",
        ),
        pytest.param(
            {"limits": {"trial_timeout": True}},
            ["limits.trial_timeout: must be a number of seconds; got true. Two hours, for instance, are 7200."],
            id="boolean-timeout",
        ),
        pytest.param(
            {"limits": {"timeout": 10**400}},
            [(f"limits.timeout: must be a number of seconds; got 1{'0' * 56}.... Two hours, for instance, are 7200.")],
            id="timeout-beyond-floats",
        ),
        pytest.param(
            {"limits": {"max_total_trials": 5.5}},
            ["limits.max_total_trials: must be a whole number; got 5.5."],
            id="half-a-trial",
        ),
        pytest.param(
            {"limits": {"max_total_trials": "many"}},
            ["limits.max_total_trials: must be a whole number; got many."],
            id="count-in-words",
        ),
        pytest.param(
            {"limits": {"max_retries": False}},
            ["limits.max_retries: must be a whole number; got false."],
            id="boolean-count",
        ),
        pytest.param(
            {"limits": {"max_failure_rate": "half"}},
            ["limits.max_failure_rate: must be a number; got half."],
            id="rate-in-words",
        ),
        pytest.param(
            {"limits": {"max_failure_rate": math.nan}},
            ["limits.max_failure_rate: must be a number; got nan."],
            id="nan",
        ),
        pytest.param(
            {"limits": {"max_trials": 5}},
            ["limits.max_trials: unknown key. Did you mean max_total_trials?"],
            id="misspelt-limit",
        ),
        pytest.param({"limits": {"colour": 5}}, [f"limits.colour: unknown key. {LIMIT_NAMES}"], id="unknown-limit"),
        pytest.param(
            {"limits": 20},
            [f"limits: must be a mapping; got 20. It may hold {LIMIT_NAMES.removeprefix('Known: ')}"],
            id="limits-as-number",
        ),
        pytest.param({"objective": None}, ["objective: must name a primary_metric and a goal."], id="no-objective"),
        pytest.param({"objective": {}}, ["objective: must name a primary_metric and a goal."], id="empty-objective"),
        pytest.param(
            {"objective": {"primary_metric": None, "goal": None}},
            ["objective: must name a primary_metric and a goal."],
            id="nulls-for-an-objective",
        ),
        pytest.param(
            {"objective": "loss"},
            ["objective: must be a mapping; got loss. It may hold primary_metric, goal."],
            id="objective-as-text",
        ),
        pytest.param(
            {"objective": {"goal": "minimize"}},
            ["objective.primary_metric: must name the metric that the task logs."],
            id="no-metric",
        ),
        pytest.param(
            {"objective": {"primary_metric": 5, "goal": "minimize"}},
            ["objective.primary_metric: must be text; got 5."],
            id="metric-as-number",
        ),
        pytest.param(
            {"objective": {"primary_metric": "loss"}},
            ["objective.goal: must be minimize or maximize; got null."],
            id="no-goal",
        ),
        pytest.param(
            {"objective": {"primary_metric": "loss", "goal": "max"}},
            ["objective.goal: must be minimize or maximize; got max. Did you mean maximize?"],
            id="short-goal",
        ),
        pytest.param(
            {"objective": {"primary_metric": "loss", "goal": "minimise"}},
            ["objective.goal: must be minimize or maximize; got minimise. Did you mean minimize?"],
            id="british-goal",
        ),
        pytest.param(
            {"objective": {"metric": "loss", "goal": ["minimize"]}},
            [
                "objective.metric: unknown key. Did you mean primary_metric?",
                "objective.goal: must be minimize or maximize; got ['minimize']. Did you mean minimize?",
            ],
            id="misspelt-metric-and-goal-as-list",
        ),
        pytest.param(
            {"sampling_algorithm": "hyperband"},
            ["sampling_algorithm: must be one of random, grid, bayesian; got hyperband."],
            id="unknown-sampler",
        ),
        pytest.param(
            {"samplingalgorithm": "grid"},
            ["samplingalgorithm: unknown key. Did you mean sampling_algorithm?"],
            id="misspelt-part",
        ),
        pytest.param(
            {"early_termination": "bandit"},
            [
                (
                    "early_termination: must be a mapping with a type; got bandit. "
                    "For instance {type: median_stopping, delay_evaluation: 5}."
                )
            ],
            id="policy-as-text",
        ),
    ],
)
def test_refuses_what_it_cannot_read(changed: dict[str, Any], problems: list[str]) -> None:
    assert problems_of(mapping(**changed)) == problems


def test_reports_the_problems_of_all_parts_at_once() -> None:
    problems = problems_of(
        {
            "serch_space": {},
            "search_space": {"lr": {"type": "unifrom"}, "n": {"type": "randint"}},
            "sampling_algorithm": "hyperband",
            "objective": {"goal": "max"},
            "limits": {"timeout": "2h", "max_total_trials": True},
            "early_termination": {"type": "bandid"},
        }
    )

    assert [problem.partition(":")[0] for problem in problems] == [
        "serch_space",
        "search_space.lr.type",
        "search_space.n",
        "sampling_algorithm",
        "objective.primary_metric",
        "objective.goal",
        "limits.max_total_trials",
        "limits.timeout",
        "early_termination.type",
    ]


def test_says_where_the_mapping_stands() -> None:
    problems = problems_of(mapping(limits={"timeout": "x"}, objective={}, foo=1), "hydra.sweeper")

    assert [problem.partition(":")[0] for problem in problems] == [
        "hydra.sweeper.foo",
        "hydra.sweeper.objective",
        "hydra.sweeper.limits.timeout",
    ]


def test_refuses_anything_but_a_mapping() -> None:
    assert problems_of([])[0] == (
        "configuration: must be a mapping; got []. "
        "It may hold search_space, sampling_algorithm, objective, limits, early_termination, zip, initial_points."
    )


def test_children_are_absolute_on_request() -> None:
    nested = {"model": {"type": "choice", "values": [{"units": {"type": "randint", "upper": 8}}]}}

    relative = read_sweep(mapping(search_space=nested))
    absolute = read_sweep(mapping(search_space=nested), absolute_children=True)

    assert [dimension.key for dimension in relative.search_space.dimensions] == ["model", "model.units"]
    assert [dimension.key for dimension in absolute.search_space.dimensions] == ["model", "units"]
