"""Initial points: how they are written, what `default` stands for, and what is wrong or doubtful about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from azsweep_core.errors import SpecError
from azsweep_core.initial_points import read_initial_points
from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.spec import Judgement, SweepSpec, judge, read_and_judge, read_sweep, to_mapping

OBJECTIVE = {"primary_metric": "loss", "goal": "minimize"}
SPACE = {
    "lr": "uniform(0, 1)",
    "+opt.wd": "choice(0.0, 0.1)",
    "units": "quniform(2, 8, 2)",
    "net": "choice({kind: mlp, act: choice(relu, tanh)}, {kind: cnn, kernel: choice(3, 5)})",
}


def read(value: Any, app: Mapping[str, Any] | None = None, space: SearchSpace | None = None) -> Any:
    known = None if app is None else app.__getitem__
    return read_initial_points(value, "initial_points", space or read_space(SPACE), known)


def judged(points: Any, space: Mapping[str, Any] = SPACE, **parts: Any) -> tuple[SweepSpec | None, Judgement]:
    mapping = {"search_space": space, "objective": OBJECTIVE, "limits": {"max_total_trials": 1000}, **parts}
    _, spec, judgement = read_and_judge({**mapping, "initial_points": points})
    return spec, judgement


@pytest.mark.parametrize(
    ("written", "points"),
    [
        pytest.param([], (), id="none"),
        pytest.param([{"lr": 0.5}], ({"lr": 0.5},), id="a-part"),
        pytest.param([{"lr": 1}], ({"lr": 1},), id="an-int-stays-an-int"),
        pytest.param([{"opt.wd": 0.1}], ({"+opt.wd": 0.1},), id="without-a-prefix"),
        pytest.param([{"++opt.wd": 0.1, "+lr": 0.5}], ({"+opt.wd": 0.1, "lr": 0.5},), id="with-another-prefix"),
        pytest.param([{"net.kernel": 3}], ({"net.kernel": 3},), id="key-of-a-branch"),
        pytest.param([{"lr": 7}, {"lr": None}, {"lr": "x"}], ({"lr": 7}, {"lr": None}, {"lr": "x"}), id="outside"),
        pytest.param([{}], ({},), id="nothing-set"),
    ],
)
def test_points_get_the_full_keys_of_the_space(written: Any, points: Any) -> None:
    assert read(written) == (points, [])


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        pytest.param(
            "default",
            ["initial_points: must be a list of points; got default. Write [default, {lr: 0.1}], for instance."],
            id="text",
        ),
        pytest.param(
            {"lr": 0.1},
            ["initial_points: must be a list of points; got {'lr': 0.1}. Write [default, {lr: 0.1}], for instance."],
            id="one-point",
        ),
        pytest.param(
            ["defualt", 3, [{"lr": 1}]],
            [
                f"initial_points[{number}]: must be default or a mapping from parameters to values; got {got}. "
                "Write {lr: 0.1}, for instance."
                for number, got in enumerate(["defualt", "3", "[{'lr': 1}]"])
            ],
            id="no-points",
        ),
        pytest.param(
            [{"lrr": 1, "units": 2, "opt": {"wd": 0.1}}, {3: 4}],
            [
                "initial_points[0]: must name parameters of the search space; got lrr. Did you mean lr?",
                "initial_points[0]: must name parameters of the search space; got opt. Did you mean opt.wd?",
                (
                    "initial_points[1]: must name parameters of the search space; got 3. "
                    "Known: lr, net.act, net.kernel, net.kind, opt.wd, units."
                ),
            ],
            id="unknown",
        ),
        pytest.param(
            [{"opt.wd": 0.1, "+opt.wd": 0.0}],
            [
                "initial_points[0]: opt.wd may stand in a point once; got {'opt.wd': 0.1, '+opt.wd': 0.0}.",
            ],
            id="twice",
        ),
        pytest.param(
            [{"lr": {"type": "Uniform", "min_value": 0, "max_value": 1}}],
            [
                (
                    "initial_points[0].lr: must be a value, not an expression; "
                    "got {'type': 'Uniform', 'min_value': 0, 'max_value': 1}."
                )
            ],
            id="expression",
        ),
        pytest.param(
            [{"lr": object, "units": "a\0"}],
            [
                (
                    "initial_points[0].lr: must be null, a boolean, a number, text, a list or a mapping; "
                    "got <class 'object'> (type). Put it in quotes to pass it as text."
                ),
                (
                    "initial_points[0].units: text must be fit for a command line and for UTF-8 files, "
                    "without NUL and lone surrogates; got 'a\\x00'."
                ),
            ],
            id="no-values",
        ),
        pytest.param(
            ["default"],
            ["initial_points[0]: default needs an app to ask. Write the values: {lr: 0.1}."],
            id="default-of-no-app",
        ),
    ],
)
def test_says_what_is_wrong_with_them(written: Any, texts: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        read(written)

    assert [str(problem) for problem in caught.value.problems] == texts


APP = {"lr": 0.5, "opt.wd": 0.1, "+opt.wd": 0.1, "units": 4, "net.kind": "cnn", "net.act": "relu", "net.kernel": 3}


@pytest.mark.parametrize("word", ["default", "Default"])
def test_default_is_what_the_apps_own_config_says_of_the_branch_it_is_in(word: str) -> None:
    points, doubts = read([{"lr": 1}, word], APP)

    assert points == ({"lr": 1}, {"lr": 0.5, "+opt.wd": 0.1, "units": 4, "net.kind": "cnn", "net.kernel": 3})
    assert doubts == []


def test_what_the_app_has_no_value_for_is_drawn_and_said() -> None:
    app = {key: value for key, value in APP.items() if key not in ("+opt.wd", "net.kernel")}

    (point,), doubts = read(["default"], app)

    assert point == {"lr": 0.5, "units": 4, "net.kind": "cnn"}
    assert [str(doubt) for doubt in doubts] == [
        (
            "initial_points[0]: the app's own config has no value for some parameters; "
            "got none for +opt.wd, net.kernel. They are drawn."
        )
    ]


def test_a_null_of_the_app_is_a_value() -> None:
    (point,), doubts = read(["default"], {**APP, "lr": None})

    assert point["lr"] is None
    assert doubts == []


def test_of_a_space_that_is_not_legal_default_is_read_all_the_same() -> None:
    """What is wrong with the space is said elsewhere."""
    space = read_space({"n": "choice()", "lr": "uniform(1, 0)"})

    assert read(["default"], {"lr": 0.5}, space) == (({"lr": 0.5},), [])


@pytest.mark.parametrize(
    ("points", "algorithm", "texts"),
    [
        pytest.param([{"lr": 1}, {"units": 4.0}, {"net.kind": "cnn"}], "random", [], id="inside"),
        pytest.param(
            [{"lr": 0.5}, {"opt.wd": 7}],
            "random",
            ["initial_points[1].opt.wd: lies outside of choice(0.0, 0.1); got 7. It is tried all the same."],
            id="outside",
        ),
        pytest.param(
            [{"units": 3}],
            {"type": "bayesian", "seed": 1},
            [
                (
                    "initial_points[0].units: lies outside of quniform(2, 8, 2); got 3. "
                    "It is tried all the same, but the model learns nothing from it."
                )
            ],
            id="outside-of-a-model",
        ),
        pytest.param(
            [{"opt.wd": 0}, {"opt.wd": "0.1"}],
            "random",
            [
                (
                    "initial_points[0].opt.wd: lies outside of choice(0.0, 0.1); got 0. "
                    "Did you mean 0.0? It is tried all the same."
                ),
                (
                    "initial_points[1].opt.wd: lies outside of choice(0.0, 0.1); got '0.1'. "
                    "Did you mean 0.1? It is tried all the same."
                ),
            ],
            id="another-type",
        ),
        pytest.param(
            [{"net.kind": "cnn", "net.kernel": 4}, {"net.kind": "rnn"}, {"net.act": "relu", "net.kernel": 3}],
            "random",
            [
                "initial_points[0].net.kernel: lies outside of choice(3, 5); got 4. It is tried all the same.",
                (
                    "initial_points[1]: no draw of the search space gives this; got net.kind=rnn. "
                    "It is tried all the same."
                ),
                (
                    "initial_points[2]: no draw of the search space gives this; got net.act=relu, net.kernel=3. "
                    "It is tried all the same."
                ),
            ],
            id="branches",
        ),
        pytest.param([{"lr": 0.5}, {"lr": 0.5}], "random", [], id="the-same-part"),
    ],
)
def test_warns_of_values_outside_of_the_space(points: Any, algorithm: Any, texts: list[str]) -> None:
    spec, judgement = judged(points, sampling_algorithm=algorithm)

    assert spec is not None
    assert judgement.errors == ()
    assert [str(each) for each in judgement.warnings if each.where.startswith("initial_points")] == texts


def test_the_base_of_log_expressions_decides_what_lies_outside() -> None:
    log = {"lr": "loguniform(-3, -1)"}

    _, in_e = judged([{"lr": 0.01}], log)
    _, in_ten = judged([{"lr": 0.01}], log, sampling_algorithm={"type": "random", "logbase": 10})

    assert [each.where for each in in_e.warnings] == ["initial_points[0].lr"]
    assert in_ten.warnings == ()


def test_warns_of_the_same_point_twice_and_of_more_points_than_trials() -> None:
    space = {"a": "choice(1, 2)", "b": "choice(x)"}

    _, judgement = judged([{"a": 1}, {"a": 2, "b": "x"}, {"b": "x", "a": 1}], space, limits={"max_total_trials": 2})

    assert [str(each) for each in judgement.warnings] == [
        "initial_points[2]: is the same point as initial_points[0]. It is tried once.",
        "initial_points: holds more points than limits.max_total_trials, 2; got 3. The first 2 are tried.",
    ]


@pytest.mark.parametrize("algorithm", ["grid", "random", "bayesian"])
@pytest.mark.parametrize(
    ("points", "trials"),
    [
        pytest.param([], 6, id="none"),
        pytest.param([{"a": 1, "b": "x"}, {"b": "y"}], 6, id="inside"),
        pytest.param([{"a": 7}], 7, id="outside"),
        pytest.param([{"a": 7}, {"a": 7}, {"a": 7, "b": "x"}, {"b": "x", "a": 7}], 9, id="outside-again"),
    ],
)
def test_points_outside_come_on_top_of_those_of_a_finite_space(algorithm: str, points: Any, trials: int) -> None:
    space = {"a": "choice(1, 2)", "b": "choice(x, y, z)"}

    spec, _ = judged(points, space, sampling_algorithm=algorithm, limits={})

    assert spec is not None
    assert spec.max_trials == trials


def test_a_spec_with_points_is_written_down_as_it_was_resolved() -> None:
    """What `default` stood for is known from the sweep's own files."""
    mapping = {"search_space": SPACE, "objective": OBJECTIVE, "initial_points": ["default"]}

    _, spec, _ = read_and_judge({**mapping, "limits": {"max_total_trials": 3}}, APP.__getitem__)

    assert spec is not None
    assert to_mapping(spec)["initial_points"] == [
        {"lr": 0.5, "+opt.wd": 0.1, "units": 4, "net.kind": "cnn", "net.kernel": 3}
    ]
    assert read_sweep(to_mapping(spec)) == spec
    assert judge(spec).errors == ()
