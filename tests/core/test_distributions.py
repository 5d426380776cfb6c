"""Each expression: what it can give, how likely, and what it says of arguments that make no sense."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import (
    DISTRIBUTIONS,
    Branch,
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

LAW = settings(deadline=None)
"""A busy machine is no failure."""

bounds = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(sorted).filter(lambda ends: ends[0] < ends[1])
exponents = st.tuples(st.floats(-20, 20), st.floats(-20, 20)).map(sorted)
steps = st.sampled_from([1, 2, 2.0, 0.5, 0.1, 0.25, 0.001, 3, 7.5])
mus = st.floats(-10, 10)
sigmas = st.floats(0, 2)
bases = st.sampled_from([math.e, 10.0, 2.0, 0.5])
units = st.floats(0, 1, exclude_max=True)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)

DISTRIBUTION = st.one_of(
    bounds.map(lambda ends: Uniform(*ends)),
    st.builds(lambda ends, q: QUniform(ends[0], ends[1], q), bounds, steps),
    st.builds(lambda ends, base: LogUniform(*ends, base=base), exponents, bases),
    st.builds(lambda ends, q, base: QLogUniform(ends[0], ends[1], q, base=base), exponents, steps, bases),
    st.builds(Normal, mus, sigmas),
    st.builds(QNormal, mus, sigmas, steps),
    st.builds(lambda mu, sigma, base: LogNormal(mu, sigma, base=base), mus, sigmas, bases),
    st.builds(lambda mu, sigma, q, base: QLogNormal(mu, sigma, q, base=base), mus, sigmas, steps, bases),
    st.integers(1, 10**20).map(Randint),
    st.lists(scalars, min_size=1, max_size=6).map(Choice),
    st.integers(1, 10**20).map(lambda count: Choice(range(count))),
)
small = st.tuples(st.floats(-50, 50), st.floats(0.01, 50)).map(lambda ends: (ends[0], ends[0] + ends[1]))
few_steps = st.sampled_from([1, 2, 2.0, 0.5, 0.25, 0.1, 3, 7.5, 200])
RISING = st.one_of(
    st.builds(lambda ends, q: QUniform(ends[0], ends[1], q), small, few_steps),
    st.builds(lambda ends, q: QLogUniform(ends[0] / 25, ends[1] / 25, q), small, few_steps),
    st.integers(1, 50).map(Randint),
    st.integers(1, 50).map(lambda count: Choice(range(count))),
)
FINITE = RISING | st.lists(scalars, min_size=1, max_size=6).map(Choice)
"""Expressions with at most some hundreds of values."""


class TestValues:
    @LAW
    @given(DISTRIBUTION, units)
    def test_whatever_is_drawn_is_contained(self, distribution: Distribution, u: float) -> None:
        assume(not list(distribution.validate("x")))

        assert distribution.contains(distribution.from_unit(u))

    @LAW
    @given(DISTRIBUTION, units)
    def test_values_are_plain_python_of_the_kind_the_expression_promises(
        self, distribution: Distribution, u: float
    ) -> None:
        value = distribution.from_unit(u)

        q = getattr(distribution, "q", None)
        if distribution.kind == "randint" or (q is not None and q == int(q)):
            assert type(value) is int
        elif distribution.kind != "choice":
            assert type(value) is float

    @LAW
    @given(DISTRIBUTION)
    def test_only_numbers_that_are_no_booleans_are_in_a_numeric_expression(self, distribution: Distribution) -> None:
        assume(distribution.kind != "choice")

        assert not any(distribution.contains(value) for value in (None, True, "1", [1], math.nan, math.inf))

    @pytest.mark.parametrize(
        ("distribution", "u", "value"),
        [
            pytest.param(Uniform(0, 1), 0.0, 0.0, id="uniform-includes-its-lower-bound"),
            pytest.param(Uniform(-1e308, 1e308), 0.5, 0.0, id="uniform-of-the-widest-bounds"),
            pytest.param(LogUniform(0, 2), 0.5, math.e, id="loguniform-takes-natural-exponents"),
            pytest.param(LogUniform(-3, 0, base=10.0), 0.0, 0.001, id="loguniform-of-another-base"),
            pytest.param(LogUniform(1, 1), 0.7, math.e, id="loguniform-of-equal-bounds-is-a-constant"),
            pytest.param(Normal(3, 0), 0.9, 3.0, id="sigma-0-is-a-constant"),
            pytest.param(LogNormal(0, 0), 0.9, 1.0, id="lognormal-with-sigma-0"),
            pytest.param(QUniform(0, 10, 4), 0.5, 4, id="half-5/4-is-nearest-to-4"),
            pytest.param(QUniform(0, 5, 1), 0.5, 2, id="halves-go-to-the-even-neighbour"),
            pytest.param(QUniform(0, 7, 1), 0.5, 4, id="halves-go-to-the-even-neighbour-above"),
            pytest.param(QUniform(0.05, 0.75, 1), 0.0, 0, id="quantised-values-are-not-clipped-below"),
            pytest.param(QUniform(0.05, 0.75, 1), 0.9, 1, id="quantised-values-are-not-clipped-above"),
            pytest.param(QUniform(0, 1, 0.1), 0.31, 0.3, id="no-0.30000000000000004"),
            pytest.param(QUniform(0, 100, 2.0), 0.5, 50, id="int-when-q-is-a-whole-float"),
            pytest.param(QUniform(0.5, 2, 1), 0.0, 1, id="a-bound-between-two-multiples-belongs-to-the-inner-one"),
            pytest.param(QNormal(0, 1, 1), 0.0, -8, id="the-least-unit-is-as-far-out-as-the-largest"),
            pytest.param(Randint(10), 0.999, 9, id="randint-excludes-its-upper-bound"),
            pytest.param(Randint(10**30), 0.5, 10**30 // 2, id="randint-of-any-size"),
            pytest.param(Choice(["a", "b"]), 0.5, "b", id="choice-by-position"),
        ],
    )
    def test_a_unit_maps_to_the_value_of_the_formula(self, distribution: Distribution, u: float, value: Any) -> None:
        assert not list(distribution.validate("x"))
        drawn = distribution.from_unit(u)
        assert drawn == value or math.isclose(drawn, value, rel_tol=1e-12)
        assert type(drawn) is type(value)

    @LAW
    @given(DISTRIBUTION, units, units)
    def test_a_larger_unit_never_gives_a_smaller_number(self, distribution: Distribution, u: float, v: float) -> None:
        assume(distribution.kind != "choice" and getattr(distribution, "base", 2) > 1)

        low, high = sorted((u, v))

        smaller, larger = distribution.from_unit(low), distribution.from_unit(high)
        assert smaller <= larger or math.isclose(smaller, larger, rel_tol=1e-12)

    @pytest.mark.parametrize("value", [1.0, True, "1", 3], ids=repr)
    def test_a_choice_of_a_range_holds_its_integers_only(self, value: Any) -> None:
        assert not Choice(range(3)).contains(value)
        assert Choice(range(3)).contains(1)

    @pytest.mark.parametrize("value", [1, 1.0, True, "1"], ids=repr)
    def test_a_choice_tells_types_apart(self, value: Any) -> None:
        mixed = Choice([1, 1.0, True, "1"])

        assert mixed.size == 4
        assert mixed.contains(value)
        assert not Choice([other for other in mixed.values if type(other) is not type(value)]).contains(value)


class TestFiniteExpressions:
    @LAW
    @given(FINITE)
    def test_masses_add_up_to_one(self, distribution: Distribution) -> None:
        assert distribution.masses is not None

        masses = list(distribution.masses)

        assert len(masses) == distribution.size
        assert min(masses) > 0
        assert math.fsum(masses) == pytest.approx(1)

    @LAW
    @given(RISING, units)
    def test_masses_follow_the_order_of_the_units(self, distribution: Distribution, u: float) -> None:
        """The value at u is the one whose share of [0, 1) holds u."""
        assert distribution.support is not None
        assert distribution.masses is not None

        position = list(distribution.support).index(distribution.from_unit(u))

        below = math.fsum(islice(distribution.masses, position))
        assert below - 1e-9 <= u <= below + distribution.masses[position] + 1e-9

    @LAW
    @given(FINITE)
    def test_support_holds_each_value_once_and_in_order(self, distribution: Distribution) -> None:
        assert distribution.support is not None

        values = list(distribution.support)

        assert len(values) == distribution.size
        assert all(distribution.contains(value) for value in values)
        assert distribution.kind == "choice" or all(a < b for a, b in pairwise(values))

    @LAW
    @given(
        st.fractions(-20, 20, max_denominator=16),
        st.fractions(Fraction(1, 16), 20, max_denominator=16),
        st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(3), Fraction(1, 4)]),
    )
    def test_quniform_masses_are_the_lengths_of_the_cells(self, low: Fraction, width: Fraction, q: Fraction) -> None:
        """Compared with exact arithmetic over every multiple of q near the interval."""
        high = low + width
        exact = {
            k * q: min(high, (k + Fraction(1, 2)) * q) - max(low, (k - Fraction(1, 2)) * q)
            for k in range(math.floor(low / q) - 1, math.ceil(high / q) + 2)
        }
        expected = {value: length / width for value, length in exact.items() if length > 0}

        distribution = QUniform(float(low), float(high), float(q))

        assert list(distribution.support) == list(expected)
        assert list(distribution.masses) == pytest.approx([float(mass) for mass in expected.values()])

    def test_a_value_listed_twice_has_double_weight(self) -> None:
        choice = Choice(["a", "b", "a", "c"])

        assert choice.support == ["a", "b", "c"]
        assert choice.masses == [0.5, 0.25, 0.25]

    @pytest.mark.parametrize(
        ("distribution", "size", "last"),
        [
            pytest.param(Choice(range(10**30)), 10**30, 10**30 - 1, id="choice-of-a-range"),
            pytest.param(Choice(range(10, 0, -3)), 4, 1, id="falling-range"),
            pytest.param(Choice(range(0)), 0, None, id="empty-range"),
            pytest.param(Randint(10**25), 10**25, 10**25 - 1, id="randint"),
            pytest.param(QUniform(0, 10**12, 0.5), 2 * 10**12 + 1, 1e12, id="quniform"),
        ],
    )
    def test_huge_supports_are_counted_and_indexed_without_being_written_out(
        self, distribution: Distribution, size: int, last: Any
    ) -> None:
        assert distribution.size == size
        assert distribution.support is not None
        if size:
            assert distribution.support[size - 1] == last

    def test_multiples_of_a_decimal_fraction_are_written_as_such(self) -> None:
        assert list(QUniform(0, 0.7, 0.1).support) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]

    def test_lazy_supports_slice_and_count_from_the_end_as_lists_do(self) -> None:
        support = QUniform(0, 10, 2).support

        assert list(support[1:3]) == [2, 4]
        assert support[-1] == 10
        with pytest.raises(IndexError):
            support[6]

    @pytest.mark.parametrize(
        "distribution", [Uniform(0, 1), LogUniform(0, 1), Normal(0, 1), QNormal(0, 1, 1), LogNormal(0, 1)], ids=repr
    )
    def test_infinite_expressions_have_no_size(self, distribution: Distribution) -> None:
        assert (distribution.size, distribution.support, distribution.masses) == (None, None, None)

    def test_a_base_below_one_turns_the_values_round_but_not_the_masses(self) -> None:
        halves = QLogUniform(0, 3, 0.25, base=0.5)

        drawn = [halves.from_unit((i + 0.5) / 4000) for i in range(4000)]

        counted = [drawn.count(value) / 4000 for value in halves.support]
        assert counted == pytest.approx(list(halves.masses), abs=0.001)


class TestEquality:
    def test_choices_are_equal_if_their_values_are_of_the_same_type_and_order(self) -> None:
        assert Choice([1, 2]) == Choice((1, 2)) == Choice(range(1, 3))
        assert Choice([1, 2]) != Choice([2, 1])
        assert Choice([1]) != Choice([True])
        assert Choice([1]) != "choice(1)"
        assert hash(Choice([1, 2])) == hash(Choice(range(1, 3)))

    def test_branches_are_equal_if_they_set_the_same(self) -> None:
        one = Branch("adam", {"lr": Uniform(0, 1), "eps": 1})

        assert one == Branch("adam", {"eps": 1, "lr": Uniform(0, 1)})
        assert one != Branch("adam", {"lr": Uniform(0, 1), "eps": 1.0})
        assert one != Branch(None, one.children)

    def test_a_base_can_be_given_to_every_expression_and_changes_the_log_ones(self) -> None:
        nested = Choice([Branch(None, {"lr": LogUniform(-3, 0), "n": Randint(2)}), 1])

        assert nested.with_base(10) == Choice([Branch(None, {"lr": LogUniform(-3, 0, base=10), "n": Randint(2)}), 1])
        assert LogNormal(0, 1).with_base(2) == LogNormal(0, 1, base=2)
        assert Uniform(0, 1).with_base(2) == Uniform(0, 1)
        assert Choice([1]).with_base(2) == Choice([1])


def test_the_ten_expressions_are_known_by_the_names_azureml_gives_them() -> None:
    names = "choice lognormal loguniform normal qlognormal qloguniform qnormal quniform randint uniform"

    assert sorted(DISTRIBUTIONS) == names.split()
    assert all(cls.kind == name for name, cls in DISTRIBUTIONS.items())


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        (LogUniform(-3, 0), "<loguniform(-3, 0) = 0.0497871 to 1>"),
        (QLogUniform(0, 3, 1, base=10.0), "<qloguniform(0, 3, 1) = 1 to 1000>"),
    ],
    ids=["natural", "decimal"],
)
def test_the_repr_of_a_log_expression_shows_the_values_its_exponents_stand_for(
    distribution: Distribution, text: str
) -> None:
    assert repr(distribution) == text


class Evens(Sequence[int]):
    """A sequence that cannot be written out."""

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: Any) -> Any:
        return 2 * index

    def __iter__(self) -> Any:
        raise AssertionError("must not be written out")


def test_a_lazy_sequence_stays_lazy() -> None:
    choice = Choice(Evens())

    assert not list(choice.validate("x"))
    assert not list(choice.warnings("x"))
    assert not choice.is_nested
    assert (choice.size, choice.from_unit(0.5), choice.masses[7]) == (10**9, 10**9, 1e-9)
