"""What each way of writing a sweep in an override means."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import (
    Choice,
    Distribution,
    LogUniform,
    Normal,
    QLogUniform,
    QUniform,
    Randint,
    Uniform,
)
from hydra_plugins.hydra_azsweep_sweeper import _grammar
from hydra_plugins.hydra_azsweep_sweeper._overrides import read_overrides

_grammar.install()


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
def read(loader: ConfigLoaderImpl) -> Callable[[str], Any]:
    """The distribution of `x=…`."""
    return lambda text: read_overrides([f"x={text}"], {}, {}, loader).parameters["x"]


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        pytest.param("uniform(0.01, 0.9)", Uniform(0.01, 0.9), id="uniform"),
        pytest.param("uniform(min_value=0, max_value=1)", Uniform(0, 1), id="by-keyword"),
        pytest.param("uniform(1, 0)", Uniform(1, 0), id="nonsense-is-judged-later"),
        pytest.param("quniform(8,64,8)", QUniform(8, 64, 8), id="quniform"),
        pytest.param("loguniform(-6.9, -2.3)", LogUniform(-6.9, -2.3), id="loguniform"),
        pytest.param("normal(10, 3)", Normal(10, 3), id="normal"),
        pytest.param("randint(8)", Randint(8), id="randint"),
        pytest.param("'uniform(0.01, 0.9)'", Uniform(0.01, 0.9), id="quoted"),
        pytest.param('"randint(8)"', Randint(8), id="double-quoted"),
        pytest.param("'choice(1, 2)'", Choice([1, 2]), id="quoted-choice"),
        pytest.param("a,b", Choice(["a", "b"]), id="comma"),
        pytest.param("1,1.0,'1',true,null", Choice([1, 1.0, "1", True, None]), id="comma-keeps-types"),
        pytest.param("choice(adam, 'a, b')", Choice(["adam", "a, b"]), id="choice"),
        pytest.param("choice('uniform(0, 1)')", Choice(["uniform(0, 1)"]), id="choice-of-text-like-an-expression"),
        pytest.param("choice([1,'2'],{a:'x'})", Choice([[1, "2"], {"a": "x"}]), id="choice-of-containers"),
        pytest.param("int(1.5,2.5)", Choice([1, 2]), id="cast-of-a-choice"),
        pytest.param("sort(3,1,2)", Choice([1, 2, 3]), id="sorted"),
        pytest.param("range(1,5)", Choice(range(1, 5)), id="range"),
        pytest.param("range(5,1,-2)", Choice(range(5, 1, -2)), id="range-down"),
        pytest.param("range(1000000000000)", Choice(range(10**12)), id="range-is-not-listed"),
        pytest.param("range(0,1,0.25)", Choice([0.0, 0.25, 0.5, 0.75]), id="range-of-floats"),
        pytest.param("float(range(1,4))", Choice([1.0, 2.0, 3.0]), id="range-cast"),
        pytest.param("range(0,0.2,0.1)", Choice([0.0, 0.1]), id="range-without-its-stop"),
        pytest.param("range(0.2,0,-0.1)", Choice([0.2, 0.1]), id="range-down-without-its-stop"),
        pytest.param("range(1.0,0.0,1.0)", Choice([]), id="range-empty"),
        pytest.param("interval(0,1)", Uniform(0.0, 1.0), id="interval"),
        pytest.param("int(interval(1,10))", Choice(range(1, 11)), id="interval-of-whole-numbers"),
        pytest.param("int(interval(3,3))", Choice(range(3, 4)), id="interval-of-one"),
        pytest.param("tag(log, interval(0.001,1))", LogUniform(math.log(0.001), 0.0), id="log-interval"),
        pytest.param("tag(log, int(interval(1,100)))", QLogUniform(0.0, math.log(100), 1), id="log-whole-numbers"),
        pytest.param("tag(mine, interval(0,1))", Uniform(0.0, 1.0), id="other-tags-mean-nothing"),
    ],
)
@pytest.mark.parametrize("source", ["command-line", "params"])
def test_an_override_that_sweeps_becomes_its_distribution(
    loader: ConfigLoaderImpl, text: str, distribution: Distribution, source: str
) -> None:
    arguments, params = ([f"x={text}"], {}) if source == "command-line" else ([], {"x": text})

    found = read_overrides(arguments, params, {}, loader)

    assert (found.parameters, found.fixed, found.problems) == ({"x": distribution}, (), ())


def test_a_glob_draws_from_the_options_of_the_config_group_that_match(loader: ConfigLoaderImpl) -> None:
    found = read_overrides(["optimizer=glob(adam*)", "db/engine=glob(*)"], {}, {}, loader)

    assert found.parameters == {"optimizer": Choice(["adam", "adamw"]), "db/engine": Choice(["innodb"])}


def test_a_log_interval_keeps_its_bounds_under_another_logbase(loader: ConfigLoaderImpl) -> None:
    drawn = read_overrides(["x=tag(log,interval(0.01,100))"], {}, {}, loader, logbase=10.0).parameters["x"]

    assert drawn.min_value == pytest.approx(-2)
    assert [drawn.from_unit(u) for u in (0, 0.5)] == [pytest.approx(0.01), pytest.approx(1)]


@pytest.mark.parametrize("text", ["shuffle(range(50))", "shuffle(range(0,50,1.0))", "shuffle(choice(1,2,3,4,5,6,7,8))"])
def test_a_shuffled_sweep_has_the_same_values_in_an_order_that_is_the_same_when_started_again(
    read: Callable[[str], Any], text: str
) -> None:
    first, again = read(text).values, read(text).values

    assert first == again
    assert first != sorted(first)
    assert sorted(first) == list(read(text.removeprefix("shuffle(")[:-1]).values)


@given(start=st.integers(-40, 40), count=st.integers(0, 40), step=st.sampled_from([0.1, 0.25, 0.3, 1e-3, 7.7, -0.1]))
@settings(max_examples=100, deadline=None)
def test_a_range_of_floats_has_hydras_own_values_below_its_stop(
    loader: ConfigLoaderImpl, start: int, count: int, step: float
) -> None:
    start_at, stop = start * abs(step), start * abs(step) + count * step
    text = f"x=range({start_at!r},{stop!r},{step!r})"
    hydras = [value for value in OverridesParser.create().parse_override(text).sweep_iterator() if value != stop]

    found = read_overrides([text], {}, {}, loader)

    assert found.parameters == {"x": Choice(hydras)}
