"""Grid sampling: every combination, in the order of itertools.product, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import Choice
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.testing.samplers import SPACES, SamplerContract

OBJECTIVE = Objective("loss", Goal.MINIMIZE)
NOTHING = History(OBJECTIVE)


def sampler(space: SearchSpace) -> Sampler:
    return make_sampler(SamplingAlgorithm(SamplerType.GRID), space, OBJECTIVE)


class TestGrid(SamplerContract):
    """The laws, on spaces of choices."""

    spaces: ClassVar[Mapping[str, Mapping[str, Any]]] = {name: SPACES[name] for name in ("choices", "nested choices")}

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        return sampler(space)

    def number_of_points(self, space: SearchSpace) -> int:
        return space.grid_size


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=4))
def test_goes_through_the_product_in_its_order(choices: list[list[int]]) -> None:
    """The last parameter changes fastest; a value listed twice is two trials; after the last point there is none."""
    keys = [f"k{index}" for index in range(len(choices))]
    asked = sampler(SearchSpace({key: Choice(values) for key, values in zip(keys, choices, strict=True)}))

    product = [dict(zip(keys, values, strict=True)) for values in itertools.product(*choices)]

    assert [asked.ask(number, NOTHING) for number in range(len(product))] == product
    assert asked.ask(len(product), NOTHING) is None


def test_a_nested_choice_counts_the_combinations_of_each_branch() -> None:
    asked = sampler(read_space(SPACES["nested choices"]))

    points = list(itertools.takewhile(lambda point: point is not None, (asked.ask(n, NOTHING) for n in range(99))))

    assert [(p["model.name"], p.get("model.units", p.get("model.l1")), p["scale"]) for p in points if p] == [
        (name, value, scale)
        for name, values in (("mlp", (8, 16)), ("linear", (0, 1, 2)), ("mean", (8, 16)))
        for value in values
        for scale in (True, False)
    ]


def test_a_grid_of_a_billion_points_is_never_listed() -> None:
    asked = sampler(SearchSpace({"a": Choice(range(10**5)), "b": Choice(range(10**4))}))

    assert asked.ask(0, NOTHING) == {"a": 0, "b": 0}
    assert asked.ask(123_456_789, NOTHING) == {"a": 12_345, "b": 6_789}
    assert asked.ask(10**9 - 1, NOTHING) == {"a": 10**5 - 1, "b": 10**4 - 1}
    assert asked.ask(10**9, NOTHING) is None
