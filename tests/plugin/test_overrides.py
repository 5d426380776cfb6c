"""Which of the command line, `params` and `search_space` decides a key, and what none of them may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.plugins import Plugins

from azsweep_core.distributions import Choice, Randint
from azsweep_core.search_space import read_space
from hydra_plugins.hydra_azsweep_sweeper import _grammar
from hydra_plugins.hydra_azsweep_sweeper._overrides import SweepOverrides, check_space, read_overrides

_grammar.install()

LR = {"type": "uniform", "min_value": 0, "max_value": 1}

Read = Callable[..., SweepOverrides]


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> ConfigLoaderImpl:
    """Of an app with the config groups optimizer (adam, adamw, sgd) and db/engine (innodb)."""
    conf = tmp_path_factory.mktemp("conf")
    for option in ("optimizer/adam", "optimizer/adamw", "optimizer/sgd", "db/engine/innodb"):
        path = conf / f"{option}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    Plugins.instance()  # makes the file system known as a place of configs
    search_path = ConfigSearchPathImpl()
    search_path.append("main", f"file://{conf}")
    return ConfigLoaderImpl(search_path)


@pytest.fixture
def read(loader: ConfigLoaderImpl) -> Read:
    def read(*arguments: str, params: Mapping[str, Any] | None = None, **keywords: Any) -> SweepOverrides:
        space = keywords.pop("space", {})
        return read_overrides(arguments, params or {}, space, loader, **keywords)

    return read


def problems(found: SweepOverrides) -> list[str]:
    return [str(problem) for problem in found.problems]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("lr=0.1", id="number"),
        pytest.param("+a.b='1,2'", id="quoted-comma"),
        pytest.param("a=", id="empty"),
        pytest.param("a=[1,2]", id="list"),
        pytest.param("a=${b}", id="interpolation"),
        pytest.param("name='a uniform(0, 1) prior'", id="text-around-an-expression"),
        pytest.param("~a", id="deletion"),
        pytest.param("~a=1", id="deletion-of-a-value"),
        pytest.param("optimizer=adam", id="config-group"),
        pytest.param("optimizer@inner=adam", id="config-group-in-a-package"),
    ],
)
def test_a_plain_override_goes_with_every_trial_as_it_was_written(read: Read, text: str) -> None:
    found = read(text)

    assert (found.fixed, found.parameters, found.pinned, found.problems) == ((text,), {}, (), ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("0.1", "x=0.1", id="text-is-override-text"),
        pytest.param("", "x=", id="empty-text"),
        pytest.param(0.1, "x=0.1", id="number"),
        pytest.param(None, "x=null", id="null"),
        pytest.param(True, "x=true", id="boolean"),
        pytest.param([1, "a b"], "x=[1,'a b']", id="list"),
        pytest.param({"type": "mlp"}, "x={type:mlp}", id="mapping"),
    ],
)
def test_a_plain_param_goes_with_every_trial(read: Read, value: object, text: str) -> None:
    found = read(params={"x": value})

    assert (found.fixed, found.parameters, found.problems) == ((text,), {}, ())


def test_an_expression_among_the_params_is_drawn_from(read: Read) -> None:
    assert read(params={"lr": LR}).parameters == {"lr": LR}


# Which source wins


def test_parameters_stand_in_the_order_of_their_first_appearance(read: Read) -> None:
    found = read("d=1,2", "b=1,2", params={"c": "1,2", "a": "1,2"}, space={"a": LR, "b": LR})

    assert list(found.parameters) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("arguments", "params", "expected"),
    [
        pytest.param(["x=randint(3)"], {}, Randint(3), id="command-line-over-search-space"),
        pytest.param([], {"x": "randint(4)"}, Randint(4), id="params-over-search-space"),
        pytest.param(["x=randint(3)"], {"x": "randint(4)"}, Randint(3), id="command-line-over-params"),
        pytest.param(["x=randint(3)"], {"x": "0.1"}, Randint(3), id="command-line-over-a-plain-param"),
        pytest.param([], {}, LR, id="search-space-alone"),
    ],
)
def test_of_two_sources_the_higher_one_decides(
    read: Read, arguments: Sequence[str], params: Mapping[str, Any], expected: object
) -> None:
    found = read(*arguments, params=params, space={"x": LR})

    assert (found.parameters, found.fixed, found.problems) == ({"x": expected}, (), ())


def test_the_prefix_of_a_key_is_the_winners(read: Read) -> None:
    assert list(read("++x=1,2", space={"+x": LR, "y": LR}).parameters) == ["++x", "y"]


@pytest.mark.parametrize(
    ("arguments", "params", "fixed", "note"),
    [
        pytest.param(["lr=0.1"], {}, ("lr=0.1",), "lr is not sampled: override lr=0.1 decides it", id="command-line"),
        pytest.param(["+lr=0.1"], {}, ("+lr=0.1",), "lr is not sampled: override +lr=0.1 decides it", id="prefix"),
        pytest.param(["~lr"], {}, ("~lr",), "lr is not sampled: override ~lr decides it", id="deletion"),
        pytest.param([], {"lr": 0.1}, ("lr=0.1",), "lr is not sampled: params.lr decides it", id="params"),
    ],
)
def test_a_plain_value_takes_its_key_out_of_the_search_space(
    read: Read, arguments: Sequence[str], params: Mapping[str, Any], fixed: tuple[str, ...], note: str
) -> None:
    found = read(*arguments, params=params, space={"lr": LR, "wd": LR})

    assert (found.parameters, found.fixed, found.problems) == ({"wd": LR}, fixed, ())
    assert found.pinned == (f"{note} for every trial.",)


def test_a_key_that_is_sampled_after_all_is_not_pinned(read: Read) -> None:
    """A plain value in `params` decides nothing where the command line has an expression."""
    found = read("lr=0.1,0.2", params={"lr": 0.5}, space={"lr": LR})

    assert (found.parameters, found.fixed, found.pinned) == ({"lr": Choice([0.1, 0.2])}, (), ())


def test_plain_overrides_keep_their_order_and_the_higher_source_replaces_the_lower(read: Read) -> None:
    found = read("b=3", "a=4", "~c", params={"a": 1, "d": 2})

    assert found.fixed == ("d=2", "b=3", "a=4", "~c")


def test_a_key_can_be_deleted_and_added_again(read: Read) -> None:
    found = read("~x", "+x=1,2", space={"x": LR})

    assert (found.parameters, found.fixed, found.problems) == ({"+x": Choice([1, 2])}, ("~x",), ())


# What is refused


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["lr=1,2", "+lr=3,4"],
            "override +lr=3,4: lr is given twice, here and in override lr=1,2. Keep one.",
            id="two-sweeps",
        ),
        pytest.param(
            ["lr=1,2", "lr=3"],
            "override lr=3: lr is given twice, here and in override lr=1,2. Keep one.",
            id="a-sweep-and-a-value",
        ),
        pytest.param(
            ["a.b=1,2", "a={b: 1},{b: 2}"],
            "override a.b=1,2: a.b is a part of a, which is given in override a={b: 1},{b: 2}. Keep one of the two.",
            id="a-key-and-its-ancestor",
        ),
        pytest.param(
            ["a.b.c=1", "a=choice({},{x: 1})"],
            "override a.b.c=1: a.b.c is a part of a, which is given in override a=choice({},{x: 1})."
            " Keep one of the two.",
            id="a-value-below-a-sweep",
        ),
        pytest.param(
            ["a={b: 1}", "a.b=1,2"],
            "override a.b=1,2: a.b is a part of a, which is given in override a={b: 1}. Keep one of the two.",
            id="a-sweep-below-a-value",
        ),
        pytest.param(
            ["x=interval(1,0)"],
            "override x: interval needs start < end; got interval(1,0).",
            id="interval",
        ),
        pytest.param(
            ["x=tag(log,interval(0,1))"],
            "override x: interval tagged log needs start > 0; got tag(log,interval(0,1)). Its"
            " bounds are those of the value.",
            id="log-of-zero",
        ),
        pytest.param(
            ["x=tag(log,range(1,9))"],
            "override x: only an interval can be tagged log; got tag(log,range(1,9)). Write"
            " tag(log, interval(start, end)).",
            id="log-range",
        ),
        pytest.param(
            ["x=range(1,9,0)"],
            "override x: range needs finite numbers and a step other than 0; got range(1,9,0). Write"
            " range(start, stop, step).",
            id="range-without-step",
        ),
        pytest.param(
            ["x=range(0,inf)"],
            "override x: range needs finite numbers and a step other than 0; got range(0,inf). Write"
            " range(start, stop, step).",
            id="range-without-end",
        ),
        pytest.param(
            ["x=range(0,1,1e-9)"],
            "override x: a range of floats takes at most 1,000,000 values; got range(0,1,1e-9). Write"
            " interval(start, stop), or quniform(start, stop, step).",
            id="range-too-long",
        ),
        pytest.param(
            ["x=shuffle(range(1000001))"],
            "override x: shuffle takes at most 1,000,000 values; got shuffle(range(1000001)). Sample randomly instead.",
            id="shuffle-too-long",
        ),
        pytest.param(
            ["optimizer=glob(none*)"],
            "override optimizer: no option of the config group matches; got glob(none*). Compare with the"
            " app's --help.",
            id="glob-without-match",
        ),
        pytest.param(
            ["x=uniform(0,1),2"],
            "override x: a sweep or distribution must be the whole value of a key; got uniform(0,1),2.",
            id="distribution-in-a-choice",
        ),
        pytest.param(
            ["x=choice([interval(0,1)],{a: glob(*)})"],
            "override x: a sweep or distribution must be the whole value of a key;"
            " got choice([interval(0,1)],{a: glob(*)}).",
            id="sweep-in-a-choice",
        ),
    ],
)
def test_overrides_that_cannot_be_sampled_are_refused_in_words(
    read: Read, arguments: Sequence[str], expected: str
) -> None:
    assert problems(read(*arguments)) == [expected]


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        pytest.param(
            {"params": {"x": "unifrom(0, 1)"}},
            "params.x: must be an override that Hydra can read (HydraException while evaluating 'unifrom(0, 1)':"
            " Unknown function 'unifrom'); got unifrom(0, 1). Did you mean uniform?",
            id="unknown-function",
        ),
        pytest.param(
            {"params": {"a b": 1}},
            "params.a b: must be a key that Hydra can override; got 'a b'. Write it as a.b, +a.b, group or"
            " group@package.",
            id="key-with-a-space",
        ),
        pytest.param(
            {"space": {"~x": LR}},
            "search_space.~x: must be a key that Hydra can override; got '~x'. Write it as a.b, +a.b, group or"
            " group@package.",
            id="deletion-as-a-key",
        ),
        pytest.param(
            {"space": {"x=1": LR}},
            "search_space.x=1: must be a key that Hydra can override; got 'x=1'. Write it as a.b, +a.b, group or"
            " group@package.",
            id="key-with-equals",
        ),
        pytest.param(
            {"space": {"": LR}},
            "search_space.: must be a key that Hydra can override; got ''. Write it as a.b, +a.b, group or"
            " group@package.",
            id="empty-key",
        ),
        pytest.param(
            {"space": {"hydra.job.name": LR}},
            "search_space.hydra.job.name: Hydra's own configuration cannot be swept over.",
            id="hydras-own",
        ),
        pytest.param(
            {"params": {"x": {"a'b": 1}}},
            """params.x: a mapping's key must be writable in a Hydra override; got "a'b". Use letters, digits and _,"""
            " not only digits.",
            id="unwritable-mapping-key",
        ),
        pytest.param(
            {"params": {"x": Path("a")}},
            f"params.x: must be null, a boolean, a number, text, a list or a mapping; got {Path('a')!r}"
            f" ({type(Path('a')).__name__}). Put it in quotes to pass it as text.",
            id="other-type",
        ),
    ],
)
def test_keys_and_params_that_hydra_could_not_read_are_refused(
    read: Read, keywords: Mapping[str, Any], expected: str
) -> None:
    assert problems(read(**keywords)) == [expected]


