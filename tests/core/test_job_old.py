"""Earlier notations: each is recognised, told with today's, and written anew by `--fix` where nothing is left open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from azsweep_core._yaml_lines import parse_yaml
from azsweep_core.errors import SpecError
from azsweep_core.job_file import read_job
from azsweep_core.job_fix import fixed

SOUND = """\
# A sweep.
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep # of today
sampling_algorithm: random
search_space:
  lr: {type: uniform, min_value: 0, max_value: 1} # from 0 to 1
objective:
  primary_metric: loss
  goal: minimize
limits:
  max_total_trials: 4 # four
  max_concurrent_trials: 2
  timeout: 600
early_termination:
  type: bandit
  slack_factor: 0.1
compute: azureml:cpu
inputs:
  data:
    type: uri_file
    path: ./iris.csv

# What is run.
trial:
  code: src
  command: >-
    python train.py
    --lr ${{search_space.lr}} --data ${{inputs.data}}
  environment: azureml:train:1
"""
LIMITS = SOUND[SOUND.index("limits:") : SOUND.index("early_")]
POLICY = SOUND[SOUND.index("early_") : SOUND.index("compute")]
PREVIEW = "is written as in AzureML's preview of 2021"
V1 = "is written as in AzureML's SDK v1"
REST = "is written as in AzureML's REST API"


def row(name: str, today: str, once: str, *messages: str) -> Any:
    """A part of the sound file as it was written once, and what is said of it."""
    assert today in SOUND
    return pytest.param(today, once, messages, id=name)


SURE = [
    row("type", "type: sweep #", "type: sweep_job #", f"type: {PREVIEW}; got sweep_job. Write type: sweep."),
    row(
        "algorithm",
        "sampling_algorithm: random",
        "algorithm: random",
        f"algorithm: {PREVIEW}; got random. Write sampling_algorithm: random.",
    ),
    row(
        "limits",
        LIMITS,
        "max_total_trials: 4 # four\nmax_concurrent_trials: 2\ntimeout_minutes: 10\n",
        f"max_total_trials: {PREVIEW}; got 4. Write limits: {{max_total_trials: 4}}.",
        f"max_concurrent_trials: {PREVIEW}; got 2. Write limits: {{max_concurrent_trials: 2}}.",
        f"timeout_minutes: {PREVIEW}; got 10. Write limits: {{timeout: 600}}, in seconds.",
    ),
    row(
        "timeout_minutes",
        "  timeout: 600",
        "  timeout_minutes: 10",
        f"limits.timeout_minutes: {PREVIEW}; got 10. Write limits: {{timeout: 600}}, in seconds.",
    ),
    row(
        "policy_type",
        "  type: bandit",
        "  policy_type: bandit",
        f"early_termination.policy_type: {PREVIEW}; got bandit. Write early_termination: {{type: bandit}}.",
    ),
    row(
        "local_path",
        "  code: src",
        "  code:\n    local_path: src",
        f"trial.code.local_path: {PREVIEW}; got src. Write trial: {{code: src}}.",
    ),
    row(
        "target",
        "compute: azureml:cpu",
        "compute:\n  target: azureml:cpu",
        f"compute.target: {PREVIEW}; got azureml:cpu. Write compute: azureml:cpu.",
    ),
    row(
        "input-file",
        "    type: uri_file\n    path: ./iris.csv",
        "    file: ./iris.csv",
        f"inputs.data.file: {PREVIEW}; got ./iris.csv. Write inputs: {{data: {{path: ./iris.csv}}}}.",
    ),
    row(
        "trial.compute",
        "compute: azureml:cpu\n",
        "",
        "trial.compute: does not belong to trial. Put compute beside trial, not below it.",
    ),
    row(
        "metric",
        "objective:\n  primary_metric: loss\n  goal: minimize\n",
        "primary_metric_name: loss\nprimary_metric_goal: PrimaryMetricGoal.MINIMIZE\n",
        f"primary_metric_name: {V1}; got loss. Write objective: {{primary_metric: loss}}.",
        f"primary_metric_goal: {V1}; got PrimaryMetricGoal.MINIMIZE. Write objective: {{goal: minimize}}.",
    ),
    row(
        "runs",
        LIMITS,
        "max_total_runs: 4 # four\nmax_concurrent_runs: 2\nmax_duration_minutes: 10\n",
        f"max_total_runs: {V1}; got 4. Write limits: {{max_total_trials: 4}}.",
        f"max_concurrent_runs: {V1}; got 2. Write limits: {{max_concurrent_trials: 2}}.",
        f"max_duration_minutes: {V1}; got 10. Write limits: {{timeout: 600}}, in seconds.",
    ),
    row(
        "policy",
        POLICY,
        "policy:\n  type: BanditPolicy\n  slack_factor: 0.1\n",
        f"policy: {V1}. Write early_termination, with today's type.",
    ),
    row(
        "policy-as-recorded",
        POLICY,
        "policy: {name: BANDIT, properties: {slack_factor: 0.1}}\n",
        f"policy: {V1}. Write early_termination, with today's type.",
    ),
    row(
        "sampling",
        "sampling_algorithm: random",
        "hyperparameter_sampling: RandomParameterSampling",
        f"hyperparameter_sampling: {V1}; got RandomParameterSampling. Write sampling_algorithm: random.",
    ),
    row(
        "expression-as-text",
        "{type: uniform, min_value: 0, max_value: 1}",
        "uniform(0, 1)",
        f"search_space.lr: {V1}; got uniform(0, 1). Write lr: {{type: uniform, min_value: 0, max_value: 1}}.",
    ),
    row(
        "expression-as-sent",
        "{type: uniform, min_value: 0, max_value: 1}",
        "[uniform, [0, 1]]",
        f"search_space.lr: {REST} and SDK v1; got ['uniform', [0, 1]]. "
        "Write lr: {type: uniform, min_value: 0, max_value: 1}.",
    ),
    row(
        "camel-case",
        "  max_concurrent_trials: 2\n  timeout: 600",
        "  maxConcurrentTrials: 2\n  timeout: PT10M\n  jobLimitsType: Sweep",
        f"limits.maxConcurrentTrials: {REST}; got 2. Write limits: {{max_concurrent_trials: 2}}.",
        f"limits.timeout: {REST}; got PT10M. Write limits: {{timeout: 600}}, in seconds.",
        f"limits.jobLimitsType: {REST}; got Sweep. Leave it out.",
    ),
]


def as_once(today: str, once: str) -> str:
    text = SOUND.replace(today, once)
    return text if once else text.rstrip("\n") + f"\n  {today}"


def told(folder: Path, text: str) -> list[str]:
    """What `read_job` has against the file, without its name; the lines are left out."""
    file = folder / "job.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as refusal:
        read_job(file)
    return [re.sub(r"^.*?job\.yml:\d+: ", "", str(each)) for each in refusal.value.problems]


@pytest.mark.parametrize(("today", "once", "messages"), SURE)
class TestSure:
    def test_it_is_refused_with_how_it_is_written_today(
        self, tmp_path: Path, today: str, once: str, messages: tuple[str, ...]
    ) -> None:
        assert told(tmp_path, as_once(today, once)) == list(messages)

    def test_it_is_written_anew_with_every_comment(self, today: str, once: str, messages: tuple[str, ...]) -> None:
        text = as_once(today, once)

        new = fixed(parse_yaml(text, Path("job.yml")), text)

        assert yaml.safe_load(new) == yaml.safe_load(SOUND)
        assert {line.partition("#")[2] for line in text.splitlines()} == {
            line.partition("#")[2] for line in new.splitlines()
        }


OPEN = [
    row(
        "component",
        "type: sweep #",
        "version: 1.0.0\nis_deterministic: false\ntype: SweepComponent #",
        "type: is of AzureML's SDK 1.5: a component, which is no job; got SweepComponent. "
        "Write type: sweep, inputs with their values, and the command, code and environment below trial.",
    ),
    row(
        "estimator",
        "compute: azureml:cpu\n",
        "compute: azureml:cpu\nestimator: train\n",
        f"estimator: {V1}; got train. Write the script's command, code and environment below trial.",
    ),
    row(
        "dataset",
        "    type: uri_file\n    path: ./iris.csv",
        "    data: azureml:iris:1",
        f"inputs.data.data: {PREVIEW}; got azureml:iris:1. "
        "Write path in its place, and type: uri_file, uri_folder or mltable.",
    ),
    row(
        "both-words",
        "  timeout: 600",
        "  timeout: 600\n  timeout_minutes: 5",
        "limits.timeout_minutes: is limits.timeout, as in AzureML's preview of 2021, which is there too; got 5. "
        "Write limits.timeout alone.",
    ),
    row(
        "unknown-policy",
        POLICY,
        "policy: {type: MyPolicy}\n",
        f"policy: {V1}. Write early_termination, with today's type.",
    ),
    row(
        "half-a-minute",
        "  timeout: 600",
        "  timeout_minutes: soon",
        f"limits.timeout_minutes: {PREVIEW}; got soon. Write limits.timeout in its place.",
    ),
    row(
        "option",
        "  lr: {",
        "  --weight-decay: {type: uniform, min_value: 0, max_value: 1}\n  lr: {",
        "search_space.--weight-decay: is named as in AzureML's SDK v1; got --weight-decay. "
        "Write weight_decay, and --weight-decay ${{search_space.weight_decay}} in the command.",
    ),
]


@pytest.mark.parametrize(("today", "once", "messages"), OPEN)
def test_what_only_the_user_can_decide_is_told_and_stays(
    tmp_path: Path, today: str, once: str, messages: tuple[str, ...]
) -> None:
    text = as_once(today, once)

    assert told(tmp_path, text)[0] == messages[0]
    assert fixed(parse_yaml(text, tmp_path / "job.yml"), text) == text


ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


def test_a_job_as_the_rest_api_has_it_becomes_a_job_file(tmp_path: Path) -> None:
    text = f"""\
{{"properties": {{"jobType": "Sweep", "displayName": "a", "computeId": "/subscriptions/x",
  "samplingAlgorithm": {{"samplingAlgorithmType": "Random", "seed": 1}},
  "searchSpace": {{"c": ["choice", [["a", "b"]]]}},
  "objective": {{"primaryMetric": "a", "goal": "Maximize"}},
  "limits": {{"jobLimitsType": "Sweep", "maxTotalTrials": 4, "trialTimeout": "PT1H30M"}},
  "earlyTermination": {{"policyType": "MedianStopping", "delayEvaluation": 5}}, "isArchived": false,
  "trial": {{"codeId": "{ARM}/codes/c/versions/1", "environmentId": "{ARM}/environments/e/versions/1",
    "command": "t ${{{{search_space.c}}}}"}},
  "inputs": {{"a": {{"jobInputType": "uri_file", "uri": "azureml:x"}}}}}}}}
"""
    file = tmp_path / "job.yml"
    file.write_text(fixed(parse_yaml(text, file), text))

    job = read_job(file)

    assert job.raw == {
        "type": "sweep",
        "display_name": "a",
        "compute": "azureml:/subscriptions/x",
        "sampling_algorithm": {"type": "Random", "seed": 1},
        "search_space": {"c": {"type": "choice", "values": ["a", "b"]}},
        "objective": {"primary_metric": "a", "goal": "Maximize"},
        "limits": {"max_total_trials": 4, "trial_timeout": 5400},
        "early_termination": {"type": "median_stopping", "delay_evaluation": 5},
        "trial": {
            "code": f"azureml:{ARM}/codes/c/versions/1",
            "environment": f"azureml:{ARM}/environments/e/versions/1",
            "command": "t ${{search_space.c}}",
        },
        "inputs": {"a": {"type": "uri_file", "path": "azureml:x"}},
    }
