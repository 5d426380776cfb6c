"""How `hydra.sweeper` is read: defaults, sources and their precedence, and the three notations of a search space."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from azsweep_core.distributions import Choice, LogUniform, Randint, Uniform
from azsweep_core.history import History
from azsweep_core.limits import Limits
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.trial import Parameters
from hydra_plugins.hydra_azsweep_sweeper.config import DEFAULTS
from tests.plugin.conftest import App
from tests.plugin.in_process import Reading, read, read_settings_of, write_app

# Defaults

EXPECTED = {
    "search_space": {},
    "params": {},
    "zip": None,
    "initial_points": None,
    "sampling_algorithm": None,
    "objective": {"primary_metric": None, "goal": None},
    "limits": {
        "max_total_trials": None,
        "max_concurrent_trials": None,
        "timeout": None,
        "trial_timeout": None,
        "max_retries": 1,
        "max_failed_trials": None,
        "max_failure_rate": 1.0,
        "fail_fast": 3,
    },
    "early_termination": None,
    "warm_start": None,
    "tracking": "mlflow",
    "experiment_name": None,
    "stop_grace": 10,
    "poll_interval": 1,
    "console": "auto",
    "dry_run": False,
    "execution": "auto",
    "start_method": "auto",
    "devices": None,
    "detach": False,
    "break_lock": False,
    "allow_spec_change": False,
    "job": None,
    "compute": {},
    "export": None,
}


def test_every_setting_has_the_default_that_is_documented() -> None:
    assert {key: value for key, value in DEFAULTS.items() if not key.startswith("_")} == EXPECTED
    assert DEFAULTS["_recursive_"] is False


def test_what_is_left_out_is_at_its_default(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    write_app(app, {"limits": {}})

    found = read(app, "x=1,2")

    assert found.spec.sampling_algorithm == SamplingAlgorithm(SamplerType.RANDOM)
    assert found.spec.limits == Limits(max_retries=1, max_failure_rate=1.0, fail_fast=3)
    assert found.spec.early_termination is None
    assert found.settings.use_mlflow
    assert found.settings.experiment_name == "train"  # the app's
    assert (found.settings.stop_grace_s, found.settings.poll_interval_s) == (10.0, 1.0)
    assert (found.settings.devices, found.settings.spawn) == ((), False)
    assert (found.settings.notes, found.fixed) == ((), ())


def test_settings_of_an_algorithm_without_a_type_are_randoms(app: App) -> None:
    write_app(app, {})

    assert read(app, "x=1,2", "hydra.sweeper.sampling_algorithm.seed=3").spec.sampling_algorithm == SamplingAlgorithm(
        SamplerType.RANDOM, seed=3
    )


def test_a_deleted_setting_is_at_its_default(app: App) -> None:
    write_app(app, {"limits": {}})
    deletions = [f"~hydra.sweeper.{key}" for key, value in EXPECTED.items() if value is not None and key != "objective"]

    assert read_settings_of(app, *deletions) == read_settings_of(app)


@pytest.mark.parametrize(
    ("arguments", "environment", "name"),
    [
        pytest.param([], {}, "train", id="the-apps"),
        pytest.param([], {"MLFLOW_EXPERIMENT_NAME": "theirs"}, "theirs", id="mlflows-variable"),
        pytest.param(["hydra.sweeper.experiment_name=mine"], {"MLFLOW_EXPERIMENT_NAME": "theirs"}, "mine", id="set"),
        pytest.param(["hydra.job.name=job"], {}, "job", id="hydras-job-name"),
    ],
)
def test_the_experiment_is_called_as_set_or_as_mlflow_or_the_app_has_it(
    app: App, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], environment: Mapping[str, str], name: str
) -> None:
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)

    write_app(app, {"limits": {}})

    assert read(app, "x=1,2", *arguments).settings.experiment_name == name


def test_without_a_limit_as_many_trials_run_at_once_as_there_are_usable_cores(app: App) -> None:
    run = app.sweep("x=1,2")

    assert f": 2 trials, {len(os.sched_getaffinity(0))} at once, " in run.out


@pytest.mark.parametrize(
    ("arguments", "trials"),
    [
        pytest.param(["x=1,2,2", "y=randint(3)"], 6, id="random-counts-distinct-points"),
        pytest.param(["x=1,2,2", "y=1,2", "hydra.sweeper.sampling_algorithm=grid"], 6, id="grid-counts-repetitions"),
        pytest.param(["x=quniform(0, 4, 2)", "hydra.sweeper.sampling_algorithm=bayesian"], 3, id="bayesian"),
        pytest.param(["x=qloguniform(0, 2, 1)"], 7, id="qloguniform"),
        pytest.param(["x=uniform(0, 1)", "hydra.sweeper.limits.max_total_trials=9"], 9, id="infinite"),
        pytest.param(["x=1,2", "hydra.sweeper.limits.max_total_trials=9"], 9, id="a-limit-wins"),
    ],
)
def test_limits_can_be_left_out_of_a_finite_space(app: App, arguments: Sequence[str], trials: int) -> None:
    write_app(app, {"limits": None})

    assert read(app, *arguments).spec.max_trials == trials


# File, preset and command line

TEXT, MAPPING, NULL = "text", "mapping", "null"

ALGORITHM: Mapping[str, Any] = {TEXT: "bayesian", MAPPING: {"type": "random", "seed": 1}, NULL: None}
POLICY: Mapping[str, Any] = {
    TEXT: "bandit",  # refused later, as it needs a slack
    MAPPING: {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 2},
    NULL: None,
}
OVERRIDES = {
    "sampling_algorithm": {
        TEXT: ("grid", "grid"),
        MAPPING: ("{type: random, rule: sobol}", {"type": "random", "rule": "sobol"}),
        NULL: ("null", None),
    },
    "early_termination": {
        TEXT: ("truncation", "truncation"),
        MAPPING: ("{type: bandit, slack_amount: 1}", {"type": "bandit", "slack_amount": 1}),
        NULL: ("null", None),
    },
}
LOWER = {"sampling_algorithm": ALGORITHM, "early_termination": POLICY}


def write_lower(app: App, source: str, setting: str, kind: str) -> list[str]:
    """Set the setting in the app's file or in a preset of its own; what to say on the command line to choose it."""
    given = {setting: LOWER[setting][kind]}
    if source == "file":
        write_app(app, given)
        return []
    preset = {"defaults": ["azsweep"], **given}
    app.write("return 0.0", {"x": 1.0}, files={"hydra/sweeper/mine": preset})
    return ["hydra/sweeper=mine"]


