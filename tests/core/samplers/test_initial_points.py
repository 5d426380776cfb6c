"""Initial points before every sampler: they come first, completed if need be, and never again."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import Choice
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace, identity, read_space
from azsweep_core.testing.samplers import SPACES, SamplerContract, SimulatedSweep
from azsweep_core.trial import Parameters

OBJECTIVE = Objective("loss", Goal.MINIMIZE)
SAMPLERS: Mapping[str, Any] = {
    "random": {"type": "random", "seed": 1},
    "sobol": {"type": "random", "rule": "sobol", "seed": 1},
    "bayesian": {"type": "bayesian", "seed": 1, "n_startup_trials": 3},
    "grid": "grid",
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


def sampler(name: str, space: SearchSpace, points: Sequence[Parameters], seed: int = 1) -> Sampler:
    settings = SAMPLERS[name] if name == "grid" else {**SAMPLERS[name], "seed": seed}
    return make_sampler(SamplingAlgorithm.read(settings), space, OBJECTIVE, points)


def sweep(name: str, space: SearchSpace, points: Sequence[Parameters], trials: int = 50) -> list[Parameters]:
    return SimulatedSweep(sampler(name, space, points), concurrency=3).run(trials)


class Contract(SamplerContract):
    """The laws hold for sweeps that begin with two points of the space, one of them given in part."""

    name: ClassVar[str]
    trials: ClassVar[int] = 20

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        whole = space.point([0.7] * len(space.dimensions))
        other = space.point([0.2] * len(space.dimensions))
        return sampler(self.name, space, [whole, dict(list(other.items())[:1])], seed)


class TestRandom(Contract):
    name = "random"


class TestSobol(Contract):
    name = "sobol"


class TestBayesian(Contract):
    name = "bayesian"
    reads_results: ClassVar[bool] = True


class TestGrid(Contract):
    name = "grid"
    spaces: ClassVar[Mapping[str, Mapping[str, Any]]] = {name: SPACES[name] for name in ("choices", "nested choices")}

    def number_of_points(self, space: SearchSpace) -> int:
        return space.grid_size


GRID = read_space({"a": "choice(1, 2, 3)", "b": "choice(x, y)"})
MIXED = read_space({"a": "choice(1, 2, 3)", "u": "uniform(0, 1)"})


@every_sampler
def test_the_given_points_are_the_first_trials_in_their_order(name: str) -> None:
    given = [{"a": 3, "b": "y"}, {"a": 7, "b": "x"}, {"a": 1, "b": "x"}]

    assert sweep(name, GRID, given)[:3] == given


@every_sampler
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_finite_space_is_tried_out_once_besides_what_lies_outside(name: str, data: st.DataObject) -> None:
    values = {"a": st.sampled_from([1, 2, 3, 7]), "b": st.sampled_from(["x", "y", "z"])}
    given = data.draw(st.lists(st.fixed_dictionaries({}, optional=values), max_size=5))

    points = sweep(name, GRID, given)

    tried = [identity(point) for point in points]
    inside = [point for point in points if GRID.contains(point)]
    assert len(set(tried)) == len(tried)
    assert len(inside) == 6
    for point in given:
        assert any(point.items() <= trial.items() for trial in points[: len(given)])


@every_sampler
def test_what_a_point_leaves_out_is_drawn(name: str) -> None:
    """For each point anew, and in the bounds of the space."""
    space = GRID if name == "grid" else MIXED
    (other,) = space.parameters.keys() - {"a"}

    points = sweep(name, space, [{"a": 2}, {"a": 2}, {other: 0.5 if other == "u" else "y"}], 3)

    assert [point["a"] for point in points[:2]] == [2, 2]
    assert points[0][other] != points[1][other]
    assert all(space.contains(point) for point in points)


@pytest.mark.parametrize("name", ["random", "sobol", "bayesian"])
def test_the_seed_decides_what_is_drawn(name: str) -> None:
    drawn = {seed: sampler(name, MIXED, [{"a": 1}], seed).ask(0, History(OBJECTIVE)) for seed in (1, 1, 2, 3)}

    assert len({point["u"] for point in drawn.values() if point is not None}) == 3


@every_sampler
def test_points_given_twice_are_tried_once(name: str) -> None:
    """Also parts of points, once there is nothing new to draw."""
    whole, part = {"a": 2, "b": "x"}, {"a": 2}

    points = sweep(name, GRID, [whole, whole, part, part, part, {"a": 3, "b": "x"}])

    assert points[:3] == [whole, {"a": 2, "b": "y"}, {"a": 3, "b": "x"}]
    assert len(points) == 6


def test_the_grid_goes_on_in_its_order_with_what_was_not_tried() -> None:
    points = sweep("grid", GRID, [{"b": "y", "a": 2}, {"a": 7, "b": "x"}, {"b": "y"}])

    assert [(point["a"], point["b"]) for point in points] == [
        (2, "y"), (7, "x"), (1, "y"),
        (1, "x"), (2, "x"), (3, "x"), (3, "y"),
    ]  # fmt: skip


def test_a_value_listed_twice_in_a_grid_is_still_tried_twice() -> None:
    """One of the two times is the initial point."""
    space = SearchSpace({"a": Choice([1, 2, 2])})

    assert [point["a"] for point in sweep("grid", space, [{"a": 2}])] == [2, 1, 2]


def test_sobols_sequence_begins_after_the_given_points() -> None:
    space = read_space({"u": "uniform(0, 1)", "v": "uniform(0, 1)"})

    alone = sweep("sobol", space, [], 8)
    after = sweep("sobol", space, [{"u": 0.5, "v": 0.5}, {"u": 0.1}], 10)

    assert after[2:] == alone


@pytest.mark.parametrize("name", ["random", "bayesian"])
def test_the_given_points_change_nothing_of_later_random_draws(name: str) -> None:
    """A draw follows from seed and number; bayesian sampling draws at random for its first trials."""
    alone = sweep(name, MIXED, [], 3)
    after = sweep(name, MIXED, [{"a": 1, "u": 0.5}], 3)

    assert after[1:] == alone[1:]


def test_the_model_learns_from_points_inside_and_lives_with_those_outside() -> None:
    given: list[Parameters] = [{"a": 1, "u": 7}, {"a": 9}, {"a": 2, "u": 0.5}]

    points = sweep("bayesian", MIXED, given, 20)

    assert len(points) == 20
    assert all(MIXED.contains(point) for point in points[3:])


@every_sampler
def test_a_sweep_resumed_among_its_first_trials_goes_on_with_the_points(name: str) -> None:
    given: list[Parameters] = [{"a": 3, "b": "y"}, {"b": "x"}, {"a": 7, "b": "x"}, {}]
    whole = SimulatedSweep(sampler(name, GRID, given), 1, random.Random(0))
    points = whole.run(4)

    for number in range(4):
        history = History(OBJECTIVE)
        for event in whole.events:
            if getattr(event, "number", 0) < number:
                history.apply(event)
        assert sampler(name, GRID, given).ask(number, history) == points[number]


def test_zipped_parameters_are_completed_together() -> None:
    space = SearchSpace({"a": Choice([1, 2, 3]), "b": Choice(["x", "y", "x"])}, zipped=(("a", "b"),))

    points = sweep("grid", space, [{"b": "x"}, {"b": "x"}, {"a": 2}])

    assert [(point["a"], point["b"]) for point in points] == [(1, "x"), (3, "x"), (2, "y")]


def test_without_initial_points_a_sampler_is_what_it_was() -> None:
    from azsweep_core.samplers._grid import GridSampler

    assert isinstance(make_sampler(SamplingAlgorithm(SamplerType.GRID), GRID, OBJECTIVE), GridSampler)
