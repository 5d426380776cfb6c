"""A sweep as an AzureML sweep job: the same values reach the app, and what AzureML lacks is refused or told of."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from azsweep_core._values import identity
from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogUniform,
    Normal,
    QUniform,
    Randint,
    Uniform,
    Value,
)
from azsweep_core.early_termination import AshaPolicy, BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy
from azsweep_core.errors import SpecError
from azsweep_core.job_check import check_file
from azsweep_core.job_export import KeyedInput
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule, Surrogate
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, read_and_judge
from hydra_plugins.hydra_azsweep_sweeper._job import read_job_source
from tests.plugin.exports import FIXED, SPECS, VALUES, exported, exported_text

RANDOM, GRID, BAYESIAN = (SamplingAlgorithm(each) for each in SamplerType)
LR = Uniform(0, 1)
LOSS = Objective("loss", Goal.MINIMIZE)


def spec_of(*, space: dict[str, Distribution] | SearchSpace | None = None, **changed: Any) -> SweepSpec:
    given_space = space if isinstance(space, SearchSpace) else SearchSpace({"lr": LR} if space is None else space)
    limits = Limits(max_total_trials=20, max_concurrent_trials=2)
    whole = {"sampling_algorithm": RANDOM, "objective": LOSS, "limits": limits, **changed}
    return SweepSpec(search_space=given_space, **whole)


@example(
    spec_of(space={"x": Choice([None, True, 1, 1.0, "1", "true", "\x85", [0.9, "a b"], {"a": None}])}), ["q='a;b'"]
)
@settings(max_examples=80, deadline=None)
@given(spec=SPECS, fixed=FIXED)
def test_what_was_exported_is_read_back_as_the_same_sweep(
    tmp_path_factory: pytest.TempPathFactory, spec: SweepSpec, fixed: list[str]
) -> None:
    try:
        text = exported_text(spec, fixed)
    except SpecError:
        assume(False)
    file = tmp_path_factory.getbasetemp() / "sweep.yml"
    file.write_text(text, encoding="utf-8")

    source = read_job_source(str(file), ["lr"])
    _, read, _ = read_and_judge({**source.spec, "search_space": source.search_space})

    assert source.problems == ()
    assert check_file(file).is_valid
    assert read == spec
    assert list(read.search_space.parameters) == list(spec.search_space.parameters)
    assert source.fixed == tuple(fixed)


def bash(command: str, values: Sequence[Any]) -> list[list[str]]:
    """The arguments that a program gets, for each value that AzureML writes into the command as text."""
    lines = [command.replace("${{search_space.x}}", str(value)) for value in values]
    script = "\n".join(['python() { printf \'%s\\0\' "$#" "$@"; }', *lines])
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, cwd="/")
    assert done.stderr == b""
    words = iter(done.stdout.decode("utf-8").split("\0"))
    return [[next(words) for _ in range(int(next(words)))] for _ in values]


HOSTILE = [*"'\"`$;&|<>*?#!~\\", "$(id)", "${x}", "a,b", " ", "", "--x", "~/a", "{a,b}", "a=b", "\t", "é", "%s", "\\n"]


@example(values=["it's", "a b"])
@example(values=['say "hi"', "a b", None])
@example(values=["it's `id`"])
@example(values=["it's \\"])
@settings(max_examples=60, deadline=None)
@given(values=st.lists(VALUES | st.sampled_from(HOSTILE), min_size=1, max_size=4))
def test_a_shell_and_hydra_hand_the_app_the_very_value(values: list[Value]) -> None:
    try:
        job = exported(spec_of(space={"+a.x": Choice(values), "x": LR}))
    except SpecError:
        assume(False)
    parameter = job.mapping["search_space"]["a_x"]["values"]
    command = (
        job.mapping["trial"]["command"].replace("search_space.x", "y").replace("search_space.a_x", "search_space.x")
    )

    words = bash(command.replace("${{y}}", "0"), parameter)

    overrides = [OverridesParser.create().parse_override(line[1]) for line in words]
    assert [line[0] for line in words] == ["train.py"] * len(values)
    assert {override.get_key_element() for override in overrides} == {"+a.x"}
    assert [identity(override.value()) for override in overrides] == [identity(value) for value in values]


@settings(max_examples=20, deadline=None)
@given(fixed=FIXED)
def test_a_shell_hands_on_fixed_overrides_as_they_are(fixed: list[str]) -> None:
    [words] = bash(exported(spec_of(space={"x": LR}), fixed).mapping["trial"]["command"], [0.5])

    assert words == ["train.py", *fixed, "x=0.5"]


@pytest.mark.parametrize("value", HOSTILE)
def test_every_single_text_can_be_exported(value: str) -> None:
    job = exported(spec_of(space={"x": Choice([value])}))

    [words] = bash(job.mapping["trial"]["command"], job.mapping["search_space"]["x"]["values"])

    assert OverridesParser.create().parse_override(words[1]).value() == value


@pytest.mark.parametrize(
    ("values", "written", "word"),
    [
        pytest.param([16, 32], [16, 32], "x=${{search_space.x}}", id="numbers"),
        pytest.param([0.1, 1.0, 3], [0.1, 1.0, 3], "x=${{search_space.x}}", id="ints-and-floats"),
        pytest.param(range(3), [0, 1, 2], "x=${{search_space.x}}", id="a-range"),
        pytest.param(["gbdt", "dart"], ["gbdt", "dart"], "x=${{search_space.x}}", id="words"),
        pytest.param([True, None], ["true", "null"], "x=${{search_space.x}}", id="what-azureml-refuses"),
        pytest.param([1, None], ["1", "null"], "x=${{search_space.x}}", id="all-are-texts-if-one-is"),
        pytest.param([2**53 + 1], ["9007199254740993"], "x=${{search_space.x}}", id="too-long-for-json"),
        pytest.param(["1"], ['"1"'], "'x=${{search_space.x}}'", id="a-text-like-a-number"),
        pytest.param([[0.9, 0.99]], ["[0.9,0.99]"], "'x=${{search_space.x}}'", id="a-list"),
        pytest.param([{"a": 1}], ["{a:1}"], "'x=${{search_space.x}}'", id="a-mapping"),
        pytest.param(["it's"], ["'it\\'s'"], '"x=${{search_space.x}}"', id="an-apostrophe"),
    ],
)
def test_values_are_written_so_that_azureml_a_shell_and_hydra_keep_them(
    values: Sequence[Value], written: list[Value], word: str
) -> None:
    job = exported(spec_of(space={"x": Choice(values)})).mapping

    assert repr(job["search_space"]["x"]["values"]) == repr(written)
    assert job["trial"]["command"] == f"python train.py {word}"


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        pytest.param(["optimizer.lr"], ["optimizer_lr"], id="nested"),
        pytest.param(["+a.b", "++c"], ["a_b", "c"], id="prefixes"),
        pytest.param(["db/engine@x.y"], ["db_engine_x_y"], id="a-group-in-a-package"),
        pytest.param(["a.b", "a_b", "A-B"], ["a_b", "a_b_2", "A_B_3"], id="unlike-in-any-case"),
        pytest.param(["0.lr"], ["_0_lr"], id="a-digit-first"),
    ],
)
def test_each_key_gets_a_name_that_azureml_takes(keys: list[str], names: list[str]) -> None:
    job = exported(spec_of(space=dict.fromkeys(keys, LR))).mapping

    words = [f"{key}=${{{{search_space.{name}}}}}" for key, name in zip(keys, names, strict=True)]
    assert list(job["search_space"]) == names
    assert job["trial"]["command"] == " ".join(["python train.py", *words])


def test_inputs_keep_their_names_and_parameters_take_others() -> None:
    data = {"type": "uri_file", "path": "./iris.csv"}

    job = exported(spec_of(), inputs=[KeyedInput("+data.path", data), KeyedInput("n", 3, "lr")]).mapping

    assert job["inputs"] == {"data_path": data, "lr": 3}
    words = "+data.path=${{inputs.data_path}} n=${{inputs.lr}} lr=${{search_space.lr_2}}"
    assert job["trial"]["command"] == f"python train.py {words}"


def test_a_job_has_what_azureml_requires_and_nothing_of_our_own() -> None:
    limits = Limits(timeout_s=90.5, max_retries=4)
    policy = TruncationSelectionPolicy(truncation_percentage=20)

    text = exported_text(spec_of(space={"n": Randint(4)}, limits=limits, early_termination=policy))

    assert yaml.safe_load(text) == {
        "$schema": "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json",
        "type": "sweep",
        "experiment_name": "train",
        "sampling_algorithm": "random",
        "search_space": {"n": {"type": "randint", "upper": 4}},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 4, "timeout": 91},
        "early_termination": {
            "type": "truncation_selection",
            "truncation_percentage": 20,
            "evaluation_interval": 1,
            "delay_evaluation": 0,
        },
        "trial": {
            "command": "python train.py n=${{search_space.n}}",
            "code": ".",
            "environment": "azureml:train@latest",
        },
    }


@pytest.mark.parametrize(
    ("changes", "fixed", "problem"),
    [
        pytest.param(
            {"space": SearchSpace({"a": Choice([1]), "b": Choice([2])}, zipped=(("a", "b"),))},
            [],
            "zip: AzureML draws every parameter by itself; got a, b. Make one parameter of them, and let the app's "
            "configuration derive the others.",
            id="zip",
        ),
        pytest.param(
            {"initial_points": ({"lr": 0.5},)},
            [],
            "initial_points: AzureML takes no points to try first; got 1. Leave them out: "
            "hydra.sweeper.initial_points=null.",
            id="initial-points",
        ),
        pytest.param(
            {"space": {"m": Choice([Branch(None, {"u": 3}), 1])}},
            [],
            "search_space.m: AzureML does not say how a nested choice comes into a command. Make each of its keys a "
            "parameter of its own, or export a sweep for each branch.",
            id="nested-choice",
        ),
        pytest.param(
            {"space": {"n": Choice(range(1001))}},
            [],
            "search_space.n: must be 1000 values or fewer to be listed, for AzureML has no range; got 1001. For "
            "numbers in a row take randint or quniform.",
            id="a-long-range",
        ),
        pytest.param(
            {"early_termination": AshaPolicy()},
            [],
            "early_termination.type: AzureML has no asha. Take bandit, or leave it out.",
            id="asha",
        ),
        pytest.param(
            {"early_termination": TruncationSelectionPolicy(truncation_percentage=9, exclude_finished_jobs=True)},
            [],
            "early_termination.exclude_finished_jobs: AzureML's client refuses it, although its documentation has it; "
            "got true. Set it to false, which is the service's default.",
            id="exclude-finished-jobs",
        ),
        pytest.param(
            {"space": {"x": Choice(["a", "'\""])}},
            [],
            "search_space.x: AzureML's command line cannot hold a value with both kinds of quotes, a line break or "
            "${{; got '\\'\"'. Give it a name, and let the app look up what it stands for.",
            id="both-kinds-of-quotes",
        ),
        pytest.param(
            {"space": {"x": Choice(["it's", 'say "hi"'])}},
            [],
            "search_space.x: AzureML's command line cannot hold these values between quotes of one kind; got "
            '["it\'s", \'say "hi"\']. Write texts without \', ", $ and `.',
            id="quotes-of-each-kind",
        ),
        pytest.param(
            {"space": {"x": Choice(["a\nb"])}},
            [],
            "search_space.x: AzureML's command line cannot hold a value with both kinds of quotes, a line break or "
            "${{; got 'a\\nb'. Give it a name, and let the app look up what it stands for.",
            id="a-line-break",
        ),
        pytest.param(
            {"space": {"x": Choice(["{inputs.a}"])}},
            [],
            "search_space.x: AzureML's command line cannot hold a value with both kinds of quotes, a line break or "
            "${{; got '{inputs.a}'. Give it a name, and let the app look up what it stands for.",
            id="a-placeholder",
        ),
        pytest.param(
            {},
            ["x='${{inputs.a}}'"],
            "override x: AzureML's command line cannot hold a line break, nor what looks like a placeholder of its "
            "own; got \"x='${{inputs.a}}'\". Put the value into the app's configuration.",
            id="a-placeholder-in-an-override",
        ),
    ],
)
def test_what_azureml_cannot_express_is_refused(changes: dict[str, Any], fixed: list[str], problem: str) -> None:
    with pytest.raises(SpecError) as refused:
        exported(spec_of(**changes), fixed)

    assert str(refused.value) == problem


def test_everything_that_azureml_cannot_express_is_told_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        exported(spec_of(space={"m": Choice([Branch(None, {}), 1])}, early_termination=AshaPolicy()), ["x=a\nb"])

    assert [each.where for each in refused.value.problems] == ["early_termination.type", "override x", "search_space.m"]


LIMITS = {"max_total_trials": 20, "max_concurrent_trials": 2}


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param(
            {"space": {"n": Randint(4)}, "limits": Limits()},
            [
                "limits.max_total_trials: 4, all points of the search space; AzureML wants the number.",
                "limits.max_concurrent_trials: not set, so AzureML runs as many at once as its compute has room for.",
            ],
            id="limits-that-are-not-set",
        ),
        pytest.param(
            {"limits": Limits(max_total_trials=1001, max_concurrent_trials=1, timeout_s=9.5, trial_timeout_s=60.5)},
            [
                "limits.max_total_trials: AzureML's service takes 1000 at most, and 1001 is more.",
                "limits.timeout: AzureML makes 60 seconds of 9.5.",
                "limits.trial_timeout: 60.5 becomes 61; AzureML takes whole seconds.",
            ],
            id="limits-that-azureml-changes",
        ),
        pytest.param(
            {"limits": Limits(**LIMITS, max_retries=0, max_failed_trials=5, max_failure_rate=0.5, fail_fast=0)},
            [
                "limits.max_retries=0 is left out: AzureML has no such limit.",
                "limits.max_failed_trials=5 is left out: AzureML has no such limit.",
                "limits.max_failure_rate=0.5 is left out: AzureML has no such limit.",
                "limits.fail_fast=0 is left out: AzureML has no such limit.",
            ],
            id="limits-of-our-own",
        ),
        pytest.param(
            {"sampling_algorithm": SamplingAlgorithm(SamplerType.RANDOM, 3, SamplingRule.SOBOL, 10)},
            [
                "sampling_algorithm.seed: AzureML draws other points from the same seed.",
                "sampling_algorithm.logbase: AzureML does not document what it does; here values are logbase ** u.",
            ],
            id="random",
        ),
        pytest.param(
            {
                "sampling_algorithm": SamplingAlgorithm(
                    SamplerType.BAYESIAN, seed=3, n_startup_trials=9, surrogate=Surrogate.MIXED
                ),
                "space": {"lr": LogUniform(-3, 0), "n": Randint(3), "x": Normal(0, 1), "y": LR},
                "early_termination": MedianStoppingPolicy(),
            },
            [
                "sampling_algorithm.seed is left out: AzureML's bayesian has no settings.",
                "sampling_algorithm.n_startup_trials is left out: AzureML's bayesian has no settings.",
                "sampling_algorithm.surrogate is left out: AzureML's bayesian has no settings.",
                (
                    "search_space: AzureML's bayesian takes choice, uniform, quniform only, so its service may refuse "
                    "loguniform for lr, randint for n, normal for x. Its client does not."
                ),
                "early_termination: AzureML's SDK v1 refused it with bayesian; the service may still.",
            ],
            id="bayesian",
        ),
        pytest.param(
            {"space": {"u": QUniform(0, 64, 8)}, "early_termination": BanditPolicy(slack_factor=0.1)},
            [
                (
                    "search_space: AzureML does not document whether a multiple of a whole q is passed as 16, as here, "
                    "or as 16.0 (quniform for u)."
                ),
            ],
            id="multiples-of-q",
        ),
    ],
)
def test_what_is_left_out_or_means_something_else_is_told(changes: dict[str, Any], notes: list[str]) -> None:
    about_metrics, *others = exported(spec_of(**changes)).notes

    assert 'mlflow.log_metric("loss", value)' in about_metrics
    assert others == notes
