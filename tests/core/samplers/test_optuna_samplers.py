"""Both samplers in Optuna studies that have nothing to do with sweeps."""

from __future__ import annotations

import logging
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Literal

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from azsweep_core.samplers import _mixed
from azsweep_core.samplers._distinct_tpe import DistinctTPESampler
from azsweep_core.samplers._mixed import MixedSampler

Sampler = type[DistinctTPESampler]
both = pytest.mark.parametrize("kind", [DistinctTPESampler, MixedSampler])
experimental = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


pytestmark = pytest.mark.usefixtures("quiet_optuna")


@pytest.fixture
def only_gaussian_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """TPE has no share, and the Gaussian process no excuse."""
    monkeypatch.setattr(_mixed, "TPE_SHARE", 0.0)
    with caplog.at_level(logging.DEBUG, "azsweep_core"):
        yield
    assert caplog.get_records("call") == []


def everything(trial: Trial) -> float:
    """One parameter of every kind."""
    return (
        (math.log10(trial.suggest_float("lr", 1e-5, 1, log=True)) + 3) ** 2
        + (trial.suggest_float("x", -2, 3) - 1) ** 2
        + abs(trial.suggest_float("dropout", 0, 0.9, step=0.1) - 0.3)
        + abs(trial.suggest_int("depth", 1, 12) - 4) / 4
        + abs(math.log2(trial.suggest_int("units", 8, 512, log=True)) - 6)
        + trial.suggest_int("batch", 16, 96, step=16) / 96
        + (trial.suggest_categorical("act", ["relu", "tanh", None]) != "tanh")
        + (trial.suggest_categorical("flag", [True, False]) is False)
        + trial.suggest_float("alone", 2.0, 2.0)
    )


def run(
    sampler: optuna.samplers.BaseSampler,
    objective: Callable[[Trial], float],
    trials: int,
    *,
    direction: Literal["minimize", "maximize"] = "minimize",
    catch: type[Exception] | tuple[()] = (),
) -> optuna.Study:
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.optimize(objective, n_trials=trials, catch=catch)
    return study


