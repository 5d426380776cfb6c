"""Whatever a parameter is called and worth, MLflow accepts what becomes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.utils.validation import (
    MAX_ENTITY_KEY_LENGTH,
    MAX_PARAM_VAL_LENGTH,
    MAX_TAG_VAL_LENGTH,
    _validate_param_name,
)

from azsweep_core._mlflow_names import (
    PARAMETER_CHARACTERS,
    accepted_name,
    parameter_names,
    parameters_tag,
    shortened,
)

KEYS = st.text(max_size=300) | st.text("a@_/.+ ", max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=5,
)


@given(key=KEYS)
@settings(max_examples=300, deadline=None)
def test_every_key_becomes_an_accepted_name(key: str) -> None:
    name = accepted_name(key)

    _validate_param_name(name)  # type: ignore[no-untyped-call]  # raises unless it is accepted
    assert 0 < len(name) <= MAX_ENTITY_KEY_LENGTH


@given(keys=st.lists(KEYS, unique=True, max_size=6))
def test_different_keys_keep_different_names(keys: list[str]) -> None:
    names = parameter_names(dict.fromkeys(keys))

    assert len(set(names.values())) == len(keys)


def test_an_ordinary_key_keeps_its_name() -> None:
    assert accepted_name("model.optimizer/adam.lr-0") == "model.optimizer/adam.lr-0"


@given(parameters=st.dictionaries(KEYS, VALUES, max_size=5), copies=st.sampled_from([1, 40, 400]))
@settings(max_examples=40, deadline=None)
def test_the_tag_is_always_json_that_fits(parameters: dict[str, Any], copies: int) -> None:
    many = {f"{copy}{key}": value for copy in range(copies) for key, value in parameters.items()}

    text = parameters_tag(many)

    assert len(text) <= MAX_TAG_VAL_LENGTH
    json.loads(text, parse_constant=pytest.fail)


def test_a_tag_of_too_many_parameters_says_so() -> None:
    point = json.loads(parameters_tag({f"parameter{number}": number for number in range(1000)}))

    assert point["..."] == "1000 parameters in all"
    assert point["parameter0"] == 0


def test_halves_of_surrogate_pairs_are_kept_in_the_tag() -> None:
    tag = parameters_tag({"file": "caf\udce9"})

    assert tag.isascii()
    assert json.loads(tag) == {"file": "caf\udce9"}


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_a_text_within_the_limit_is_left_alone(text: str) -> None:
    assert shortened(text, 200) == text


def test_the_limit_of_values_is_mlflows() -> None:
    assert PARAMETER_CHARACTERS == MAX_PARAM_VAL_LENGTH
