"""The few points that show every value of every choice."""

from __future__ import annotations

from itertools import islice

from hypothesis import given, settings

from azsweep_core._coverage import covering_points
from azsweep_core._values import identity
from azsweep_core.distributions import Branch, Choice, Randint
from azsweep_core.search_space import SearchSpace, read_space
from tests.core.test_search_space import finite, infinite, spaces


@settings(max_examples=50)
@given(spaces(finite | infinite))
def test_every_value_of_every_choice_is_in_some_point(space: SearchSpace) -> None:
    """And every key that any point can have."""
    points = list(islice(covering_points(space), 1000))

    assert all(map(space.contains, points))
    assert {key for point in points for key in point} == space.keys
    zipped = {key for group in space.zipped for key in group}
    for each in space.dimensions:
        if isinstance(each.distribution, Choice) and not each.is_branch and each.key not in zipped:
            seen = {identity(point[each.key]) for point in points if each.key in point}
            assert seen >= {identity(value) for value in each.distribution.support}
    for group in space.zipped:
        rows = {identity([point[key] for key in group]) for point in points}
        columns = [choice.values for key in group if isinstance(choice := space.parameters[key], Choice)]
        assert rows == {identity(row) for row in zip(*columns, strict=True)}


def test_choices_are_gone_through_side_by_side() -> None:
    space = read_space({"a": "choice(range(0, 50))", "b": "choice(range(0, 40))", "c": "uniform(0, 1)"})

    assert len(list(covering_points(space))) == 50


def test_a_branch_with_many_values_is_taken_until_it_has_had_them_all() -> None:
    """And the others are not taken as often."""
    long = Branch(None, {"x": Choice(range(100))})
    others = [Branch(None, {f"y{number}": Randint(3)}) for number in range(9)]

    points = list(covering_points(SearchSpace({"m": Choice([*others, long])})))

    assert {point["m.x"] for point in points if "m.x" in point} == set(range(100))
    assert len(points) <= 9 * 3 + 100


def test_a_choice_without_end_can_be_broken_off() -> None:
    space = read_space({"a": f"choice(range(0, {10**9}))"})

    assert [point["a"] for point in islice(covering_points(space), 3)] == [0, 1, 2]
