"""The sweep and pipeline files of AzureML's examples and SDK are read as they say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

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
from azsweep_core.early_termination import BanditPolicy, MedianStoppingPolicy, Policy, TruncationSelectionPolicy
from azsweep_core.job_file import Job, read_job
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, judge, read_sweep

REAL = Path(os.environ.get("AZSWEEP_SPECS", Path(__file__).parents[3] / "shared" / "azureml_specs"))
needs_real_specs = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"no folder {REAL} with AzureML's own specs; AZSWEEP_SPECS can name another"
)

RANDOM = SamplingAlgorithm(SamplerType.RANDOM)
ACCURACY = Objective("accuracy", Goal.MAXIMIZE)


def spec_of(job: Job) -> SweepSpec:
    return read_sweep(job.spec_mapping, absolute_children=True)


def spec(
    parameters: Mapping[str, Distribution],
    limits: Limits,
    objective: Objective = ACCURACY,
    algorithm: SamplingAlgorithm = RANDOM,
    policy: Policy | None = None,
) -> SweepSpec:
    return SweepSpec(
        search_space=SearchSpace(parameters, absolute_children=True),
        sampling_algorithm=algorithm,
        objective=objective,
        limits=limits,
        early_termination=policy,
    )


CONVOLUTION = {"lr": Uniform(0.001, 0.1), "conv_size": Choice([2, 5, 7]), "dropout_rate": Uniform(0.1, 0.5)}
BOOSTING = {"learning_rate": Uniform(0.01, 0.9), "boosting": Choice(["gbdt", "dart"])}
LOG_LOSS = Objective("test-multi_logloss", Goal.MINIMIZE)
TWO_TRIALS = Limits(max_total_trials=2, max_concurrent_trials=10, timeout_s=3000)
HUNDRED_TRIALS = Limits(max_total_trials=100, max_concurrent_trials=10, timeout_s=10000)
TWENTY_TRIALS = Limits(max_total_trials=20, max_concurrent_trials=10, timeout_s=7200)
RARELY: dict[str, Any] = {"evaluation_interval": 100, "delay_evaluation": 200}
PIPELINE = "sdk-helloworld_pipeline_job_with_sweep_node.yml"


def branch(**children: Any) -> Branch:
    return Branch(None, children)


_INNERMOST = branch(
    value3111="hello!",
    value3112=123,
    value3113=Choice([1, 2, 3]),
    val3114=Normal(0, 1),
    val3115=QNormal(0, 1, 0.4),
    val3116=Uniform(0, 1),
    val3117=QUniform(0, 1, 0.4),
    val3118=Randint(100),
)
RECURSIVE = {
    "lr": Uniform(0.001, 0.1),
    "conv_size": Choice(
        [
            branch(
                const_val=999,
                val1=Choice([branch(val11=Uniform(0.001, 0.1)), branch(val12=Uniform(0.001, 0.1))]),
            ),
            branch(val2=Choice([branch(val21=Uniform(0.001, 0.1)), branch(val22=Uniform(0.001, 0.1))])),
            branch(
                val3=Choice(
                    [
                        branch(
                            value31=Choice(
                                [
                                    _INNERMOST,
                                    branch(value312=Choice([1, 2, 3])),
                                    branch(val313=Normal(0, 1)),
                                    branch(val314=QNormal(0, 1, 0.4)),
                                    branch(val315=Uniform(0, 1)),
                                    branch(val316=QUniform(0, 1, 0.4)),
                                    branch(val317=Randint(100)),
                                ]
                            )
                        )
                    ]
                )
            ),
            branch(val4=Normal(0, 1)),
            branch(val5=QNormal(0, 1, 0.4)),
            branch(val6=Uniform(0, 1)),
            branch(val7=QUniform(0, 1, 0.4)),
            branch(val8=Randint(100)),
        ]
    ),
    "dropout_rate": Uniform(0.1, 0.5),
}

REAL_SPECS: list[tuple[str, str | None, SweepSpec]] = [
    (
        "examples-hello-sweep.yml",
        None,
        spec(
            {"B": Choice(["hello", "world", "hello_world"]), "C": Uniform(0.1, 1.0)},
            Limits(max_total_trials=4, max_concurrent_trials=2, timeout_s=3600),
            Objective("random_metric", Goal.MINIMIZE),
        ),
    ),
    ("examples-lightgbm-iris-sweep.yml", None, spec(BOOSTING, TWENTY_TRIALS, LOG_LOSS)),
    (
        "examples-pipeline-with-sweep.yml",
        "sweep_step",
        spec(
            {"c_value": Uniform(0.5, 0.9), "kernel": Choice(["rbf", "linear", "poly"]), "coef0": Uniform(0.1, 1)},
            Limits(max_total_trials=5, max_concurrent_trials=3, timeout_s=7200),
            Objective("training_f1_score", Goal.MINIMIZE),
        ),
    ),
    (
        PIPELINE,
        "hello_sweep_inline_trial",
        spec({"component_in_number": Choice([1, 2])}, TWENTY_TRIALS, policy=MedianStoppingPolicy(**RARELY)),
    ),
    (
        PIPELINE,
        "hello_sweep_inline_file_trial",
        spec(
            {
                "batch_size": Choice([25, 35]),
                "first_layer_neurons": Randint(50),
                "second_layer_neurons": QUniform(10, 50, 5),
                "third_layer_neurons": QLogNormal(5, 1, 5),
                "epochs": QLogUniform(1, 5, 5),
                "momentum": QNormal(10, 5, 2),
                "weight_decay": LogNormal(0, 1),
                "learning_rate": LogUniform(-6, -1),
                "f1": Normal(0, 1),
                "f2": Uniform(10, 20),
            },
            Limits(max_total_trials=3),
        ),
    ),
    (
        PIPELINE,
        "hello_sweep_inline_remote_trial",
        spec({"component_in_number": Choice([25, 35])}, Limits(max_total_trials=3)),
    ),
    (
        "sdk-sweep-bandit.yaml",
        None,
        spec(CONVOLUTION, HUNDRED_TRIALS, policy=BanditPolicy(slack_factor=40, slack_amount=3, **RARELY)),
    ),
    ("sdk-sweep-median.yaml", None, spec(CONVOLUTION, HUNDRED_TRIALS, policy=MedianStoppingPolicy(**RARELY))),
    (
        "sdk-sweep-truncation.yaml",
        None,
        spec(CONVOLUTION, HUNDRED_TRIALS, policy=TruncationSelectionPolicy(truncation_percentage=40, **RARELY)),
    ),
    (
        "sdk-sweep_job_bayesian_sampling_algorithm_string.yml",
        None,
        spec(CONVOLUTION, TWO_TRIALS, algorithm=SamplingAlgorithm(SamplerType.BAYESIAN)),
    ),
    ("sdk-sweep_job_input_types.yml", None, spec({"lr": Uniform(0.001, 0.1)}, Limits(max_total_trials=5))),
    (
        "sdk-sweep_job_random_logbase_float.yml",
        None,
        spec(CONVOLUTION, TWO_TRIALS, algorithm=SamplingAlgorithm(SamplerType.RANDOM, logbase=2.5)),
    ),
    ("sdk-sweep_job_random_sampling_algorithm_object.yml", None, spec(CONVOLUTION, TWO_TRIALS)),
    (
        "sdk-sweep_job_random_seed.yml",
        None,
        spec(CONVOLUTION, TWO_TRIALS, algorithm=SamplingAlgorithm(SamplerType.RANDOM, seed=999)),
    ),
    ("sdk-sweep_job_recursive_search_space.yaml", None, spec(RECURSIVE, TWO_TRIALS)),
    (
        "sdk-sweep_job_search_space_choice_string.yml",
        None,
        spec(BOOSTING, TWENTY_TRIALS, LOG_LOSS, policy=MedianStoppingPolicy(**RARELY)),
    ),
    (
        "sdk-sweep_job_test_with_resources.yaml",
        None,
        spec(
            CONVOLUTION,
            Limits(max_total_trials=1, max_concurrent_trials=10, timeout_s=5),
            policy=TruncationSelectionPolicy(truncation_percentage=40, **RARELY),
        ),
    ),
]


@needs_real_specs
class TestRealSpecs:
    @pytest.mark.parametrize(
        ("file", "node", "expected"), [pytest.param(*row, id=row[1] or row[0]) for row in REAL_SPECS]
    )
    def test_each_is_read_as_it_says(self, file: str, node: str | None, expected: SweepSpec) -> None:
        assert spec_of(read_job(REAL / file, node)) == expected

    def test_none_is_forgotten(self) -> None:
        assert {path.name for path in REAL.iterdir()} == {file for file, _, _ in REAL_SPECS}

    @pytest.mark.parametrize(("file", "node"), [pytest.param(*row[:2], id=row[1] or row[0]) for row in REAL_SPECS])
    def test_none_is_refused_but_the_bandit_with_two_slacks(self, file: str, node: str | None) -> None:
        job = read_job(REAL / file, node)

        errors = [str(error) for error in (*job.validate(), *judge(spec_of(job)).errors)]

        two_slacks = (
            "early_termination: bandit needs exactly one of slack_factor and slack_amount; "
            "got slack_factor=40 and slack_amount=3."
        )
        assert errors == ([two_slacks] if file == "sdk-sweep-bandit.yaml" else [])

    @pytest.mark.parametrize(
        ("file", "node", "command"),
        [
            (
                "examples-hello-sweep.yml",
                None,
                "python hello-sweep.py --A ${{inputs.A}} --B ${{search_space.B}} --C ${{search_space.C}}",
            ),
            (PIPELINE, "hello_sweep_inline_trial", "echo Hello World & echo ${{inputs.component_in_number}}"),
            (PIPELINE, "hello_sweep_inline_file_trial", None),
        ],
    )
    def test_the_command_is_kept(self, file: str, node: str | None, command: str | None) -> None:
        assert read_job(REAL / file, node).command == command
