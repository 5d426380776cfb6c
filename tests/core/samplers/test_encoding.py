"""What the models of bayesian sampling see in place of each expression."""

from __future__ import annotations

from itertools import accumulate
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import kstest

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
from azsweep_core.samplers._encoding import encode, to_unit
from azsweep_core.search_space import Branch, SearchSpace


@pytest.mark.parametrize(
    ("distribution", "modelled"),
    [
        pytest.param(Uniform(-3, 4), FloatDistribution(0, 1), id="uniform"),
        pytest.param(LogUniform(-3, 4), FloatDistribution(0, 1), id="loguniform"),
        pytest.param(QNormal(0, 1, 0.5), FloatDistribution(0, 1), id="quantised"),
        pytest.param(Choice([16, 32, 64]), IntDistribution(0, 2), id="ascending-numbers"),
        pytest.param(Choice([0.1, 1]), IntDistribution(0, 1), id="ascending-floats"),
        pytest.param(Choice([1, 2, 2]), IntDistribution(0, 1), id="repeated-value"),
        pytest.param(Choice(range(0, 50, 5)), IntDistribution(0, 9), id="range"),
        pytest.param(Choice(range(10**30)), FloatDistribution(0, 1), id="endless-range"),
        pytest.param(Choice([3, 1, 2]), CategoricalDistribution([0, 1, 2]), id="numbers-in-disorder"),
        pytest.param(Choice([False, True]), CategoricalDistribution([0, 1]), id="booleans"),
        pytest.param(Choice(["a", None, 1]), CategoricalDistribution([0, 1, 2]), id="mixed"),
        pytest.param(Choice([[1], {"a": 1}]), CategoricalDistribution([0, 1]), id="lists-and-mappings"),
        pytest.param(Randint(5), CategoricalDistribution(range(5)), id="randint-has-no-order"),
        pytest.param(Randint(1000), CategoricalDistribution(range(1000)), id="long-randint"),
        pytest.param(Randint(1001), FloatDistribution(0, 1), id="longer-randint"),
    ],
)
def test_each_expression_is_modelled_as_what_it_is(distribution: Distribution, modelled: BaseDistribution) -> None:
    (dimension,) = SearchSpace({"x": distribution}).dimensions

    assert encode(dimension).distribution == modelled


def test_branches_have_no_order() -> None:
    branches = [Branch(None, {"a": 1}), Branch(None, {"a": Uniform(0, 1)}), Branch(None, {"a": 3})]
    selector, *_ = SearchSpace({"m": Choice(branches)}).dimensions

    assert encode(selector).distribution == CategoricalDistribution([0, 1, 2])


CONTINUOUS = [Uniform(-3, 4), LogUniform(-9, 2), LogUniform(1, 1), Normal(5, 2), Normal(1, 0), LogNormal(0, 1)]
CONTINUOUS += [LogUniform(-3, 2, base=10.0), LogNormal(0, 1, base=2.0)]
QUANTISED = [QUniform(0.05, 0.75, 1), QUniform(1, 9, 0.25), QLogUniform(0, 5, 3), QNormal(0, 3, 0.5)]
QUANTISED += [QLogNormal(1, 1, 1), QLogUniform(-1, 2, 5, base=10.0), QUniform(0, 1, 50)]
DISCRETE = [*QUANTISED, Randint(2000), Choice(range(0, 9999, 3)), Choice([*"abc"] * 500)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CONTINUOUS), st.floats(0.001, 0.999))
def test_a_quantile_gives_back_its_value(distribution: Distribution, u: float) -> None:
    value = distribution.from_unit(u)

    assert distribution.from_unit(to_unit(distribution, value)) == pytest.approx(value, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DISCRETE), st.floats(0.001, 0.999))
def test_a_discrete_value_has_a_quantile_that_gives_it(distribution: Distribution, u: float) -> None:
    value = distribution.from_unit(u)

    assert distribution.from_unit(to_unit(distribution, value)) == value


@pytest.mark.parametrize("distribution", [*(d for d in DISCRETE if isinstance(d, (QUniform, QLogUniform))), Randint(9)])
def test_a_discrete_value_stands_in_the_middle_of_its_probability(distribution: Distribution) -> None:
    assert distribution.support is not None
    assert distribution.masses is not None
    ends = list(accumulate(distribution.masses))

    middles = [end - mass / 2 for end, mass in zip(ends, distribution.masses, strict=True)]

    assert [to_unit(distribution, value) for value in distribution.support] == pytest.approx(middles)


@pytest.mark.parametrize(
    ("distribution", "count"),
    [
        pytest.param(Uniform(0, 1), None, id="uniform-as-its-quantile"),
        pytest.param(LogUniform(0, 1), None, id="loguniform-as-its-quantile"),
        pytest.param(QUniform(0, 1, 0.25), 5, id="quniform"),
        pytest.param(QLogUniform(0, 5, 2), 74, id="qloguniform"),
        pytest.param(QUniform(0, 1, 50), None, id="one-value"),
        pytest.param(QUniform(0, 1, 1e-4), None, id="too-many-values"),
        pytest.param(QNormal(0, 2, 1), 15, id="qnormal-without-the-rarest"),
        pytest.param(QLogNormal(0, 1, 2), 18, id="qlognormal-without-the-rarest"),
        pytest.param(Choice(range(5000)), None, id="endless-range"),
    ],
)
def test_the_gaussian_process_sees_quantised_expressions_by_their_values(
    distribution: Distribution, count: int | None
) -> None:
    (dimension,) = SearchSpace({"x": distribution}).dimensions
    encoding = encode(dimension)

    if count is None:
        assert encoding.axis is None
    else:
        assert encoding.axis is not None
        assert encoding.axis.count == count
        codes = list(range(count))
        values = [encoding.external(encoding.axis.value(code)) for code in codes]
        assert values == sorted(set(values))
        assert [encoding.axis.code(encoding.internal(value)) for value in values] == codes
        columns = encoding.axis.columns(np.array(codes, float), np.ones(count, bool))
        assert (columns.min(), columns.max()) == (0, 1)


@pytest.mark.parametrize("distribution", [Normal(5, 2), LogNormal(0, 1), QNormal(0, 3, 0.001)])
def test_the_gaussian_process_sees_bell_curves_by_their_standard_score(distribution: Distribution) -> None:
    (dimension,) = SearchSpace({"x": distribution}).dimensions
    axis = encode(dimension).axis

    assert axis is not None
    assert axis.count is None
    assert [axis.code(u) for u in (0.0, NormalDist().cdf(-1.75), 0.5, 1.0)] == pytest.approx([0, 0.25, 0.5, 1])
    assert axis.value(0.25) == pytest.approx(NormalDist().cdf(-1.75))
    drawn = [axis.value(code) for code in axis.draw(np.random.default_rng(0), 1000).tolist()]
    assert kstest(drawn, "uniform").pvalue > 0.01
