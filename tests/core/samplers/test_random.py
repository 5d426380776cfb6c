"""Random sampling: the right distribution, a function of seed and number, and no repetition where a space is finite."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.stats import kstest

from azsweep_core.events import TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.samplers._random import SobolSequence
from azsweep_core.samplers._streams import random_points, stream
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import FINITE_POINTS, SearchSpace, identity, read_space
from azsweep_core.testing.samplers import SamplerContract
from azsweep_core.trial import Parameters

OBJECTIVE = Objective("loss", Goal.MINIMIZE)


def sampler(space: SearchSpace, seed: int = 1, rule: str = "random", **settings: Any) -> Sampler:
    algorithm = SamplingAlgorithm(SamplerType.RANDOM, seed, SamplingRule(rule), **settings)
    return make_sampler(algorithm, space, OBJECTIVE)


def draws(space: SearchSpace, count: int, seed: int = 1, rule: str = "random", **settings: Any) -> list[Parameters]:
    """What the sampler says to trials 0, 1, 2, … until it has no more."""
    asked, history = sampler(space, seed, rule, **settings), History(OBJECTIVE)
    points = (asked.ask(number, history) for number in range(count))
    return [point for point in points if point is not None]


def choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


UNIFORM = {"type": "uniform", "min_value": 0, "max_value": 1}


class TestPseudoRandom(SamplerContract):
    """Rule random."""

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        return sampler(space, seed)


class TestSobol(SamplerContract):
    """Rule sobol."""

    trials: ClassVar[int] = 150  # more than two chunks of the sequence

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        return sampler(space, seed, "sobol")


@pytest.mark.parametrize("rule", ["random", "sobol"])
class TestDraws:
    """What both rules promise."""

    def test_every_expression_has_its_distribution(self, rule: str) -> None:
        space = read_space(
            {
                "uniform": {"type": "uniform", "min_value": -1, "max_value": 3},
                "loguniform": {"type": "loguniform", "min_value": -5, "max_value": -1},
                "normal": {"type": "normal", "mu": 2, "sigma": 3},
                "lognormal": {"type": "lognormal", "mu": 1, "sigma": 0.5},
            }
        )
        points = draws(space, 2048, seed=3, rule=rule)

        def column(key: str) -> Any:
            return np.array([point[key] for point in points])

        assert kstest(column("uniform"), "uniform", (-1, 4)).pvalue > 0.01
        assert kstest(np.log(column("loguniform")), "uniform", (-5, 4)).pvalue > 0.01
        assert kstest(column("normal"), "norm", (2, 3)).pvalue > 0.01
        assert kstest(np.log(column("lognormal")), "norm", (1, 0.5)).pvalue > 0.01

    def test_a_value_listed_twice_has_double_weight(self, rule: str) -> None:
        space = read_space({"x": choice("a", "a", "b"), "u": UNIFORM})

        count = Counter(point["x"] for point in draws(space, 1024, rule=rule))

        assert count["a"] == pytest.approx(1024 * 2 / 3, rel=0.05)

    def test_the_logbase_takes_the_place_of_e(self, rule: str) -> None:
        space = read_space({"x": {"type": "loguniform", "min_value": -3, "max_value": 1}})

        natural, decimal = (draws(space, 9, rule=rule, logbase=base) for base in (None, 10.0))

        assert np.log10([point["x"] for point in decimal]) == pytest.approx(np.log([point["x"] for point in natural]))

    def test_another_seed_is_another_sweep(self, rule: str) -> None:
        """Negative seeds and 0 are seeds as good as others."""
        first = {draws(read_space({"x": UNIFORM}), 1, seed, rule)[0]["x"] for seed in (-2, -1, 0, 1, 2, 2**32, 2**64)}

        assert len(first) == 7

    def test_an_infinite_space_is_asked_for_any_trial_at_once(self, rule: str) -> None:
        """Without drawing all points before it."""
        late = sampler(read_space({"x": UNIFORM}), rule=rule).ask(10**6, History(OBJECTIVE))

        assert late is not None
        assert 0 <= late["x"] <= 1

    def test_a_space_beyond_a_million_points_is_drawn_with_replacement(self, rule: str) -> None:
        values = ["often"] * FINITE_POINTS
        space = read_space({"x": choice(*values), "n": {"type": "randint", "upper": FINITE_POINTS + 1}})
        asked = sampler(space, rule=rule)

        assert asked.ask(10**6, History(OBJECTIVE)) is not None

    def test_points_given_by_the_user_are_not_drawn_again(self, rule: str) -> None:
        """Those that are of the space; another one takes no point away."""
        history = History(OBJECTIVE)
        for number, x in enumerate([3, 99]):
            event = TrialSubmitted(time_s=0, number=number, attempt=1, parameters={"x": x})
            history.apply(event)
        asked = sampler(read_space({"x": choice(1, 2, 3, 4)}), rule=rule)

        points = [asked.ask(number, history) for number in range(2, 7)]

        assert sorted(point["x"] for point in points if point) == [1, 2, 4]
        assert points[3:] == [None, None]

    def test_a_given_point_counts_as_the_one_that_would_be_drawn(self, rule: str) -> None:
        """Written as 2.0 it is the 2 of a quantised expression."""
        history = History(OBJECTIVE)
        history.apply(TrialSubmitted(time_s=0, number=0, attempt=1, parameters={"x": 2.0}))
        space = read_space({"x": {"type": "quniform", "min_value": 0.5, "max_value": 3.5, "q": 1}})
        asked = sampler(space, rule=rule)

        points = [asked.ask(number, history) for number in range(1, 4)]

        assert sorted(point["x"] for point in points if point) == [1, 3]

    def test_a_fresh_sampler_draws_the_same_without_a_history(self, rule: str) -> None:
        """It draws the earlier points once more."""
        space = read_space({"x": {"type": "randint", "upper": 40}})
        points = draws(space, 40, rule=rule)

        assert [sampler(space, rule=rule).ask(number, History(OBJECTIVE)) for number in (0, 7, 20, 39)] == [
            points[number] for number in (0, 7, 20, 39)
        ]


def test_a_finite_draw_is_the_first_unseen_point_of_its_own_stream() -> None:
    space = read_space({"x": {"type": "randint", "upper": 30}})
    seen: set[Any] = set()
    for number, point in enumerate(draws(space, 20, seed=5)):
        own = islice(random_points(space, stream(5, number)), 100)

        assert point == next(candidate for candidate in own if identity(candidate) not in seen)

        seen.add(identity(point))


def test_after_a_hundred_rejections_what_is_left_is_drawn_uniformly() -> None:
    """However unlikely it was: b and c have one chance in 10**5 each."""
    space = read_space({"x": choice(*["a"] * 10**5, "b", "c")})

    sweeps = [draws(space, 9, seed) for seed in range(100)]

    assert all(sorted(point["x"] for point in points) == ["a", "b", "c"] for points in sweeps)
    assert 30 <= sum(points[1]["x"] == "b" for points in sweeps) <= 70


def test_a_space_of_ten_thousand_points_is_tried_out_to_the_last() -> None:
    space = read_space(
        {"x": {"type": "randint", "upper": 100}, "y": {"type": "quniform", "min_value": 0, "max_value": 99, "q": 1}}
    )

    points = draws(space, 10_001)

    assert len(set(map(identity, points))) == len(points) == 10_000


class TestSobolSequence:
    """The points of the unit cube."""

    def test_every_block_of_64_fills_64_intervals_of_each_dimension(self) -> None:
        """That is what makes it cover the space more evenly than chance does."""
        sequence = SobolSequence(5, seed=2)
        for block in range(3):
            points = np.array([sequence[number] for number in range(64 * block, 64 * block + 64)])

            assert [sorted(column) for column in (points * 64).astype(int).T.tolist()] == [list(range(64))] * 5

    def test_points_can_be_asked_for_in_any_order(self) -> None:
        straight, jumping = SobolSequence(3, seed=1), SobolSequence(3, seed=1)
        points = [straight[number] for number in range(300)]

        assert [jumping[number] for number in (299, 0, 64, 63, 200)] == [points[n] for n in (299, 0, 64, 63, 200)]

    def test_coordinates_are_below_one(self) -> None:
        sequence = SobolSequence(21, seed=0)

        assert all(0 <= u < 1 for number in range(500) for u in sequence[number])
