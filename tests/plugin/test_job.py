"""An AzureML sweep job file as the lowest source of a Hydra app's sweep: `hydra.sweeper.job`."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from azsweep_core.distributions import Branch, Choice, LogUniform, Randint, Uniform
from azsweep_core.early_termination import BanditPolicy, MedianStoppingPolicy
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from tests.plugin.conftest import App
from tests.plugin.in_process import Reading, assert_refused, read, refuse, refused

PYTHON = "python train.py "
JOB: dict[str, Any] = {
    "type": "sweep",
    "sampling_algorithm": {"type": "random", "seed": 3},
    "search_space": {
        "lr": {"type": "loguniform", "min_value": -6, "max_value": -1},
        "optimizer": {"type": "choice", "values": ["adam", "sgd"]},
    },
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 6, "max_concurrent_trials": 2, "timeout": 600},
    "early_termination": {"type": "median_stopping", "delay_evaluation": 5},
    "inputs": {"epochs": 3, "data": {"type": "uri_file", "path": "data/iris.csv"}},
    "experiment_name": "iris",
    "trial": {
        "code": ".",
        "command": PYTHON + "net.lr=${{search_space.lr}} optimizer=${{search_space.optimizer}} "
        "epochs=${{inputs.epochs}} 'data=${{inputs.data}}' net.width=16",
        "environment": "azureml:train@latest",
    },
}
LR, OPTIMIZER = LogUniform(-6, -1), Choice(["adam", "sgd"])


def job(**changes: Any) -> dict[str, Any]:
    """The job with other settings; `command` and `code` are the trial's."""
    made = copy.deepcopy(JOB)
    for key, value in changes.items():
        if key in ("command", "code"):
            made["trial"][key] = value
        else:
            made[key] = value
    return made


def read_job_of(app: App, document: Mapping[str, Any], *arguments: str, sweeper: Any = None) -> Reading:
    write(app, document, sweeper)
    return read(app, *arguments)


def write(app: App, document: Mapping[str, Any], sweeper: Mapping[str, Any] | None = None) -> Path:
    """An app whose configuration names the job; the file is where a refusal may leave it."""
    config = {"net": {"lr": 0.1, "width": 8, "name": "mlp"}, "epochs": 1, "data": None, "lr": 0.1, "flag": False}
    app.write(
        "return cfg.net.lr",
        {**config, "kind": None, "units": None},
        defaults=({"optimizer": "adam"},),
        files={"optimizer/adam": {"beta": 0.9}, "optimizer/sgd": {"momentum": 0.0}},
        sweeper={"objective": None, **(sweeper or {}), "job": "conf/sweep.yml"},
    )
    file = app.directory / "conf" / "sweep.yml"
    file.write_text(yaml.safe_dump(dict(document), sort_keys=False))
    return file


def test_a_job_is_a_whole_sweep(app: App) -> None:
    found = read_job_of(app, JOB)

    assert found.spec.search_space.parameters == {"net.lr": LR, "optimizer": OPTIMIZER}
    assert found.spec.sampling_algorithm == SamplingAlgorithm(SamplerType.RANDOM, seed=3)
    assert found.spec.objective == Objective("loss", Goal.MINIMIZE)
    assert found.spec.limits == Limits(max_total_trials=6, max_concurrent_trials=2, timeout_s=600)
    assert found.spec.early_termination == MedianStoppingPolicy(delay_evaluation=5)
    assert found.settings.experiment_name == "iris"
    data = app.directory / "conf" / "data" / "iris.csv"  # relative to the job file
    assert found.fixed == ("net.width=16", "epochs=3", f"data={data}")


@pytest.mark.parametrize(
    ("command", "keys", "fixed"),
    [
        pytest.param("net.lr=${{search_space.lr}} optimizer=${{search_space.optimizer}}", ["net.lr", "optimizer"], []),
        pytest.param("+net.a=${{search_space.lr}} '++flag=${{search_space.optimizer}}'", ["+net.a", "++flag"], []),
        pytest.param("net.lr=${{search_space.lr}}", ["net.lr", "optimizer"], [], id="unused-by-its-name"),
        pytest.param("--lr ${{search_space.lr}} --optimizer ${{search_space.optimizer}}", ["lr", "optimizer"], None),
        pytest.param("-m epochs=2 net.lr={search_space.lr}", ["net.lr", "optimizer"], ["epochs=2"], id="old"),
        pytest.param(
            "net.lr=${{search_space.lr}} $[[epochs=${{inputs.no}}]]", ["net.lr", "optimizer"], [], id="left-out"
        ),
        pytest.param("net.lr=${{search_space.lr}} hydra.run.dir=x", ["net.lr", "optimizer"], [], id="hydras-own"),
        pytest.param("net.lr=${{search_space.lr}} && cp a b", ["net.lr", "optimizer"], [], id="shell"),
        pytest.param("net.lr=${{search_space.lr}}\npython b.py flag=1", ["net.lr", "optimizer"], [], id="two-programs"),
    ],
)
def test_the_command_of_a_hydra_app_says_which_keys_parameters_are(
    app: App, command: str, keys: list[str], fixed: list[str] | None
) -> None:
    found = read_job_of(app, job(command=PYTHON + command, inputs={}))

    assert list(found.spec.search_space.parameters) == keys
    assert list(found.fixed) == (fixed or [])


