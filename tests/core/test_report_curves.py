"""The curves of a report: which of a trial's reports they are drawn with, and how they are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.report._curves import curve, kept
from azsweep_core.trial import Measurement, Trial, TrialState

NAN, INF = math.nan, math.inf
VALUES = st.lists(st.sampled_from([*([NAN, INF, -INF] * 5), *map(float, range(20))]), min_size=1, max_size=90)


def trial(*reports: tuple[int | None, float, float], inherited: int = 0, started_s: float | None = 10.0) -> Trial:
    """A trial that was submitted at 5 s, with the best finite report as its value."""
    return Trial(
        number=0,
        parameters={},
        attempt=1,
        state=TrialState.RUNNING,
        submitted_s=5.0,
        started_s=started_s,
        measurements=tuple(Measurement(*report) for report in reports),
        inherited=inherited,
        value=min((value for _, value, _ in reports if math.isfinite(value)), default=None),
    )


@given(values=VALUES, most=st.integers(5, 20), maximize=st.booleans())
@settings(max_examples=300)
def test_a_thinned_curve_keeps_its_ends_its_best_and_its_extremes(
    values: list[float], most: int, maximize: bool
) -> None:
    best = (max if maximize else min)((each for each in values if math.isfinite(each)), default=None)

    indices = kept(values, most, best)

    chosen = [values[index] for index in indices]
    numbers = [each for each in values if not math.isnan(each)]
    assert indices == sorted(set(indices))
    assert len(indices) <= most
    assert (indices[0], indices[-1]) == (0, len(values) - 1)
    assert best is None or best in chosen
    assert {min(numbers), max(numbers)} <= set(chosen) if numbers else True
    assert len(values) > most or indices == list(range(len(values)))


def test_a_single_spike_among_many_reports_is_seen() -> None:
    values = [1.0] * 10_000
    values[6_789] = 50.0

    assert 6_789 in kept(values, 64, best=1.0)


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        pytest.param([(0, 3.0, 11.0), (10, 2.0, 12.5)], ([0, 10], [3.0, 2.0], [1.0, 2.5]), id="plain"),
        pytest.param([(None, 3.0, 11), (None, 2.0, 12)], ([0, 1], [3.0, 2.0], [1, 2]), id="no-steps:counted"),
        pytest.param([(5, 3.0, 11), (None, 2.0, 12)], ([5, 6], [3.0, 2.0], [1, 2]), id="returned-at-the-end:one-more"),
        pytest.param([(0, NAN, 11), (1, -INF, 12)], ([0, 1], ["nan", "-inf"], [1, 2]), id="no-numbers:text"),
        pytest.param([(0, 1 / 3, 11), (1, 1e-300, 12)], ([0, 1], [0.3333333, 1e-300], [1, 2]), id="seven-digits"),
        pytest.param([(0, 1.0, 3.0)], ([0], [1.0], [0.0]), id="before-the-start:another-clock"),
        pytest.param([], ([], [], []), id="none"),
    ],
)
def test_reports_are_written_with_steps_values_and_seconds_since_the_start(
    reports: list[tuple[int | None, float, float]], expected: tuple[list[float], ...]
) -> None:
    drawn = curve(trial(*reports), 100)

    assert (drawn["steps"], drawn["values"], drawn["times"]) == expected


def test_what_earlier_attempts_reported_counts_from_the_first_of_it() -> None:
    resumed = trial((0, 3.0, 2.0), (1, 2.0, 4.0), (2, 1.0, 12.0), inherited=2)

    assert curve(resumed, 100)["times"] == [0.0, 2.0, 10.0]


def test_a_trial_that_has_not_begun_counts_from_its_submission() -> None:
    assert curve(trial((0, 3.0, 7.5), started_s=None), 100)["times"] == [2.5]
