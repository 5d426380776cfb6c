"""What keeps a job from being run here is told before anything starts, with what to type."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.search_space import SearchSpace, read_space
from hydra_plugins.hydra_azsweep_sweeper._command_check import problems_of
from hydra_plugins.hydra_azsweep_sweeper._command_config import CommandConfig
from tests.jobs.conftest import JobApp, choice

TASK = CommandConfig(
    name="train",
    command="python train.py --lr ${{search_space.lr}} --data ${{inputs.data}}",
    code=None,
    environment_variables={},
    inputs={"data": {"type": "uri_folder", "path": "data"}},
    outputs={},
    nested={},
    parameters_in="search_space",
    distribution=None,
)
SPACE = read_space({"lr": {"type": "uniform", "min_value": 0, "max_value": 1}})
NESTED = read_space({"net": choice({"lr": 0.1, "units": 8}, {"lr": 0.2})}, absolute_children=True)


@pytest.fixture
def task(tmp_path: Path) -> CommandConfig:
    """A command that can be run."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    (tmp_path / "src" / "notes.txt").touch()
    return replace(TASK, code=str(tmp_path / "src"))


def problems(
    task: CommandConfig, data: Any = "/tmp", space: SearchSpace = SPACE, search_path: str = "/usr/bin:/bin"
) -> list[str]:
    values = {} if data is None else {"inputs.data": str(data)}
    return [str(each) for each in problems_of(task, values, space, search_path)]


def test_a_command_that_can_be_run_has_no_problems(task: CommandConfig) -> None:
    assert problems(task) == []


@pytest.mark.parametrize(
    ("kind", "path", "problem"),
    [
        pytest.param(
            "uri_file",
            "https://example.com/a/iris.csv?sv=1",
            "must be on this machine to be run here; got https://example.com/a/iris.csv?sv=1. Say where it is here: "
            "--input data=./iris.csv.",
            id="https",
        ),
        pytest.param(
            "mltable",
            "azureml:iris@latest",
            "must be on this machine to be run here; got azureml:iris@latest. Say where it is here: --input "
            "data=./iris.",
            id="azureml",
        ),
        pytest.param(
            "uri_folder",
            "${{parent.jobs.prepare.outputs.x}}",
            "must be on this machine to be run here; got ${{parent.jobs.prepare.outputs.x}}. Say where it is here: "
            "--input data=./data.",
            id="another-jobs-output",
        ),
    ],
)
def test_an_input_that_only_azureml_has_is_to_be_mapped(
    task: CommandConfig, kind: str, path: str, problem: str
) -> None:
    task = replace(task, inputs={"data": {"type": kind, "path": path}})

    assert problems(task, None) == [f"inputs.data: {problem}"]
    unused = replace(task, command="python train.py")
    assert problems(unused, None) == []


def test_an_input_that_is_mapped_to_the_network_is_refused_as_well(task: CommandConfig) -> None:
    (problem,) = problems(task, "azureml:iris:1")

    assert problem.startswith("inputs.data: must be on this machine to be run here; got azureml:iris:1.")


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        pytest.param(
            "uri_file", "gone", "must be a file; got {0} (not there). --input data=FILE names another.", id="file-gone"
        ),
        pytest.param(
            "uri_file",
            "src",
            "must be a file; got {0}, which is a folder. --input data=FILE names another.",
            id="no-file",
        ),
        pytest.param(
            "uri_folder",
            "src/train.py",
            "must be a folder; got {0}, which is a file. --input data=FOLDER names another.",
            id="no-folder",
        ),
        pytest.param("custom_model", "gone", "must be there; got {0}. --input data=PATH names another.", id="anything"),
    ],
)
def test_a_path_must_lead_to_what_its_type_says(
    task: CommandConfig, tmp_path: Path, kind: str, name: str, problem: str
) -> None:
    task = replace(task, inputs={"data": {"type": kind, "path": name}})

    assert problems(task, tmp_path / name) == [f"inputs.data: {problem.format(tmp_path / name)}"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(
            {"code": "azureml:code:1"},
            "trial.code: must be on this machine to be run here; got azureml:code:1. Say where it is here: --code DIR.",
            id="remote-code",
        ),
        pytest.param(
            {"code": "/not/there"},
            "trial.code: must be a folder; got /not/there (not there). --code DIR names another.",
            id="no-code",
        ),
        pytest.param(
            {"distribution": {"type": "pytorch", "process_count_per_instance": 2}},
            "trial.distribution: only a single process can be started here; got {'type': 'pytorch', "
            "'process_count_per_instance': 2}. Let the command start them itself: torchrun --nproc-per-node 2 train.py "
            "instead of python train.py.",
            id="several-processes",
        ),
        pytest.param(
            {"command": "julia train.jl"},
            "trial.command: needs a program that is not on the PATH; got julia.",
            id="program",
        ),
        pytest.param(
            {"command": "./notes.txt"},
            "trial.command: its program must be there, and executable; got ./notes.txt.",
            id="not-executable",
        ),
        pytest.param(
            {
                "command": "python ${{search_space.lr}} ${{inputs.other}}",
                "inputs": {"other": {"type": "string", "path": None}},
            },
            "trial.command: needs a value; got ${{inputs.other}}. --input other=VALUE gives it one.",
            id="no-value",
        ),
    ],
)
def test_what_is_missing_is_named(task: CommandConfig, change: dict[str, Any], problem: str) -> None:
    assert problems(replace(task, **change)) == [problem]


