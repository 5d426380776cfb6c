"""What the trials of a job run, as the job file and its components say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from azsweep_core.errors import SpecError
from azsweep_core.job_file import read_job
from azsweep_core.job_task import JobInput, JobTask, read_task

SWEEP: dict[str, Any] = {
    "type": "sweep",
    "search_space": {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 4},
}
TRIAL = {"command": "python train.py --lr ${{search_space.lr}}", "environment": "azureml:train:1"}


def write(file: Path, document: Mapping[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(dict(document), sort_keys=False))
    return file


def task_of(folder: Path, trial: Mapping[str, Any] | str, **job: Any) -> JobTask:
    return read_task(read_job(write(folder / "job.yml", {**SWEEP, "trial": trial, **job})))


def task_of_node(folder: Path, trial: Mapping[str, Any] | str, pipeline: Any = None, **node: Any) -> JobTask:
    document = {"type": "pipeline", "inputs": pipeline or {}, "jobs": {"tune": {**SWEEP, "trial": trial, **node}}}
    return read_task(read_job(write(folder / "pipelines" / "job.yml", document)))


def test_a_job_has_its_command_source_variables_and_outputs(tmp_path: Path) -> None:
    trial = {**TRIAL, "code": "../src", "environment_variables": {"A": 1, "B": "x"}}

    task = task_of(tmp_path, trial, outputs={"model": None, "log": {"type": "uri_file"}})

    assert task.command.text == TRIAL["command"]
    assert task.code == str(tmp_path.parent / "src")
    assert task.folder == tmp_path
    assert task.environment_variables == {"A": "1", "B": "x"}
    assert task.outputs == {"model": "uri_folder", "log": "uri_file"}
    assert task.placeholder("lr") == "search_space.lr"
    assert task.where == f"{tmp_path}/job.yml:13: trial.command"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(0.5, JobInput("literal", 0.5), id="number"),
        pytest.param(True, JobInput("literal", True), id="boolean"),
        pytest.param("a b", JobInput("literal", "a b"), id="text"),
        pytest.param({"value": 42}, JobInput("literal", 42), id="value"),
        pytest.param({"type": "uri_file", "path": "a.csv"}, JobInput("uri_file", path="a.csv"), id="file"),
        pytest.param({"path": "data"}, JobInput("uri_folder", path="data"), id="a-folder-unless-it-says"),
    ],
)
def test_an_input_is_a_value_or_a_path(tmp_path: Path, given: Any, expected: JobInput) -> None:
    assert task_of(tmp_path, TRIAL, inputs={"x": given}).inputs == {"x": expected}


@pytest.mark.parametrize(
    ("path", "is_remote"),
    [
        ("./iris.csv", False),
        ("/data/iris", False),
        ("file:./iris.csv", False),
        ("file:///data/iris", False),
        ("azureml:iris:1", True),
        ("azureml://datastores/a/paths/b", True),
        ("https://example.com/iris.csv", True),
        ("wasbs://a@b.net/iris.csv", True),
        ("abfss://a@b.net/iris.csv", True),
        ("/subscriptions/0/resourceGroups/r/providers/p", True),
        ("${{parent.jobs.prepare.outputs.data}}", True),
    ],
)
def test_what_only_the_cloud_has_is_told_from_paths(tmp_path: Path, path: str, is_remote: bool) -> None:
    found = task_of(tmp_path, TRIAL, inputs={"x": {"type": "uri_folder", "path": path}}).inputs["x"]

    assert found.is_remote is is_remote


@pytest.mark.parametrize("code", ["azureml:code:1", "git+https://example.com/a/b"])
def test_source_that_only_the_cloud_has_stays_as_it_is(tmp_path: Path, code: str) -> None:
    assert task_of(tmp_path, {**TRIAL, "code": code}).code == code


def test_a_component_is_read_from_its_file_and_its_paths_are_relative_to_that(tmp_path: Path) -> None:
    component = {
        "type": "command",
        "command": "python t.py ${{inputs.lr}} ${{inputs.tol}} $[[${{inputs.extra}}]]",
        "code": "./src",
        "inputs": {
            "lr": {"type": "number"},
            "tol": {"type": "number", "default": 0.1},
            "degree": {"type": "integer", "default": 3},
            "extra": {"type": "string", "optional": True},
        },
        "outputs": {"model": {"type": "uri_folder"}},
    }
    write(tmp_path / "components" / "train.yml", component)

    task = task_of_node(tmp_path, "file:../components/train.yml", inputs={"degree": 5})

    assert task.code == str(tmp_path / "components" / "src")
    assert task.folder == tmp_path / "pipelines"
    assert task.inputs == {"tol": JobInput("literal", 0.1), "degree": JobInput("literal", 5)}
    assert task.outputs == {"model": "uri_folder"}
    assert task.placeholder("lr") == "inputs.lr"
    assert task.where == f"{tmp_path}/components/train.yml:2: command"


def test_a_component_may_be_written_out_in_its_node(tmp_path: Path) -> None:
    trial = {
        **TRIAL,
        "command": "python t.py ${{inputs.lr}} ${{inputs.tol}}",
        "inputs": {"tol": {"type": "integer", "default": 1}},
    }

    assert task_of_node(tmp_path, trial).inputs == {"tol": JobInput("literal", 1)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("${{parent.inputs.data}}", JobInput("uri_folder", path="azureml:d:1")),
        ("${{parent.inputs.number}}", JobInput("literal", 7)),
        ("${{parent.inputs.nothing}}", JobInput("uri_folder", path="${{parent.inputs.nothing}}")),
        ("${{parent.jobs.a.outputs.b}}", JobInput("uri_folder", path="${{parent.jobs.a.outputs.b}}")),
    ],
)
def test_a_node_gets_inputs_of_its_pipeline(tmp_path: Path, given: str, expected: JobInput) -> None:
    pipeline = {"data": {"type": "uri_folder", "path": "azureml:d:1"}, "number": 7}

    assert task_of_node(tmp_path, {**TRIAL, "command": "t"}, pipeline, inputs={"x": given}).inputs == {"x": expected}


@pytest.mark.parametrize(
    ("trial", "problem"),
    [
        (
            "azureml:train:1",
            (
                "{file}:16: jobs.tune.trial: must be a component of this machine; got azureml:train:1. "
                "Name its file, or write it out below trial."
            ),
        ),
        ("./no.yml", "{folder}/no.yml: cannot be read: No such file or directory."),
        (
            {"type": "parallel"},
            (
                "{file}:17: jobs.tune.trial.type: must be command; got parallel. "
                "Only a component of type command can be swept."
            ),
        ),
    ],
)
def test_a_component_that_cannot_be_run_is_refused_in_words(tmp_path: Path, trial: Any, problem: str) -> None:
    folder = tmp_path / "pipelines"
    expected = problem.format(file=folder / "job.yml", folder=folder)

    with pytest.raises(SpecError, match=f"^{re.escape(expected)}$"):
        task_of_node(tmp_path, trial)