def test_all_problems_of_all_sources_are_found_at_once(read: Read) -> None:
    found = read("x=interval(1,0)", "y=uniform(0)", params={"z": "range(1,2,0)"}, space={"a b": LR})

    where = [problem.where for problem in found.problems]
    assert where == ["search_space.a b", "params.z", "override x", "override y"]


@pytest.mark.parametrize(
    ("arguments", "space"),
    [
        pytest.param(["optimizer=adam,sgd", "optimizer.lr=uniform(0,1)"], {}, id="group-and-its-value-both-swept"),
        pytest.param(["optimizer=sgd"], {"optimizer.lr": LR}, id="group-chosen-and-value-swept"),
        pytest.param(["optimizer.nesterov=true"], {"optimizer": {"type": "choice", "values": ["sgd"]}}, id="converse"),
        pytest.param(["a.b=1,2", "a.bc=1,2"], {}, id="siblings"),
        pytest.param(["~a", "+a.b=1,2"], {}, id="below-a-deletion"),
        pytest.param(["a={b: 1}", "a.c=2"], {}, id="plain-values"),
        pytest.param(["a=1", "a=2"], {}, id="a-plain-value-twice"),
    ],
)
def test_what_hydra_users_combine_every_day_is_allowed(
    read: Read, arguments: Sequence[str], space: Mapping[str, Any]
) -> None:
    assert problems(read(*arguments, space=space)) == []


