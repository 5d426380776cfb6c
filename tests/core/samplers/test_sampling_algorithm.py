"""What `sampling_algorithm` may say, what it says back, and what the user is warned of."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from azsweep_core.errors import SpecError
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule, Surrogate
from azsweep_core.search_space import SearchSpace, read_space

RANDOM, GRID, BAYESIAN = SamplerType.RANDOM, SamplerType.GRID, SamplerType.BAYESIAN
SOBOL = SamplingRule.SOBOL


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("random", SamplingAlgorithm(RANDOM), id="name"),
        pytest.param("Bayesian", SamplingAlgorithm(BAYESIAN), id="name-in-any-case"),
        pytest.param({"type": "GRID"}, SamplingAlgorithm(GRID), id="mapping"),
        pytest.param({"type": "random", "seed": 0}, SamplingAlgorithm(RANDOM, seed=0), id="seed-0"),
        pytest.param({"type": "random", "seed": -3}, SamplingAlgorithm(RANDOM, seed=-3), id="negative-seed"),
        pytest.param({"type": "random", "seed": "17"}, SamplingAlgorithm(RANDOM, seed=17), id="seed-as-text"),
        pytest.param({"type": "bayesian", "seed": 5}, SamplingAlgorithm(BAYESIAN, seed=5), id="bayesian-seed"),
        pytest.param(
            {"type": "bayesian", "n_startup_trials": 0, "surrogate": "Mixed"},
            SamplingAlgorithm(BAYESIAN, n_startup_trials=0, surrogate=Surrogate.MIXED),
            id="bayesian-options",
        ),
        pytest.param({"type": "bayesian", "surrogate": "TPE"}, SamplingAlgorithm(BAYESIAN), id="tpe-is-the-default"),
        pytest.param({"type": "random", "rule": "Sobol"}, SamplingAlgorithm(RANDOM, rule=SOBOL), id="sobol"),
        pytest.param({"type": "random", "logbase": "e"}, SamplingAlgorithm(RANDOM), id="logbase-e"),
        pytest.param({"type": "random", "logbase": 10}, SamplingAlgorithm(RANDOM, logbase=10), id="logbase-10"),
        pytest.param({"type": "random", "logbase": "0.5"}, SamplingAlgorithm(RANDOM, logbase=0.5), id="logbase-text"),
        pytest.param(
            {"type": "random", "seed": None, "rule": None, "logbase": None}, SamplingAlgorithm(RANDOM), id="nulls"
        ),
        pytest.param({"type": "grid", "seed": None}, SamplingAlgorithm(GRID), id="null-is-absent"),
    ],
)
def test_reads_a_name_or_a_mapping(written: object, meant: SamplingAlgorithm) -> None:
    assert SamplingAlgorithm.read(written) == meant
    assert SamplingAlgorithm.read(meant.to_mapping()) == meant


@pytest.mark.parametrize(
    ("written", "text"),
    [
        pytest.param(
            "bayesain",
            "sampling_algorithm: must be one of random, grid, bayesian; got bayesain. Did you mean bayesian?",
            id="misspelt",
        ),
        pytest.param(
            "hyperband", "sampling_algorithm: must be one of random, grid, bayesian; got hyperband.", id="unknown"
        ),
        pytest.param(None, "sampling_algorithm: must be one of random, grid, bayesian; got null.", id="null"),
        pytest.param(
            ["grid"],
            "sampling_algorithm: must be one of random, grid, bayesian; got ['grid']. Did you mean grid?",
            id="list",
        ),
        pytest.param(
            {"seed": 1}, "sampling_algorithm.type: must be one of random, grid, bayesian; got null.", id="no-type"
        ),
        pytest.param(
            {"type": "grid", "seed": 1},
            "sampling_algorithm.seed: grid has no seed; got 1. Leave it out; it is for random and bayesian.",
            id="grid-seed",
        ),
        pytest.param(
            {"type": "bayesian", "rule": "sobol"},
            "sampling_algorithm.rule: bayesian has no rule; got sobol. Leave it out; it is for random.",
            id="bayesian-rule",
        ),
        pytest.param(
            {"type": "random", "surrogate": "tpe"},
            "sampling_algorithm.surrogate: random has no surrogate; got tpe. Leave it out; it is for bayesian.",
            id="random-surrogate",
        ),
        pytest.param(
            {"type": "grid", "n_startup_trials": 5},
            "sampling_algorithm.n_startup_trials: grid has no n_startup_trials; got 5. "
            "Leave it out; it is for bayesian.",
            id="grid-startup-trials",
        ),
        pytest.param(
            {"type": "bayesian", "surrogate": "mixde"},
            "sampling_algorithm.surrogate: must be one of tpe, mixed; got mixde. Did you mean mixed?",
            id="misspelt-surrogate",
        ),
        pytest.param(
            {"type": "bayesian", "n_startup_trials": "few"},
            "sampling_algorithm.n_startup_trials: must be a whole number; got few.",
            id="startup-trials-word",
        ),
        pytest.param(
            {"type": "bayesian", "n_startup_trails": 5},
            "sampling_algorithm.n_startup_trails: unknown key. Did you mean n_startup_trials?",
            id="misspelt-option",
        ),
        pytest.param(
            {"type": "random", "rule": "halton"},
            "sampling_algorithm.rule: must be one of random, sobol; got halton.",
            id="unknown-rule",
        ),
        pytest.param(
            {"type": "random", "rule": ""},
            "sampling_algorithm.rule: must be one of random, sobol; got ''.",
            id="no-rule",
        ),
        pytest.param(
            {"type": "random", "seed": 1.5}, "sampling_algorithm.seed: must be a whole number; got 1.5.", id="half-seed"
        ),
        pytest.param(
            {"type": "random", "seed": True},
            "sampling_algorithm.seed: must be a whole number; got true.",
            id="bool-seed",
        ),
        pytest.param(
            {"type": "random", "logbase": "ten"},
            "sampling_algorithm.logbase: must be a positive number or e; got ten.",
            id="logbase-word",
        ),
    ],
)
def test_says_what_is_wrong_with_it(written: object, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        SamplingAlgorithm.read(written)

    assert str(caught.value) == text


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        SamplingAlgorithm.read({"type": "radnom", "seed": "x", "rule": "y", "logbase": [], "sede": 1}, "job.sampling")

    assert {problem.where for problem in caught.value.problems} == {
        f"job.sampling.{key}" for key in ("type", "seed", "rule", "logbase", "sede")
    }


def uniforms(count: int) -> SearchSpace:
    return read_space({f"x{i}": {"type": "uniform", "min_value": 0, "max_value": 1} for i in range(count)})


@pytest.mark.parametrize(
    ("logbase", "text"),
    [
        pytest.param(1, "got 1", id="one"),
        pytest.param(0, "got 0", id="zero"),
        pytest.param(-1, "got -1", id="negative"),
        pytest.param(0.5, None, id="below-one"),
        pytest.param(10, None, id="ten"),
    ],
)
def test_a_logbase_is_positive_and_not_one(logbase: float, text: str | None) -> None:
    problems = [str(problem) for problem in SamplingAlgorithm(RANDOM, logbase=logbase).validate(uniforms(1))]

    rule = "sampling_algorithm.logbase: must be greater than 0 and not 1"
    assert problems == ([] if text is None else [f"{rule}; {text}. Leave it out for e."])


@pytest.mark.parametrize(
    ("trials", "texts"),
    [
        pytest.param(None, [], id="the-surrogates-own"),
        pytest.param(1, [], id="one"),
        pytest.param(
            0,
            [
                (
                    "sampling_algorithm.n_startup_trials: must be at least 1; got 0. "
                    "Without a result there is nothing to learn from."
                )
            ],
            id="none",
        ),
    ],
)
def test_some_trials_are_drawn_at_random_before_there_is_anything_to_learn_from(
    trials: int | None, texts: list[str]
) -> None:
    algorithm = SamplingAlgorithm(BAYESIAN, n_startup_trials=trials)

    assert [str(problem) for problem in algorithm.validate(uniforms(1))] == texts


def test_sobol_has_a_limit_of_dimensions() -> None:
    """Direction numbers are known for 21201 of them."""
    algorithm = SamplingAlgorithm(RANDOM, rule=SOBOL)

    assert list(algorithm.validate(uniforms(3))) == []
    assert [str(problem) for problem in algorithm.validate(uniforms(21202))] == [
        "sampling_algorithm.rule: sobol takes at most 21201 parameters; got 21202. Use rule random."
    ]


MANY = Limits(max_total_trials=1000, max_concurrent_trials=20)
LOG = {"type": "loguniform", "min_value": -9, "max_value": -2}
NORMAL = {"type": "normal", "mu": 0, "sigma": 1}
CHOICE = {"type": "choice", "values": [1, 2, 3]}
UNIFORM = {"type": "uniform", "min_value": 0, "max_value": 1}


@pytest.mark.parametrize(
    ("space", "limits", "where"),
    [
        pytest.param({"a": CHOICE, "b": UNIFORM, "c": {"type": "randint", "upper": 9}}, MANY, [], id="fine"),
        pytest.param({"a": LOG}, MANY, ["sampling_algorithm"], id="log-expression"),
        pytest.param({"a": NORMAL, "b": LOG}, MANY, ["sampling_algorithm"], id="one-warning-for-all-expressions"),
        pytest.param(
            {"m": {"type": "choice", "values": [{"k": 1, "lr": LOG}, {"k": 2}]}},
            MANY,
            ["sampling_algorithm"],
            id="log-expression-in-a-branch",
        ),
        pytest.param({"a": UNIFORM, "b": UNIFORM}, Limits(max_total_trials=40), [], id="20-trials-each"),
        pytest.param(
            {"a": UNIFORM, "b": UNIFORM}, Limits(max_total_trials=39), ["limits.max_total_trials"], id="too-few-trials"
        ),
        pytest.param({"a": CHOICE}, Limits(max_total_trials=3), [], id="few-trials-but-all-points"),
        pytest.param({"a": CHOICE}, Limits(), [], id="no-limits"),
        pytest.param(
            {"a": UNIFORM},
            Limits(max_total_trials=100, max_concurrent_trials=21),
            ["limits.max_concurrent_trials"],
            id="high-concurrency",
        ),
        pytest.param({"a": CHOICE}, Limits(max_concurrent_trials=21), [], id="more-slots-than-points"),
        pytest.param(
            {"a": UNIFORM},
            Limits(max_total_trials=20, max_concurrent_trials=20),
            ["limits.max_concurrent_trials"],
            id="all-trials-at-once",
        ),
        pytest.param({"a": UNIFORM}, Limits(max_total_trials=20, max_concurrent_trials=19), [], id="one-waits"),
    ],
)
def test_bayesian_sampling_warns_of_what_may_disappoint(
    space: dict[str, Any], limits: Limits, where: list[str]
) -> None:
    warnings = SamplingAlgorithm(BAYESIAN).warnings(read_space(space), limits)

    assert [warning.where for warning in warnings] == where


def test_the_warning_names_the_expressions() -> None:
    (warning,) = SamplingAlgorithm(BAYESIAN).warnings(read_space({"a": NORMAL, "b": LOG, "c": UNIFORM}), MANY)

    assert str(warning) == (
        "sampling_algorithm: AzureML's bayesian takes only choice, uniform and quniform;"
        " got normal for a, loguniform for b. It runs here, but not on AzureML."
    )


@pytest.mark.parametrize("sampler", [RANDOM, GRID])
def test_the_other_samplers_have_no_warnings(sampler: SamplerType) -> None:
    assert not list(SamplingAlgorithm(sampler).warnings(read_space({"a": NORMAL}), Limits(max_total_trials=1)))


def test_with_seed_makes_the_seed_known() -> None:
    """A seed that was given stays; a fresh one of 32 bits differs from sweep to sweep; a grid has none."""
    fresh = {SamplingAlgorithm(BAYESIAN).with_seed().seed for _ in range(9)}

    assert SamplingAlgorithm(RANDOM, seed=0).with_seed().seed == 0
    assert SamplingAlgorithm(GRID).with_seed().seed is None
    assert len(fresh) == 9
    assert all(seed is not None and 0 <= seed < 2**32 for seed in fresh)


@pytest.mark.parametrize("sampler", [RANDOM, BAYESIAN])
def test_a_sampler_without_a_known_seed_is_refused(sampler: SamplerType) -> None:
    with pytest.raises(ValueError, match=rf"^{sampler.value} needs a seed: call with_seed\(\) first$"):
        make_sampler(SamplingAlgorithm(sampler), uniforms(1), Objective("loss", Goal.MINIMIZE))


def test_heavy_packages_are_loaded_by_the_samplers_that_need_them_only() -> None:
    code = """
import sys
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplingAlgorithm
from azsweep_core.search_space import read_space
from azsweep_core.objective import Goal, Objective
space, objective = read_space({"a": {"type": "choice", "values": [1, 2]}}), Objective("loss", Goal.MINIMIZE)
heavy = lambda: [name for name in ("numpy", "scipy", "optuna") if name in sys.modules]
print(heavy())
for algorithm in ("grid", "random", "bayesian"):
    make_sampler(SamplingAlgorithm.read(algorithm).with_seed(), space, objective)
    print(heavy())
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert run.stdout.splitlines() == ["[]", "[]", "['numpy']", "['numpy', 'optuna']"]