@pytest.mark.parametrize("kind", [TEXT, MAPPING, NULL])
@pytest.mark.parametrize("source", ["file", "preset"])
@pytest.mark.parametrize("setting", LOWER)
def test_a_file_and_a_preset_are_taken_as_they_are(app: App, setting: str, source: str, kind: str) -> None:
    chosen = write_lower(app, source, setting, kind)

    settings = read_settings_of(app, *chosen)

    assert settings.spec.get(setting) == LOWER[setting][kind]
    assert settings.notes == ()


@pytest.mark.parametrize("override", [TEXT, MAPPING, NULL])
@pytest.mark.parametrize("kind", [TEXT, MAPPING, NULL])
@pytest.mark.parametrize("source", ["file", "preset"])
@pytest.mark.parametrize("setting", LOWER)
def test_the_command_line_replaces_what_a_file_or_a_preset_says(
    app: App, setting: str, source: str, kind: str, override: str
) -> None:
    """Also a whole mapping, which OmegaConf would merge into another; what is dropped by that is told."""
    chosen = write_lower(app, source, setting, kind)
    text, expected = OVERRIDES[setting][override]

    settings = read_settings_of(app, *chosen, f"hydra.sweeper.{setting}={text}")

    assert settings.spec.get(setting) == expected
    dropped = {"sampling_algorithm": "seed=1", "early_termination": "slack_factor=0.1, delay_evaluation=2"}[setting]
    note = f"hydra.sweeper.{setting}: the command line's mapping replaces the config's, of which {dropped} is dropped."
    assert settings.notes == ((note,) if kind == override == MAPPING else ())


