"""A trial's values keep their types on their way through Hydra's override text."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hydra_plugins.hydra_azsweep_sweeper._override_text import check_value, to_text
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("gbdt", "gbdt", id="word"),
        pytest.param("resnet-50_v1.5", "resnet-50_v1.5", id="name"),
        pytest.param("/data/train.csv", "/data/train.csv", id="path"),
        pytest.param("", "''", id="empty"),
        pytest.param("10", "'10'", id="number-like"),
        pytest.param("1e3", "'1e3'", id="float-like"),
        pytest.param("1_000", "'1_000'", id="underscored-number"),
        pytest.param("NaN", "'NaN'", id="nan-like"),
        pytest.param("True", "'True'", id="boolean-like"),
        pytest.param("null", "'null'", id="null-like"),
        pytest.param("a,b", "'a,b'", id="comma"),
        pytest.param("a=b", "'a=b'", id="equals"),
        pytest.param(" a ", "' a '", id="spaces"),
        pytest.param("it's", r"'it\'s'", id="quote"),
        pytest.param("a\\", r"'a\\'", id="backslash-at-the-end"),
        pytest.param("uniform(0, 1)", "'uniform(0, 1)'", id="expression-like"),
        pytest.param("${x}", "'${x}'", id="interpolation"),
        pytest.param(None, "null", id="null"),
        pytest.param(False, "false", id="boolean"),
        pytest.param(-3, "-3", id="int"),
        pytest.param(1e-5, "1e-05", id="float"),
        pytest.param(math.inf, "inf", id="infinity"),
        pytest.param([1, [None, "x y"]], "[1,[null,'x y']]", id="list"),
        pytest.param({"a": {"b c": 1}, "d": []}, r"{a:{b\ c:1},d:[]}", id="mapping"),
    ],
)
def test_values_are_quoted_only_where_they_have_to_be(value: Any, text: str) -> None:
    assert to_text(value) == text


def test_what_every_trial_gets_comes_before_what_was_drawn() -> None:
    parameters = {"+model": "mlp", "db/engine@x": "innodb", "lr": 0.1}

    overrides = trial_overrides(parameters, ["seed=1", "~y"])

    assert overrides == ["seed=1", "~y", "+model=mlp", "db/engine@x=innodb", "lr=0.1"]


TEXTS = st.text(max_size=12) | st.text(alphabet="ab1'\"\\ ,=:()[]{}$.~?\n\t", max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
RESERVED = {"true", "false", "null", "inf", "nan"}
WORDS: st.SearchStrategy[str] = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda word: word not in RESERVED
)
ANY_KEYS = TEXTS | st.booleans() | st.integers() | st.floats(allow_nan=False)
KEYS = st.sampled_from(["lr", "a.b", "+a.b", "++a", "optimizer", "+db@backup", "db/engine", "db/engine@a.b"])


def containers(keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


@given(key=KEYS, value=containers(WORDS))
@settings(max_examples=300, deadline=None)
def test_hydra_reads_every_value_back_with_its_type(key: str, value: Any) -> None:
    [text] = trial_overrides({key: value}, [])

    override = OverridesParser.create().parse_override(text)

    assert list(check_value(value, "x")) == []
    assert override.get_key_element() == key
    assert repr(override.value()) == repr(value)


@given(value=st.dictionaries(ANY_KEYS, st.lists(st.dictionaries(TEXTS, st.just(1), max_size=1)), max_size=2))
@settings(max_examples=300, deadline=None)
def test_whatever_hydra_would_read_back_otherwise_is_refused_before(value: Any) -> None:
    try:
        read_back = repr(OverridesParser.create().parse_override(f"x={to_text(value)}").value()) == repr(value)
    except HydraException:
        read_back = False

    assert (list(check_value(value, "x")) == []) == read_back


@given(value=containers(WORDS).filter(lambda value: not any(special in repr(value) for special in ("${", "???"))))
@settings(max_examples=200, deadline=None)
def test_the_config_holds_the_very_value(value: Any) -> None:
    """But for what OmegaConf gives a meaning of its own: interpolations and missing values."""
    config = OmegaConf.create({"x": 0})

    [text] = trial_overrides({"x": value}, [])
    OmegaConf.update(config, "x", OverridesParser.create().parse_override(text).value(), merge=True)

    assert repr(OmegaConf.to_container(config)) == repr({"x": value})


def test_a_drawn_interpolation_is_resolved_by_the_config() -> None:
    config = OmegaConf.create({"x": 0, "y": 3})

    [text] = trial_overrides({"x": "${y}"}, [])
    OmegaConf.update(config, "x", OverridesParser.create().parse_override(text).value())

    assert config.x == 3
