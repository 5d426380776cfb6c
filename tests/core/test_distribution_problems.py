"""What an expression whose arguments make no sense, or probably not the sense that was meant, is told."""

from __future__ import annotations

import math
from typing import Any

import pytest

from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)


def messages(distribution: Distribution) -> list[str]:
    return [str(problem) for problem in distribution.validate("search_space.x")]


class TestProblems:
    @pytest.mark.parametrize(
        ("distribution", "message"),
        [
            (Uniform(2, 1), "uniform needs min_value < max_value; got uniform(2, 1). Did you mean uniform(1, 2)?"),
            (Uniform(1, 1), "uniform needs min_value < max_value; got uniform(1, 1). For a constant write choice(1)."),
            (
                QUniform(2, 1, 1),
                "quniform needs min_value < max_value; got quniform(2, 1, 1). Did you mean quniform(1, 2, 1)?",
            ),
            (QUniform(0, 1, 0), "quniform needs q > 0; got quniform(0, 1, 0). Did you mean uniform(0, 1)?"),
            (QNormal(0, 1, -0.5), "qnormal needs q > 0; got qnormal(0, 1, -0.5). Did you mean qnormal(0, 1, 0.5)?"),
            (
                LogUniform(0, -3),
                "loguniform needs min_value <= max_value; got loguniform(0, -3). Did you mean loguniform(-3, 0)?",
            ),
            (
                QLogUniform(0, -3, 1),
                (
                    "qloguniform needs min_value <= max_value; got qloguniform(0, -3, 1). "
                    "Did you mean qloguniform(-3, 0, 1)?"
                ),
            ),
            (LogUniform(0, 800), "loguniform must give finite numbers, below 1.8e308; got loguniform(0, 800)."),
            (LogNormal(0, 100), "lognormal must give finite numbers, below 1.8e308; got lognormal(0, 100)."),
            (Normal(0, -1), "normal needs sigma >= 0; got normal(0, -1). Did you mean normal(0, 1)?"),
            (
                QUniform(0, 1e20, 0.1),
                (
                    "quniform needs a larger q: beyond 2**53 * q a number cannot be told from its neighbour; "
                    "got quniform(0, 1e+20, 0.1)."
                ),
            ),
            (Randint(0), "randint needs upper > 0; got randint(0). It draws whole numbers from 0 to upper - 1."),
            (Randint(-3), "randint needs upper > 0; got randint(-3). It draws whole numbers from 0 to upper - 1."),
            (Randint(2.5), "randint needs a whole number for upper; got randint(2.5)."),  # type: ignore[arg-type]
            (Uniform(True, 2), "uniform needs a finite number for min_value; got uniform(true, 2)."),
            (Normal(math.nan, 1), "normal needs a finite number for mu; got normal(nan, 1)."),
            (Uniform(0, 10**400), None),
            (Uniform("0", 1), "uniform needs a finite number for min_value; got uniform('0', 1)."),  # type: ignore[arg-type]
            (Choice([]), "choice needs at least one value; got choice()."),
            (Choice(range(0)), "choice needs at least one value; got choice()."),
            (Choice("abc"), "choice needs a list of values; got 'abc'."),
        ],
        ids=lambda case: repr(case)[:40],
    )
    def test_an_argument_that_makes_no_sense_is_told_with_its_rule_and_fix(
        self, distribution: Distribution, message: str | None
    ) -> None:
        found = messages(distribution)

        assert len(found) == 1
        assert message is None or found == [f"search_space.x: {message}"]

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (
                Uniform(0, 1),
                (
                    ": an expression cannot be a value of a choice; got uniform. "
                    "Make it a mapping with a name for what is drawn: {name: expression}."
                ),
            ),
            (
                "half an emoji: \ud83c",
                (
                    ": text must be fit for a command line and for UTF-8 files, without NUL and lone surrogates; "
                    "got 'half an emoji: \\ud83c'."
                ),
            ),
            (
                {"a": [b"x"]},
                (
                    ".a[0]: must be null, a boolean, a number, text, a list or a mapping; got b'x' (bytes). "
                    "Put it in quotes to pass it as text."
                ),
            ),
            (
                Branch(None, {"lr": Uniform(2, 1)}),
                ".lr: uniform needs min_value < max_value; got uniform(2, 1). Did you mean uniform(1, 2)?",
            ),
            (
                Branch(None, {"a": {"_group_": "adam"}}),
                ".a: _group_ may stand only in a mapping that is itself a value of a choice; got {'_group_': 'adam'}.",
            ),
        ],
        ids=["expression", "unfit-text", "deep-inside", "in-a-branch", "group-too-deep"],
    )
    def test_a_bad_value_of_a_choice_is_told_with_its_place(self, value: Any, message: str) -> None:
        assert messages(Choice([1, value])) == [f"search_space.x.values[1]{message}"]

    def test_every_problem_of_an_expression_is_told(self) -> None:
        assert len(messages(QNormal(0, -1, 0))) == 2

    @pytest.mark.parametrize(
        "distribution",
        [
            LogUniform(0, 0),
            QLogUniform(1, 1, 1),
            Normal(0, 0),
            Uniform(-1, 0),
            QUniform(0.05, 0.75, 1),
            Choice([None, True, 1, 1.5, "a", [1, {"b": None}], {"type": "normal"}]),
            Choice([{"_target_": "torch.optim.Adam"}]),
            Choice(range(10**30)),
        ],
        ids=repr,
    )
    def test_a_legal_expression_has_no_problems(self, distribution: Distribution) -> None:
        assert messages(distribution) == []