def test_a_file_wins_over_a_preset(app: App) -> None:
    app.write(
        "return 0.0",
        {"x": 1.0},
        sweeper={"sampling_algorithm": "grid"},
        files={"hydra/sweeper/mine": {"defaults": ["azsweep"], "sampling_algorithm": "bayesian", "poll_interval": 7}},
    )

    settings = read_settings_of(app, "hydra/sweeper=mine")

    assert (settings.spec["sampling_algorithm"], settings.poll_interval_s) == ("grid", 7.0)


@pytest.mark.parametrize(
    ("overrides", "algorithm"),
    [
        pytest.param(["={type: random, seed: 3}", ".seed=5"], {"type": "random", "seed": 5}, id="changed-afterwards"),
        pytest.param(["={type: random}", ".logbase=10"], {"type": "random", "logbase": 10}, id="added-afterwards"),
        pytest.param([".seed=5", "={type: random}"], {"type": "random"}, id="changed-before"),
        pytest.param(["={type: random, seed: 3}", "={type: grid}"], {"type": "grid"}, id="two-mappings"),
        pytest.param(["={type: random, seed: 3}", "=grid"], "grid", id="text-afterwards"),
        pytest.param(["=grid", "={type: random, seed: 3}"], {"type": "random", "seed": 3}, id="text-before"),
        pytest.param([".seed=5"], {"type": "random", "seed": 5, "rule": "sobol"}, id="one-key-alone"),
        pytest.param(["={type: random, seed: ${y}}"], {"type": "random", "seed": 42}, id="interpolation"),
    ],
)
def test_of_several_overrides_of_one_setting_the_last_word_counts(
    app: App, overrides: Sequence[str], algorithm: Any
) -> None:
    app.write("", {"y": 42}, sweeper={"sampling_algorithm": {"type": "random", "seed": 1, "rule": "sobol"}})

    settings = read_settings_of(app, *(f"hydra.sweeper.sampling_algorithm{override}" for override in overrides))

    assert settings.spec["sampling_algorithm"] == algorithm


def test_a_replaced_mapping_is_told_in_the_log(app: App) -> None:
    app.write("return 0.0", {"x": 1.0}, sweeper={"sampling_algorithm": {"type": "random", "seed": 1}})

    run = app.sweep("x=1,2", "hydra.sweeper.sampling_algorithm={type: grid}")

    note = "hydra.sweeper.sampling_algorithm: the command line's mapping replaces the config's, of which seed=1 is"
    assert f"] {note} dropped.\n" in run.out
    assert [row["x"] for row in run.trials] == ["1", "2"]


def test_limits_given_on_the_command_line_are_merged_into_the_files(app: App) -> None:
    write_app(app, {"limits": {"max_total_trials": 5, "timeout": 600}})

    found = read(app, "x=1,2", "hydra.sweeper.limits={max_total_trials: 7}")

    assert found.spec.limits == Limits(max_total_trials=7, timeout_s=600)


# Notations

SPACES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "real": (
        {
            "x": {"type": "loguniform", "min_value": -6.9, "max_value": -2.3},
            "y": {"type": "quniform", "min_value": 8, "max_value": 64, "q": 8},
            "net.width": {"type": "normal", "mu": 10, "sigma": 3},
        },
        {"x": "loguniform(-6.9, -2.3)", "y": "quniform(8, 64, 8)", "net.width": "normal(mu=10, sigma=3)"},
    ),
    "discrete": (
        {
            "x": {"type": "choice", "values": [1, 2.5, None, True, "a b", [1, 2]]},
            "y": {"type": "randint", "upper": 9},
            "optimizer": {"type": "choice", "values": ["adam", "sgd"]},
        },
        {"x": "1, 2.5, null, true, 'a b', [1, 2]", "y": "randint(9)", "optimizer": "adam,sgd"},
    ),
}