def test_without_a_hydra_command_inputs_are_keys_if_the_app_has_them(app: App) -> None:
    inputs = {"epochs": 3, "degree": 2, "flag": True, "data": {"type": "uri_folder", "path": "/data/iris"}}

    found = read_job_of(app, job(command="train --lr ${{search_space.lr}}", inputs=inputs))

    assert found.fixed == ("epochs=3", "flag=true", "data=/data/iris")


def test_a_hydra_app_gets_what_its_command_would_give_it(app: App) -> None:
    """Texts of a choice are read by Hydra from the command line there, and so they are here."""
    values = ["true", "1e-3", "null", "[1,2]", "'1'", "a b", 7]

    found = read_job_of(
        app, job(search_space={"o": {"type": "choice", "values": values}}, command=PYTHON + "flag=${{search_space.o}}")
    )

    assert found.spec.search_space.parameters == {"flag": Choice([True, 0.001, None, [1, 2], "1", "a b", 7])}


RESULTS = {"number", "state", "reason", "value", "attempt", "duration_s", "dir", "mlflow_run_id"}
NESTED = {
    "net": {
        "type": "choice",
        "values": [{"kind": "mlp", "units": {"type": "randint", "upper": 8}}, {"kind": "linear", "flag": "true"}],
    }
}


@pytest.mark.parametrize(
    ("command", "units"),
    [
        pytest.param("python t.py --net ${{search_space.net}}", "units", id="by-name"),
        pytest.param("python t.py net.width=${{search_space.units}}", "net.width", id="by-the-command"),
    ],
)
def test_keys_of_branches_are_full_keys(app: App, command: str, units: str) -> None:
    space = read_job_of(app, job(search_space=NESTED, command=command)).spec.search_space

    flag: Any = "true" if units == "units" else True
    branches = [
        Branch(None, {"/kind": "mlp", f"/{units}": Randint(8)}),
        Branch(None, {"/kind": "linear", "/flag": flag}),
    ]
    assert space.parameters == {"net": Choice(branches)}
    assert space.point([0.0, 0.9]) == {"kind": "mlp", units: 7}
    assert space.point([0.9, 0.0]) == {"kind": "linear", "flag": flag}


