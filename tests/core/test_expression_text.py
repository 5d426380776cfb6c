"""The text notation: what a text means, and in which words it is refused."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    QUniform,
    Randint,
    Uniform,
)
from azsweep_core.errors import SpecError
from azsweep_core.expressions import parse_text

LAW = settings(deadline=None)
"""A busy machine is no failure."""

WHERE = "search_space.x"


class TestText:
    @pytest.mark.parametrize(
        ("text", "distribution"),
        [
            ("uniform(0, 1)", Uniform(0, 1)),
            (" Uniform( min_value = 0 ,max_value=1 ) ", Uniform(0, 1)),
            ("UNIFORM(0, max_value=1)", Uniform(0, 1)),
            ("uniform(1e-3, 1.5E+2)", Uniform(0.001, 150.0)),
            ("uniform(-.5, +5.)", Uniform(-0.5, 5.0)),
            ("uniform('0.1', \"1\")", Uniform(0.1, 1)),
            ("quniform(0, 10, q=2)", QUniform(0, 10, 2)),
            ("randint(2.0)", Randint(2)),
            ("randint(1_000)", Randint(1000)),
            ("choice(1, 2)", Choice([1, 2])),
            ("choice(values=[1, 2])", Choice([1, 2])),
            ("choice([1, 2])", Choice([[1, 2]])),
            ("choice([1], [2])", Choice([[1], [2]])),
            ("choice(range(1, 5))", Choice(range(1, 5))),
            ("choice(values=range(5))", Choice(range(5))),
            ("choice(range(10, 0, -2),)", Choice(range(10, 0, -2))),
            ("choice()", Choice([])),
            pytest.param(f"choice({'[1], ' * 50})", Choice([[1]] * 50), id="many-brackets-beside-each-other"),
            ("choice(True, False, None, true, false, null)", Choice([True, False, None] * 2)),
            (
                "choice(inf, -INF, 007, v1.5, none, +, 3d)",
                Choice([float("inf"), float("-inf"), "007", "v1.5", "none", "+", "3d"]),
            ),
            ("choice(a/b.c-d, été, $x, *)", Choice(["a/b.c-d", "été", "$x", "*"])),
            (r"""choice("a\n\"b\"", 'it\'s', "\u00e9", '\d', "\\n")""", Choice(['a\n"b"', "it's", "é", r"\d", r"\n"])),
            ("choice({a: 1, 'b c': [x, {}]}, {})", Choice([{"a": 1, "b c": ["x", {}]}, {}])),
            (
                "choice({name: mlp, units: randint(8)}, {name: linear})",
                Choice([Branch(None, {"name": "mlp", "units": Randint(8)}), Branch(None, {"name": "linear"})]),
            ),
            (
                "choice({m: choice({_group_: a}, b)})",
                Choice([Branch(None, {"m": Choice([Branch("a", {}), "b"])})]),
            ),
        ],
        ids=str,
    )
    def test_function_text_means(self, text: str, distribution: Distribution) -> None:
        assert parse_text(text, WHERE) == distribution

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", ": expected an expression such as uniform(0, 1) at character 1; got ''."),
            ("0.1", ": expected an expression such as uniform(0, 1) at character 1; got '0.1'."),
            ("uniform", ": expected an expression such as uniform(0, 1) at character 1; got 'uniform'."),
            ("uniform(0, 1) x", ": expected nothing more at character 15; got 'uniform(0, 1) x'."),
            (
                "uniform(0 1)",
                ": expected ',' or ')' (text with spaces or marks needs quotes) at character 11; got 'uniform(0 1)'.",
            ),
            ("uniform(0, 1", ": expected ',' or ')' (text with spaces or marks needs quotes) at character 13; "),
            ("uniform(0,", ": expected a value at character 11; got 'uniform(0,'."),
            ("choice(,)", ": expected a value before ',' at character 8; got 'choice(,)'."),
            ("choice('a)", ': expected a closing quote at character 11; got "choice(\'a)".'),
            ("choice({a 1})", ": expected ':' after the key 'a' at character 11; got 'choice({a 1})'."),
            ("choice({[]: 1})", ": expected a key that is a scalar and not yet given at character 9; "),
            ("choice({a: 1, a: 2})", ": expected a key that is a scalar and not yet given at character 15; "),
            ("uniform(min_value=0, 1)", ": expected name=value, as in the argument before at character 22; "),
            ("uniform(min_value=0, min_value=1)", ": expected min_value once at character 22; "),
            ("choice(" + "9" * 5000 + ")", ": expected a number of at most 400 digits at character 8; "),
            ("choice(" + "[" * 50, ": expected no more than 40 brackets inside each other at character 47; "),
            ("unifrom(0, 1)", ": unknown expression; got 'unifrom'. Did you mean uniform?"),
            ("f(0, 1)", ": unknown expression; got 'f'. It can be choice, randint, uniform, "),
            ("range(3)", ": must be an expression; got range(3). Did you mean choice(range(3))?"),
            ("choice(range(0, 1, 0.1))", ": range takes 1 to 3 whole numbers, as in range(start, stop, step); got "),
            ("choice(range(1, 2, 0))", ": range takes 1 to 3 whole numbers, as in range(start, stop, step); got "),
            ("uniform(0)", ": uniform needs max_value, as in uniform(min_value, max_value); got uniform(0)."),
            (
                "uniform()",
                ": uniform needs min_value and max_value, as in uniform(min_value, max_value); got uniform().",
            ),
            (
                "uniform(0, 1, 2)",
                ": uniform takes 2 arguments, as in uniform(min_value, max_value); got uniform(0, 1, 2).",
            ),
            ("randint(1, 5)", ": randint takes one argument, as in randint(upper); got randint(1, 5)."),
            ("uniform(0, 1, min_value=2)", ": uniform takes min_value once; got uniform(0, 1, min_value=2)."),
            ("choice(1, values=[2])", ": choice takes values once; got choice(1, values=[2])."),
            ("choice(values=3)", ".values: must be a list; got 3."),
            ("uniform(0, inf)", ".max_value: must be a finite number; got inf."),
            ("randint(2.5)", ".upper: must be a whole number; got 2.5."),
            ("choice(g(1))", ": unknown expression; got 'g'."),
        ],
        ids=lambda case: case[:40],
    )
    def test_text_that_is_no_expression_is_refused_with_its_place(self, text: str, message: str) -> None:
        with pytest.raises(SpecError, match="^" + re.escape(WHERE + message)):
            parse_text(text, WHERE)

    @LAW
    @given(
        st.text()
        | st.lists(
            st.sampled_from([*"()[]{},:='\"\\ 1a", "choice(", "uniform(", "range(", "_group_"]), max_size=15
        ).map("".join)
    )
    @example("choice(\\")
    @example("choice(range(9, 1, 0))")
    @example("choice({_group_: [x]})")
    @example("choice(\ud800)")
    @example("choice({1: randint(2)})")
    def test_any_text_is_either_read_or_refused(self, text: str) -> None:
        with contextlib.suppress(SpecError):
            distribution = parse_text(text, WHERE)

            list(distribution.validate(WHERE))
            list(distribution.warnings(WHERE))
