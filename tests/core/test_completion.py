"""Points of which some values are given: what is completed, what stays as it is, and what lies outside of the space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.search_space import SearchSpace, identity, read_space
from tests.core.test_search_space import UNIT, finite, infinite, spaces

LAW = settings(deadline=None)

NESTED: Mapping[str, Any] = {
    "lr": "uniform(0, 1)",
    "net": "choice({kind: mlp, units: choice(4, 8)}, {kind: cnn, units: choice(4, 8), kernel: choice(3, 5)}, none)",
    "opt": {
        "type": "choice",
        "values": [
            {"_group_": "adam"},
            {
                "_group_": "sgd",
                "momentum": {"type": "uniform", "min_value": 0, "max_value": 1},
                "schedule": {
                    "type": "choice",
                    "values": [{"by": "step", "every": {"type": "randint", "upper": 9}}, {"by": "time"}],
                },
            },
        ],
    },
}


def space(*keys: str, zipped: tuple[tuple[str, ...], ...] = ()) -> SearchSpace:
    more = {"a": "choice(1, 2, 2)", "+b": "choice(x, y, z)"}
    whole = {**NESTED, **more}
    return SearchSpace(read_space({key: whole[key] for key in keys}).parameters, zipped=zipped)


def units_of(data: st.DataObject, drawn: SearchSpace) -> list[float]:
    return data.draw(st.lists(UNIT, min_size=len(drawn.dimensions), max_size=len(drawn.dimensions)))


class TestLaws:
    @LAW
    @given(spaces(finite | infinite), st.data())
    def test_with_nothing_given_it_is_the_point_at_the_units(self, drawn: SearchSpace, data: st.DataObject) -> None:
        units = units_of(data, drawn)

        assert identity(drawn.complete({}, units)) == identity(drawn.point(units))

    @LAW
    @given(spaces(finite | infinite), st.data())
    def test_a_part_of_a_point_becomes_a_point_with_that_part(self, drawn: SearchSpace, data: st.DataObject) -> None:
        whole = drawn.point(units_of(data, drawn))
        keys = data.draw(st.sets(st.sampled_from(sorted(whole)))) if whole else set()
        part = {key: whole[key] for key in keys}

        point = drawn.complete(part, units_of(data, drawn))

        assert identity({key: point[key] for key in keys}) == identity(part)
        assert drawn.contains(point)
        assert not list(drawn.misfits(point))

    @LAW
    @given(spaces(finite | infinite), st.data())
    def test_a_configuration_that_is_a_point_is_found_whole(self, drawn: SearchSpace, data: st.DataObject) -> None:
        """What the configuration says besides does not matter, if it is of no other branch."""
        whole = drawn.point(units_of(data, drawn))

        part = drawn.part_of_a_point(whole)

        assert drawn.contains(drawn.complete(part, units_of(data, drawn)))
        assert part.items() <= whole.items()


@pytest.mark.parametrize(
    ("keys", "part", "point"),
    [
        pytest.param(["lr"], {"lr": 7}, {"lr": 7}, id="outside"),
        pytest.param(["lr"], {"lr": 1}, {"lr": 1}, id="an-int-stays-an-int"),
        pytest.param(["lr", "a"], {"a": 1}, {"lr": 0.0, "a": 1}, id="rest-at-the-units"),
        pytest.param(
            ["net"], {"net.kernel": 5}, {"net.kind": "cnn", "net.units": 4, "net.kernel": 5}, id="branch-of-a-key"
        ),
        pytest.param(
            ["net"], {"net.kind": "cnn"}, {"net.kind": "cnn", "net.units": 4, "net.kernel": 3}, id="branch-of-a-value"
        ),
        pytest.param(["net"], {"net": "none"}, {"net": "none"}, id="plain-value-beside-branches"),
        pytest.param(["net"], {"net.kind": "rnn"}, {"net.kind": "rnn"}, id="no-such-branch"),
        pytest.param(
            ["net"],
            {"net.kind": "mlp", "net.kernel": 3},
            {"net.kind": "mlp", "net.kernel": 3},
            id="keys-of-two-branches",
        ),
        pytest.param(
            ["opt"],
            {"opt.schedule.every": 4},
            {"opt": "sgd", "opt.momentum": 0.0, "opt.schedule.by": "step", "opt.schedule.every": 4},
            id="branch-in-a-branch",
        ),
        pytest.param(
            ["opt"],
            {"opt.schedule.by": "moon"},
            {"opt": "sgd", "opt.momentum": 0.0, "opt.schedule.by": "moon"},
            id="no-such-branch-in-a-branch",
        ),
        pytest.param(["a", "+b"], {"a": 2}, {"a": 2, "+b": "y"}, id="zipped"),
        pytest.param(["a", "+b"], {"a": 2, "+b": "z"}, {"a": 2, "+b": "z"}, id="zipped-whole"),
        pytest.param(["a", "+b"], {"a": 7}, {"a": 7, "+b": "x"}, id="zipped-outside"),
    ],
)
def test_what_is_given_stays_and_the_rest_fits(keys: list[str], part: dict[str, Any], point: dict[str, Any]) -> None:
    zipped = (("a", "+b"),) if "+b" in keys else ()
    drawn = space(*keys, zipped=zipped)

    completed = drawn.complete(part, [0.0] * len(drawn.dimensions))

    assert identity(completed) == identity(point)
    assert list(completed) == list(point)


def test_the_branch_is_taken_that_fits_to_its_depth() -> None:
    """Both branches have the key, but only in the second can it have this value."""
    inner = {
        value: {"type": "choice", "values": [{"by": value, "n": {"type": "randint", "upper": 3}}]} for value in "xy"
    }
    branches = [{"kind": "a", "s": inner["x"]}, {"kind": "b", "s": inner["y"]}]
    drawn = read_space({"m": {"type": "choice", "values": branches}})

    point = drawn.complete({"m.s.by": "y"}, [0.0] * len(drawn.dimensions))

    assert point == {"m.kind": "b", "m.s.by": "y", "m.s.n": 0}


def test_fitting_options_are_equally_likely() -> None:
    drawn = space("a", "+b", zipped=(("a", "+b"),))

    assert [drawn.complete({"a": 2}, [unit])["+b"] for unit in (0.0, 0.49, 0.5, 0.99)] == ["y", "y", "z", "z"]


@pytest.mark.parametrize(
    ("keys", "known", "part"),
    [
        pytest.param(["lr"], {"lr": 5}, {"lr": 5}, id="value"),
        pytest.param(["lr"], {}, {}, id="no-value"),
        pytest.param(
            ["net"],
            {"net": {"kind": "mlp"}, "net.kind": "mlp", "net.units": 4, "net.kernel": 3},
            {"net.kind": "mlp", "net.units": 4},
            id="branch-that-agrees",
        ),
        pytest.param(["net"], {"net": "none"}, {"net": "none"}, id="plain-value"),
        pytest.param(["net"], {"net.kind": "rnn", "net.units": 4}, {"net.kind": "rnn"}, id="branch-of-none"),
        pytest.param(["opt"], {"opt": "adam", "opt.momentum": 0.9}, {"opt": "adam"}, id="config-group"),
        pytest.param(
            ["opt"],
            {"opt": "sgd", "opt.schedule.by": "time"},
            {"opt": "sgd", "opt.schedule.by": "time"},
            id="some-keys-of-the-branch",
        ),
        pytest.param(["a", "+b"], {"a": 2, "+b": "z"}, {"a": 2, "+b": "z"}, id="zipped"),
        pytest.param(["a", "+b"], {"a": 1, "+b": "z"}, {"a": 1, "+b": "z"}, id="zipped-otherwise"),
    ],
)
def test_a_configuration_is_in_one_branch(keys: list[str], known: dict[str, Any], part: dict[str, Any]) -> None:
    zipped = (("a", "+b"),) if "+b" in keys else ()

    assert space(*keys, zipped=zipped).part_of_a_point(known) == part


def test_the_branch_is_taken_of_which_the_fewest_keys_are_missing() -> None:
    drawn = read_space({"net": {"type": "choice", "values": [
        {"depth": {"type": "randint", "upper": 3}}, {"width": {"type": "randint", "upper": 3}}
    ]}})  # fmt: skip

    assert drawn.part_of_a_point({"net.width": 2}) == {"net.width": 2}


@pytest.mark.parametrize(
    ("keys", "point", "found"),
    [
        pytest.param(["lr", "a"], {"lr": 7, "a": 2}, [("uniform", {"lr": 7})], id="outside"),
        pytest.param(
            ["net"],
            {"net.kind": "mlp", "net.units": 5},
            [("choice", {"net.units": 5})],
            id="outside-in-a-branch",
        ),
        pytest.param(
            ["net"], {"net.kind": "rnn", "net.units": 4}, [(None, {"net.kind": "rnn", "net.units": 4})], id="branch"
        ),
        pytest.param(["a", "+b"], {"a": 1, "+b": "z"}, [(None, {"a": 1, "+b": "z"})], id="zipped"),
    ],
)
def test_says_what_lies_outside(keys: list[str], point: dict[str, Any], found: list[tuple[str | None, Any]]) -> None:
    zipped = (("a", "+b"),) if "+b" in keys else ()

    misfits = list(space(*keys, zipped=zipped).misfits(point))

    assert [(None if each is None else each.kind, values) for each, values in misfits] == found