# The whole space


def test_a_fixed_override_and_a_branch_cannot_both_set_a_key() -> None:
    branches = [{"_group_": "adam", "lr": LR}, {"_group_": "sgd", "momentum": 0.9}]
    space = read_space({"optimizer": {"type": "choice", "values": branches}})

    found = check_space(space, ["optimizer.lr=0.1", "+optimizer.momentum=0.5", "~x", "seed=1"])

    rule = "is also set by a branch of the search space. Keep one of the two."
    assert [str(problem) for problem in found] == [
        f"override optimizer.lr=0.1: optimizer.lr {rule}",
        f"override +optimizer.momentum=0.5: optimizer.momentum {rule}",
    ]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        pytest.param([{"1": 2}], "search_space.x", id="mapping"),
        pytest.param([[{"a": [{"é": 1}]}]], "search_space.x", id="deep-inside"),
        pytest.param([{"a": LR, "b": {"a:b'": 1}}], "search_space.x.b", id="in-a-branch"),
        pytest.param([{"a": {"type": "choice", "values": [{"": 1}]}}], "search_space.x.a", id="in-a-branchs-choice"),
    ],
)
def test_values_whose_keys_hydra_has_no_text_for_are_refused_before_the_sweep(values: list[Any], where: str) -> None:
    space = read_space({"x": {"type": "choice", "values": values}})

    assert [problem.where for problem in check_space(space, [])] == [where]


def test_keys_of_branches_must_be_keys_that_hydra_can_override() -> None:
    space = read_space({"x": {"type": "choice", "values": [{"a-b": LR}, {"ä": LR}]}})

    assert [problem.where for problem in check_space(space, [])] == ["search_space.x.ä"]
