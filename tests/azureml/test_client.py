"""The client that other tests ask gives verdicts with reasons, and looks neither at paths nor at the network."""

from __future__ import annotations

import pytest
import yaml

from tests.azureml.client import AzureML

JOB = """
type: sweep
sampling_algorithm: random
search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 4}
inputs: {data: {type: uri_folder, path: ./nowhere}}
trial:
  code: ./nowhere
  command: python train.py --lr ${{search_space.lr}} --data ${{inputs.data}}
  environment: {image: ubuntu, conda_file: ./nowhere.yml}
"""


def test_takes_a_job_whose_files_are_elsewhere(azureml: AzureML) -> None:
    assert azureml.judge(JOB).valid


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("lr: {", "l.r: {", "must be composed letters", id="in-what-would-be-sent"),
        pytest.param("max_total", "max_totl", "Unknown field.", id="in-the-schema"),
        pytest.param("type: sweep", "type: command", "Unknown field.", id="no-sweep"),
    ],
)
def test_says_why_it_refuses_a_job(azureml: AzureML, old: str, new: str, reason: str) -> None:
    verdict = azureml.judge(JOB.replace(old, new))

    assert not verdict.valid
    assert reason in verdict.reason


def test_judges_the_sweeps_of_a_pipeline(azureml: AzureML) -> None:
    node = {**yaml.safe_load(JOB), "trial": "./component.yml"}
    sound = {"type": "pipeline", "jobs": {"tune": node, "other": {"type": "command"}}}
    faulty = {"type": "pipeline", "jobs": {"tune": {**node, "limits": {"max_total_trials": "x"}}}}

    verdicts = azureml.judge_all(yaml.safe_dump(document) for document in (sound, faulty))

    assert [verdict.valid for verdict in verdicts] == [True, False]
    assert "Not a valid integer" in verdicts[1].reason
