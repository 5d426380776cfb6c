"""The three notations of an expression: what each means, what is refused and in which words, and that all read back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)
from azsweep_core.errors import SpecError
from azsweep_core.expressions import from_object, is_expression, parse_mapping, parse_text, read, to_mapping, to_text

LAW = settings(deadline=None)
"""A busy machine is no failure."""

WHERE = "search_space.x"

numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=8) | st.sampled_from(["true", "None", "1e-3", "007", "a b", "uniform(0, 1)", "", "é", "a=b"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
keys = st.text(max_size=5).filter(lambda key: key not in ("_group_", "type"))
plain = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))

numeric = st.one_of(
    *[st.builds(cls, numbers, numbers) for cls in (Uniform, LogUniform, Normal, LogNormal)],
    *[st.builds(cls, numbers, numbers, numbers) for cls in (QUniform, QLogUniform, QNormal, QLogNormal)],
    st.builds(Randint, st.integers()),
)
ranges = st.builds(range, st.integers(), st.integers(), st.integers().filter(bool))
flat = st.builds(Choice, st.lists(plain, max_size=4)) | ranges.map(Choice)


def nested(inner: st.SearchStrategy[Distribution]) -> st.SearchStrategy[Distribution]:
    """Choices of which at least one branch has a group or an expression, beside scalars, lists and further branches."""
    sure = st.builds(Branch, texts.filter(bool), st.dictionaries(keys, inner | plain, max_size=2))
    more = sure | st.builds(Branch, st.none(), st.dictionaries(keys, inner | plain, max_size=2))
    values = st.lists(more | scalars | st.lists(scalars, max_size=2), max_size=3)
    return st.builds(lambda first, rest: Choice([first, *rest]), sure, values)


DISTRIBUTION: st.SearchStrategy[Distribution] = st.recursive(numeric | flat, nested, max_leaves=5)


class TestRoundTrip:
    @LAW
    @given(DISTRIBUTION)
    def test_the_mapping_notation_reads_back(self, distribution: Distribution) -> None:
        assert read(to_mapping(distribution), WHERE) == distribution

    @LAW
    @given(DISTRIBUTION)
    def test_the_text_notation_reads_back(self, distribution: Distribution) -> None:
        assert parse_text(to_text(distribution), WHERE) == distribution

    @LAW
    @given(DISTRIBUTION)
    def test_the_mapping_notation_survives_json(self, distribution: Distribution) -> None:
        """A key that JSON turns into text is text already."""
        assert read(json.loads(json.dumps(to_mapping(distribution))), WHERE) == distribution

    @pytest.mark.parametrize(
        ("distribution", "text", "mapping"),
        [
            pytest.param(
                LogUniform(-6.9, -2.3),
                "loguniform(-6.9, -2.3)",
                {"type": "loguniform", "min_value": -6.9, "max_value": -2.3},
                id="numbers",
            ),
            pytest.param(
                Choice(["adam", "a b", 1, 1.0, True, None, "true"]),
                'choice(adam, "a b", 1, 1.0, true, null, "true")',
                {"type": "choice", "values": ["adam", "a b", 1, 1.0, True, None, "true"]},
                id="values-keep-their-type",
            ),
            pytest.param(
                Choice(range(1, 4)), "choice(range(1, 4))", {"type": "choice", "values": [1, 2, 3]}, id="short-range"
            ),
            pytest.param(
                Choice(range(10**9)),
                "choice(range(0, 1000000000))",
                {"type": "choice", "values": "range(0, 1000000000)"},
                id="a-long-range-is-not-written-out",
            ),
            pytest.param(
                Choice([Branch("adam", {"lr": Uniform(0, 1), "eps": 1e-8}), Branch(None, {"n": Randint(2)}), 3]),
                "choice({_group_: adam, lr: uniform(0, 1), eps: 1e-08}, {n: randint(2)}, 3)",
                {
                    "type": "choice",
                    "values": [
                        {"_group_": "adam", "lr": {"type": "uniform", "min_value": 0, "max_value": 1}, "eps": 1e-8},
                        {"n": {"type": "randint", "upper": 2}},
                        3,
                    ],
                },
                id="nested",
            ),
        ],
    )
    def test_notations_look_as_azureml_users_know_them(
        self, distribution: Distribution, text: str, mapping: dict[str, Any]
    ) -> None:
        assert to_text(distribution) == text
        assert to_mapping(distribution) == mapping
        assert read(text, WHERE) == read(mapping, WHERE) == distribution

    def test_the_base_of_log_expressions_is_not_part_of_the_notation(self) -> None:
        assert to_text(LogUniform(-3, 0, base=10.0)) == "loguniform(-3, 0)"
        assert "base" not in to_mapping(LogNormal(0, 1, base=10.0))


class TestMapping:
    @pytest.mark.parametrize(
        ("mapping", "distribution"),
        [
            ({"type": "uniform", "min_value": 0.1, "max_value": 1}, Uniform(0.1, 1)),
            ({"type": "QLogUniform", "min_value": 0, "max_value": 1, "q": 1}, QLogUniform(0, 1, 1)),
            ({"type": "NORMAL", "mu": "1e-3", "sigma": " 2 "}, Normal(0.001, 2)),
            ({"type": "randint", "upper": "8"}, Randint(8)),
            ({"type": "randint", "upper": 8.0}, Randint(8)),
            ({"type": "choice", "values": [1, "1", 1.0]}, Choice([1, "1", 1.0])),
            ({"type": "choice", "values": (1, 2)}, Choice([1, 2])),
            ({"type": "choice", "values": range(4)}, Choice(range(4))),
            ({"type": "choice", "values": "range(4)"}, Choice(range(4))),
            ({"type": "choice", "values": []}, Choice([])),
            ({"type": "choice", "values": ["uniform(0, 1)"]}, Choice(["uniform(0, 1)"])),
        ],
        ids=str,
    )
    def test_mappings_mean(self, mapping: dict[str, Any], distribution: Distribution) -> None:
        read_back = parse_mapping(mapping, WHERE)

        assert read_back == distribution
        assert repr(read_back) == repr(distribution)

    @pytest.mark.parametrize(
        ("thing", "messages"),
        [
            pytest.param(
                {"type": "lognorm", "mu": 0},
                [".type: unknown expression; got 'lognorm'. Did you mean lognormal?"],
                id="misspelt-type",
            ),
            pytest.param({"type": 3}, [".type: unknown expression; got 3. It can be choice, "], id="type-is-no-text"),
            pytest.param(
                {"typ": "uniform"},
                [": an expression needs a type; got {'typ': 'uniform'}. Did you mean type instead of typ?"],
                id="misspelt-key-type",
            ),
            pytest.param(
                {"values": [1]},
                [": an expression needs a type; got {'values': [1]}. Write for example type: choice."],
                id="no-type",
            ),
            pytest.param(
                {"type": "uniform", "min_value": "abc", "max_vale": 1},
                [
                    ".max_vale: uniform has no such argument; got max_vale=1. Did you mean max_value?",
                    ": uniform needs max_value, as in uniform(min_value, max_value); got {",
                    ".min_value: must be a finite number; got 'abc'.",
                ],
                id="every-problem-at-once",
            ),
            pytest.param(
                {"type": "randint", "lower": 1, "upper": 3},
                [
                    (
                        ".lower: randint has no such argument; got lower=1. It has no lower bound: "
                        "randint(n) draws from 0 to n - 1. Use a choice of a range, or quniform."
                    )
                ],
                id="randint-has-no-lower-bound",
            ),
            pytest.param(
                {"type": "randint", "upper": 2.7}, [".upper: must be a whole number; got 2.7."], id="no-rounding"
            ),
            pytest.param(
                {"type": "normal", "mu": True, "sigma": None},
                [".mu: must be a finite number; got true.", ".sigma: must be a finite number; got null."],
                id="no-booleans-no-null",
            ),
            pytest.param(
                {"type": "normal", "mu": float("nan"), "sigma": "inf"},
                [".mu: must be a finite number; got nan.", ".sigma: must be a finite number; got 'inf'."],
                id="no-nan-no-infinity",
            ),
            pytest.param(
                {"type": "normal", "mu": "1" * 401, "sigma": "1e999"},
                [".mu: must be a finite number; got '111", ".sigma: must be a finite number; got '1e999'."],
                id="no-number-beyond-floats",
            ),
            pytest.param(
                {"type": "choice"},
                [": choice needs values, as in choice(value, ...); got {'type': 'choice'}."],
                id="no-values",
            ),
            pytest.param(
                {"type": "choice", "values": "adam, sgd"},
                [".values: must be a list; got 'adam, sgd'. Did you mean [adam, sgd]?"],
                id="values-as-text",
            ),
            pytest.param(
                {"type": "choice", "values": {"a": 1}}, [".values: must be a list; got {'a': 1}."], id="values-mapping"
            ),
            pytest.param(
                0.1,
                [
                    (
                        ": must be an expression; got 0.1. "
                        "Write for example {type: uniform, min_value: 0, max_value: 1} or uniform(0, 1)."
                    )
                ],
                id="a-plain-value",
            ),
            pytest.param(
                {"type": "choice", "values": [{"_group_": 3, "lr": {"type": "uniform", "min_value": 0}}, {7: 1}]},
                [
                    ".values[0]._group_: must be the name of a config group's option; got 3.",
                    ".values[0].lr: uniform needs max_value, as in uniform(min_value, max_value); got {",
                    ".values[1]: keys of a branch must be text; got 7. Write '7' in quotes.",
                ],
                id="inside-branches",
            ),
        ],
    )
    def test_what_cannot_be_read_is_refused_with_every_problem(self, thing: Any, messages: list[str]) -> None:
        with pytest.raises(SpecError) as caught:
            read(thing, WHERE)

        told = [str(problem) for problem in caught.value.problems]
        assert len(told) == len(messages)
        assert all(text.startswith(WHERE + message) for text, message in zip(told, messages, strict=True)), told


class TestNestedChoices:
    EXPRESSION: dict[str, Any] = {"type": "Uniform", "min_value": 0, "max_value": 1}  # noqa: RUF012

    def values(self, *values: Any, all_branches: bool = False) -> list[Any]:
        choice = parse_mapping({"type": "choice", "values": list(values)}, WHERE, all_branches=all_branches)
        assert isinstance(choice, Choice)
        return list(choice.values)

    @pytest.mark.parametrize(
        "values",
        [
            pytest.param([{"a": 1}, {"b": [1]}], id="plain-mappings"),
            pytest.param([{"_target_": "torch.optim.Adam", "lr": 0.1}], id="target-mappings"),
            pytest.param([{"a": {"b": EXPRESSION}}], id="an-expression-deeper-down"),
            pytest.param([EXPRESSION], id="an-expression-that-is-the-value-itself"),
            pytest.param([{"a": "uniform(0, 1)"}], id="text-that-looks-like-an-expression"),
            pytest.param([{"a": {"type": "conv"}}], id="a-type-that-is-none-of-the-ten"),
        ],
    )
    def test_mappings_without_group_and_expression_stay_plain_values(self, values: list[Any]) -> None:
        assert self.values(*values) == values

    @pytest.mark.parametrize("sign", [{"_group_": "adam"}, {"lr": EXPRESSION}], ids=["group", "expression"])
    def test_one_group_or_expression_makes_every_mapping_a_branch(self, sign: dict[str, Any]) -> None:
        found = self.values({"a": 1}, sign, {}, "scalar", [{"b": 1}])

        assert found[0] == Branch(None, {"a": 1})
        assert isinstance(found[1], Branch)
        assert found[2] == Branch(None, {})
        assert found[3:] == ["scalar", [{"b": 1}]]

    def test_in_a_job_file_every_mapping_is_a_branch_at_any_depth(self) -> None:
        inner = {"type": "choice", "values": [{"b": 1}]}

        found = self.values({"a": 1, "m": inner}, all_branches=True)

        assert found == [Branch(None, {"a": 1, "m": Choice([Branch(None, {"b": 1})])})]

    def test_a_branch_can_hold_distributions_and_plain_mappings(self) -> None:
        assert self.values({"lr": Uniform(0, 1), "opt": {"x": 1}}) == [
            Branch(None, {"lr": Uniform(0, 1), "opt": {"x": 1}})
        ]


def azure(name: str, **attributes: Any) -> Any:
    """An object that looks like one of azure-ai-ml's."""
    cls = type(name, (), {"__module__": "azure.ai.ml.entities._job.sweep.search_space"})
    thing = cls()
    for key, value in attributes.items():
        setattr(thing, key, value)
    return thing


