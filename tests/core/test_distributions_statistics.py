"""Draws of the ten expressions follow their formulas, which are written here a second time, with scipy.

Pseudo-random draws are held to the usual significance levels; Sobol points are far more even than chance, so for them
the distance to the formula is bounded much more tightly. Seeds are fixed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from azsweep_core.distributions import (
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)

COUNT = 4096

CDF = Callable[[Any], Any]


def pseudo_random(seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random(COUNT)


def sobol(seed: int) -> NDArray[np.float64]:
    points: NDArray[np.float64] = stats.qmc.Sobol(d=1, scramble=True, seed=seed).random(COUNT)
    return points[:, 0]


CONTINUOUS = [
    pytest.param(Uniform(-2, 5), stats.uniform(-2, 7).cdf, id="uniform"),
    pytest.param(LogUniform(-6.9, -2.3), stats.loguniform(math.exp(-6.9), math.exp(-2.3)).cdf, id="loguniform"),
    pytest.param(LogUniform(-3, 0, base=10.0), stats.loguniform(1e-3, 1).cdf, id="loguniform-base-10"),
    pytest.param(Normal(10, 3), stats.norm(10, 3).cdf, id="normal"),
    pytest.param(LogNormal(-1, 0.5), stats.lognorm(0.5, scale=math.exp(-1)).cdf, id="lognormal"),
    pytest.param(
        LogNormal(1, 0.5, base=2.0),
        stats.lognorm(0.5 * math.log(2), scale=2).cdf,
        id="lognormal-base-2",
    ),
]

QUANTISED = [
    pytest.param(QUniform(0, 10, 1), stats.uniform(0, 10).cdf, 1, id="quniform-half-cells-at-the-ends"),
    pytest.param(QUniform(0.05, 0.75, 1), stats.uniform(0.05, 0.7).cdf, 1, id="quniform-outside-its-bounds"),
    pytest.param(QUniform(-1.3, 2.2, 0.25), stats.uniform(-1.3, 3.5).cdf, 0.25, id="quniform-uneven-ends"),
    pytest.param(QLogUniform(0, 3, 1), stats.loguniform(1, math.exp(3)).cdf, 1, id="qloguniform"),
    pytest.param(QLogUniform(-2, 1, 0.5), stats.loguniform(math.exp(-2), math.e).cdf, 0.5, id="qloguniform-from-0"),
    pytest.param(QNormal(5, 2, 1), stats.norm(5, 2).cdf, 1, id="qnormal"),
    pytest.param(QNormal(0, 1, 0.4), stats.norm(0, 1).cdf, 0.4, id="qnormal-fraction"),
    pytest.param(QLogNormal(1, 0.5, 1), stats.lognorm(0.5, scale=math.e).cdf, 1, id="qlognormal"),
]

DISCRETE = [
    pytest.param(Randint(7), dict.fromkeys(range(7), 1 / 7), id="randint"),
    pytest.param(Choice(["a", "b", "c"]), dict.fromkeys("abc", 1 / 3), id="choice"),
    pytest.param(Choice(["a", "b", "a", "c"]), {"a": 1 / 2, "b": 1 / 4, "c": 1 / 4}, id="choice-with-a-value-twice"),
    pytest.param(Choice(range(10, 20, 2)), dict.fromkeys(range(10, 20, 2), 1 / 5), id="choice-of-a-range"),
]


def drawn(distribution: Distribution, units: NDArray[np.float64]) -> list[Any]:
    return [distribution.from_unit(float(u)) for u in units]


def cells(cdf: CDF, q: float, values: set[float]) -> dict[float, float]:
    """Probability of each multiple of q, from the formula of the number that is rounded."""
    lowest, highest = round(min(values) / q), round(max(values) / q)
    return {k * q: float(cdf((k + 0.5) * q) - cdf((k - 0.5) * q)) for k in range(lowest - 1, highest + 2)}


def p_of_chi_square(counts: dict[float, int], expected: dict[float, float]) -> float:
    """Pearson's test; cells with fewer than five expected draws are one cell."""
    observed: list[float] = []
    wanted: list[float] = []
    rest = [0.0, 0.0]
    for value, probability in expected.items():
        number = counts.get(value, 0)
        if probability * COUNT >= 5:
            observed.append(number)
            wanted.append(probability * COUNT)
        else:
            rest[0] += number
            rest[1] += probability * COUNT
    if rest[1] >= 1:
        observed.append(rest[0])
        wanted.append(rest[1])
    scale = sum(observed) / sum(wanted)
    return float(stats.chisquare(observed, [each * scale for each in wanted]).pvalue)


@pytest.mark.parametrize("seed", [1, 2, 3])
class TestPseudoRandom:
    @pytest.mark.parametrize(("distribution", "cdf"), CONTINUOUS)
    def test_kolmogorov_smirnov_finds_no_difference(self, distribution: Distribution, cdf: CDF, seed: int) -> None:
        assert stats.kstest(drawn(distribution, pseudo_random(seed)), cdf).pvalue > 0.01

    @pytest.mark.parametrize(("distribution", "cdf", "q"), QUANTISED)
    def test_chi_square_finds_no_difference(self, distribution: Distribution, cdf: CDF, q: float, seed: int) -> None:
        values = drawn(distribution, pseudo_random(seed))
        expected = cells(cdf, q, set(values))

        counts = Counter(round(value / q) * q for value in values)

        assert p_of_chi_square(counts, expected) > 0.01

    @pytest.mark.parametrize(("distribution", "expected"), DISCRETE)
    def test_chi_square_finds_every_value_as_likely_as_it_should_be(
        self, distribution: Distribution, expected: dict[Any, float], seed: int
    ) -> None:
        counts = Counter(drawn(distribution, pseudo_random(seed)))

        assert set(counts) == set(expected)
        assert p_of_chi_square(counts, expected) > 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
class TestSobol:
    """2**12 points of a scrambled Sobol sequence lie one in each of 2**12 equal cells: no share can be off by more."""

    @pytest.mark.parametrize(("distribution", "cdf"), CONTINUOUS)
    def test_kolmogorov_smirnov_distance_is_that_of_an_even_sequence(
        self, distribution: Distribution, cdf: CDF, seed: int
    ) -> None:
        assert stats.kstest(drawn(distribution, sobol(seed)), cdf).statistic <= 1.01 / COUNT

    @pytest.mark.parametrize(("distribution", "cdf", "q"), QUANTISED)
    def test_every_multiple_has_its_share(self, distribution: Distribution, cdf: CDF, q: float, seed: int) -> None:
        values = drawn(distribution, sobol(seed))
        expected = cells(cdf, q, set(values))

        counts = Counter(round(value / q) * q for value in values)

        assert all(abs(counts.get(value, 0) / COUNT - share) <= 2.01 / COUNT for value, share in expected.items())

    @pytest.mark.parametrize(("distribution", "expected"), DISCRETE)
    def test_every_value_has_its_share(self, distribution: Distribution, expected: dict[Any, float], seed: int) -> None:
        counts = Counter(drawn(distribution, sobol(seed)))

        assert all(abs(counts[value] / COUNT - share) <= 4.01 / COUNT for value, share in expected.items())


@pytest.mark.parametrize(("distribution", "cdf", "q"), [case for case in QUANTISED if "normal" not in str(case.id)])
def test_masses_are_those_of_the_formula(distribution: Distribution, cdf: CDF, q: float) -> None:
    assert distribution.support is not None
    assert distribution.masses is not None

    expected = [cdf(value + q / 2) - cdf(value - q / 2) for value in distribution.support]

    assert list(distribution.masses) == pytest.approx(expected)
