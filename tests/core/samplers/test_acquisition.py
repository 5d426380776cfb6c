"""The logarithm of expected improvement, and the search for its maximum."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from azsweep_core.samplers._acquisition import log_expected_improvement, most_promising
from azsweep_core.samplers._mixed_space import MixedSpace

Array = NDArray[np.float64]


def reference(z: float) -> float:
    """log(phi(z) + z Phi(z)), 60 digits: in the tail by the continued fraction of Mills' ratio, else by the series."""
    getcontext().prec = 60
    x = Decimal(z)
    root = (2 * Decimal("3.14159265358979323846264338327950288419716939937510582097494")).sqrt()
    if z < -3:
        ratio = -x
        for term in range(3000, 0, -1):
            ratio = -x + term / ratio
        return float(-x * x / 2 - root.ln() + (1 + x / ratio).ln())
    density = (-x * x / 2).exp() / root
    total = power = x
    for term in range(1, 600):
        power *= x * x / (2 * term + 1)
        total += power
    return float((density + x * (Decimal("0.5") + density * total)).ln())


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.floats(-40, 10), st.floats(-1100, -900), st.floats(-1e5, 0)))
def test_it_is_what_many_digits_say(z: float) -> None:
    """From where all is gained to deep in the tail, where the expectation itself is 0 in floating point."""
    (value,) = log_expected_improvement(np.array([-z]), np.ones(1), 0.0)

    assert value == pytest.approx(reference(z), rel=1e-13, abs=1e-7)


@settings(max_examples=50, deadline=None)
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(1e-3, 10))
def test_scale_and_place_do_not_matter(mean: float, best: float, deviation: float) -> None:
    (value,) = log_expected_improvement(np.array([mean]), np.array([deviation]), best)
    (standard,) = log_expected_improvement(np.array([(mean - best) / deviation]), np.ones(1), 0.0)

    assert value == pytest.approx(standard + math.log(deviation), rel=1e-9, abs=1e-9)


def test_better_and_less_certain_points_promise_more() -> None:
    z = np.linspace(-2000, 40, 3000)

    assert (np.diff(log_expected_improvement(-z, np.ones(3000), 0.0)) > 0).all()
    assert (np.diff(log_expected_improvement(np.ones(100), np.linspace(1e-3, 5, 100), 0.0)) > 0).all()


def space(**distributions: BaseDistribution) -> MixedSpace:
    return MixedSpace(distributions)


MIXED = space(
    x=FloatDistribution(0, 1),
    k=IntDistribution(0, 11),
    c=CategoricalDistribution(list("abcdefgh")),
)
BEST = np.array([0.3, 7.0, 5.0])


def closeness(rows: Array) -> Array:
    """Highest at BEST."""
    x, k, c = rows.T
    height: Array = -((x - BEST[0]) ** 2) - ((k - BEST[1]) / 11) ** 2 - (c != BEST[2])
    return height


class TestSearch:
    def test_it_finds_the_highest_row_of_a_mixed_space(self) -> None:
        generator = np.random.default_rng(0)

        found = most_promising(MIXED, closeness, MIXED.draw(generator, 5), set(), generator)

        assert found is not None
        assert found[0] == pytest.approx(0.3, abs=0.02)
        assert list(found[1:]) == [7, 5]

    def test_it_looks_around_the_best_rows(self) -> None:
        """A narrow peak that no draw would hit."""
        wide = space(**{f"x{index}": FloatDistribution(0, 1) for index in range(8)})
        peak = np.full((1, 8), 0.321)
        generator = np.random.default_rng(0)

        found = most_promising(wide, lambda rows: -np.abs(rows - peak).sum(axis=1), peak + 0.05, set(), generator)

        assert found is not None
        assert np.abs(found - peak).sum() < 0.3

    def test_what_was_tried_in_a_discrete_space_is_passed_over(self) -> None:
        small = space(k=IntDistribution(0, 5), c=CategoricalDistribution(["a", "b"]))
        generator = np.random.default_rng(0)
        tried: set[bytes] = set()
        for _ in range(12):
            row = most_promising(
                small, lambda rows: -rows[:, 0] - rows[:, 1] / 2, small.draw(generator, 1), tried, generator
            )
            assert row is not None
            (key,) = small.keys(row[None])
            assert key not in tried
            assert row[0] == len(tried) // 2
            tried.add(key)

        assert most_promising(small, lambda rows: rows[:, 0], small.draw(generator, 1), tried, generator) is None

    def test_a_space_of_one_point_is_searched_too(self) -> None:
        alone = space(c=CategoricalDistribution(["a"]), k=IntDistribution(3, 3), x=FloatDistribution(0.5, 0.5))
        generator = np.random.default_rng(0)

        found = most_promising(alone, lambda rows: rows[:, 0], alone.draw(generator, 1), set(), generator)

        assert found is not None
        assert alone.point(found) == {"c": "a", "k": 3, "x": 0.5}
