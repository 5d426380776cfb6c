"""How `early_termination` is written."""

from __future__ import annotations

import re
from typing import Any

import pytest

from azsweep_core.early_termination import (
    AshaPolicy,
    BanditPolicy,
    MedianStoppingPolicy,
    Policy,
    TruncationSelectionPolicy,
    read_policy,
)
from azsweep_core.errors import SpecError

BANDIT_KEYS = "Known: type, evaluation_interval, delay_evaluation, slack_factor, slack_amount."
TYPES = "early_termination.type: must be one of bandit, median_stopping, truncation_selection, asha"


@pytest.mark.parametrize(
    ("mapping", "policy"),
    [
        pytest.param({"type": "bandit", "slack_factor": 0.1}, BanditPolicy(slack_factor=0.1), id="bandit"),
        pytest.param({"type": "Bandit", "slack_amount": 1}, BanditPolicy(slack_amount=1), id="any-case"),
        pytest.param({"type": "bandit", "slack_amount": 0}, BanditPolicy(slack_amount=0), id="slack-of-zero-is-given"),
        pytest.param(
            {"type": "bandit", "slack_factor": 0.1, "slack_amount": 0.0},
            BanditPolicy(slack_factor=0.1),
            id="slack-of-zero-beside-the-other-as-azure-ai-ml-writes-it",
        ),
        pytest.param(
            {"type": "bandit", "slack_factor": 0, "slack_amount": 0},
            BanditPolicy(slack_factor=0, slack_amount=0),
            id="both-slacks-of-zero",
        ),
        pytest.param({"type": "bandit", "slack_factor": "0.1"}, BanditPolicy(slack_factor=0.1), id="number-as-text"),
        pytest.param(
            {"type": "bandit", "slack_factor": 0.1, "slack_amount": None}, BanditPolicy(slack_factor=0.1), id="null-key"
        ),
        pytest.param({"type": "bandit"}, BanditPolicy(), id="no-slack-can-be-read"),
        pytest.param({"type": "median_stopping"}, MedianStoppingPolicy(), id="median"),
        pytest.param({"type": "MedianStopping"}, MedianStoppingPolicy(), id="median-in-camel-case"),
        pytest.param(
            {"type": "MEDIAN_STOPPING", "evaluation_interval": 100, "delay_evaluation": 200},
            MedianStoppingPolicy(evaluation_interval=100, delay_evaluation=200),
            id="median-with-cadence",
        ),
        pytest.param(
            {"type": "median_stopping", "evaluation_interval": 0},
            MedianStoppingPolicy(evaluation_interval=0),
            id="interval-0-stays-0",
        ),
        pytest.param(
            {"type": "median_stopping", "delay_evaluation": "5", "evaluation_interval": 2.0},
            MedianStoppingPolicy(evaluation_interval=2, delay_evaluation=5),
            id="whole-numbers-however-written",
        ),
        pytest.param(
            {"type": "TruncationSelection", "truncation_percentage": 40},
            TruncationSelectionPolicy(truncation_percentage=40),
            id="truncation",
        ),
        pytest.param(
            {"type": "truncation_selection", "truncation_percentage": 150, "exclude_finished_jobs": True},
            TruncationSelectionPolicy(truncation_percentage=150, exclude_finished_jobs=True),
            id="reading-is-not-judging",
        ),
        pytest.param({"type": "asha"}, AshaPolicy(grace_period=1, reduction_factor=4), id="asha"),
        pytest.param(
            {"type": "ASHA", "grace_period": "2", "reduction_factor": 3.0},
            AshaPolicy(grace_period=2, reduction_factor=3),
            id="asha-with-settings",
        ),
    ],
)
def test_reads_what_azureml_documents_and_asha(mapping: dict[str, Any], policy: Policy) -> None:
    assert read_policy(mapping) == policy


@pytest.mark.parametrize(
    ("mapping", "problems"),
    [
        pytest.param(
            "bandit",
            [
                (
                    "early_termination: must be a mapping with a type; got bandit. "
                    "For instance {type: median_stopping, delay_evaluation: 5}."
                )
            ],
            id="text",
        ),
        pytest.param(
            None,
            [
                (
                    "early_termination: must be a mapping with a type; got null. "
                    "For instance {type: median_stopping, delay_evaluation: 5}."
                )
            ],
            id="null",
        ),
        pytest.param(
            {"slack_factor": 0.1},
            [f"{TYPES}; got null. Known: bandit, median_stopping, truncation_selection, asha."],
            id="no-type",
        ),
        pytest.param(
            {"type": "hyperband"},
            [f"{TYPES}; got hyperband. Known: bandit, median_stopping, truncation_selection, asha."],
            id="unknown-type",
        ),
        pytest.param({"type": "median"}, [f"{TYPES}; got median. Did you mean median_stopping?"], id="short-type"),
        pytest.param({"type": "bandid"}, [f"{TYPES}; got bandid. Did you mean bandit?"], id="misspelt-type"),
        pytest.param({"type": "ahsa"}, [f"{TYPES}; got ahsa. Did you mean asha?"], id="misspelt-asha"),
        pytest.param(
            {"type": "asha", "grace_perod": 2, "evaluation_interval": 1, "reduction_factor": 2.5},
            [
                "early_termination.grace_perod: unknown key. Did you mean grace_period?",
                "early_termination.evaluation_interval: unknown key. Known: type, grace_period, reduction_factor.",
                "early_termination.reduction_factor: must be a whole number; got 2.5.",
            ],
            id="asha-everything-at-once",
        ),
        pytest.param(
            {"type": "bandit", "slack_facter": 0.1},
            ["early_termination.slack_facter: unknown key. Did you mean slack_factor?"],
            id="misspelt-key",
        ),
        pytest.param(
            {"type": "bandit", "truncation_percentage": 5},
            [f"early_termination.truncation_percentage: unknown key. {BANDIT_KEYS}"],
            id="key-of-another-policy",
        ),
        pytest.param(
            {"type": "median_stopping", "evaluation_interval": 1.5},
            ["early_termination.evaluation_interval: must be a whole number; got 1.5."],
            id="half-an-interval",
        ),
        pytest.param(
            {"type": "median_stopping", "delay_evaluation": True},
            ["early_termination.delay_evaluation: must be a whole number; got true."],
            id="boolean-is-no-number",
        ),
        pytest.param(
            {"type": "truncation_selection"},
            ["early_termination.truncation_percentage: is required for truncation_selection; got null."],
            id="truncation-without-percentage",
        ),
        pytest.param(
            {"type": "truncation_selection", "truncation_percentage": 20.5, "exclude_finished_jobs": "maybe"},
            [
                "early_termination.truncation_percentage: must be a whole number; got 20.5.",
                "early_termination.exclude_finished_jobs: must be true or false; got maybe.",
            ],
            id="everything-at-once",
        ),
        pytest.param(
            {"type": "bandit", "slack_factor": float("nan")},
            ["early_termination.slack_factor: must be a number; got nan."],
            id="nan",
        ),
        pytest.param(
            {"type": "bandit", "slack_amount": [1]},
            ["early_termination.slack_amount: must be a number; got [1]."],
            id="list",
        ),
    ],
)
def test_refuses_what_it_cannot_read_with_every_problem(mapping: object, problems: list[str]) -> None:
    with pytest.raises(SpecError, match="^" + re.escape("\n".join(problems)) + "$"):
        read_policy(mapping)