class TestWarnings:
    @pytest.mark.parametrize(
        ("distribution", "message"),
        [
            pytest.param(
                LogUniform(0.0001, 0.1),
                ": loguniform takes exponents, not values; these give 1.0001 to 1.10517; "
                "got loguniform(0.0001, 0.1). Did you mean loguniform(-9.21034, -2.30259)?",
                id="bounds-that-look-like-values",
            ),
            pytest.param(
                QLogUniform(0.1, 1, 0.1),
                ": qloguniform takes exponents, not values; these give 1.10517 to 2.71828; "
                "got qloguniform(0.1, 1, 0.1). Did you mean qloguniform(-2.30259, 0.0, 0.1)?",
                id="the-same-for-qloguniform",
            ),
            pytest.param(
                Choice([[16, 32]]),
                ": choice has one value, a list; got choice([16, 32]). Did you mean choice(16, 32)?",
                id="one-list",
            ),
            pytest.param(
                Choice([Branch(None, {"lr": LogUniform(0.1, 1), "n": 1})]),
                ".values[0].lr: loguniform takes exponents, not values; these give 1.10517 to 2.71828; "
                "got loguniform(0.1, 1). Did you mean loguniform(-2.30259, 0.0)?",
                id="in-a-branch",
            ),
            pytest.param(
                Choice([Branch("adam", {"lr": " uniform(0, 1)"})]),
                ".values[0].lr: this text is passed on as it is; got ' uniform(0, 1)'. "
                "For an expression write a mapping: {type: uniform, ...}.",
                id="text-that-looks-like-an-expression",
            ),
            pytest.param(
                Choice([{"type": "Normal"}, {"type": "conv"}]),
                ".values[0]: this mapping is passed on as it is; got {'type': 'Normal'}. "
                "For an expression give what is drawn a name: {name: {type: uniform, ...}}.",
                id="mapping-that-looks-like-an-expression",
            ),
            pytest.param(
                Choice([Branch(None, {"lr": {"type": "unifrom", "max_value": 1}, "net": {"type": "cnn"}})]),
                ".values[0].lr: this mapping is passed on as it is; got {'type': 'unifrom', 'max_value': 1}. "
                "For an expression write type: uniform.",
                id="misspelt-expression",
            ),
        ],
    )
    def test_what_was_probably_not_meant_is_warned_of(self, distribution: Distribution, message: str) -> None:
        assert [str(problem) for problem in distribution.warnings("search_space.x")] == [f"search_space.x{message}"]

    @pytest.mark.parametrize(
        "distribution",
        [
            LogUniform(-6.9, -2.3),
            LogUniform(0, 1),
            LogUniform(0.5, 1.5),
            LogUniform(0.5, 0.5),
            Choice([[1], [2]]),
            Choice([1]),
            Choice(range(3)),
            Choice(["uniform"]),
        ],
        ids=repr,
    )
    def test_what_is_common_is_not_warned_of(self, distribution: Distribution) -> None:
        assert list(distribution.warnings("search_space.x")) == []
