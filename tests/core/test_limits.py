"""What limits promise."""

from __future__ import annotations

from typing import Any

import pytest

from azsweep_core.limits import Limits


def test_nothing_is_limited_by_default_but_retries_and_like_failures() -> None:
    assert Limits() == Limits(
        max_total_trials=None,
        max_concurrent_trials=None,
        timeout_s=None,
        trial_timeout_s=None,
        max_retries=1,
        max_failed_trials=None,
        max_failure_rate=1.0,
        fail_fast=3,
    )
    assert list(Limits().validate()) == []


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        pytest.param({"max_total_trials": 1}, None, id="one-trial"),
        pytest.param({"max_total_trials": 0}, "limits.max_total_trials: must be at least 1; got 0.", id="no-trial"),
        pytest.param(
            {"max_concurrent_trials": -1}, "limits.max_concurrent_trials: must be at least 1; got -1.", id="no-slot"
        ),
        pytest.param({"max_retries": 0}, None, id="no-retries"),
        pytest.param({"max_retries": -1}, "limits.max_retries: must be at least 0; got -1.", id="less-than-no-retries"),
        pytest.param({"max_failed_trials": 0}, None, id="the-first-failure-ends-it"),
        pytest.param(
            {"max_failed_trials": -1}, "limits.max_failed_trials: must be at least 0; got -1.", id="negative-failures"
        ),
        pytest.param({"fail_fast": 0}, None, id="fail-fast-off"),
        pytest.param({"fail_fast": -3}, "limits.fail_fast: must be at least 0; got -3.", id="negative-fail-fast"),
        pytest.param({"timeout_s": 0.5}, None, id="half-a-second"),
        pytest.param(
            {"timeout_s": 0},
            "limits.timeout: must be greater than 0 seconds; got 0. Leave it out for no limit.",
            id="timeout-0-is-not-no-limit",
        ),
        pytest.param(
            {"trial_timeout_s": -5.0},
            "limits.trial_timeout: must be greater than 0 seconds; got -5. Leave it out for no limit.",
            id="negative-trial-timeout",
        ),
        pytest.param({"max_failure_rate": 0.0}, None, id="rate-0"),
        pytest.param({"max_failure_rate": 1}, None, id="rate-1"),
        pytest.param(
            {"max_failure_rate": 1.5},
            "limits.max_failure_rate: must be between 0 and 1; got 1.5. 1 means never stop.",
            id="rate-above-1",
        ),
        pytest.param(
            {"max_failure_rate": -0.1},
            "limits.max_failure_rate: must be between 0 and 1; got -0.1. 1 means never stop.",
            id="rate-below-0",
        ),
    ],
)
def test_names_each_limit_that_makes_no_sense(limits: dict[str, Any], problem: str | None) -> None:
    problems = [str(one) for one in Limits(**limits).validate()]

    assert problems == ([] if problem is None else [problem])


def test_names_all_of_them_at_once() -> None:
    limits = Limits(max_total_trials=0, max_concurrent_trials=0, timeout_s=-1, trial_timeout_s=-1, max_failure_rate=2)

    assert [problem.where for problem in limits.validate()] == [
        "limits.max_total_trials",
        "limits.max_concurrent_trials",
        "limits.timeout",
        "limits.trial_timeout",
        "limits.max_failure_rate",
    ]