@pytest.mark.parametrize(
    ("arguments", "sweeper", "expected"),
    [
        pytest.param(["net.lr=uniform(0,1)"], {}, {"net.lr": Uniform(0, 1), "optimizer": OPTIMIZER}, id="command-line"),
        pytest.param(
            [], {"params": {"net.lr": "1,2"}}, {"net.lr": Choice([1, 2]), "optimizer": OPTIMIZER}, id="params"
        ),
        pytest.param(
            [],
            {"search_space": {"net.lr": "uniform(0,1)", "epochs": "randint(3)"}},
            {"net.lr": Uniform(0, 1), "optimizer": OPTIMIZER, "epochs": Randint(3)},
            id="search-space",
        ),
        pytest.param(["net.lr=0.5"], {}, {"optimizer": OPTIMIZER}, id="pinned"),
        pytest.param(["optimizer=sgd"], {}, {"net.lr": LR}, id="pinned-group"),
    ],
)
def test_what_is_set_beside_it_wins(
    app: App, arguments: Sequence[str], sweeper: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    assert dict(read_job_of(app, JOB, *arguments, sweeper=sweeper).spec.search_space.parameters) == dict(expected)


@pytest.mark.parametrize(
    ("arguments", "sweeper", "attribute", "expected"),
    [
        (["limits.max_total_trials=2"], {}, "limits", {"max_total_trials": 2, "timeout_s": 600}),
        ([], {"limits": {"timeout": 60}}, "limits", {"max_total_trials": 6, "timeout_s": 60}),
        (["limits.timeout=null"], {}, "limits", {"max_total_trials": 6, "timeout_s": None}),
        (["sampling_algorithm=bayesian"], {}, "sampling_algorithm", {"type": SamplerType.BAYESIAN, "seed": None}),
        (["sampling_algorithm=null"], {}, "sampling_algorithm", {"type": SamplerType.RANDOM, "seed": None}),
        (["sampling_algorithm.seed=5"], {}, "sampling_algorithm", {"type": SamplerType.RANDOM, "seed": 5}),
        ([], {"sampling_algorithm": "random"}, "sampling_algorithm", {"seed": None}),
        (["objective.goal=maximize"], {}, "objective", {"primary_metric": "loss", "goal": Goal.MAXIMIZE}),
    ],
    ids=str,
)
def test_settings_beside_it_win_one_by_one(
    app: App, arguments: Sequence[str], sweeper: Any, attribute: str, expected: Mapping[str, Any]
) -> None:
    found = read_job_of(app, JOB, *(f"hydra.sweeper.{each}" for each in arguments), sweeper=sweeper)

    part = getattr(found.spec, attribute)
    assert {name: getattr(part, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("argument", "policy"),
    [
        pytest.param(
            "early_termination={type: bandit, slack_factor: 0.1}", BanditPolicy(slack_factor=0.1), id="another"
        ),
        pytest.param("early_termination=null", None, id="none"),
    ],
)
def test_the_policy_beside_it_wins(app: App, argument: str, policy: Any) -> None:
    assert read_job_of(app, JOB, f"hydra.sweeper.{argument}").spec.early_termination == policy


def test_a_node_of_a_pipeline_can_be_named(app: App) -> None:
    node = {key: JOB[key] for key in ("type", "search_space", "objective", "limits")}
    trial = {"command": PYTHON + "net.lr=${{inputs.lr}} epochs=${{inputs.epochs}}", "environment": "azureml:e:1"}
    nodes = {"first": {**node, "trial": trial}, "second": {**node, "trial": trial, "inputs": {"epochs": 9}}}
    declared = {"inputs": {"epochs": {"type": "integer", "default": 4}}}
    nodes["first"] = {**nodes["first"], "trial": {**trial, **declared}}

    first = read_job_of(app, {"type": "pipeline", "jobs": nodes})
    second = read(app, "hydra.sweeper.job={file: conf/sweep.yml, node: second}")

    assert (list(first.spec.search_space.parameters), first.fixed) == (["net.lr", "optimizer"], ("epochs=4",))
    assert (list(second.spec.search_space.parameters), second.fixed) == (["net.lr", "optimizer"], ("epochs=9",))


REMOTE = {"data": {"type": "uri_file", "path": "https://example.com/a/iris.csv"}}


def test_an_input_of_the_cloud_can_be_given_by_its_key(app: App) -> None:
    found = read_job_of(app, job(inputs={**REMOTE, "epochs": 3}), "data=./iris.csv")

    assert found.fixed == ("net.width=16", "epochs=3", "data=./iris.csv")


AT = "conf/sweep.yml:"
REFUSED = [
    refused(
        "cloud-input",
        job(inputs={**REMOTE, "epochs": 3}),
        AT + "26: inputs.data: must be on this machine to be used here; got https://example.com/a/iris.csv. "
        "Say where it is: data=./iris.csv.",
    ),
    refused(
        "unknown-placeholder",
        job(command=PYTHON + "net.lr=${{search_space.rl}}", search_space={"lr": JOB["search_space"]["lr"]}),
        AT + "28: trial.command: unknown placeholder; got ${{search_space.rl}}. Did you mean search_space.lr?",
    ),
    refused(
        "key-that-the-app-lacks",
        job(command=PYTHON + "net.rate=${{search_space.lr}}", inputs={}),
        "conf/sweep.yml:6: search_space.lr: must be a key of the app's config; got net.rate. "
        "Did you mean net.name? To add it, write +net.rate.",
    ),
    refused(
        "settings-that-make-no-sense",
        job(
            inputs={},
            command=PYTHON + "net.lr=${{search_space.lr}}",
            limits={"max_total_trials": 0, "timeout": -1},
            search_space={"lr": {"type": "uniform", "min_value": 2, "max_value": 1}},
            early_termination={"type": "bandit", "evaluation_interval": 1},
        ),
        "conf/sweep.yml:6: search_space.lr: uniform needs min_value < max_value; got uniform(2, 1). "
        "Did you mean uniform(1, 2)?",
        "conf/sweep.yml:14: limits.max_total_trials: must be at least 1; got 0.",
        "conf/sweep.yml:15: limits.timeout: must be greater than 0 seconds; got -1. Leave it out for no limit.",
        "conf/sweep.yml:16: early_termination: bandit needs exactly one of slack_factor and slack_amount; got neither.",
    ),
    refused(
        "a-part-of-a-value",
        job(command=PYTHON + "net.lr=${{search_space.lr}} net.name=v${{search_space.optimizer}}", inputs={}),
        AT
        + "29: trial.command: a placeholder must be all of a key's value; got net.name=v${{search_space.optimizer}}.",
    ),
    refused(
        "two-keys",
        job(command=PYTHON + "net.lr=${{search_space.lr}} lr=${{search_space.lr}}", inputs={}),
        AT + "29: trial.command: search_space.lr is the value of one key, here of net.lr and lr. "
        "Give lr an interpolation of net.lr in the app's configuration.",
    ),
    refused(
        "one-key",
        job(command=PYTHON + "net.lr=${{search_space.lr}} net.lr=${{search_space.optimizer}}", inputs={}),
        AT + "10: search_space.optimizer: net.lr has the value of one parameter. "
        "Let the command give each parameter a key of its own.",
    ),
    refused(
        "several-values",
        job(search_space={"o": {"type": "choice", "values": ["1,2"]}}, command=PYTHON + "lr=${{search_space.o}}"),
        AT + "9: search_space.o.values[0]: is several values to Hydra, as it stands in the command; got 1,2. "
        "Quote it for Hydra, too: \"'1,2'\".",
    ),
    refused(
        "several-values-of-an-input",
        job(inputs={"epochs": "1,2"}, command=PYTHON + "net.lr=${{search_space.lr}} epochs=${{inputs.epochs}}"),
        AT + "26: inputs.epochs: is several values to Hydra, as it stands in the command; got 1,2. "
        "Quote it for Hydra, too: \"'1,2'\".",
    ),
    refused(
        "several-values-in-the-command",
        job(inputs={}, command=PYTHON + "net.lr=${{search_space.lr}} epochs=1,2"),
        AT + "29: trial.command: is several values to Hydra, as it stands in the command; got 1,2. "
        "Quote it for Hydra, too: \"'1,2'\".",
    ),
    refused("no-key-of-a-job", job(compte="c", inputs={}), AT + "32: compte: unknown key. Did you mean compute?"),
]


@pytest.mark.parametrize(("document", "error"), REFUSED)
def test_a_job_that_does_not_fit_is_refused_in_words(
    app: App, capsys: pytest.CaptureFixture[str], document: Mapping[str, Any], error: str
) -> None:
    write(app, document)

    assert_refused(app, refuse(app, capsys), error)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("conf/no.yml", "conf/no.yml: cannot be read: No such file or directory."),
        ("3", "job: must be an AzureML sweep job file, or {file: pipeline.yml, node: NAME}; got 3."),
        (
            "{name: a}",
            "job: must be an AzureML sweep job file, or {file: pipeline.yml, node: NAME}; got {'name': 'a'}.",
        ),
    ],
)
def test_what_is_no_job_file_is_refused(app: App, capsys: pytest.CaptureFixture[str], setting: str, error: str) -> None:
    write(
        app, JOB, {"objective": {"primary_metric": "loss", "goal": "minimize"}, "search_space": {"lr": "choice(1,2)"}}
    )

    assert_refused(app, refuse(app, capsys, f"hydra.sweeper.job={setting}"), error)


def test_a_sweep_of_a_job_runs_and_is_resumed(app: App) -> None:
    """End to end, with a nested choice that is called as a part of the app's configuration is."""
    write(app, job(search_space={**JOB["search_space"], **NESTED}))

    run = app.sweep("hydra.sweeper.limits.max_total_trials=3")
    first = run.trials
    more = app.sweep().trials

    assert set(more[0]) - RESULTS == {"net.lr", "optimizer", "kind", "units", "flag"}
    assert [trial["net.lr"] for trial in first] == [trial["net.lr"] for trial in more[:3]]
    assert (len(first), len(more)) == (3, 6)
    assert all((trial["kind"] == "mlp") == (trial["units"] != "") == (trial["flag"] == "") for trial in more)
    assert "job: search_space.lr is net.lr." in run.out
    assert "Warning: conf/sweep.yml:15: search_space.net: the command does not use it." in run.out
