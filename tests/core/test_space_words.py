"""A search space in words: the values that a user will see, not the arguments."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core._lines import laid_out
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
from azsweep_core.expressions import parse_text
from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.space_words import in_words, size_in_words, space_in_words
from tests.core.test_search_space import UNIT, finite, infinite, spaces

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("choice(gbdt, dart)", "one of gbdt, dart"),
        ("choice(a b, 1, 1.0, null, true, [1, 2], {x: 1})", 'one of "a b", 1, 1.0, null, true, [1, 2], {x: 1}'),
        ("choice(adam, sgd, adam)", "one of adam (2 of 3), sgd (1 of 3)"),
        ("choice(5)", "always 5"),
        ("choice(5, 5)", "always 5"),
        ("choice(range(0, 1000))", "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, ..., 999 (1,000 values)"),
        ("randint(8)", "a whole number from 0 to 7"),
        ("randint(1)", "always 0"),
        ("uniform(0.01, 0.9)", "uniform between 0.01 and 0.9"),
        ("quniform(16, 512, 16)", "uniform over 16, 32, 48, 64, 80, 96, ..., 512 (32 values, the ends less likely)"),
        ("quniform(0.5, 20.5, 1)", "uniform over 1, 2, 3, 4, 5, 6, 7, 8, 9, ..., 20 (20 values)"),
        ("quniform(0, 2, 1)", "uniform over 0 (25 %), 1 (50 %), 2 (25 %)"),
        ("quniform(0.9, 1.1, 1)", "always 1"),
        ("loguniform(-6.9, -2.3)", "log-uniform between 0.00101 and 0.1"),
        ("loguniform(0, 10)", "log-uniform between 1 and 22000"),
        ("loguniform(0, 0)", "always 1"),
        ("qloguniform(2.77, 6.24, 16)", "log-uniform over 16, 32, 48, 64, 80, 96, ..., 512 (32 values)"),
        ("qloguniform(0, 1, 1)", "log-uniform over 1 (40.5 %), 2 (51.1 %), 3 (8.37 %)"),
        ("normal(0, 2)", "normal with mean 0 and standard deviation 2: 95 % between -3.92 and 3.92"),
        ("normal(3, 0)", "always 3"),
        ("qnormal(10, 2, 0.5)", "normal in steps of 0.5, with mean 10 and standard deviation 2: 95 % between 6 and 14"),
        ("lognormal(0, 1)", "log-normal with median 1: 95 % between 0.141 and 7.1"),
        ("lognormal(1, 0)", "always 2.72"),
        ("qlognormal(0, 1, 1)", "log-normal in steps of 1, with median 1: 95 % between 0 and 7"),
    ],
)
def test_every_kind_of_expression_is_told_by_its_values(expression: str, words: str) -> None:
    given = expression.replace("a b", '"a b"')

    assert in_words(parse_text(given, "x")) == words


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        pytest.param(LogUniform(-3, -1, base=10), "log-uniform between 0.001 and 0.1", id="base-10"),
        pytest.param(LogUniform(1, 3, base=0.1), "log-uniform between 0.001 and 0.1", id="base-below-1"),
        pytest.param(LogNormal(1, 1, base=0.5), "log-normal with median 0.5: 95 % between 0.129 and 1.95", id="normal"),
    ],
)
def test_a_logbase_shows_in_the_values(distribution: Distribution, words: str) -> None:
    assert in_words(distribution) == words


bounds = st.floats(-5, 5).map(lambda number: round(number, 3))
steps = st.sampled_from([0.25, 1, 3])
spans = st.tuples(bounds, bounds).filter(lambda pair: pair[0] < pair[1])


@given(
    st.one_of(
        st.integers(1, 10**6).map(Randint),
        st.builds(lambda span: Uniform(*span), spans),
        st.builds(lambda span, q: QUniform(span[0], span[1], q), spans, steps),
        st.builds(lambda span: LogUniform(*span), spans),
        st.builds(lambda span, q: QLogUniform(span[0], span[1], q), spans, steps),
        st.lists(st.integers(-99, 99), min_size=1, max_size=40).map(sorted).map(Choice),
    ),
    UNIT,
)
def test_what_is_drawn_lies_between_the_first_and_the_last_number_told(drawn_from: Distribution, u: float) -> None:
    """But for digits that are left out."""
    told = re.sub(r"\([^)]*\)", "", in_words(drawn_from))
    numbers = [float(each) for each in NUMBER.findall(told)]

    value = drawn_from.from_unit(u)

    room = 0.005 * max(map(abs, numbers))
    assert min(numbers) - room <= value <= max(numbers) + room


@given(
    st.one_of(
        st.builds(Normal, bounds, st.floats(0.1, 3)),
        st.builds(LogNormal, bounds, st.floats(0.1, 1)),
        st.builds(QNormal, bounds, st.floats(0.1, 3), steps),
        st.builds(QLogNormal, bounds, st.floats(0.1, 1), steps),
    )
)
def test_of_what_has_no_ends_so_many_values_lie_between_the_two_numbers_as_is_told(drawn_from: Distribution) -> None:
    low, high = (float(each) for each in NUMBER.findall(in_words(drawn_from).rpartition(":")[2])[1:])
    count = 400

    values = [drawn_from.from_unit((index + 0.5) / count) for index in range(count)]

    room = 0.01 * max(abs(low), abs(high))
    inside = sum(low - room <= value <= high + room for value in values)
    assert inside >= 0.95 * count - 2


def words_of(space: dict[str, Any], *groups: str, zipped: tuple[tuple[str, ...], ...] = ()) -> list[str]:
    read = read_space(space)
    return list(laid_out(space_in_words(SearchSpace(read.parameters, zipped=zipped), groups)))


def test_branches_are_told_below_the_choice_that_has_them() -> None:
    adam = {"_group_": "adam", "lr": {"type": "loguniform", "min_value": -9.2, "max_value": -2.3}, "amsgrad": True}
    sgd = {"_group_": "sgd", "momentum": {"type": "uniform", "min_value": 0, "max_value": 0.99}}
    space = {
        "optimizer": {"type": "choice", "values": [adam, sgd, sgd]},
        "+model": {"type": "choice", "values": [{"units": {"type": "randint", "upper": 8}}, {"depth": 2}, "linear"]},
    }

    assert words_of(space) == [
        "  optimizer               one of 2 options of config group optimizer:",
        "    adam (1 of 3)",
        "      optimizer.lr        log-uniform between 0.000101 and 0.1",
        "      optimizer.amsgrad   always true",
        "    sgd (2 of 3)",
        "      optimizer.momentum  uniform between 0 and 0.99",
        "  +model                  one of 3 branches:",
        "    1.",
        "      +model.units        a whole number from 0 to 7",
        "    2.",
        "      +model.depth        always 2",
        "    linear",
    ]


def test_a_plain_choice_of_a_config_group_is_told_as_one() -> None:
    assert words_of({"db/engine@main": "choice(a, b)", "x": "choice(a, b)"}, "db/engine@main") == [
        "  db/engine@main  one of the options of config group db/engine: a, b",
        "  x               one of a, b",
    ]


def test_what_is_zipped_is_told_row_by_row_and_not_without_end() -> None:
    space = {"model": "choice(a, b)", "y": "uniform(0, 1)", "lr": "choice(0.1, 0.2)"}

    assert words_of(space, zipped=(("model", "lr"),)) == [
        "  model, lr  vary together: one of 2 rows",
        "    model=a  lr=0.1",
        "    model=b  lr=0.2",
        "  y          uniform between 0 and 1",
    ]
    long = {"a": "choice(range(0, 30))", "b": "choice(range(0, 30))"}
    assert words_of(long, zipped=(("a", "b"),))[-2:] == ["    a=9  b=9", "    ... 20 more"]


@pytest.mark.parametrize(
    ("space", "is_grid", "words"),
    [
        pytest.param({"x": "uniform(0, 1)"}, False, "infinitely many points", id="infinite"),
        pytest.param(
            {"x": "choice(1, 2)", "y": "randint(3)"}, False, "6 different points; none is drawn twice", id="finite"
        ),
        pytest.param({"x": "choice(1)"}, False, "1 point; none is drawn twice", id="one"),
        pytest.param(
            {"x": "randint(2000)", "y": "randint(1000)"},
            False,
            "2,000,000 points: more than 1,000,000, so one may be drawn twice",
            id="too-many-to-remember",
        ),
        pytest.param({"x": "choice(1, 2)", "y": "choice(a, b, c)"}, True, "6 points in the grid", id="grid"),
        pytest.param({"x": "choice(1, 1, 2)"}, True, "3 points in the grid, 2 of them different", id="twice"),
    ],
)
def test_the_size_says_whether_a_point_may_come_twice(space: dict[str, str], is_grid: bool, words: str) -> None:
    assert size_in_words(read_space(space), is_grid=is_grid) == words


@settings(max_examples=50)
@given(spaces(finite | infinite))
def test_every_key_that_can_be_set_is_named(space: SearchSpace) -> None:
    told = " ".join(f"{line.label} {line.words}" for line in space_in_words(space))

    assert all(key in told for key in space.keys)