class TestObjects:
    @pytest.mark.parametrize(
        ("thing", "distribution"),
        [
            (azure("Choice", type="choice", values=[1, "a"]), Choice([1, "a"])),
            (azure("Choice", values=range(3)), Choice(range(3))),
            (azure("Uniform", type="uniform", min_value=0.1, max_value=1), Uniform(0.1, 1)),
            (azure("LogUniform", min_value=-3, max_value=0), LogUniform(-3, 0)),
            (azure("QUniform", min_value=0, max_value=9, q=2), QUniform(0, 9, 2)),
            (azure("QLogUniform", min_value=0, max_value=3, q=1), QLogUniform(0, 3, 1)),
            (azure("Normal", mu=0, sigma=1), Normal(0, 1)),
            (azure("LogNormal", mu=0, sigma=1), LogNormal(0, 1)),
            (azure("QNormal", mu=0, sigma=1, q=1), QNormal(0, 1, 1)),
            (azure("QLogNormal", mu=0, sigma=1, q=1), QLogNormal(0, 1, 1)),
            (azure("Randint", upper=3), Randint(3)),
            (
                azure("Choice", values=[{"lr": azure("Uniform", min_value=0, max_value=1)}, 2]),
                Choice([Branch(None, {"lr": Uniform(0, 1)}), 2]),
            ),
        ],
        ids=lambda case: repr(case) if isinstance(case, Distribution) else "",
    )
    def test_objects_of_azure_ai_ml_are_known_by_class_name(self, thing: object, distribution: Distribution) -> None:
        assert from_object(thing, WHERE) == distribution

    def test_an_argument_left_out_there_is_missed_here(self) -> None:
        message = (
            "uniform needs max_value, as in uniform(min_value, max_value); got uniform object with {'min_value': 1}."
        )

        with pytest.raises(SpecError, match=f"^{re.escape(f'{WHERE}: {message}')}$"):
            from_object(azure("Uniform", min_value=1, max_value=None), WHERE)

    def test_a_class_of_that_name_from_elsewhere_is_no_expression(self) -> None:
        class Uniform:
            min_value, max_value = 0, 1

        with pytest.raises(SpecError, match="must be an expression"):
            from_object(Uniform(), WHERE)

    def test_a_distribution_is_itself(self) -> None:
        normal = Normal(0, 1)

        assert read(normal, WHERE) is normal


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ({"type": "uniform"}, True),
        ({"type": "LogUniform"}, True),
        ({"type": "adam"}, False),
        ({"type": 3}, False),
        ({}, False),
        ("uniform(0, 1)", False),
        (None, False),
    ],
    ids=str,
)
def test_a_mapping_is_an_expression_if_its_type_is_one_of_the_ten_names(thing: Any, expected: bool) -> None:
    assert is_expression(thing) is expected
