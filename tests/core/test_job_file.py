"""How AzureML's job and pipeline files are read."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from azsweep_core.distributions import Branch, Choice, LogUniform, Uniform
from azsweep_core.early_termination import MedianStoppingPolicy
from azsweep_core.errors import SpecError
from azsweep_core.job_file import Job, read_job
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, read_sweep

OWN = Path(__file__).parent / "job_files"


def spec_of(job: Job) -> SweepSpec:
    return read_sweep(job.spec_mapping, absolute_children=True)


def told(file: Path, problem: str) -> str:
    """A pattern for the problem with the file and a line; which line is for the tests of lines."""
    return "^" + re.escape(f"{file}:") + r"\d+: " + re.escape(problem) + "$"


def test_reads_a_sweep_job() -> None:
    job = read_job(OWN / "sweep.yml")

    assert job.name is None
    assert job.inputs == {"epochs": 10, "data": {"type": "uri_folder", "path": "./data"}}
    assert isinstance(job.trial, Mapping)
    assert job.trial["code"] == "src"
    assert job.command is not None
    assert job.command.startswith("python train.py optimizer.lr=${{search_space.lr}} ")
    assert job.raw["display_name"] == "digits"
    assert spec_of(job) == SweepSpec(
        search_space=SearchSpace(
            {"lr": LogUniform(-6.9, -2.3), "optimizer": Choice(["adam", "sgd", "1e-3", 7])}, absolute_children=True
        ),
        sampling_algorithm=SamplingAlgorithm(SamplerType.RANDOM, seed=3, rule=SamplingRule.SOBOL),
        objective=Objective("val_loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=30, max_concurrent_trials=4, timeout_s=7200, trial_timeout_s=600),
        early_termination=MedianStoppingPolicy(delay_evaluation=5),
    )
    assert [*job.validate(), *job.warnings()] == []


def test_takes_the_first_sweep_node_of_a_pipeline() -> None:
    job = read_job(OWN / "pipeline.yml")

    assert (job.name, job.trial, job.command, job.inputs) == ("tune", "./train.yml", None, {})
    assert spec_of(job).search_space.parameters == {"c": Uniform(0.5, 0.9)}
    assert spec_of(job).limits == Limits(max_total_trials=5)


def test_takes_the_named_sweep_node_of_a_pipeline() -> None:
    job = read_job(OWN / "pipeline.yml", "tune_again")

    assert job.name == "tune_again"
    assert job.inputs == {"tol": 0.001}
    assert spec_of(job).sampling_algorithm.type is SamplerType.GRID
    assert list(job.validate()) == []


def test_every_mapping_in_a_choice_is_a_branch_with_absolute_keys() -> None:
    space = spec_of(read_job(OWN / "nested.yml")).search_space

    assert space.parameters == {
        "model": Choice(
            [Branch(None, {"kind": "mlp", "units": Choice([8, 16])}), Branch(None, {"kind": "linear", "bias": 1})]
        )
    }
    assert space.point([0.0, 0.9]) == {"kind": "mlp", "units": 16}
    assert space.point([0.9, 0.0]) == {"kind": "linear", "bias": 1}


def test_warns_that_a_missing_algorithm_means_random() -> None:
    job = read_job(OWN / "pipeline.yml", "tune")

    assert [str(warning) for warning in job.warnings()] == [
        f"{OWN / 'pipeline.yml'}:6: jobs.tune.sampling_algorithm: is missing, which means random."
    ]


def test_warns_of_a_parameter_that_the_command_does_not_use() -> None:
    job = read_job(OWN / "pipeline.yml", "tune_again")

    assert [str(warning) for warning in job.warnings()] == [
        (
            f"{OWN / 'pipeline.yml'}:18: jobs.tune_again.search_space.degree: the command does not use it. "
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
        ("type", "sweep_job", "type: is written as in AzureML's preview of 2021; got sweep_job. Write type: sweep."),
        ("type", "command", "type: must be sweep, or pipeline; got command. Without a type it is a command job."),
        ("objective", ABSENT, "objective: is required."),
        ("objective", "loss", "objective: must be a mapping; got loss."),
        ("limits", ABSENT, "limits: is required."),
        ("limits", {}, "limits.max_total_trials: is required."),
        (
            "limits/timeout_minutes",
            5,
            (
                "limits.timeout_minutes: is written as in AzureML's preview of 2021; got 5. "
                "Write limits: {timeout: 300}, in seconds."
            ),
        ),
        ("limits/max_retries", 5, "limits.max_retries: unknown key. Did you mean max_concurrent_trials?"),
        ("limits/timeout", None, "limits.timeout: must not be null. Leave the key out."),
        ("search_space", ABSENT, "search_space: is required."),
        ("search_space", [1], "search_space: must be a mapping; got [1]."),
        (
            "search_space/lr",
            0.1,
            (
                "search_space.lr: must be a mapping with a type; got 0.1. "
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
        ("resources", None, "resources: must not be null. Leave the key out."),
        ("inputs", {"a": None}, "inputs.a: must be a number, a boolean, text or a mapping; got null."),
        ("trial", ABSENT, "trial: is required."),
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
        ("trial/distribution", None, "trial.distribution: must not be null. Leave the key out."),
    ],
    ids=lambda cell: cell if isinstance(cell, str) and " " not in cell else "",
)
def test_a_job_is_held_to_azuremls_own_rules(tmp_path: Path, path: str, value: object, problem: str) -> None:
    file = job_with(tmp_path, path, value)

    with pytest.raises(SpecError, match=told(file, problem)):
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
        "foo",
        "limits.max_total_trials",
        "trial.environment",
        "objective",
        "search_space",
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
    assert all(re.match(told(file, "trial.command: ")[:-1], str(problem)) for problem in problems)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a: 1\ntype: [",
            ":2: must be YAML: while parsing a flow node, expected the node content, but found '<stream end>'.",
            id="not-yaml",
        ),
        pytest.param(
            "a: 1\n---\na: 2",
            ":2: must be YAML: expected a single document in the stream, but found another document.",
            id="two",
        ),
        pytest.param("a: 2020-13-45", ": must be YAML: month must be in 1..12", id="no-such-date"),
        pytest.param("- 1", ": must hold a mapping; got [1].", id="list"),
        pytest.param("", ": is empty. It must hold a mapping.", id="empty"),
        pytest.param("# only a comment", ": is empty. It must hold a mapping.", id="comment"),
        pytest.param(
            "!!python/object:os.system {}", ":1: must be YAML: could not determine a constructor", id="python"
        ),
    ],
)
def test_what_is_no_job_file_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "job.yml"
    file.write_text(text)

    with pytest.raises(SpecError, match="^" + re.escape(f"{file}{message}")):
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
    with pytest.raises(SpecError, match=told(OWN / file, message)):
        read_job(OWN / file, node)


def test_a_pipeline_without_a_sweep_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text("{type: pipeline, jobs: {a: {type: command}}}")

    with pytest.raises(SpecError, match=r": jobs: the pipeline must have a node of type sweep\.$"):
        read_job(file)


def test_a_component_knows_its_parameters_as_inputs_only(tmp_path: Path) -> None:
    node = {**SOUND, "trial": {**SOUND["trial"], "command": "t ${{inputs.lr}} ${{search_space.lr}}"}}
    file = tmp_path / "pipeline.yml"
    file.write_text(yaml.safe_dump({"type": "pipeline", "jobs": {"tune": node}}))

    problems = [str(problem) for problem in read_job(file).validate()]

    assert problems == [
        (
            f"{file}:17: jobs.tune.trial.command: unknown placeholder; got ${{{{search_space.lr}}}}. "
            "Known: inputs.lr, inputs.epochs."
        )
    ]


def test_problems_of_a_node_name_it(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text("{type: pipeline, jobs: {a: {type: sweep, trial: t.yml, search_space: {}, objective: {}}}}")

    with pytest.raises(SpecError, match=told(file, "jobs.a.limits: is required.")):
        read_job(file)
