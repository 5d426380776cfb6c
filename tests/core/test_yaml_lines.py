"""Where the settings of a YAML file stand, and keys that stand there twice."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core._yaml_lines import parse_yaml
from azsweep_core.errors import Problem, SpecError

TEXT = """\
# a comment

type: sweep
search_space:
  lr: {type: choice, values: [1,
    2, {x: 3}]}
  --optimizer.lr: {min: 0}
  optimizer: {lr: 5}
common: &common
  timeout: 60
  max: 4
limits:
  <<: *common
  max: 5
again: *common
list:
  - a: 1
    b: 2
  - - c
command: >-
  python train.py
  --lr
7: seven
net.lr: 1
net: {lr: 2}
net.lr.x: 3
"""
PATH = Path("job.yml")


@pytest.mark.parametrize(
    ("where", "line"),
    [
        pytest.param("", 3, id="all"),
        pytest.param("type", 3, id="key"),
        pytest.param("search_space.lr", 5, id="key-below"),
        pytest.param("search_space.lr.values[0]", 5, id="item"),
        pytest.param("search_space.lr.values[1]", 6, id="item-in-the-next-line"),
        pytest.param("search_space.lr.values[2].x", 6, id="key-of-an-item"),
        pytest.param("search_space.lr.max_value", 5, id="missing-key"),
        pytest.param("search_space.lr.values[7]", 5, id="missing-item"),
        pytest.param("objective.goal", 3, id="missing-mapping"),
        pytest.param("search_space.--optimizer.lr.min", 7, id="key-with-dots"),
        pytest.param("search_space.optimizer.lr", 8, id="keys-without"),
        pytest.param("limits", 12, id="mapping-with-a-merge"),
        pytest.param("limits.timeout", 10, id="merged"),
        pytest.param("limits.max", 14, id="own-before-merged"),
        pytest.param("again", 15, id="alias"),
        pytest.param("again.max", 11, id="below-an-alias"),
        pytest.param("list[0].b", 18, id="second-key-of-an-item"),
        pytest.param("list[1][0]", 19, id="list-in-a-list"),
        pytest.param("command", 20, id="block"),
        pytest.param("7", 23, id="number"),
        pytest.param("net.lr", 24, id="longest-key"),
        pytest.param("net.lr.x", 26, id="longest-key-of-three"),
    ],
)
def test_every_setting_has_a_line(where: str, line: int) -> None:
    assert parse_yaml(TEXT, PATH).place(where) == ("job.yml", line)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        pytest.param("a: 1\nb: 2", [], id="none"),
        pytest.param("a: 1\nb: 2\na: 1", ["job.yml:3: a: is written twice, in lines 1 and 3"], id="at-the-top"),
        pytest.param("a:\n  b: {c: 1,\n  c: 2}", ["job.yml:3: a.b.c: is written twice, in lines 2 and 3"], id="deep"),
        pytest.param("- {a: 1, 'a': 2}", ["job.yml:2: x[0].a: is written twice, in lines 2 and 2"], id="in-a-list"),
        pytest.param("{a: 1, a: 2, a: 3}", ["in lines 1 and 1", "in lines 1 and 1"], id="thrice"),
        pytest.param("a: &b {c: 1}\nd: {<<: *b, c: 2}\ne: *b", [], id="merged-is-not-twice"),
        pytest.param("1: a\n'1': b", [], id="a-number-is-no-text"),
        pytest.param("a: &b [*b]\nc: *b", [], id="what-contains-itself"),
    ],
)
def test_a_key_that_is_written_twice_is_a_problem(text: str, messages: list[str]) -> None:
    """PyYAML, and AzureML's client with it, silently takes the last one."""
    text = text if not text.startswith("-") else "x:\n" + textwrap.indent(text, "  ")

    problems = [str(problem) for problem in parse_yaml(text, PATH).repeated]

    assert len(problems) == len(messages)
    assert all(message in problem for message, problem in zip(messages, problems, strict=True))
    assert all(problem.endswith("without a word. Remove one.") for problem in problems)


def test_a_problem_with_a_key_has_the_keys_line() -> None:
    problems = [Problem("search_space", "is no name", "--optimizer.lr"), Problem("type", "must be else", "sweep")]

    located = parse_yaml(TEXT, PATH).located(problems)

    assert [str(each) for each in located] == [
        "job.yml:7: search_space: is no name; got --optimizer.lr.",
        "job.yml:3: type: must be else; got sweep.",
    ]


def test_the_text_of_a_setting_is_as_it_is_written() -> None:
    file = parse_yaml("version: 1.10\nflag: yes\nlist: [0x1F]\nnone:\n", PATH)

    assert [file.text(where) for where in ("version", "flag", "list[0]", "none", "list", "flag.x")] == [
        "1.10",
        "yes",
        "0x1F",
        "",
        None,
        None,
    ]


@settings(max_examples=100)
@given(st.text(alphabet="ab: -{}[]&*<,\n'\"|#?!01", max_size=40), st.text(alphabet="ab.[]01-<", max_size=8))
def test_whatever_a_file_holds_it_is_read_or_refused_in_words(text: str, where: str) -> None:
    try:
        lines = [parse_yaml(text, PATH).place(where).line]
    except SpecError as error:
        lines = [each.place.line for each in error.problems if each.place is not None]

    assert all(line is None or 1 <= line <= max(len(text.splitlines()), 1) for line in lines)
