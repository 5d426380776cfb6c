"""Command lines that cannot be run: refused before anything is written, all at once, in words that say what to do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from azsweep_core.errors import SpecError
from tests.plugin.conftest import App
from tests.plugin.in_process import HYDRAS_HINT, assert_refused, read, refuse, refused, write_app

GRID = "hydra.sweeper.sampling_algorithm=grid"
ENDLESS = "hydra.sweeper.limits.max_total_trials=null"

REFUSED = [
    refused(
        "grid-of-uniform",
        ["x=uniform(0, 1)", "y=1,2", GRID],
        "search_space.x: grid takes choice only; got uniform(0, 1). List the values in a choice, or use random.",
    ),
    refused(
        "grid-of-randint",
        ["x=randint(3)", GRID],
        "search_space.x: grid takes choice only; got randint(3). List the values in a choice, or use random.",
    ),
    refused(
        "grid-of-quniform",
        ["x=quniform(0, 9, 3)", GRID],
        "search_space.x: grid takes choice only; got quniform(0, 9, 3). List the values in a choice, or use random.",
    ),
    refused(
        "grid-of-interval",
        ["x=interval(0, 1)", GRID],
        "search_space.x: grid takes choice only; got uniform(0.0, 1.0). List the values in a choice, or use random.",
    ),
    refused(
        "grid-of-several",
        ["x=normal(0, 1)", "y=loguniform(-3, 0)", GRID],
        "search_space.x: grid takes choice only; got normal(0, 1). List the values in a choice, or use random.",
        "search_space.y: grid takes choice only; got loguniform(-3, 0). List the values in a choice, or use random.",
    ),
    refused(
        "uniform-turned",
        "x=uniform(1, 0)",
        "search_space.x: uniform needs min_value < max_value; got uniform(1, 0). Did you mean uniform(0, 1)?",
    ),
    refused(
        "uniform-of-one-number",
        "x=uniform(1, 1)",
        "search_space.x: uniform needs min_value < max_value; got uniform(1, 1). For a constant write choice(1).",
    ),
    refused(
        "quniform-turned",
        "x=quniform(9, 1, 2)",
        "search_space.x: quniform needs min_value < max_value; got quniform(9, 1, 2). Did you mean quniform(1, 9, 2)?",
    ),
    refused(
        "quniform-of-one-number",
        "x=quniform(1, 1, 1)",
        "search_space.x: quniform needs min_value < max_value; got quniform(1, 1, 1). For a constant write choice(1).",
    ),
    refused(
        "loguniform-turned",
        "x=loguniform(0, -3)",
        "search_space.x: loguniform needs min_value <= max_value; "
        "got loguniform(0, -3). Did you mean loguniform(-3, 0)?",
    ),
    refused(
        "qloguniform-turned",
        "x=qloguniform(3, 0, 1)",
        "search_space.x: qloguniform needs min_value <= max_value; "
        "got qloguniform(3, 0, 1). Did you mean qloguniform(0, 3, 1)?",
    ),
    refused(
        "normal-sigma",
        "x=normal(0, -1)",
        "search_space.x: normal needs sigma >= 0; got normal(0, -1). Did you mean normal(0, 1)?",
    ),
    refused(
        "qnormal-sigma",
        "x=qnormal(0, -1, 1)",
        "search_space.x: qnormal needs sigma >= 0; got qnormal(0, -1, 1). Did you mean qnormal(0, 1, 1)?",
    ),
    refused(
        "lognormal-sigma",
        "x=lognormal(0, -1)",
        "search_space.x: lognormal needs sigma >= 0; got lognormal(0, -1). Did you mean lognormal(0, 1)?",
    ),
    refused(
        "qlognormal-sigma",
        "x=qlognormal(0, -1, 1)",
        "search_space.x: qlognormal needs sigma >= 0; got qlognormal(0, -1, 1). Did you mean qlognormal(0, 1, 1)?",
    ),
    refused(
        "quniform-q-0",
        "x=quniform(0, 1, 0)",
        "search_space.x: quniform needs q > 0; got quniform(0, 1, 0). Did you mean uniform(0, 1)?",
    ),
    refused(
        "qloguniform-q",
        "x=qloguniform(0, 1, -1)",
        "search_space.x: qloguniform needs q > 0; got qloguniform(0, 1, -1). Did you mean qloguniform(0, 1, 1)?",
    ),
    refused(
        "qnormal-q-0",
        "x=qnormal(0, 1, 0)",
        "search_space.x: qnormal needs q > 0; got qnormal(0, 1, 0). Did you mean normal(0, 1)?",
    ),
    refused(
        "qlognormal-q",
        "x=qlognormal(0, 1, -0.5)",
        "search_space.x: qlognormal needs q > 0; got qlognormal(0, 1, -0.5). Did you mean qlognormal(0, 1, 0.5)?",
    ),
    refused(
        "randint-of-none",
        "x=randint(0)",
        "search_space.x: randint needs upper > 0; got randint(0). It draws whole numbers from 0 to upper - 1.",
    ),
    refused(
        "randint-negative",
        "x=randint(-3)",
        "search_space.x: randint needs upper > 0; got randint(-3). It draws whole numbers from 0 to upper - 1.",
    ),
    refused("range-of-none", "x=range(3, 1)", "search_space.x: choice needs at least one value; got choice()."),
    refused("infinite-bound", "x=uniform(0, inf)", "override x.max_value: must be a finite number; got inf."),
    refused(
        "beyond-floats",
        "x=loguniform(0, 1000)",
        "search_space.x: loguniform must give finite numbers, below 1.8e308; got loguniform(0, 1000).",
    ),
    refused(
        "argument-missing",
        "x=uniform(0)",
        "override x: uniform needs max_value, as in uniform(min_value, max_value); got uniform(0).",
    ),
    refused(
        "argument-too-many",
        "x=uniform(0, 1, 2)",
        "override x: uniform takes 2 arguments, as in uniform(min_value, max_value); got uniform(0, 1, 2).",
    ),
    refused(
        "argument-names",
        "x=uniform(low=0, high=1)",
        "override x.low: uniform has no such argument; got low=0. It can be min_value, max_value.",
        "override x.high: uniform has no such argument; got high=1. It can be min_value, max_value.",
        "override x: uniform needs min_value and max_value, as in uniform(min_value, max_value); "
        "got uniform(low=0, high=1).",
    ),
    refused(
        "argument-twice",
        "x=uniform(0, 1, min_value=0)",
        "override x: uniform takes min_value once; got uniform(0, 1, min_value=0).",
    ),
    refused("argument-text", "x=uniform(a, 1)", "override x.min_value: must be a finite number; got 'a'."),
    refused("argument-boolean", "x=normal(0, true)", "override x.sigma: must be a finite number; got true."),
    refused(
        "randint-of-two",
        "x=randint(1, 8)",
        "override x: randint takes one argument, as in randint(upper); got randint(1, 8).",
    ),
    refused("randint-of-a-fraction", "x=randint(2.5)", "override x.upper: must be a whole number; got 2.5."),
    refused(
        "unknown-key",
        "nett.width=1,2",
        "search_space.nett.width: must be a key of the app's config; "
        "got nett.width. Did you mean net.width? To add it, write +nett.width.",
    ),
    refused(
        "unknown-key-unlike-any",
        "zzz=1,2",
        "search_space.zzz: must be a key of the app's config; got zzz. To add it, write +zzz.",
    ),
    refused(
        "added-but-there",
        "+x=1,2",
        "search_space.+x: must compose with the app's config (Could not append to config. "
        "An item is already at 'x'. "
        "Either remove + prefix: 'x=2' Or add a second + to add or override 'x': '++x=2'); got +x=2.",
    ),
    refused(
        "unknown-option",
        "optimizer=adm,sgd",
        "search_space.optimizer: must name options of the config group optimizer; got adm. Did you mean adam?",
    ),
    refused(
        "unknown-options-unlike-any",
        "optimizer=x,sgd,y",
        "search_space.optimizer: must name options of the config group optimizer; got x. There are: adam, sgd.",
        "search_space.optimizer: must name options of the config group optimizer; got y. There are: adam, sgd.",
    ),
    refused(
        "unknown-keys",
        ["net.widht=1,2", "optimizer.lrr=uniform(0, 1)"],
        "search_space.net.widht: must be a key of the app's config; "
        "got net.widht. Did you mean net.width? To add it, write +net.widht.",
        "search_space.optimizer.lrr: must be a key of the app's config; "
        "got optimizer.lrr. Did you mean optimizer.lr? To add it, write +optimizer.lrr.",
    ),
    refused(
        "empty-space",
        [],
        "search_space: must hold at least one parameter; "
        "got {}. Give it one with an expression, as in lr: uniform(0.1, 1).",
    ),
    refused(
        "plain-values-only",
        ["x=3", "y=4"],
        "search_space: must hold at least one parameter; "
        "got {}. Give it one with an expression, as in lr: uniform(0.1, 1).",
    ),
    refused(
        "endless-random",
        ["x=uniform(0, 1)", ENDLESS],
        "limits.max_total_trials: is required: random never comes to the end of this search space; "
        "got null. Set how many trials to run.",
    ),
    refused(
        "endless-bayesian",
        ["x=uniform(0, 1)", ENDLESS, "hydra.sweeper.sampling_algorithm=bayesian"],
        "limits.max_total_trials: is required: bayesian never comes to the end of this search space; "
        "got null. Set how many trials to run.",
    ),
    refused(
        "more-points-than-count-as-finite",
        ["x=range(1000)", "y=range(1001)", ENDLESS],
        "limits.max_total_trials: is required: random never comes to the end of this search space; "
        "got null. Set how many trials to run.",
    ),
    refused(
        "given-twice", ["x=1,2", "x=3,4"], "override x=3,4: x is given twice, here and in override x=1,2. Keep one."
    ),
    refused(
        "given-twice-with-a-prefix",
        ["x=1,2", "+x=3,4"],
        "override +x=3,4: x is given twice, here and in override x=1,2. Keep one.",
    ),
    refused(
        "sampled-and-fixed",
        ["x=1,2", "++x=3"],
        "override ++x=3: x is given twice, here and in override x=1,2. Keep one.",
    ),
    refused(
        "a-key-and-what-holds-it",
        ["net.width=1,2", "net={width: 1},{width: 2}"],
        "override net.width=1,2: net.width is a part of net, which is given in override net={width: "
        "1},{width: 2}. Keep one of the two.",
    ),
]


@pytest.mark.parametrize(("arguments", "error"), REFUSED)
def test_a_space_that_cannot_be_searched_is_refused_in_words(
    app: App, capsys: pytest.CaptureFixture[str], arguments: str | Sequence[str], error: str
) -> None:
    given = [arguments] if isinstance(arguments, str) else arguments
    write_app(app, groups="optimizer" in str(given))

    run = refuse(app, capsys, *given)

    assert_refused(app, run, error)


# Several mistakes


MISTAKES = (
    "x=uniform(1, 0)",
    "y=randint(1, 8)",
    "nett.width=1,2",
    "optimizer=adm,sgd",
    "hydra.sweeper.sampling_algorithm={type: grid, seed: 1}",
    "hydra.sweeper.objective.goal=min",
    "hydra.sweeper.limits={max_total_trials: 0, timeout: -1}",
    "hydra.sweeper.early_termination={type: bandit}",
    "hydra.sweeper.tracking=mlfow",
)
TOLD = """\
tracking: must be mlflow or none; got mlfow.
override y: randint takes one argument, as in randint(upper); got randint(1, 8).
sampling_algorithm.seed: grid has no seed; got 1. Leave it out; it is for random and bayesian.
objective.goal: must be minimize or maximize; got min. Did you mean minimize?
search_space.x: uniform needs min_value < max_value; got uniform(1, 0). Did you mean uniform(0, 1)?
limits.max_total_trials: must be at least 1; got 0.
limits.timeout: must be greater than 0 seconds; got -1. Leave it out for no limit.
early_termination: bandit needs exactly one of slack_factor and slack_amount; got neither.
search_space.optimizer: must name options of the config group optimizer; got adm. Did you mean adam?
search_space.nett.width: must be a key of the app's config; got nett.width. Did you mean net.width? \
To add it, write +nett.width."""