def trials_of(found: Reading) -> list[Parameters | None]:
    spec = found.spec
    sampler = make_sampler(spec.sampling_algorithm, spec.search_space, spec.objective)
    history = History(spec.objective)
    return [sampler.ask(number, history) for number in range(20)]


@pytest.mark.parametrize(
    ("space", "sampler"), [("real", "{type: random, rule: sobol, seed: 7}"), ("discrete", "{type: random, seed: 7}")]
)
def test_mappings_params_and_the_command_line_give_the_same_trials(app: App, space: str, sampler: str) -> None:
    mappings, texts = SPACES[space]
    seeded = f"hydra.sweeper.sampling_algorithm={sampler}"
    in_quotes = [f"{key}='{text}'" for key, text in texts.items() if "(" in text]
    found = []
    for file, arguments in (
        ({"search_space": mappings}, []),
        ({"params": texts}, []),
        ({}, [f"{key}={text}" for key, text in texts.items()]),
        ({"params": texts}, in_quotes),
    ):
        write_app(app, file, groups=True)
        found.append(read(app, seeded, *arguments))

    assert len({repr(trials_of(each)) for each in found}) == 1
    assert len({repr(each.spec.search_space) for each in found}) == 1


def test_params_are_hydras_override_text(app: App) -> None:
    params = {
        "x": "choice('a,b',c)",
        "y": "range(1,8,3)",
        "net.width": "int(interval(1,4))",
        "optimizer": "glob(*)",
        "+lr": "tag(log, interval(0.001, 1))",
        "+decay": "uniform(0, 1)",
        "+drop": "'uniform(0, 1)'",
        "+seed": 3,
        "+tags": ["a b", None],
        "+name": "run",
    }
    write_app(app, {"params": params}, groups=True)

    found = read(app)

    assert found.spec.search_space.parameters == {
        "x": Choice(["a,b", "c"]),
        "y": Choice([1, 4, 7]),
        "net.width": Choice([1, 2, 3, 4]),
        "optimizer": Choice(["adam", "sgd"]),
        "+lr": LogUniform(-6.907755278982137, 0.0),
        "+decay": Uniform(0, 1),
        "+drop": Uniform(0, 1),
    }
    assert found.fixed == ("+seed=3", "+tags=['a b',null]", "+name=run")


def test_keys_can_be_added_to_params_and_search_space_on_the_command_line(app: App) -> None:
    write_app(app, {"params": {"x": "1,2"}})

    found = read(app, "hydra.sweeper.params.y='3,4'", "hydra.sweeper.search_space={net.width: 'randint(3)'}")

    assert found.spec.search_space.parameters == {
        "net.width": Randint(3),
        "x": Choice([1, 2]),
        "y": Choice([3, 4]),
    }


def test_interpolations_resolve_in_every_setting(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALS_FOR_THIS_TEST", "7")
    write_app(
        app,
        {
            "objective": {"primary_metric": "val_${metric}", "goal": "maximize"},
            "limits": {"max_total_trials": "${oc.env:TRIALS_FOR_THIS_TEST}", "timeout": "${net.width}"},
            "search_space": {"x": {"type": "uniform", "min_value": "${y}", "max_value": "${net.width}"}},
            "params": {"optimizer": "${metric},sgd"},
            "sampling_algorithm": {"type": "random", "seed": "${y}"},
            "experiment_name": "${hydra.job.name}-${metric}",
        },
        groups=True,
    )

    found = read(app, "+metric=adam")

    assert found.spec.objective.primary_metric == "val_adam"
    assert found.spec.limits == Limits(max_total_trials=7, timeout_s=8)
    assert found.spec.search_space.parameters == {"x": Uniform(0, 8), "optimizer": Choice(["adam", "sgd"])}
    assert found.spec.sampling_algorithm.seed == 0
    assert found.settings.experiment_name == "train-adam"