def points(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


class TestBoth:
    @both
    @pytest.mark.usefixtures("only_gaussian_process")
    def test_every_kind_of_parameter_gets_values_of_its_own(self, kind: Sampler) -> None:
        """Optuna itself refuses any other."""
        study = run(kind(seed=1), everything, 40)

        assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
        assert {type(value) for value in study.best_params.values()} <= {float, int, str, bool, type(None)}

    @both
    def test_a_seed_reproduces_a_study(self, kind: Sampler) -> None:
        first, second, other = (points(run(kind(seed=seed), everything, 25)) for seed in (1, 1, 2))

        assert first == second
        assert first[0] != other[0]
        assert first[-1] != other[-1]

    @both
    def test_maximising_is_minimising_the_opposite(self, kind: Sampler) -> None:
        down = run(kind(seed=3), everything, 30)
        up = run(kind(seed=3), lambda trial: -everything(trial), 30, direction="maximize")

        assert points(down) == points(up)

    @both
    def test_no_point_comes_twice_while_there_are_others(self, kind: Sampler) -> None:
        """Whether the earlier trial is complete, pruned, failed or runs."""

        def objective(trial: Trial) -> float:
            loss = trial.suggest_int("k", 0, 4) + (trial.suggest_categorical("c", list("abcd")) != "a")
            if trial.number % 5 == 3:
                raise optuna.TrialPruned
            if trial.number % 5 == 4:
                raise ZeroDivisionError
            return loss

        sampler = kind(seed=0)
        study = optuna.create_study(sampler=sampler)
        study.enqueue_trial({"k": 2, "c": "d"})
        running = study.ask()
        running.suggest_int("k", 0, 4)
        running.suggest_categorical("c", list("abcd"))

        study.optimize(objective, n_trials=19, catch=ZeroDivisionError)

        tried = [tuple(sorted(point.items())) for point in points(study)]
        assert len(set(tried)) == 20
        study.optimize(objective, n_trials=3, catch=ZeroDivisionError)  # nothing is left: anything goes
        assert len(study.trials) == 23

    @both
    def test_a_new_random_stream_gives_another_study(self, kind: Sampler) -> None:
        sampler = kind(seed=1)
        sampler.reseed_rng()

        assert points(run(sampler, everything, 15)) != points(run(kind(seed=1), everything, 15))

    @both
    def test_several_objectives_are_left_to_tpe(self, kind: Sampler) -> None:
        def objective(trial: Trial) -> tuple[float, float]:
            x = trial.suggest_int("x", 0, 9)
            return x, -x

        ours, theirs = (
            optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
            for sampler in (kind(seed=1), optuna.samplers.TPESampler(seed=1))
        )
        for study in (ours, theirs):
            study.optimize(objective, n_trials=20)

        assert points(ours) == points(theirs)

    @both
    def test_an_objective_without_parameters_is_no_obstacle(self, kind: Sampler) -> None:
        assert len(run(kind(seed=1), lambda trial: 1.0, 15).trials) == 15

    @both
    def test_parameters_that_come_and_go_are_left_to_tpe(self, kind: Sampler) -> None:
        def objective(trial: Trial) -> float:
            if trial.suggest_categorical("branch", ["a", "b"]) == "a":
                return trial.suggest_float("x", 0, 1)
            return trial.suggest_float("y", 0, 1) + trial.suggest_int("n", 0, 3)

        study = run(kind(seed=1), objective, 40)

        assert study.best_value < 0.1

    @both
    def test_a_range_that_changes_on_the_way_is_no_obstacle(self, kind: Sampler) -> None:
        def objective(trial: Trial) -> float:
            x = trial.suggest_float("x", 0, 1)
            return x + trial.suggest_float("y", 0, 1 + trial.number // 12)

        assert len(run(kind(seed=1), objective, 36).trials) == 36

    @both
    @experimental
    def test_parameters_that_are_fixed_from_outside_stay_so(self, kind: Sampler) -> None:
        sampler = optuna.samplers.PartialFixedSampler({"depth": 7, "act": "relu"}, kind(seed=1))

        assert {(point["depth"], point["act"]) for point in points(run(sampler, everything, 20))} == {(7, "relu")}

    @both
    def test_failed_trials_are_no_results(self, kind: Sampler) -> None:
        """However many there are, points stay random."""

        def objective(sign: int) -> Callable[[Trial], float]:
            return lambda trial: sign * everything(trial) + (0 if trial.number % 3 == 0 else math.nan)

        low, high = (points(run(kind(seed=1), objective(sign), 30)) for sign in (1, -1))

        assert low[:28] == high[:28]
        assert low[28:] != high[28:]

    @both
    def test_it_serves_several_threads_and_can_be_pickled(self, kind: Sampler) -> None:
        study = optuna.create_study(sampler=pickle.loads(pickle.dumps(kind(seed=1))))

        study.optimize(everything, n_trials=40, n_jobs=4)

        assert len(study.trials) == 40
        assert all(trial.state is TrialState.COMPLETE for trial in study.trials)

    @both
    def test_conditions_without_the_space_are_refused(self, kind: Sampler) -> None:
        with pytest.raises(ValueError, match=r"^conditions need the space: the distribution of every parameter$"):
            kind(conditions={"x": {"m": ["a"]}})

    @both
    def test_until_there_are_enough_results_points_are_random(self, kind: Sampler) -> None:
        """Whatever these say."""
        low = points(run(kind(seed=1, n_startup_trials=20), everything, 22))
        high = points(run(kind(seed=1, n_startup_trials=20), lambda trial: -everything(trial), 22))

        assert low[:20] == high[:20]
        assert low[20:] != high[20:]


SPACE: dict[str, BaseDistribution] = {
    "model": CategoricalDistribution(["mlp", "tree", "mean"]),
    "lr": FloatDistribution(1e-4, 1, log=True),
    "layers": IntDistribution(1, 4),
    "leaves": IntDistribution(2, 64, log=True),
    "seed": IntDistribution(0, 5),
}
CONDITIONS = {"lr": {"model": ["mlp", "tree"]}, "layers": {"model": ["mlp"]}, "leaves": {"model": ["tree"]}}


def nested(trial: Trial) -> float:
    """Best is a tree with 16 leaves at lr = 0.01."""
    model = trial.suggest_categorical("model", ["mlp", "tree", "mean"])
    loss = abs(trial.suggest_int("seed", 0, 5) - 2) / 10
    if model == "mean":
        return loss + 3
    loss += (math.log10(trial.suggest_float("lr", 1e-4, 1, log=True)) + 2) ** 2
    if model == "mlp":
        return loss + 0.5 + abs(trial.suggest_int("layers", 1, 4) - 2)
    return loss + abs(math.log2(trial.suggest_int("leaves", 2, 64, log=True)) - 4)


class TestConditions:
    @both
    @pytest.mark.usefixtures("only_gaussian_process")
    def test_a_whole_point_is_proposed_with_what_is_active_and_nothing_else(self, kind: Sampler) -> None:
        sampler = kind(seed=1, space=SPACE, conditions=CONDITIONS)
        study = run(sampler, nested, 40)

        trial = study.ask()
        proposed = trial.relative_params

        assert proposed.keys() == {"model", "seed"} | {
            name
            for name, (parent,) in zip(CONDITIONS, CONDITIONS.values(), strict=True)
            if proposed[parent] in CONDITIONS[name][parent]
        }

    @both
    def test_it_learns_within_branches(self, kind: Sampler) -> None:
        study = run(kind(seed=2, space=SPACE, conditions=CONDITIONS), nested, 60)

        assert study.best_value < 0.5
        assert study.best_params["model"] == "tree"

    @both
    @experimental
    def test_fixing_a_parent_from_outside_leaves_its_children_to_tpe(self, kind: Sampler) -> None:
        inner = kind(seed=1, space=SPACE, conditions=CONDITIONS)

        study = run(optuna.samplers.PartialFixedSampler({"model": "mlp"}, inner), nested, 20)

        assert all(point.keys() == {"model", "seed", "lr", "layers"} for point in points(study))

    @both
    @experimental
    def test_fixing_all_that_is_unconditional_leaves_the_rest_to_tpe(self, kind: Sampler) -> None:
        inner = kind(seed=1, space=SPACE, conditions=CONDITIONS)

        study = run(optuna.samplers.PartialFixedSampler({"model": "tree", "seed": 2}, inner), nested, 20)

        assert all(point.keys() == {"model", "seed", "lr", "leaves"} for point in points(study))


def test_frozen_trials_of_a_study_are_left_as_they_are() -> None:
    study = run(MixedSampler(seed=1), everything, 12)
    before: list[FrozenTrial] = study.get_trials(deepcopy=True)

    study.ask().suggest_float("x", 0, 1)

    assert study.get_trials()[:12] == before
