"""The search space: which points it has, how they are built, read and counted, and which spaces are refused."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core._space_tree import Tree, may_repeat
from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)
from azsweep_core.search_space import Dimension, SearchSpace, identity

LAW = settings(deadline=None)
"""A busy machine is no failure."""

UNIT = st.floats(0, 1, exclude_max=True)

finite = st.one_of(
    st.lists(st.integers(0, 2) | st.sampled_from(["a", 1.0, True, None]), min_size=1, max_size=3).map(Choice),
    st.integers(1, 3).map(Randint),
    st.sampled_from([QUniform(0, 2, 1), QUniform(0.05, 0.75, 1), QLogUniform(0, 1, 1)]),
)
infinite = st.sampled_from([Uniform(0, 1), LogUniform(-3, 0), Normal(0, 1), QNormal(0, 1, 0.5), LogNormal(0, 1)])
choices = st.lists(st.integers(0, 2), min_size=1, max_size=3).map(Choice)


def nested(leaf: st.SearchStrategy[Distribution]) -> st.SearchStrategy[Distribution]:
    """Nested choices whose branches may share keys: with equal distributions, or with fixed values."""

    def branches(shared: Distribution, inner: st.SearchStrategy[Distribution]) -> st.SearchStrategy[Distribution]:
        children = st.fixed_dictionaries(
            {},
            optional={
                "a": st.just(shared) | st.sampled_from([0, 1]),
                "b": st.sampled_from([0, 1]),
                "c": st.just(shared),
            },
        )
        branch = st.builds(Branch, st.none(), children)
        deep = st.builds(lambda child: Branch(None, {"d": child}), inner)
        return st.builds(
            lambda first, rest: Choice([first, *rest]), branch, st.lists(branch | st.integers(0, 1), max_size=3)
        ) | st.builds(lambda first, last: Choice([first, last]), branch, deep)

    level = leaf.flatmap(lambda shared: branches(shared, leaf))
    return level | leaf.flatmap(lambda shared: branches(shared, level))


def spaces(leaf: st.SearchStrategy[Distribution]) -> st.SearchStrategy[SearchSpace]:
    parameters = st.dictionaries(
        st.sampled_from(["x", "y.z", "+w", "g@p"]), leaf | nested(leaf), min_size=1, max_size=3
    )
    pairs = st.lists(st.tuples(st.sampled_from([0, 1, "a"]), st.sampled_from([0, 2.5])), min_size=1, max_size=3)

    def zip_in(space: SearchSpace, pairs: list[tuple[Any, Any]]) -> SearchSpace:
        """The space with a group of two among its parameters."""
        left, right = zip(*pairs, strict=True)
        return SearchSpace({"l": Choice(left), **space.parameters, "+r": Choice(right)}, zipped=(("l", "+r"),))

    plain = parameters.map(SearchSpace)
    return plain | st.builds(zip_in, plain, pairs)


class TestPoints:
    @LAW
    @given(spaces(finite | infinite), st.data())
    def test_every_point_drawn_is_in_the_space_and_reads_back(self, space: SearchSpace, data: st.DataObject) -> None:
        assert not list(space.validate("s"))
        units = data.draw(st.lists(UNIT, min_size=len(space.dimensions), max_size=len(space.dimensions)))

        point = space.point(units)

        assert space.contains(point)
        picked = space.read(point)
        again = space.draw(lambda dimension: picked[dimension.index])
        assert identity(again) == identity(point)

    def test_keys_come_in_the_order_of_the_space(self) -> None:
        branch = Branch(None, {"name": "mlp", "units": Randint(8), "act": "relu"})
        space = SearchSpace({"lr": Uniform(0, 1), "model": Choice([branch]), "seed": Randint(3)})

        assert list(space.point([0.5] * 4)) == ["lr", "model.name", "model.units", "model.act", "seed"]

    def test_only_the_drawn_branch_is_asked_for(self) -> None:
        space = SearchSpace(
            {"m": Choice([Branch(None, {"a": Randint(2)}), Branch(None, {"b": Randint(2)}), 7]), "z": Randint(2)}
        )
        asked: list[str] = []

        def pick(number: int) -> Any:
            asked.clear()

            def answer(dimension: Dimension) -> int:
                asked.append(dimension.key)
                return number if dimension.is_branch else 1

            return space.draw(answer)

        assert (pick(0), asked) == ({"m.a": 1, "z": 1}, ["m", "m.a", "z"])
        assert (pick(1), asked) == ({"m.b": 1, "z": 1}, ["m", "m.b", "z"])
        assert (pick(2), asked) == ({"m": 7, "z": 1}, ["m", "z"])

    def test_dimensions_are_numbered_parents_first_and_a_shared_key_is_one_of_them(self) -> None:
        shared = Uniform(0, 1)
        inner = Choice([Branch("a", {"x": shared}), Branch("b", {"x": shared})])
        space = SearchSpace({"m": Choice([Branch(None, {"opt": inner, "n": Randint(2)}), 1]), "lr": shared})

        found = [(dimension.index, dimension.key, dimension.is_branch) for dimension in space.dimensions]

        assert found == [
            (0, "m", True),
            (1, "m/opt", True),
            (2, "m.opt.x", False),
            (3, "m.n", False),
            (4, "lr", False),
        ]
        assert space.dimensions[0].distribution == Choice(range(2))

    def test_a_branch_listed_twice_has_double_weight(self) -> None:
        branch = Branch(None, {"a": 1})
        space = SearchSpace({"m": Choice([branch, branch, Branch("g", {})])})

        drawn = Counter(tuple(space.point([(i + 0.5) / 300])) for i in range(300))

        assert drawn == {("m.a",): 200, ("m",): 100}

    @pytest.mark.parametrize(
        ("parent", "branch", "key"),
        [
            ("model", Branch(None, {"units": 1}), "model.units"),
            ("a.b", Branch(None, {"c.d": 1}), "a.b.c.d"),
            ("+model", Branch(None, {"units": 1}), "+model.units"),
            ("++model", Branch(None, {"units": 1}), "++model.units"),
            ("model", Branch(None, {"+units": 1}), "+model.units"),
            ("optimizer", Branch("adam", {"lr": 1}), "optimizer.lr"),
            ("+optimizer", Branch("adam", {"lr": 1}), "optimizer.lr"),
            ("+optimizer", Branch("adam", {"+lr": 1}), "+optimizer.lr"),
            ("db/engine", Branch("innodb", {"lr": 1}), "db.engine.lr"),
            ("db@backup", Branch("mysql", {"lr": 1}), "backup.lr"),
            ("db/engine@a.b", Branch("mysql", {"lr": 1}), "a.b.lr"),
            ("db@_global_", Branch("mysql", {"lr": 1}), "lr"),
        ],
        ids=str,
    )
    def test_a_child_lives_where_hydra_puts_what_its_parent_chooses(
        self, parent: str, branch: Branch, key: str
    ) -> None:
        [*_, last] = SearchSpace({parent: Choice([branch])}).point([0.0])

        assert last == key

    def test_keys_of_a_job_file_are_absolute(self) -> None:
        space = SearchSpace({"conv": Choice([Branch(None, {"size": 3, "m": Choice([Branch(None, {"n": 1})])})])}, True)

        assert space.point([0.0, 0.0]) == {"size": 3, "n": 1}

    @pytest.mark.parametrize(
        "point",
        [
            {},
            {"lr": 0.5},
            {"lr": 2.0, "m": 7},
            {"lr": 0.5, "m": 8},
            {"lr": 0.5, "m": 7.0},
            {"lr": 0.5, "m": 7, "m.a": 1},
            {"lr": 0.5, "m.a": 5},
            {"lr": 0.5, "m.a": 1, "extra": 1},
        ],
        ids=str,
    )
    def test_other_points_are_not_in_the_space(self, point: dict[str, Any]) -> None:
        space = SearchSpace({"lr": Uniform(0, 1), "m": Choice([Branch(None, {"a": Randint(2)}), 7])})

        assert not space.contains(point)
        with pytest.raises(ValueError, match=r"^not a point of the search space: "):
            space.read(point)

    def test_a_point_is_read_as_the_branch_that_sets_all_its_keys(self) -> None:
        a, b = Randint(2), Randint(3)
        space = SearchSpace(
            {"m": Choice([Branch(None, {"a": a}), Branch(None, {"a": a, "b": b}), Branch(None, {"a": a})])}
        )

        assert space.read({"m.a": 1}) == {0: 0, 1: 1}
        assert space.read({"m.a": 1, "m.b": 2}) == {0: 1, 1: 1, 2: 2}


class TestCounting:
    @LAW
    @given(spaces(finite))
    def test_the_numbered_points_are_all_distinct_points_of_the_space(self, space: SearchSpace) -> None:
        assert space.size is not None

        points = [space.point_at(number) for number in range(space.size)]

        assert len({identity(point) for point in points}) == space.size
        assert all(space.contains(point) for point in points)

    @LAW
    @given(spaces(finite), st.data())
    def test_whatever_is_drawn_is_one_of_the_numbered_points(self, space: SearchSpace, data: st.DataObject) -> None:
        assert space.size is not None
        units = data.draw(st.lists(UNIT, min_size=len(space.dimensions), max_size=len(space.dimensions)))

        numbered = {identity(space.point_at(number)) for number in range(space.size)}

        assert identity(space.point(units)) in numbered

    @LAW
    @given(st.lists(choices, min_size=1, max_size=4))
    def test_a_flat_grid_is_the_product_of_the_values_last_key_fastest(self, columns: list[Choice]) -> None:
        space = SearchSpace({f"x{number}": choice for number, choice in enumerate(columns)})

        grid = [tuple(space.grid_point(number).values()) for number in range(space.grid_size)]

        assert grid == list(itertools.product(*(choice.values for choice in columns)))

    @LAW
    @given(spaces(choices))
    def test_a_grid_counts_what_random_sampling_weighs(self, space: SearchSpace) -> None:
        """Its points without repetition are the numbered points."""
        assert not list(space.validate_grid("s"))

        grid = {identity(space.grid_point(number)) for number in range(space.grid_size)}

        assert space.size is not None
        assert grid == {identity(space.point_at(number)) for number in range(space.size)}

    def test_a_nested_grid_takes_branch_after_branch(self) -> None:
        space = SearchSpace(
            {
                "m": Choice([Branch(None, {"a": Choice([1, 2])}), "x", Branch(None, {"b": Choice([3, 3])})]),
                "n": Choice([0, 1]),
            }
        )

        points = [space.grid_point(number) for number in range(space.grid_size)]

        assert points[:4] == [{"m.a": 1, "n": 0}, {"m.a": 1, "n": 1}, {"m.a": 2, "n": 0}, {"m.a": 2, "n": 1}]
        assert points[4:] == [{"m": "x", "n": 0}, {"m": "x", "n": 1}, *[{"m.b": 3, "n": 0}, {"m.b": 3, "n": 1}] * 2]
        assert space.size == 8

    @pytest.mark.parametrize(
        ("parameters", "size"),
        [
            pytest.param({"x": Choice([1, 1.0, True, "1"])}, 4, id="types-differ"),
            pytest.param({"x": Choice([1, 1, 2]), "y": Randint(5)}, 10, id="repeated-value"),
            pytest.param({"x": QUniform(0, 1, 0.5), "y": QLogUniform(0, 1, 1)}, 9, id="quantised"),
            pytest.param({"x": Randint(10**12), "y": Choice(range(10**12))}, 10**24, id="huge"),
            pytest.param({"x": Randint(3), "y": Uniform(0, 1)}, None, id="infinite"),
            pytest.param({"x": Choice([Branch(None, {"a": Uniform(0, 1)}), 1])}, None, id="infinite-branch"),
            pytest.param({"x": Choice([Branch(None, {"a": Choice([1, 2])})] * 2)}, 2, id="branch-listed-twice"),
            pytest.param(
                {"x": Choice([Branch(None, {"a": 1}), Branch(None, {"a": Choice([1, 2])})])},
                2,
                id="a-fixed-value-that-another-branch-draws",
            ),
            pytest.param(
                {
                    "x": Choice(
                        [
                            Branch(None, {"a": Choice([1, 2]), "b": 1}),
                            Branch(None, {"a": 1, "b": Choice([1, 2])}),
                        ]
                    )
                },
                3,
                id="branches-that-overlap",
            ),
        ],
    )
    def test_size_counts_distinct_points(self, parameters: dict[str, Distribution], size: int | None) -> None:
        assert SearchSpace(parameters).size == size

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([Branch(None, {"a": 1, "b": Randint(2)}), Branch(None, {"a": 2, "b": Randint(2)})], False),
            ([Branch(None, {"a": Randint(2)}), Branch(None, {"b": Randint(2)}), Branch(None, {}), 1], False),
            ([Branch(None, {"a": Randint(2)})] * 2, False),
            ([Branch(None, {"a": 1}), Branch(None, {"a": Randint(2)})], True),
            ([Branch(None, {"a": Choice([Branch(None, {"b": 1}), Branch(None, {"b": Randint(2)})])}), 1], True),
        ],
        ids=["fixed-values-differ", "keys-differ", "the-same-twice", "overlap", "overlap-deeper-down"],
    )
    def test_points_are_compared_only_where_branches_might_give_equal_ones(
        self, values: list[Any], expected: bool
    ) -> None:
        assert may_repeat(Tree({"m": Choice(values)}, absolute=False).nodes) is expected

    def test_points_of_a_huge_space_are_made_one_by_one(self) -> None:
        space = SearchSpace({"x": Choice(range(10**15)), "y": Choice(range(10**15)), "z": Choice(["a", "b"])})

        assert space.grid_size == space.size == 2 * 10**30
        last = {"x": 10**15 - 1, "y": 10**15 - 1, "z": "b"}
        assert space.grid_point(space.grid_size - 1) == space.point_at(2 * 10**30 - 1) == last

    @pytest.mark.parametrize("number", [-1, 2])
    def test_there_are_no_points_beyond_the_last(self, number: int) -> None:
        space = SearchSpace({"x": Choice([1, 2])})

        with pytest.raises(IndexError, match=f"^no point {number} among 2$"):
            space.grid_point(number)
        with pytest.raises(IndexError, match=f"^no point {number} among 2$"):
            space.point_at(number)

    def test_an_infinite_space_has_no_numbered_points(self) -> None:
        with pytest.raises(ValueError, match=r"^an infinite search space has no numbered points$"):
            SearchSpace({"x": Uniform(0, 1)}).point_at(0)


class TestIdentity:
    def test_values_of_different_types_differ(self) -> None:
        assert len({identity({"x": value}) for value in (1, 1.0, True, "1", None, [1], {"a": 1})}) == 7

    def test_the_order_of_keys_does_not_matter_at_any_depth(self) -> None:
        one, other = {"x": {"a": 1, "b": [{"c": 1, "d": 2}]}, "y": 1}, {"y": 1, "x": {"b": [{"d": 2, "c": 1}], "a": 1}}

        assert identity(one) == identity(other)

    def test_nan_is_itself(self) -> None:
        assert identity({"x": math.nan}) == identity({"x": float("nan")})


def test_another_logbase_reaches_every_branch() -> None:
    space = SearchSpace({"lr": LogUniform(-3, 0), "m": Choice([Branch(None, {"x": LogNormal(0, 0)}), 1])}, True)

    changed = space.with_logbase(10)

    assert changed.point([0.0, 0.0, 0.5]) == {"lr": 0.001, "x": 1.0}
    assert changed.absolute_children
    assert space.parameters["lr"] == LogUniform(-3, 0)
