"""How AzureML's job and pipeline files are read: small ones of our own, and those of AzureML's examples and SDK."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

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
from azsweep_core.errors import SpecError
from azsweep_core.job_file import Job, read_job
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, judge, read_sweep

OWN = Path(__file__).parent / "job_files"
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


class TestOwnFiles:
    def test_reads_a_sweep_job(self) -> None:
        job = read_job(OWN / "sweep.yml")

        assert job.name is None
        assert job.inputs == {"epochs": 10, "data": {"type": "uri_folder", "path": "./data"}}
        assert isinstance(job.trial, Mapping)
        assert job.trial["code"] == "src"
        assert job.command is not None
        assert job.command.startswith("python train.py optimizer.lr=${{search_space.lr}} ")
        assert job.raw["display_name"] == "digits"
        assert spec_of(job) == spec(
            {"lr": LogUniform(-6.9, -2.3), "optimizer": Choice(["adam", "sgd", "1e-3", 7])},
            Limits(max_total_trials=30, max_concurrent_trials=4, timeout_s=7200, trial_timeout_s=600),
            Objective("val_loss", Goal.MINIMIZE),
            SamplingAlgorithm(SamplerType.RANDOM, seed=3, rule=SamplingRule.SOBOL),
            MedianStoppingPolicy(delay_evaluation=5),
        )
        assert [*job.validate(), *job.warnings()] == []

    def test_takes_the_first_sweep_node_of_a_pipeline(self) -> None:
        job = read_job(OWN / "pipeline.yml")

        assert (job.name, job.trial, job.command, job.inputs) == ("tune", "./train.yml", None, {})
        assert spec_of(job) == spec(
            {"c": Uniform(0.5, 0.9)}, Limits(max_total_trials=5), Objective("f1", Goal.MAXIMIZE)
        )

    def test_takes_the_named_sweep_node_of_a_pipeline(self) -> None:
        job = read_job(OWN / "pipeline.yml", "tune_again")

        assert job.name == "tune_again"
        assert job.inputs == {"tol": 0.001}
        assert spec_of(job).sampling_algorithm.type is SamplerType.GRID
        assert list(job.validate()) == []

    def test_every_mapping_in_a_choice_is_a_branch_with_absolute_keys(self) -> None:
        space = spec_of(read_job(OWN / "nested.yml")).search_space

        assert space.parameters == {
            "model": Choice([branch(kind="mlp", units=Choice([8, 16])), branch(kind="linear", bias=1)])
        }
        assert space.point([0.0, 0.9]) == {"kind": "mlp", "units": 16}
        assert space.point([0.9, 0.0]) == {"kind": "linear", "bias": 1}

    def test_warns_that_a_missing_algorithm_means_random(self) -> None:
        job = read_job(OWN / "pipeline.yml", "tune")

        assert [str(warning) for warning in job.warnings()] == [
            f"{OWN / 'pipeline.yml'}: jobs.tune: sampling_algorithm: is missing, which means random."
        ]

    def test_warns_of_a_parameter_that_the_command_does_not_use(self) -> None:
        job = read_job(OWN / "pipeline.yml", "tune_again")

        assert [str(warning) for warning in job.warnings()] == [
            (
                f"{OWN / 'pipeline.yml'}: jobs.tune_again: search_space.degree: the command does not use it. "
                "Pass it on with ${{inputs.degree}}."
            )
        ]


SOUND: dict[str, Any] = {
    "type": "sweep",
    "sampling_algorithm": "random",
    "search_space": {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 4},
    "inputs": {"epochs": 3},
    "trial": {
        "command": "python train.py --lr ${{search_space.lr}} --epochs ${{inputs.epochs}}",
        "environment": "azureml:train:1",
    },
}
ABSENT = object()


def job_with(folder: Path, path: str, value: object) -> Path:
    """A file of the sound job with one setting changed, or absent."""
    job = copy.deepcopy(SOUND)
    *parents, last = path.split("/")
    mapping = job
    for parent in parents:
        mapping = mapping[parent]
    if value is ABSENT:
        mapping.pop(last, None)
    else:
        mapping[last] = value
    file = folder / "job.yml"
    file.write_text(yaml.safe_dump(job))
    return file


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("type", ABSENT, "type: must be sweep, or pipeline; got null. Without a type it is a command job."),
        ("type", "sweep_job", "type: must be sweep, or pipeline; got sweep_job. Without a type it is a command job."),
        ("objective", ABSENT, "objective: is required."),
        ("objective", "loss", "objective: must be a mapping; got loss."),
        ("limits", ABSENT, "limits: is required."),
        ("limits", {}, "limits.max_total_trials: is required."),
        ("limits/timeout_minutes", 5, "limits.timeout_minutes: unknown key. Did you mean timeout?"),
        ("limits/max_retries", 5, "limits.max_retries: unknown key. Did you mean max_concurrent_trials?"),
        ("limits/timeout", None, "limits.timeout: must not be null. Leave the key out."),
        ("search_space", ABSENT, "search_space: is required."),
        ("search_space", [1], "search_space: must be a mapping; got [1]."),
        (
            "search_space/lr",
            "uniform(0, 1)",
            (
                "search_space.lr: must be a mapping with a type; got uniform(0, 1). "
                "For instance {type: uniform, min_value: 0, max_value: 1}."
            ),
        ),
        (
            "search_space/optimizer.lr",
            {"type": "randint", "upper": 3},
            (
                "search_space: names are made of letters, digits and underscores; got optimizer.lr. "
                "Map it to a Hydra key in the command, as in optimizer.lr=${{search_space.lr}}."
            ),
        ),
        (
            "search_space/lr",
            {"type": "choice", "values": [1, True]},
            (
                "search_space.lr.values[1]: must be a number, text or a mapping of expressions; got true. "
                "Put it in quotes: 'true'."
            ),
        ),
        (
            "search_space/lr",
            {"type": "Choice", "values": [None]},
            "search_space.lr.values[0]: must be a number, text or a mapping of expressions; got null.",
        ),
        (
            "search_space/lr",
            {"type": "choice", "values": [[1, 2]]},
            "search_space.lr.values[0]: must be a number, text or a mapping of expressions; got [1, 2].",
        ),
        (
            "search_space/lr",
            {"type": "choice", "values": [float("inf")]},
            "search_space.lr.values[0]: must be a number, text or a mapping of expressions; got inf.",
        ),
        (
            "search_space/lr",
            {"type": "choice", "values": [{"a": {"type": "choice", "values": [{"b": False}]}}]},
            (
                "search_space.lr.values[0].a.values[0].b: must be a number, text or a mapping of expressions; "
                "got false. Put it in quotes: 'false'."
            ),
        ),
        ("sampling_algorithm", None, "sampling_algorithm: must not be null. Leave the key out."),
        (
            "sampling_algorithm",
            {"type": "random", "seed": None},
            "sampling_algorithm.seed: must not be null. Leave the key out.",
        ),
        (
            "sampling_algorithm",
            {"type": "Bayesian", "seed": 1},
            "sampling_algorithm.seed: AzureML's bayesian has no seed; got 1. Leave it out.",
        ),
        ("early_termination", None, "early_termination: must not be null. Leave the key out."),
        ("samplng_algorithm", "grid", "samplng_algorithm: unknown key. Did you mean sampling_algorithm?"),
        ("compute", 5, "compute: must be text; got 5. Put it in quotes."),
        ("tags", {"a": 1}, "tags.a: must be text; got 1. Put it in quotes."),
        ("resources", None, "resources: must be a mapping; got null."),
        ("inputs", {"a": None}, "inputs.a: must be a number, a boolean, text or a mapping; got null."),
        ("outputs", {"a": 5}, "outputs.a: must be a mapping or null; got 5."),
        ("trial", ABSENT, "trial: is required."),
        ("trial", 5, "trial: must be a mapping or name a component; got 5."),
        (
            "trial",
            "train.yml",
            "trial: must be a mapping; got train.yml. Only in a pipeline can it name a component.",
        ),
        ("trial/command", ABSENT, "trial.command: is required."),
        ("trial/command", 5, "trial.command: must be text; got 5. Put it in quotes."),
        ("trial/environment", ABSENT, "trial.environment: is required."),
        (
            "trial/environment",
            "train",
            (
                "trial.environment: must say where it comes from; got train. "
                "Write azureml:NAME:VERSION or azureml:NAME@latest."
            ),
        ),
        ("trial/compute", "cpu", "trial.compute: does not belong to trial. Put compute beside trial, not below it."),
        ("trial/comand", "x", "trial.comand: unknown key. Did you mean command?"),
        ("trial/distribution", None, "trial.distribution: must be a mapping; got null."),
    ],
    ids=lambda cell: cell if isinstance(cell, str) and " " not in cell else "",
)
def test_a_job_is_held_to_azuremls_own_rules(tmp_path: Path, path: str, value: object, problem: str) -> None:
    file = job_with(tmp_path, path, value)

    with pytest.raises(SpecError, match="^" + re.escape(f"{file}: {problem}") + "$"):
        read_job(file)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trial/environment", {"image": "ubuntu"}),
        ("trial/environment", "azureml://registries/r/environments/e/versions/1"),
        ("trial/environment", "./environment.yml"),
        ("tags", {"a": None}),
        ("inputs", {"epochs": True}),
        ("outputs", {"model": None}),
        ("search_space/_n1", {"type": "randint", "upper": "3"}),
        ("sampling_algorithm", ABSENT),
        ("early_termination", {"type": "bandit", "slack_factor": 0.1, "slack_amount": None}),
        (
            "early_termination",
            {"type": "truncation_selection", "truncation_percentage": 20, "exclude_finished_jobs": True},
        ),
        ("limits", {"max_total_trials": 100000}),
    ],
)
def test_a_job_may_say_all_that_azureml_takes(tmp_path: Path, path: str, value: object) -> None:
    spec_of(read_job(job_with(tmp_path, path, value)))


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "job.yml"
    file.write_text("{type: sweep, foo: 1, limits: {}, trial: {command: x}}")

    with pytest.raises(SpecError) as refusal:
        read_job(file)

    assert [problem.where for problem in refusal.value.problems] == [
        f"{file}: foo",
        f"{file}: trial.environment",
        f"{file}: objective",
        f"{file}: search_space",
        f"{file}: limits.max_total_trials",
    ]


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        pytest.param("python t.py", None, id="none"),
        pytest.param("t ${{search_space.lr}} ${{ inputs.epochs }}", None, id="known"),
        pytest.param("t {search_space.lr} {inputs.epochs}", None, id="older-notation"),
        pytest.param("t $[[--s ${{inputs.seed}}]]", None, id="optional"),
        pytest.param("t ${{search_space.rl}}", "search_space.rl", id="misspelt-parameter"),
        pytest.param("t ${{inputs.seed}}", "inputs.seed", id="unknown-input"),
        pytest.param("t {inputs.seed}", "inputs.seed", id="unknown-input-in-older-notation"),
        pytest.param("t ${{outputs.model}}", "outputs.model", id="unknown-output"),
        pytest.param("t ${{inputs.lr}}", "inputs.lr", id="a-parameter-is-no-input"),
        pytest.param("t ${{lr}}", "lr", id="bare-name"),
        pytest.param("t ${HOME} {x} {{y}}", None, id="other-braces-are-the-shells"),
    ],
)
def test_a_placeholder_that_nothing_gives_a_value_is_an_error(
    tmp_path: Path, command: str, unknown: str | None
) -> None:
    file = job_with(tmp_path, "trial/command", command)

    problems = list(read_job(file).validate())

    assert [problem.got for problem in problems] == ([] if unknown is None else [f"${{{{{unknown}}}}}"])
    assert all(problem.where == f"{file}: trial.command" for problem in problems)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("type: [", "must be YAML: while parsing", id="not-yaml"),
        pytest.param("a: 2020-13-45", "must be YAML: month must be in 1..12", id="no-such-date"),
        pytest.param("- 1", "must hold a mapping; got [1].", id="list"),
        pytest.param("", "must hold a mapping; got null.", id="empty"),
        pytest.param("!!python/object:os.system {}", "must be YAML: could not determine a constructor", id="python"),
    ],
)
def test_what_is_no_job_file_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "job.yml"
    file.write_text(text)

    with pytest.raises(SpecError, match="^" + re.escape(f"{file}: {message}")):
        read_job(file)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=f"^{re.escape(str(tmp_path))}/no.yml: cannot be read: No such file or directory.$"
    ):
        read_job(tmp_path / "no.yml")


@pytest.mark.parametrize(
    ("file", "node", "message"),
    [
        ("pipeline.yml", "tune_agin", "jobs: has no such sweep node; got tune_agin. Did you mean tune_again?"),
        ("pipeline.yml", "prepare", "jobs: has no such sweep node; got prepare. Known: tune, tune_again."),
        ("sweep.yml", "tune", "type: only a pipeline has a node tune; got sweep. Leave the name out."),
    ],
)
def test_a_node_that_is_not_there_is_refused(file: str, node: str, message: str) -> None:
    with pytest.raises(SpecError, match="^" + re.escape(f"{OWN / file}: {message}") + "$"):
        read_job(OWN / file, node)


def test_a_pipeline_without_a_sweep_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text("{type: pipeline, jobs: {a: {type: command}}}")

    with pytest.raises(SpecError, match=r": jobs: the pipeline must have a node of type sweep\.$"):
        read_job(file)


def test_a_component_knows_its_parameters_as_inputs_only(tmp_path: Path) -> None:
    node = {**SOUND, "trial": {"command": "t ${{inputs.lr}} ${{search_space.lr}}"}}
    file = tmp_path / "pipeline.yml"
    file.write_text(yaml.safe_dump({"type": "pipeline", "jobs": {"tune": node}}))

    problems = [str(problem) for problem in read_job(file).validate()]

    assert problems == [
        (
            f"{file}: jobs.tune: trial.command: unknown placeholder; got ${{{{search_space.lr}}}}. "
            "Known: inputs.lr, inputs.epochs."
        )
    ]


def test_problems_of_a_node_name_it(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text("{type: pipeline, jobs: {a: {type: sweep, trial: t.yml, search_space: {}, objective: {}}}}")

    with pytest.raises(SpecError, match="^" + re.escape(f"{file}: jobs.a: limits: is required.") + "$"):
        read_job(file)
