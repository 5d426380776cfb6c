"""How a whole configuration is read and judged."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)
from azsweep_core.early_termination import (
    BanditPolicy,
    MedianStoppingPolicy,
    Policy,
    TruncationSelectionPolicy,
)
from azsweep_core.errors import SpecError
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, judge, read_sweep, to_mapping

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


class TestReading:
    def test_reads_azuremls_keys(self) -> None:
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

    def test_what_is_absent_or_null_has_its_default(self) -> None:
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

    def test_reads_our_own_limits(self) -> None:
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
    def test_takes_a_number_however_it_is_written(self, given: dict[str, Any], limits: Limits) -> None:
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
                [
                    (
                        f"limits.timeout: must be a number of seconds; got 1{'0' * 56}.... "
                        "Two hours, for instance, are 7200."
                    )
                ],
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
            pytest.param(
                {"objective": {}}, ["objective: must name a primary_metric and a goal."], id="empty-objective"
            ),
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
    def test_refuses_what_it_cannot_read(self, changed: dict[str, Any], problems: list[str]) -> None:
        assert problems_of(mapping(**changed)) == problems

    def test_reports_the_problems_of_all_parts_at_once(self) -> None:
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

    def test_says_where_the_mapping_stands(self) -> None:
        problems = problems_of(mapping(limits={"timeout": "x"}, objective={}, foo=1), "hydra.sweeper")

        assert [problem.partition(":")[0] for problem in problems] == [
            "hydra.sweeper.foo",
            "hydra.sweeper.objective",
            "hydra.sweeper.limits.timeout",
        ]

    def test_refuses_anything_but_a_mapping(self) -> None:
        assert problems_of([])[0] == (
            "configuration: must be a mapping; got []. "
            "It may hold search_space, sampling_algorithm, objective, limits, early_termination."
        )

    def test_children_are_absolute_on_request(self) -> None:
        nested = {"model": {"type": "choice", "values": [{"units": {"type": "randint", "upper": 8}}]}}

        relative = read_sweep(mapping(search_space=nested))
        absolute = read_sweep(mapping(search_space=nested), absolute_children=True)

        assert [dimension.key for dimension in relative.search_space.dimensions] == ["model", "model.units"]
        assert [dimension.key for dimension in absolute.search_space.dimensions] == ["model", "units"]


class TestJudging:
    @pytest.mark.parametrize(
        ("changed", "errors"),
        [
            pytest.param({}, [], id="sound"),
            pytest.param(
                {"search_space": {}}, ["search_space: must hold at least one parameter; got {}."], id="empty-space"
            ),
            pytest.param(
                {"search_space": None}, ["search_space: must hold at least one parameter; got {}."], id="no-space"
            ),
            pytest.param(
                {"search_space": {"lr": "uniform(1, 0)"}},
                [
                    (
                        "search_space.lr: uniform needs min_value < max_value; got uniform(1, 0). "
                        "Did you mean uniform(0, 1)?"
                    )
                ],
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
                    (
                        "search_space.n: grid takes choice only; got randint(3). "
                        "List the values in a choice, or use random."
                    ),
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
    def test_finds_what_speaks_against_running_it(self, changed: dict[str, Any], errors: list[str]) -> None:
        assert [str(error) for error in judge(spec_of(**changed)).errors] == errors

    def test_finds_all_of_it_at_once(self) -> None:
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
        ],
    )
    def test_warns_of_what_is_doubtful(self, changed: dict[str, Any], warnings: list[str]) -> None:
        judgement = judge(spec_of(**changed))

        assert [str(warning) for warning in judgement.warnings] == warnings
        assert judgement.errors == ()


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


numbers = st.one_of(st.integers(-1000, 1000), st.floats(-1e3, 1e3))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=2)
)
positive = st.floats(0.01, 100)
distributions: st.SearchStrategy[Distribution] = st.one_of(
    st.builds(Choice, st.lists(values, min_size=1, max_size=3)),
    st.builds(Choice, st.builds(range, st.integers(1, 10**12))),
    st.builds(Randint, st.integers(1, 10**6)),
    st.builds(Uniform, numbers, numbers),
    st.builds(QUniform, numbers, numbers, positive),
    st.builds(LogUniform, numbers, numbers),
    st.builds(QLogUniform, numbers, numbers, positive),
    st.builds(Normal, numbers, positive),
    st.builds(QNormal, numbers, positive, positive),
    st.builds(LogNormal, numbers, positive),
    st.builds(QLogNormal, numbers, positive, positive),
)
nested = st.builds(
    lambda drawn, fixed: Choice([Branch(None, {"x": drawn, "y": fixed}), Branch("sgd", {}), 1]), distributions, scalars
)
keys = st.sampled_from(["lr", "+opt.wd", "model", "db@backup", "a.b"])
counts = st.one_of(st.none(), st.integers(-5, 2000))
seconds = st.one_of(st.none(), numbers)
cadence = {"evaluation_interval": st.integers(-1, 100), "delay_evaluation": st.integers(-1, 100)}
policies: st.SearchStrategy[Policy | None] = st.one_of(
    st.none(),
    st.builds(
        BanditPolicy, slack_factor=st.none() | st.floats(-1, 9), slack_amount=st.none() | st.floats(-1, 9), **cadence
    ),
    st.builds(MedianStoppingPolicy, **cadence),
    st.builds(
        TruncationSelectionPolicy,
        truncation_percentage=st.integers(0, 100),
        exclude_finished_jobs=st.booleans(),
        **cadence,
    ),
)
algorithms = st.one_of(
    st.builds(
        SamplingAlgorithm,
        st.just(SamplerType.RANDOM),
        seed=st.none() | st.integers(),
        rule=st.sampled_from(SamplingRule),
        logbase=st.none() | st.floats(-2, 9),
    ),
    st.just(SamplingAlgorithm(SamplerType.GRID)),
    st.builds(SamplingAlgorithm, st.just(SamplerType.BAYESIAN), seed=st.none() | st.integers()),
)
specs = st.builds(
    SweepSpec,
    search_space=st.builds(SearchSpace, st.dictionaries(keys, distributions | nested, max_size=4)),
    sampling_algorithm=algorithms,
    objective=st.builds(Objective, st.text(max_size=8), st.sampled_from(Goal)),
    limits=st.builds(
        Limits,
        max_total_trials=counts,
        max_concurrent_trials=counts,
        timeout_s=seconds,
        trial_timeout_s=seconds,
        max_retries=st.integers(0, 5),
        max_failed_trials=counts,
        max_failure_rate=st.floats(-1, 2),
        fail_fast=st.integers(0, 5),
    ),
    early_termination=policies,
)


@settings(max_examples=100, deadline=None)
@given(specs)
def test_what_is_written_is_read_back(spec: SweepSpec) -> None:
    """Every spec, sound or not, survives its mapping, and the mapping survives JSON."""
    written = to_mapping(spec)

    assert read_sweep(written) == spec
    assert read_sweep(json.loads(json.dumps(written))) == spec


def test_what_is_written_has_azuremls_keys_and_no_nulls() -> None:
    written = to_mapping(spec_of(limits={"max_total_trials": 5, "timeout": 60}))

    assert written == {
        "search_space": {"lr": UNIFORM},
        "sampling_algorithm": {"type": "random"},
        "objective": OBJECTIVE,
        "limits": {"max_total_trials": 5, "timeout": 60, "max_retries": 1, "max_failure_rate": 1.0, "fail_fast": 3},
    }
