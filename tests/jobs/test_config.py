"""A job as the configuration of an app, which its trials read what they run from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from azsweep_core.errors import SpecError
from azsweep_core.job_file import read_job
from azsweep_core.job_task import read_task
from hydra_plugins.hydra_azsweep_sweeper._command_config import CommandConfig, app_config
from tests.jobs.conftest import choice

SWEEP: dict[str, Any] = {
    "type": "sweep",
    "trial": {"command": "python t.py", "environment": "azureml:e:1"},
    "search_space": {"lr": choice(1, 2)},
    "sampling_algorithm": "grid",
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 2},
}


def config_of(folder: Path, document: dict[str, Any], **drawn: Any) -> tuple[CommandConfig, DictConfig]:
    """Of a file that holds the document, with these parameters drawn."""
    (folder / "job.yml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    job = read_job(folder / "job.yml")
    config = OmegaConf.create({**app_config(job, read_task(job)), **drawn})
    return CommandConfig.read(config), config


def test_a_pipelines_command_has_inputs_parameters_and_defaults_under_one_name(tmp_path: Path) -> None:
    """Only what is a path is made absolute."""
    component = {
        "command": "python t.py",
        "inputs": {
            "lr": {"type": "number"},
            "folder": {"type": "uri_folder"},
            "tol": {"type": "number", "default": 0.1},
            "word": {"type": "string"},
            "extra": {"type": "string", "optional": True},
        },
        "outputs": {"model": {"type": "uri_folder"}, "report": {"type": "uri_file"}},
    }
    (tmp_path / "train.yml").write_text(yaml.safe_dump(component))
    node = {**SWEEP, "trial": "./train.yml", "inputs": {"word": "a/b"}}

    task, config = config_of(tmp_path, {"type": "pipeline", "jobs": {"tune": node}}, lr=1)
    config.inputs.folder = "data"

    assert task.values(config, Path("/here")) == {
        "inputs.lr": "1",
        "inputs.folder": "/here/data",
        "inputs.tol": "0.1",
        "inputs.word": "a/b",
    }
    assert task.outputs == {"model": "uri_folder", "report": "uri_file"}


def test_of_a_nested_choice_each_level_is_what_was_drawn_below_it(tmp_path: Path) -> None:
    inner = choice({"units": choice(8)}, {"width": 2, "name": "é"})
    space = {"net": choice({"layer": inner, "bias": 1}, {"depth": choice(3)}, "none")}

    task, config = config_of(tmp_path, {**SWEEP, "search_space": space}, width=2, name="é", bias=1)

    assert task.parameters(config) == {
        "bias": "1",
        "width": "2",
        "name": "é",
        "net": '{"layer":{"width":2,"name":"é"},"bias":1}',
        "layer": '{"width":2,"name":"é"}',
    }
    task, config = config_of(tmp_path, {**SWEEP, "search_space": space}, net="none")
    assert task.parameters(config) == {"net": "none"}


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\\${}'\"? "), min_size=1))
def test_texts_of_the_job_are_read_back_as_they_are(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever OmegaConf would make of them."""
    folder = tmp_path_factory.getbasetemp()
    trial = {"command": f"echo {text}", "environment": "azureml:e:1", "environment_variables": {"A": text}}

    task, config = config_of(folder, {**SWEEP, "trial": trial, "inputs": {"x": text}})

    assert (task.command, task.environment_variables) == (f"echo {text}", {"A": text})
    assert task.input_values(config) == ({} if text == "???" else {"x": text})


@pytest.mark.parametrize("name", ["inputs", "trial", "hydra", "defaults"])
def test_a_parameter_has_no_key_of_the_apps_own(tmp_path: Path, name: str) -> None:
    space = {"a": choice({name: choice(1)}, {"b": 2})}

    with pytest.raises(SpecError, match=rf"search_space.{name}: is a key of its own in the configuration of a job"):
        config_of(tmp_path, {**SWEEP, "search_space": space})


@pytest.mark.parametrize(
    ("names", "app"),
    [
        pytest.param({"experiment_name": "an experiment/1", "display_name": "x"}, "an_experiment_1", id="experiment"),
        pytest.param({"display_name": "é.b-c"}, "é.b-c", id="display-name"),
        pytest.param({"display_name": "///"}, "job", id="file"),
    ],
)
def test_the_app_is_called_what_the_job_is(tmp_path: Path, names: dict[str, str], app: str) -> None:
    task, config = config_of(tmp_path, {**SWEEP, **names})

    assert (task.name, config.hydra.job.name) == (app, app)
