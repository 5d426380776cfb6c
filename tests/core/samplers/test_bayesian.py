"""Bayesian sampling: it learns, from every result and pending trial; without any it follows the search space."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import optuna
import pytest
from scipy.stats import kstest

from azsweep_core.distributions import (
    Choice,
    LogUniform,
    Normal,
    QLogNormal,
    QNormal,
    Uniform,
)
from azsweep_core.events import TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, Surrogate
from azsweep_core.search_space import SearchSpace, identity
from azsweep_core.testing.samplers import SamplerContract
from azsweep_core.trial import Measurement, Parameters, TrialState

MINIMIZE = Objective("loss", Goal.MINIMIZE)
MAXIMIZE = Objective("score", Goal.MAXIMIZE)
COMPLETED = TrialState.COMPLETED


def sampler(
    space: SearchSpace, seed: int = 1, objective: Objective = MINIMIZE, surrogate: Surrogate = Surrogate.TPE
) -> Sampler:
    return make_sampler(SamplingAlgorithm(SamplerType.BAYESIAN, seed, surrogate=surrogate), space, objective)


class TestBayesian(SamplerContract):
    """The laws."""

    reads_results: ClassVar[bool] = True

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        return sampler(space, seed)


class TestMixed(SamplerContract):
    """The same laws where a Gaussian process answers most asks."""

    reads_results: ClassVar[bool] = True

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        return sampler(space, seed, surrogate=Surrogate.MIXED)


def submit(history: History, point: Parameters) -> None:
    history.apply(TrialSubmitted(time_s=0, number=len(history), attempt=1, parameters=point))


def end(history: History, number: int, values: Sequence[float], state: TrialState = COMPLETED) -> None:
    measured = tuple(Measurement(None, value, 0) for value in values)
    history.apply(TrialMeasured(number=number, measurements=measured))
    history.apply(TrialEnded(time_s=1, number=number, state=state))


def add(history: History, point: Parameters, values: Sequence[float], state: TrialState = COMPLETED) -> None:
    submit(history, point)
    end(history, len(history) - 1, values, state)


def sweep(asked: Sampler, loss: Callable[[Parameters], float], trials: int) -> History:
    history = History(MINIMIZE)
    for number in range(trials):
        point = asked.ask(number, history)
        assert point is not None
        add(history, point, [loss(point)])
    return history


LINE = SearchSpace({"x": Uniform(0, 1)})


def line(seed: int = 0, count: int = 20) -> Iterator[float]:
    """Points of LINE that are spread over it."""
    return ((index + random.Random(seed).random()) / count for index in range(count))


def proposals(history: History, surrogate: Surrogate = Surrogate.TPE, space: SearchSpace = LINE) -> list[float]:
    """x of the next trial, under 20 seeds."""
    points = (sampler(space, seed, history.objective, surrogate).ask(len(history), history) for seed in range(20))
    return [point["x"] for point in points if point is not None]


each_surrogate = pytest.mark.parametrize("surrogate", Surrogate, ids=lambda surrogate: surrogate.value)


class TestLearning:
    """What the surrogates make of the history."""

    @each_surrogate
    def test_finds_better_points_than_chance(self, surrogate: Surrogate) -> None:
        space = SearchSpace(
            {
                "lr": LogUniform(-12, 0),
                "width": Choice([16, 32, 64, 128, 256, 512]),
                "act": Choice(["relu", "tanh", "elu"]),
            }
        )

        def loss(point: Parameters) -> float:
            off = (math.log(point["lr"]) + 8) ** 2 + (math.log2(point["width"]) - 7) ** 2
            return off + (0 if point["act"] == "elu" else 2)

        def median_best(sampler_type: SamplerType) -> float:
            bests = []
            for seed in range(7):
                algorithm = SamplingAlgorithm(sampler_type, seed, surrogate=surrogate)
                best = sweep(make_sampler(algorithm, space, MINIMIZE), loss, 50).best
                assert best is not None
                bests.append(loss(best.parameters))
            return float(np.median(bests))

        assert median_best(SamplerType.BAYESIAN) < median_best(SamplerType.RANDOM) / 2

    @each_surrogate
    def test_learns_within_the_branches_of_a_nested_choice(self, surrogate: Surrogate) -> None:
        branches = [{"kind": "a", "x": Uniform(0, 1)}, {"kind": "b", "y": Uniform(0, 1)}]
        space = nested(branches)

        history = sweep(
            sampler(space, surrogate=surrogate), lambda p: abs(p.get("m.x", 9) - 0.8) if p["m.kind"] == "a" else 1.0, 60
        )

        late = [trial.parameters for trial in history.trials if trial.number >= 40]
        assert sum(abs(point.get("m.x", 9) - 0.8) < 0.1 for point in late) > 10

    @each_surrogate
    def test_maximising_is_minimising_the_opposite(self, surrogate: Surrogate) -> None:
        down, up = History(MINIMIZE), History(MAXIMIZE)
        for x in line():
            add(down, {"x": x}, [(x - 0.3) ** 2])
            add(up, {"x": x}, [-((x - 0.3) ** 2)])

        assert proposals(down, surrogate) == proposals(up, surrogate)

    @each_surrogate
    def test_trials_that_still_run_are_kept_away_from(self, surrogate: Surrogate) -> None:
        """So that trials at work at the same time do not all try the same."""
        history = History(MINIMIZE)
        for x in line():
            add(history, {"x": x}, [(x - 0.3) ** 2])
        alone = np.abs(np.array(proposals(history, surrogate)) - 0.3).mean()
        for index in range(8):
            submit(history, {"x": 0.28 + index / 200})

        assert np.abs(np.array(proposals(history, surrogate)) - 0.3).mean() > 1.2 * alone

    @each_surrogate
    @pytest.mark.parametrize(
        ("state", "values", "attracts"),
        [
            pytest.param(COMPLETED, [0.0], True, id="completed-by-its-value"),
            pytest.param(COMPLETED, [0.0, 9.0], True, id="completed-by-its-best-value"),
            pytest.param(TrialState.FAILED, [0.0], True, id="failed-by-its-value"),
            pytest.param(TrialState.TIMED_OUT, [0.0], True, id="timed-out-by-its-value"),
            pytest.param(TrialState.TERMINATED, [0.0], False, id="terminated-after-all-others"),
            pytest.param(TrialState.CANCELLED, [0.0], False, id="cancelled-after-all-others"),
            pytest.param(TrialState.TERMINATED, [math.nan], False, id="terminated-without-value"),
        ],
    )
    def test_how_a_trial_ended_says_what_its_point_is_worth(
        self, state: TrialState, values: list[float], attracts: bool, surrogate: Surrogate
    ) -> None:
        """Half of the line has only trials that ended so; is it tried next?"""
        history = History(MINIMIZE)
        for x in line():
            if x < 0.5:
                add(history, {"x": x}, [1.0 + x])
            else:
                add(history, {"x": x}, values, state)

        share = np.mean(np.array(proposals(history, surrogate)) > 0.5)

        assert share > 0.8 if attracts else share < 0.2

    def test_of_terminated_trials_the_last_usable_value_counts(self) -> None:
        history = History(MINIMIZE)
        for x in line():
            add(history, {"x": x}, [0.0, 0.1, 0.2] if x < 0.5 else [1.0, 0.1, math.nan], TrialState.TERMINATED)

        # All reported as often, so that Optuna compares their last values.
        assert np.mean(np.array(proposals(history)) > 0.5) > 0.8

    @each_surrogate
    def test_the_seed_decides_among_good_points(self, surrogate: Surrogate) -> None:
        history = History(MINIMIZE)
        for x in line():
            add(history, {"x": x}, [x])

        assert len(set(proposals(history, surrogate))) == 20

    @each_surrogate
    @pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.TIMED_OUT, TrialState.CANCELLED])
    def test_a_trial_without_a_value_says_nothing(self, state: TrialState, surrogate: Surrogate) -> None:
        without, with_failures = History(MINIMIZE), History(MINIMIZE)
        for x in line():
            add(without, {"x": x}, [x])
            add(with_failures, {"x": x}, [x])
        add(without, {"x": 0.5}, [], TrialState.FAILED)
        add(with_failures, {"x": 0.01}, [], state)

        assert proposals(without, surrogate) == proposals(with_failures, surrogate)

    @each_surrogate
    def test_a_point_that_is_not_of_the_space_says_nothing(self, surrogate: Surrogate) -> None:
        """A user may have given it."""
        without, with_foreign = History(MINIMIZE), History(MINIMIZE)
        for history, foreign in ((without, 0.5), (with_foreign, 7.0)):
            add(history, {"x": foreign}, [], TrialState.FAILED)
            for x in line():
                add(history, {"x": x}, [x])

        assert proposals(without, surrogate) == proposals(with_foreign, surrogate)

    @each_surrogate
    def test_what_is_measured_before_the_end_is_no_result(self, surrogate: Surrogate) -> None:
        silent, measured = History(MINIMIZE), History(MINIMIZE)
        for history in (silent, measured):
            for x in line():
                add(history, {"x": x}, [x])
            submit(history, {"x": 0.9})
        measured.apply(TrialMeasured(number=20, measurements=(Measurement(None, -5.0, 0),)))

        assert proposals(silent, surrogate) == proposals(measured, surrogate)


class TestWithoutResults:
    """Until there are 10 results."""

    def test_draws_follow_the_search_space(self) -> None:
        space = SearchSpace({"lr": LogUniform(-5, -1), "x": Normal(2, 3), "c": Choice(["a", "a", "b"])})
        asked, history = sampler(space), History(MINIMIZE)
        points = []
        for number in range(500):
            point = asked.ask(number, history)
            assert point is not None
            points.append(point)
            submit(history, point)

        assert kstest(np.log([point["lr"] for point in points]), "uniform", (-5, 4)).pvalue > 0.01
        assert kstest([point["x"] for point in points], "norm", (2, 3)).pvalue > 0.01
        assert np.mean([point["c"] == "a" for point in points]) == pytest.approx(2 / 3, abs=0.07)

    def test_results_count_not_trials(self) -> None:
        """Nine results and any number of failures are too few for a model, the tenth result makes one."""
        few = History(MINIMIZE)
        for _ in range(9):
            add(few, {"x": 0.5}, [1.0])
        for _ in range(9):
            add(few, {"x": 0.5}, [], TrialState.FAILED)
        chance = [sampler(LINE, seed).ask(18, History(MINIMIZE)) for seed in range(20)]
        assert proposals(few) == [point["x"] for point in chance if point is not None]

        end_of_startup = History(MINIMIZE)
        for _ in range(10):
            add(end_of_startup, {"x": 0.5}, [1.0])
        assert proposals(end_of_startup) != proposals(few)


class TestFiniteSpaces:
    """No point twice."""

    def test_a_point_that_was_tried_is_not_proposed_again_however_good(self) -> None:
        space = SearchSpace({"x": Choice(list(range(30)))})

        history = sweep(sampler(space), lambda point: float(point["x"] != 17), 30)

        assert sorted(trial.parameters["x"] for trial in history.trials) == list(range(30))
        assert sampler(space).ask(30, history) is None

    def test_spaces_beyond_a_million_points_may_repeat(self) -> None:
        space = SearchSpace({"x": Choice(range(10**30))})

        history = sweep(sampler(space), lambda point: float(point["x"]), 25)

        assert all(0 <= trial.parameters["x"] < 10**30 for trial in history.trials)


def nested(branches: list[dict[str, Any]]) -> SearchSpace:
    return SearchSpace({"m": Choice([branch(children) for children in branches])})


def branch(children: dict[str, Any]) -> Any:
    from azsweep_core.search_space import Branch

    return Branch(None, children)


def test_optuna_is_silent_and_its_settings_stay(caplog: pytest.LogCaptureFixture) -> None:
    verbosity = optuna.logging.get_verbosity()
    logger = logging.getLogger("optuna")
    logger.addHandler(caplog.handler)

    history = sweep(sampler(LINE), lambda point: float(point["x"]), 15)

    logger.removeHandler(caplog.handler)
    assert len(history) == 15
    assert caplog.messages == []
    assert optuna.logging.get_verbosity() == verbosity == optuna.logging.INFO


@each_surrogate
def test_a_study_that_followed_the_sweep_proposes_what_one_made_afterwards_does(surrogate: Surrogate) -> None:
    """To the last bit, over many asks with trials ending out of order."""
    space = SearchSpace({"lr": LogUniform(-9, 0), "n": QLogNormal(2, 1, 1), "c": Choice(["a", "b", "c"])})
    following, history = sampler(space, surrogate=surrogate), History(MINIMIZE)
    for number in range(60):
        before = sampler(space, surrogate=surrogate).ask(number, history) if number % 5 == 0 else None

        point = following.ask(number, history)

        assert point is not None
        assert before is None or identity(before) == identity(point)
        submit(history, point)
        if number % 4 == 3:
            for ended in (number, number - 2, number - 3, number - 1):
                end(history, ended, [random.Random(ended).random()], COMPLETED if ended % 3 else TrialState.TERMINATED)


def test_a_value_far_from_the_middle_of_a_bell_curve_is_found() -> None:
    """Two and a half standard deviations from where nearly all draws are."""
    space = SearchSpace({"a": Normal(0, 1), "b": QNormal(0, 4, 1)})

    history = sweep(sampler(space, surrogate=Surrogate.MIXED), lambda p: (p["a"] - 2.5) ** 2 + abs(p["b"] + 10) / 4, 40)

    assert history.best is not None
    assert history.best.value is not None
    assert history.best.value < 0.1
