"""What a surrogate sees in place of Optuna's distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from azsweep_core.samplers._mixed_space import Axis, Categories, Interval, Levels, MixedSpace, axis_of

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "float": FloatDistribution(-3, 5),
    "float-log": FloatDistribution(1e-6, 10, log=True),
    "float-step": FloatDistribution(0.1, 1.0, step=0.3),
    "float-fine-step": FloatDistribution(0, 1, step=0.0001),
    "float-single": FloatDistribution(2, 2),
    "int": IntDistribution(-2, 9),
    "int-two": IntDistribution(0, 1),
    "int-step": IntDistribution(1, 10, step=3),
    "int-log": IntDistribution(1, 512, log=True),
    "int-many": IntDistribution(0, 10**12),
    "int-log-many": IntDistribution(1, 10**9, log=True),
    "int-single": IntDistribution(4, 4),
    "categories": CategoricalDistribution(["a", None, 1, 2.5, True]),
    "category-single": CategoricalDistribution(["a"]),
}
anything = pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """As Optuna documents it, without its private test."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    steps: float = 0.0 if distribution.step is None else (value - distribution.low) / distribution.step
    return bool(distribution.low <= value <= distribution.high) and abs(steps - round(steps)) < 1e-8


@anything
def test_whatever_is_drawn_or_moved_stays_in_its_domain(distribution: BaseDistribution) -> None:
    axis, generator = axis_of(distribution), np.random.default_rng(0)
    codes = axis.draw(generator, 200)
    moved = [codes, axis.mutate(codes, generator), *(axis.neighbours(codes, r, generator).ravel() for r in (1, 0.01))]

    values = [axis.value(code) for code in np.concatenate(moved).tolist()]

    assert all(contains(distribution, value) for value in values)
    wanted = int if isinstance(distribution, IntDistribution) else float
    if not isinstance(distribution, CategoricalDistribution):
        assert {type(value) for value in values} <= {wanted, int if distribution.single() else wanted}


@anything
def test_a_value_has_a_code_that_gives_it(distribution: BaseDistribution) -> None:
    axis, generator = axis_of(distribution), np.random.default_rng(0)
    values = [axis.value(code) for code in axis.draw(generator, 100).tolist()]

    again = [axis.value(axis.code(value)) for value in values]

    if isinstance(distribution, CategoricalDistribution):
        assert set(map(repr, values)) == set(map(repr, distribution.choices))
        assert again == values
    else:
        assert again == pytest.approx(values, rel=1e-9)


@anything
def test_a_mutation_is_a_change_where_there_is_another_value(distribution: BaseDistribution) -> None:
    axis, generator = axis_of(distribution), np.random.default_rng(0)
    codes = axis.draw(generator, 200)

    changed = axis.mutate(codes, generator)

    if distribution.single():
        assert (changed == codes).all()
    else:
        assert (changed != codes).mean() > 0.95


@pytest.mark.parametrize(
    ("distribution", "kind"),
    [
        pytest.param(FloatDistribution(0, 1), Interval, id="float"),
        pytest.param(FloatDistribution(0, 1, step=0.25), Levels, id="float-step"),
        pytest.param(IntDistribution(0, 999), Levels, id="int-thousand"),
        pytest.param(IntDistribution(0, 1000), Interval, id="int-more"),
        pytest.param(IntDistribution(1, 64, log=True), Levels, id="int-log"),
        pytest.param(CategoricalDistribution([1, 2, 3]), Categories, id="numbers-as-categories"),
    ],
)
def test_a_distribution_is_seen_as_what_it_is(distribution: BaseDistribution, kind: type[Axis]) -> None:
    assert type(axis_of(distribution)) is kind


def test_logarithmic_parameters_are_seen_by_their_logarithm() -> None:
    for distribution in (FloatDistribution(1e-4, 1, log=True), IntDistribution(1, 100, log=True)):
        axis = axis_of(distribution)
        thirds = [math.exp(math.log(distribution.low) * (1 - t) + math.log(distribution.high) * t) for t in (0, 0.5, 1)]

        codes = np.array([axis.code(value) for value in thirds])

        assert axis.columns(codes, np.ones(3, bool)).ravel() == pytest.approx([0, 0.5, 1])
        drawn = [axis.value(code) for code in axis.draw(np.random.default_rng(0), 2000).tolist()]
        assert np.mean(np.array(drawn) <= thirds[1]) == pytest.approx(0.5, abs=0.06)


def test_unequal_categories_are_as_far_apart_as_the_ends_of_a_range() -> None:
    everyone = np.ones(3, bool)
    categories = axis_of(CategoricalDistribution(["a", "b", "c"])).columns(np.arange(3.0), everyone)
    numbers = axis_of(IntDistribution(0, 2)).columns(np.arange(3.0), everyone)

    distances = [((columns[:, None] - columns[None]) ** 2).sum(axis=2) for columns in (categories, numbers)]

    assert distances[0] == pytest.approx(1 - np.eye(3))
    assert distances[1][0] == pytest.approx([0, 0.25, 1])