def test_a_script_that_is_not_in_the_code_is_named(task: CommandConfig) -> None:
    (problem,) = problems(replace(task, command="python ../train.py -x"))
    (without,) = problems(replace(task, code=None))

    assert problem == (
        f"trial.command: its script must be in the folder of the code; got no ../train.py in {task.code}. --code DIR "
        "names another folder."
    )
    assert without.endswith("Set trial.code, or give --code DIR.")


def test_a_command_with_pipes_needs_bash(task: CommandConfig) -> None:
    task = replace(task, command="cat x | wc")

    assert problems(task) == []
    assert problems(task, search_path="/nowhere") == ["trial.command: needs bash, for it is a shell's; got bash."]


def test_a_parameter_that_is_pinned_to_nothing_is_named(task: CommandConfig) -> None:
    assert problems(task, space=read_space({"other": choice(1, 2)})) == [
        "trial.command: needs a value; got ${{search_space.lr}}. lr=VALUE gives it one."
    ]


def test_a_single_process_with_a_distribution_is_no_problem(task: CommandConfig) -> None:
    assert problems(replace(task, distribution={"type": "pytorch", "process_count_per_instance": 1})) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (" ", "must not be empty."),
        ("python 'a", "must close its quotes; got python 'a."),
        (
            "python train.py $[[--x ${{search_space.lr}}",
            (
                "must close its optional parts; got $[[--x ${{search_space.lr}}. "
                "Write it as $[[--name ${{inputs.name}}]]."
            ),
        ),
    ],
)
def test_a_command_that_nobody_could_run_is_refused(task: CommandConfig, command: str, problem: str) -> None:
    assert problems(replace(task, command=command)) == [f"trial.command: {problem}"]


def test_a_value_that_a_configuration_takes_for_none_is_refused(task: CommandConfig) -> None:
    assert problems(task, space=read_space({"lr": choice("???", "a")})) == [
        "search_space.lr: cannot be what stands for no value in a configuration; got ???."
    ]


def test_what_some_branches_lack_the_command_must_be_able_to_do_without(task: CommandConfig) -> None:
    command = "python train.py ${{search_space.net}} ${{search_space.lr}} %s"
    nested = {"net": ["lr", "units"]}
    needed = replace(task, command=command % "--units ${{search_space.units}}", nested=nested)
    optional = replace(task, command=command % "$[[--units ${{search_space.units}}]]", nested=nested)

    assert problems(optional, space=NESTED) == []
    assert problems(needed, space=NESTED) == [
        (
            "trial.command: units is drawn in some branches only, and the command needs it in all; got "
            "${{search_space.units}}. Write $[[--units ${{search_space.units}}]]."
        )
    ]


def test_every_problem_is_told_with_its_line_before_anything_starts(job: JobApp) -> None:
    """In the job's file, with an exit code of 1 and nothing written; --input says what is missing."""
    iris = {"type": "uri_file", "path": "https://example.com/iris.csv"}
    job.write_job(
        "python train.py ${{inputs.iris}} ${{search_space.x}}",
        {"x": choice(1)},
        {},
        inputs={"iris": iris},
        trial={"code": "azureml:code:1"},
    )
    path = job.directory / "job.yml"

    run = job.run()

    code = 1 + next(number for number, line in enumerate(path.read_text().splitlines()) if '"code"' in line)
    inputs = 1 + next(number for number, line in enumerate(path.read_text().splitlines()) if '"iris"' in line)
    assert run.code == 1
    rule = "must be on this machine to be run here; got"
    assert run.err.splitlines()[:2] == [
        f"{path}:{inputs}: inputs.iris: {rule} {iris['path']}. Say where it is here: --input iris=./iris.csv.",
        f"{path}:{code}: trial.code: {rule} azureml:code:1. Say where it is here: --code DIR.",
    ]
    assert not run.sweep.exists()


def test_a_parameter_cannot_have_the_name_of_a_key_of_the_app(job: JobApp) -> None:
    job.write_job("echo ${{search_space.trial}}", {"trial": choice(1)}, {"a": ""})

    run = job.run()

    assert run.code == 1
    assert run.err.rstrip().endswith(
        "search_space.trial: is a key of its own in the configuration of a job that is run: another name is needed."
    )