def test_all_mistakes_are_told_at_once_in_a_real_process_too(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read first, then what makes no sense, then what does not fit the app."""
    write_app(app, groups=True)

    run = refuse(app, capsys, *MISTAKES)
    real = app.run("--multirun", *MISTAKES)

    assert_refused(app, run, TOLD)
    assert_refused(app, real, TOLD)


def test_what_is_right_beside_a_mistake_is_not_blamed(app: App) -> None:
    """A key of another option than the default one fits only together with that option."""
    sgd = {"_group_": "sgd", "momentum": {"type": "uniform", "min_value": 0, "max_value": 1}}
    write_app(app, {"search_space": {"optimizer": {"type": "choice", "values": [sgd]}}}, groups=True)

    with pytest.raises(SpecError) as caught:
        read(app, "nett=1,2", "net.width=4,8")

    assert [problem.where for problem in caught.value.problems] == ["search_space.nett"]


# Hydra's own


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        pytest.param(
            ["x=unifrom(0, 1)"],
            "Error parsing override 'x=unifrom(0, 1)'\n"
            "HydraException while evaluating 'unifrom(0, 1)': Unknown function 'unifrom'\nAvailable: bool,choice,",
            id="unknown-function",
        ),
        pytest.param(
            ["x=choice()"],
            "Error parsing override 'x=choice()'\nValueError while evaluating 'choice()': empty choice is not legal\n",
            id="empty-choice",
        ),
        pytest.param(
            ["x=1,2", "z=3"], "Could not override 'z'.\nTo append to your config use +z=3\n", id="unknown-key"
        ),
        pytest.param(
            ["hydra.job.name=a,b"],
            "Sweeping over Hydra's configuration is not supported : 'hydra.job.name=a,b'",
            id="sweep-over-hydra",
        ),
        pytest.param(
            ["x=1,2", "hydra.job.num=a"],
            "Error merging override hydra.job.num=a\nValue 'a' of type 'str' could not be converted to Integer\n",
            id="hydras-type",
        ),
        pytest.param(
            ["x=1,2", "optimizer=foo"],
            "In 'config': Could not find 'optimizer/foo'\n\nAvailable options in 'optimizer':\n\tadam\n\tsgd\n",
            id="unknown-option",
        ),
        pytest.param(
            ["x=1,2", "hydra/sweeper=azswep"], "In 'hydra/config': Could not find 'hydra/sweeper/azswep'", id="sweeper"
        ),
    ],
)
def test_what_hydra_itself_refuses_keeps_hydras_words(
    app: App, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], beginning: str
) -> None:
    write_app(app, groups=True)

    run = refuse(app, capsys, *arguments)

    assert run.err.startswith(beginning)
    assert_refused(app, run, run.err.removesuffix(HYDRAS_HINT).rstrip("\n"))