NESTED = MixedSpace(
    {
        "model": CategoricalDistribution(["mlp", "tree", "mean"]),
        "lr": FloatDistribution(0, 1),
        "schedule": CategoricalDistribution(["flat", "step"]),
        "every": IntDistribution(1, 9),
        "seed": IntDistribution(0, 1),
    },
    {
        "every": {"schedule": ["step"]},  # a child before its parent's own condition
        "schedule": {"model": ["mlp"]},
        "lr": {"model": ["mlp", "tree"]},
    },
)


class TestConditions:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_a_point_has_what_its_parents_activate_and_nothing_else(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        rows = NESTED.mutated(NESTED.draw(generator, 5), generator)

        for row in np.vstack([rows, NESTED.neighbours(rows, 0.1, generator).reshape(-1, 5)]):
            point = NESTED.point(row)
            expected = {"model", "seed"} | ({"lr"} if point["model"] != "mean" else set())
            expected |= {"schedule"} if point["model"] == "mlp" else set()
            expected |= {"every"} if point.get("schedule") == "step" else set()
            assert point.keys() == expected
            assert {type(value) for value in point.values()} <= {str, int, float}
            assert NESTED.row(point) is not None

    def test_what_is_inactive_makes_no_difference(self) -> None:
        """Neither to the model nor to whether a point was tried."""
        rows = np.array([[2, 0.1, 0, 3, 1], [2, 0.9, 1, 8, 1], [2, 0.9, 1, 8, 0]], float)

        columns, keys = NESTED.columns(rows), NESTED.keys(rows)

        assert (columns[0] == columns[1]).all()
        assert keys[0] == keys[1] != keys[2]

    def test_what_is_active_makes_one(self) -> None:
        rows = np.array([[0, 0.1, 1, 3, 1], [0, 0.1, 1, 4, 1]], float)

        assert (NESTED.columns(rows)[0] != NESTED.columns(rows)[1]).any()
        assert len(set(NESTED.keys(rows))) == 2

    def test_a_row_lacks_nothing_that_is_active(self) -> None:
        assert NESTED.row({"model": "mean", "seed": 1}) is not None
        assert NESTED.row({"model": "tree", "seed": 1}) is None

    def test_completing_draws_the_inactive_and_keeps_the_active(self) -> None:
        rows = np.repeat([[1, 0.25, 0, 0, 1]], 200, axis=0).astype(float)

        completed = NESTED.completed(rows, np.random.default_rng(0))

        assert (completed[:, [0, 1, 4]] == rows[:, [0, 1, 4]]).all()
        assert set(completed[:, 2]) == {0, 1}
        assert len(set(completed[:, 3])) == 9

    def test_only_active_parameters_are_mutated(self) -> None:
        rows = np.repeat([[2, 0.25, 0, 0, 1]], 100, axis=0).astype(float)

        mutated = NESTED.mutated(rows, np.random.default_rng(0))

        alone = (mutated != rows).sum(axis=1) == 1
        assert (mutated[alone][:, [1, 2, 3]] == rows[alone][:, [1, 2, 3]]).all()
        assert (mutated != rows).any(axis=1).all()

    def test_one_of_several_parents_is_enough(self) -> None:
        shared = MixedSpace(
            {"a": CategoricalDistribution([0, 1]), "b": CategoricalDistribution([0, 1]), "x": FloatDistribution(0, 1)},
            {"x": {"a": [1], "b": [1]}},
        )

        active = shared.active(np.array([[0, 0, 0.5], [1, 0, 0.5], [0, 1, 0.5], [1, 1, 0.5]]))

        assert active[:, 2].tolist() == [False, True, True, True]
        assert [shared.is_active("x", {"a": a, "b": b}) for a, b in ((0, 0), (1, 0), (0, 1))] == [False, True, True]

    @pytest.mark.parametrize(
        ("conditions", "text"),
        [
            pytest.param(
                {"lr": {"modle": ["mlp"]}},
                "conditions on parameters that are not in the space: modle",
                id="unknown-parent",
            ),
            pytest.param(
                {"rate": {"model": ["mlp"]}},
                "conditions on parameters that are not in the space: rate",
                id="unknown-child",
            ),
            pytest.param(
                {"k": {"model": ["mlp"]}, "model": {"k": [1]}},
                "parameters that depend on each other in a circle: k, model",
                id="circle",
            ),
            pytest.param({"model": {"lr": [0.5]}}, "a condition on lr, which has no countable values", id="continuous"),
        ],
    )
    def test_conditions_that_make_no_sense_are_refused(
        self, conditions: dict[str, dict[str, list[Any]]], text: str
    ) -> None:
        distributions: dict[str, BaseDistribution] = {
            "model": CategoricalDistribution(["mlp", "tree"]),
            "lr": FloatDistribution(0, 1),
            "k": IntDistribution(0, 3),
        }

        with pytest.raises(ValueError, match=f"^{text}$"):
            MixedSpace(distributions, conditions)
