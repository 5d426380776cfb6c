"""What the Gaussian process makes of a study, and what happens without it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import Trial, TrialState

from azsweep_core.samplers import _acquisition, _mixed
from azsweep_core.samplers._distinct_tpe import Result
from azsweep_core.samplers._gaussian_process import IllConditionedError
from azsweep_core.samplers._mixed import MixedSampler, observations

pytestmark = pytest.mark.usefixtures("quiet_optuna")


@pytest.fixture
def only_gaussian_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """TPE has no share, and the Gaussian process no excuse."""
    monkeypatch.setattr(_mixed, "TPE_SHARE", 0.0)
    with caplog.at_level(logging.DEBUG, "azsweep_core"):
        yield
    assert caplog.get_records("call") == []


def run(sampler: MixedSampler, trials: int) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    study.optimize(bowl, n_trials=trials)
    return study


def asked(study: optuna.Study, sampler: MixedSampler) -> dict[str, Any]:
    """The point that `sampler` proposes next in `study`."""
    study.sampler = sampler
    trial = study.ask()
    bowl(trial)
    study.tell(trial, state=TrialState.FAIL)
    return trial.params


def bowl(trial: Trial) -> float:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return (x - 0.7) ** 2 + (y - 0.2) ** 2


def study_of(*results: tuple[float, float, float | None, TrialState]) -> optuna.Study:
    """A study with these x, y, values and states."""
    study = optuna.create_study()
    distributions: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}
    for x, y, value, state in results:
        intermediate = {1: value} if state is TrialState.PRUNED and value is not None else {}
        study.add_trial(
            optuna.trial.create_trial(
                params={"x": x, "y": y},
                distributions=distributions,
                value=value if state is not TrialState.RUNNING else None,
                state=state,
                intermediate_values=intermediate,
            )
        )
    return study


def grid(value: Callable[[float, float], float]) -> list[tuple[float, float, float | None, TrialState]]:
    """25 complete trials."""
    places = [(x / 4, y / 4) for x in range(5) for y in range(5)]
    return [(x, y, value(x, y), TrialState.COMPLETE) for x, y in places]


@pytest.mark.usefixtures("only_gaussian_process")
class TestMixed:
    """The Gaussian process alone."""

    def test_it_is_near_the_minimum_of_a_bowl_soon(self) -> None:
        assert run(MixedSampler(seed=1), 25).best_value < 1e-4

    def test_what_it_remembers_changes_nothing(self) -> None:
        """A sampler that has followed the study proposes what a new one does."""
        following = MixedSampler(seed=0)
        study = optuna.create_study(sampler=following)
        for number in range(32):
            study.optimize(bowl, n_trials=1)
            following.reseed(number)
            expected = asked(study, following)
            assert asked(study, MixedSampler(seed=number)) == expected
            study.sampler = following

    @pytest.mark.parametrize("count", [14, 15, 220])
    def test_the_order_in_which_trials_end_changes_nothing(self, count: int) -> None:
        def study(order: int) -> optuna.Study:
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            trials = [study.ask({"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}) for _ in range(count)]
            for trial in trials[::order]:
                study.tell(trial, trial.params["x"] ** 2 + trial.params["y"])
            return study

        assert asked(study(1), MixedSampler(seed=0)) == asked(study(-1), MixedSampler(seed=0))

    def test_trials_that_run_are_kept_away_from(self) -> None:
        results = grid(lambda x, y: math.sin(9 * x) * math.cos(7 * y))
        first = asked(study_of(*results), MixedSampler(seed=0))

        second = asked(study_of(*results, (first["x"], first["y"], None, TrialState.RUNNING)), MixedSampler(seed=0))

        assert math.hypot(first["x"] - second["x"], first["y"] - second["y"]) > 0.05

    def test_failed_trials_say_nothing(self) -> None:
        results = grid(lambda x, y: math.sin(9 * x) * math.cos(7 * y))
        failed = [(0.9, 0.9, None, TrialState.FAIL)] * 5

        assert asked(study_of(*results), MixedSampler(seed=0)) == asked(
            study_of(*results, *failed), MixedSampler(seed=0)
        )

    def test_pruned_trials_say_that_there_is_nothing_to_be_found(self) -> None:
        """However good their last value looks beside those of complete trials."""
        results = [
            (x, y, value, TrialState.COMPLETE if x < 0.6 else TrialState.PRUNED)
            for x, y, value, _ in grid(lambda x, y: 1 - x + (y - 0.5) ** 2)
        ]

        with_pruned = [asked(study_of(*results), MixedSampler(seed=seed))["x"] for seed in range(5)]
        without = [
            asked(study_of(*(r for r in results if r[3] is TrialState.COMPLETE)), MixedSampler(seed=seed))["x"]
            for seed in range(5)
        ]

        assert max(with_pruned) < 0.75
        assert min(without) > 0.75

    @pytest.mark.parametrize("value", [math.inf, -math.inf])
    def test_infinite_values_do_not_lead_it_astray(self, value: float) -> None:
        """What is infinitely bad is as bad as the worst; what is infinitely good cannot be meant."""
        results = [
            (x, y, value if (x, y) == (1, 1) else v, state)
            for x, y, v, state in grid(lambda x, y: (x - 0.3) ** 2 + (y - 0.3) ** 2)
        ]

        point = asked(study_of(*results), MixedSampler(seed=0))

        assert math.hypot(point["x"] - 0.3, point["y"] - 0.3) < 0.2

    @pytest.mark.parametrize(
        "results",
        [
            pytest.param([(0.5, 0.5, 1.0, TrialState.COMPLETE)] * 30, id="always-the-same-point"),
            pytest.param(grid(lambda x, y: 7.0), id="always-the-same-value"),
            pytest.param(grid(lambda x, y: math.inf), id="nothing-finite"),
            pytest.param([(0.5, 0.5, None, TrialState.PRUNED)] * 12, id="only-pruned"),
            pytest.param(grid(lambda x, y: 1e300 * (x - 0.5)), id="huge"),
            pytest.param(grid(lambda x, y: 1e-300 * x), id="tiny"),
            pytest.param([(0.2, 0.2, 1.0, TrialState.COMPLETE)], id="one-result"),
        ],
    )
    def test_it_proposes_whatever_has_happened(
        self, results: list[tuple[float, float, float | None, TrialState]]
    ) -> None:
        point = asked(study_of(*results), MixedSampler(seed=0, n_startup_trials=0))

        assert all(0 <= point[name] <= 1 for name in "xy")


class TestFallback:
    def test_tpe_answers_when_the_gaussian_process_breaks(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The study goes on, and the log says so once."""

        def broken(*_: object) -> None:
            raise IllConditionedError

        monkeypatch.setattr(_mixed, "condition", broken)
        with caplog.at_level(logging.DEBUG, "azsweep_core"):
            study = run(MixedSampler(seed=1), 30)

        assert len(study.trials) == 30
        assert caplog.messages == ["The Gaussian process failed; TPE proposes in its place."]

    def test_tpe_has_a_quarter_of_the_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asks = 0
        original = _acquisition.most_promising

        def counted(*arguments: Any) -> Any:
            nonlocal asks
            asks += 1
            return original(*arguments)

        monkeypatch.setattr(_mixed, "most_promising", counted)
        run(MixedSampler(seed=1), 70)

        assert 36 < asks < 54


def test_results_of_many_trials_are_cut_down_to_the_best_and_the_latest() -> None:
    results = [Result(np.array([number / 1000]), float(number % 500), is_pruned=False) for number in range(1000)]

    rows, losses = observations(results, optuna.study.StudyDirection.MINIMIZE)

    numbers = [round(1000 * row) for row in rows[:, 0].tolist()]
    assert numbers == sorted([*range(50), *range(500, 550), *range(900, 1000)])
    assert losses.tolist() == [number % 500 for number in numbers]


def test_what_each_result_counts_as() -> None:
    """Infinitely bad as the worst, infinitely good not at all, pruned as no better than the median."""
    values = [
        (1.0, False),
        (math.inf, False),
        (-math.inf, False),
        (3.0, False),
        (None, True),
        (-9.0, True),
        (7.0, True),
    ]
    results = [Result(np.array([float(row)]), *outcome) for row, outcome in enumerate(values)]

    rows, losses = observations(results, optuna.study.StudyDirection.MINIMIZE)

    assert rows[:, 0].tolist() == [0, 1, 3, 4, 5, 6]
    assert losses.tolist() == [1, 7, 3, 2, 2, 7]
