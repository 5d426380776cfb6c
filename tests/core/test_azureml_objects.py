"""Objects of azure-ai-ml are taken wherever their YAML is. Stand-ins; tests/azureml has the real ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.errors import SpecError
from azsweep_core.job_object import read_job_object
from azsweep_core.job_task import JobInput, read_task
from azsweep_core.spec import judge, read_sweep
from tests.core.sdk import sdk

SPACE = {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}}
OBJECTIVE = {"primary_metric": "loss", "goal": "minimize"}
COMMAND = sdk("CommandJob", command="python t.py ${{search_space.lr}} ${{inputs.data}}", code="./src")


def sweep(**parts: Any) -> dict[str, Any]:
    return {"search_space": SPACE, "objective": OBJECTIVE, "limits": {"max_total_trials": 3}, **parts}


@pytest.mark.parametrize(
    ("objects", "mappings"),
    [
        pytest.param(
            {"objective": sdk("Objective", primary_metric="acc", goal="maximize")},
            {"objective": {"primary_metric": "acc", "goal": "maximize"}},
            id="objective",
        ),
        pytest.param(
            {"limits": sdk("SweepJobLimits", max_total_trials=9, max_concurrent_trials=None, timeout=60)},
            {"limits": {"max_total_trials": 9, "timeout": 60}},
            id="limits",
        ),
        pytest.param(
            {"early_termination": sdk("BanditPolicy", slack_factor=0.1)},
            {"early_termination": {"type": "bandit", "slack_factor": 0.1}},
            id="bandit-with-a-factor",
        ),
        pytest.param(
            {"early_termination": sdk("BanditPolicy", slack_amount=2, evaluation_interval=3, delay_evaluation=5)},
            {
                "early_termination": {
                    "type": "bandit",
                    "slack_amount": 2,
                    "evaluation_interval": 3,
                    "delay_evaluation": 5,
                }
            },
            id="bandit-with-an-amount",
        ),
        pytest.param(
            {"early_termination": sdk("MedianStoppingPolicy")},
            {"early_termination": {"type": "median_stopping"}},
            id="median",
        ),
        pytest.param(
            {"early_termination": sdk("TruncationSelectionPolicy", truncation_percentage=20)},
            {"early_termination": {"type": "truncation_selection", "truncation_percentage": 20}},
            id="truncation",
        ),
        pytest.param(
            {"sampling_algorithm": sdk("RandomSamplingAlgorithm", seed=3, rule="sobol", logbase="e")},
            {"sampling_algorithm": {"type": "random", "seed": 3, "rule": "sobol", "logbase": "e"}},
            id="random",
        ),
        pytest.param(
            {"sampling_algorithm": sdk("BayesianSamplingAlgorithm")}, {"sampling_algorithm": "bayesian"}, id="bayesian"
        ),
        pytest.param(
            {
                "sampling_algorithm": sdk("GridSamplingAlgorithm"),
                "search_space": {"b": sdk("Choice", values=[True, None])},
            },
            {"sampling_algorithm": "grid", "search_space": {"b": {"type": "choice", "values": [True, None]}}},
            id="grid",
        ),
    ],
)
def test_an_object_is_what_its_mapping_is(objects: dict[str, Any], mappings: dict[str, Any]) -> None:
    read = read_sweep(sweep(**objects))

    assert read == read_sweep(sweep(**mappings))
    assert judge(read).errors == ()


@pytest.mark.parametrize(
    ("part", "error"),
    [
        pytest.param(
            {"early_termination": sdk("BanditPolicy")},
            "early_termination: bandit needs exactly one of slack_factor and slack_amount; got neither.",
            id="bandit-as-the-constructor-leaves-it",
        ),
        pytest.param(
            {"early_termination": sdk("TruncationSelectionPolicy")},
            "early_termination.truncation_percentage: is required for truncation_selection; got null.",
            id="truncation-as-the-constructor-leaves-it",
        ),
        pytest.param(
            {"objective": sdk("Objective", primary_metric="acc", goal="max")},
            "objective.goal: must be minimize or maximize; got max. Did you mean maximize?",
            id="goal",
        ),
        pytest.param(
            {"limits": sdk("SweepJobLimits", max_total_trials="many")},
            "limits.max_total_trials: must be a whole number; got many.",
            id="limit",
        ),
        pytest.param(
            {"sampling_algorithm": sdk("RandomSamplingAlgorithm", rule="halton")},
            "sampling_algorithm.rule: must be one of random, sobol; got halton.",
            id="rule",
        ),
        pytest.param(
            {"limits": sdk("Objective", primary_metric="acc")},
            "limits.primary_metric: unknown key. Known: max_total_trials, max_concurrent_trials, timeout, "
            "trial_timeout, max_retries, max_failed_trials, max_failure_rate, fail_fast.",
            id="another-part",
        ),
    ],
)
def test_what_constructors_let_pass_is_refused_as_in_a_file(part: dict[str, Any], error: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(error)}$"):
        _refuse(sweep(**part))


def _refuse(mapping: dict[str, Any]) -> None:
    errors = judge(read_sweep(mapping)).errors
    raise SpecError(errors)


def a_job(**parts: Any) -> Any:
    return sdk("SweepJob", **{**sweep(), "trial": COMMAND, **parts})


class TestJobs:
    def test_a_sweep_job_is_read_as_its_file_would_be(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        job = read_job_object(
            a_job(
                inputs={"data": sdk("Input", type="uri_file", path="./x.csv"), "n": 3},
                outputs={"model": None},
                compute="cpu-cluster",
                tags={"team": "a"},
                early_termination=sdk("MedianStoppingPolicy"),
            )
        )
        task = read_task(job)

        assert read_sweep(job.spec_mapping, absolute_children=True) == read_sweep(
            sweep(early_termination={"type": "median_stopping"}), absolute_children=True
        )
        assert (task.code, task.folder) == (str(tmp_path / "src"), tmp_path)
        assert task.inputs == {"data": JobInput("uri_file", path="./x.csv"), "n": JobInput("literal", 3)}
        assert task.outputs == {"model": "uri_folder"}
        assert task.command.render({"search_space.lr": "1", "inputs.data": "d"}).words == ("python", "t.py", "1", "d")
        assert (job.raw["compute"], job.raw["tags"]) == ("cpu-cluster", {"team": "a"})

    def test_inputs_of_a_command_that_vary_in_its_sweep_are_parameters(self) -> None:
        """The others keep the defaults that it declares; what is optional and not given stays without a value."""
        declared = {
            "lr": sdk("Input", type="number", default=0.1),
            "n": sdk("Input", type="integer", default=3),
            "o": sdk("Input", type="string", optional=True),
        }
        component = sdk(
            "CommandComponent", command="t ${{inputs.lr}} ${{ inputs.n }} $[[${{inputs.o}}]]", inputs=declared
        )
        node = sdk("Sweep", **sweep(), trial=component, _job_inputs={"o": None})

        task = read_task(read_job_object(node))

        assert task.command.text == "t ${{search_space.lr}} ${{ inputs.n }} $[[${{inputs.o}}]]"
        assert task.inputs == {"n": JobInput("literal", 3)}

    def test_a_component_has_its_code_beside_its_own_file(self, tmp_path: Path) -> None:
        component = sdk("CommandComponent", command="t", code="./src", base_path=str(tmp_path))

        assert read_task(read_job_object(a_job(trial=component))).code == str(tmp_path / "src")

    def test_the_timeout_of_a_command_is_that_of_a_trial(self) -> None:
        timed = sdk("CommandJob", command="t", limits=sdk("CommandJobLimits", timeout=700))

        job = read_job_object(a_job(trial=timed))

        assert job.spec_mapping["limits"] == {"max_total_trials": 3, "trial_timeout": 700}

    @pytest.mark.parametrize(
        ("thing", "error"),
        [
            pytest.param(
                sdk("Command", command="python t.py"),
                "job: must be a SweepJob of azure-ai-ml, or what .sweep() of a command gives; "
                "got an object of class Command. Call .sweep(...) on it.",
                id="command",
            ),
            pytest.param(
                {"type": "sweep"},
                "job: must be a SweepJob of azure-ai-ml, or what .sweep() of a command gives; "
                "got an object of class dict.",
                id="mapping",
            ),
            pytest.param(sdk("SweepJob"), "SweepJob: trial: is required.", id="nothing-to-run"),
            pytest.param(
                sdk("SweepJob", limits=5), "SweepJob: limits: must be a mapping; got 5.", id="limits-no-object"
            ),
            pytest.param(
                a_job(inputs={"data": sdk("PipelineInput")}),
                "SweepJob: inputs.data: must be a value or an Input; got an object of class PipelineInput. "
                "What a pipeline or another of its nodes provides has no value yet.",
                id="of-a-pipeline",
            ),
        ],
    )
    def test_what_is_no_sweep_is_refused_in_words(self, thing: Any, error: str) -> None:
        with pytest.raises(SpecError, match=f"^{re.escape(error)}$"):
            read_job_object(thing)
