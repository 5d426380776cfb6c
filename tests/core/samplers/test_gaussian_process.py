"""The Gaussian process: its gradient, its posterior, and what it believes of trials that still run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.samplers._gaussian_process import (
    Array,
    IllConditionedError,
    believe,
    condition,
    default,
    fit,
    negative_log_posterior,
    standardised,
)

GROUPS = np.array([0, 1, 2, 2, 2])  # two numbers and a category of three values


def points(count: int, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    category: Array = np.eye(3)[generator.integers(3, size=count)] * math.sqrt(0.5)
    at: Array = np.hstack([generator.random((count, 2)), category])
    return at


def losses(at: Array) -> Array:
    values: Array = np.sin(5 * at[:, 0]) + (at[:, 1] - 0.3) ** 2 + at[:, 2]
    return values


def theta(*natural: float) -> Array:
    logarithms: Array = np.log(np.array(natural))
    return logarithms


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    st.floats(-1, 1),
    st.floats(-5, 0),
    st.integers(2, 25),
    st.integers(0, 99),
)
def test_the_gradient_is_that_of_the_value(
    weights: list[float], scale: float, noise: float, count: int, seed: int
) -> None:
    at = points(count, seed)
    y = standardised(losses(at))
    here = np.array([*weights, scale, noise])

    _, gradient = negative_log_posterior(here, at, GROUPS, y)

    for index, slope in enumerate(gradient):
        step = 1e-5 * np.eye(len(here))[index]
        above, below = (negative_log_posterior(here + sign * step, at, GROUPS, y)[0] for sign in (1, -1))
        assert slope == pytest.approx((above - below) / 2e-5, rel=1e-4, abs=1e-5)


def test_the_likelihood_is_that_of_a_normal_distribution() -> None:
    """Against the density computed the long way, where the priors cancel."""
    at, w, s, v = points(6, 1), (1.5, 0.7, 2.0), 1.3, 0.05
    squares = ((at[:, None, :] - at[None]) ** 2) @ np.array(w)[GROUPS]
    root = np.sqrt(5 * squares)
    covariance = s * (1 + root + root**2 / 3) * np.exp(-root) + (v + 1e-6) * np.eye(6)

    def expected(y: Array) -> float:
        return 0.5 * float(y @ np.linalg.solve(covariance, y))

    one, other = losses(at), np.ones(6)
    difference = (
        negative_log_posterior(theta(*w, s, v), at, GROUPS, one)[0]
        - negative_log_posterior(theta(*w, s, v), at, GROUPS, other)[0]
    )
    assert difference == pytest.approx(expected(one) - expected(other))


def test_unequal_categories_are_as_far_apart_as_the_ends_of_a_range() -> None:
    posterior = condition(theta(1, 1, 1, 1, 1e-4), points(1, 0) * 0, GROUPS, np.zeros(1))
    one, other = (np.array([[0, 0, *(np.eye(3)[index] * math.sqrt(0.5))]]) for index in (0, 1))
    from_one = condition(theta(1, 1, 1, 1, 1e-4), one, GROUPS, np.ones(1))

    by_category = from_one.mean(other)
    by_number = from_one.mean(one + np.array([[1.0, 0, 0, 0, 0]]))

    assert by_category == pytest.approx(by_number)
    assert posterior.mean(one) == pytest.approx(0)


class TestPosterior:
    def test_without_noise_it_goes_through_the_observations(self) -> None:
        at = points(20, 2)
        y = standardised(losses(at))

        mean, deviation = condition(theta(1, 1, 1, 1, 1e-9), at, GROUPS, y).mean_and_deviation(at)

        assert mean == pytest.approx(y, abs=1e-3)
        assert deviation.max() < 0.01

    def test_far_from_all_observations_it_is_the_prior(self) -> None:
        at = points(20, 2)
        posterior = condition(theta(1, 1, 1, 2.25, 0.01), at, GROUPS, standardised(losses(at)))

        mean, deviation = posterior.mean_and_deviation(at + 100)

        assert mean == pytest.approx(0, abs=1e-6)
        assert deviation == pytest.approx(1.5)

    def test_it_predicts_what_it_has_not_seen(self) -> None:
        at, elsewhere = points(60, 3), points(200, 4)
        y = losses(at)
        best, _ = fit(default(3), at, GROUPS, standardised(y), 30)

        predicted = condition(best, at, GROUPS, standardised(y)).mean(elsewhere)

        assert np.corrcoef(predicted, losses(elsewhere))[0, 1] > 0.95

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 8), st.integers(0, 99))
    def test_believing_moves_no_mean_and_widens_no_deviation(self, running: int, seed: int) -> None:
        """So no trial that runs seems better than the best: where it runs there is less to be gained."""
        at, elsewhere, hyperparameters = points(12, seed), points(40, seed + 100), theta(1, 2, 0.5, 1, 0.02)
        before = condition(hyperparameters, at, GROUPS, standardised(losses(at)))

        after = believe(before, hyperparameters, points(running, seed + 200))

        (mean, deviation), (mean_after, deviation_after) = (
            posterior.mean_and_deviation(elsewhere) for posterior in (before, after)
        )
        assert mean_after == pytest.approx(mean, abs=1e-9)
        assert (deviation_after <= deviation + 1e-7).all()
        assert after.mean(points(running, seed + 200)).min() >= before.mean(points(running, seed + 200)).min() - 1e-9

    def test_points_without_a_covariance_are_refused(self) -> None:
        with pytest.raises(IllConditionedError):
            condition(theta(1, 1, 1, 1, 1e-9), points(3, 0) * math.nan, GROUPS, np.zeros(3))


class TestFit:
    def test_it_never_ends_worse_than_it_began(self) -> None:
        at = points(25, 5)
        y = standardised(losses(at))
        values = [fit(default(3), at, GROUPS, y, steps)[1] for steps in (0, 1, 5, 30, 90)]

        assert values == sorted(values, reverse=True)
        assert values[-2] - values[-1] < 0.05  # 30 steps are enough
        assert values[0] == pytest.approx(negative_log_posterior(default(3), at, GROUPS, y)[0])

    def test_what_does_not_matter_gets_less_weight(self) -> None:
        generator = np.random.default_rng(0)
        at = generator.random((50, 3))

        best, _ = fit(default(3), at, np.arange(3), standardised(np.cos(6 * at[:, 0])), 30)

        assert best[0] > best[1] + 1
        assert best[0] > best[2] + 1

    def test_noise_is_told_from_signal(self) -> None:
        generator = np.random.default_rng(0)
        at = generator.random((80, 1))
        clear = np.sin(6 * at[:, 0])
        noise = [
            fit(default(1), at, np.zeros(1, int), standardised(clear + spread * generator.standard_normal(80)), 40)[0]
            for spread in (0.0, 0.5)
        ]

        assert noise[0][-1] < noise[1][-1] - 1

    @pytest.mark.parametrize("y", [np.zeros(10), np.full(10, math.nan)], ids=["all-alike", "nan"])
    def test_it_ends_on_whatever_it_is_given(self, y: Array) -> None:
        best, _ = fit(default(3), points(10, 0), GROUPS, y, 10)

        assert np.isfinite(best).all()

    def test_many_times_the_same_point_can_be_fitted(self) -> None:
        at = np.repeat(points(2, 0), 30, axis=0)

        best, value = fit(default(3), at, GROUPS, standardised(losses(at)), 30)

        assert math.isfinite(value)
        assert np.isfinite(condition(best, at, GROUPS, standardised(losses(at))).alpha).all()


class TestStandardised:
    def test_mean_and_deviation(self) -> None:
        y = standardised(np.array([3.0, 1.0, 2.0, 4.0]))

        assert (y.mean(), y.std()) == (pytest.approx(0), pytest.approx(1))
        assert list(np.argsort(y)) == [1, 2, 0, 3]

    def test_those_far_above_the_median_are_held_down(self) -> None:
        """By twice as much as the best is below it; among the others nothing changes."""
        plain, wild = np.array([0.0, 1.0, 2.0, 6.0]), np.array([0.0, 1.0, 2.0, 1e9])

        assert standardised(plain)[3] == pytest.approx(standardised(np.array([0.0, 1.0, 2.0, 4.5]))[3])
        assert standardised(wild) == pytest.approx(standardised(plain))

    def test_equal_losses_are_zero(self) -> None:
        assert list(standardised(np.full(3, 7.0))) == [0, 0, 0]
