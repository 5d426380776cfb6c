"""The axes of a report: how each parameter is drawn, whatever it is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from azsweep_core.report._axes import Axes
from azsweep_core.search_space import read_space
from azsweep_core.trial import Parameters

NESTED = {
    "type": "choice",
    "values": [
        {"name": "mlp", "units": {"type": "choice", "values": [4, 8]}},
        {"name": "tree", "+depth": {"type": "randint", "upper": 9}},
    ],
}
AXES: Mapping[str, tuple[Mapping[str, Any], list[Parameters], list[tuple[Any, ...]]]] = {
    "in-the-order-of-the-space": (
        {"b": "loguniform(0, 1)", "model": NESTED, "+a": "uniform(-1, 1)"},
        [{"+extra": 3, "b": 1.0}],
        [
            ("b", "loguniform", "log", None, 1.0, 2.71828182846),
            ("model.name", "choice", "category", ["mlp", "tree"], None, None),
            ("model.depth", "randint", "linear", None, 0, 8),
            ("model.units", "choice", "category", [4, 8], None, None),
            ("a", "uniform", "linear", None, -1.0, 1.0),
            ("extra", "number", "linear", None, None, None),
        ],
    ),
    "quantised": (
        {
            "a": "quniform(0.3, 2.7, 0.5)",
            "b": "qloguniform(0, 5, 1)",
            "c": "qloguniform(-5, 1, 1)",
            "d": "qnormal(0, 1, 2)",
        },
        [],
        [
            ("a", "quniform", "linear", None, 0.5, 2.5),
            ("b", "qloguniform", "log", None, 1, 148),
            ("c", "qloguniform", "linear", None, 0, 3),
            ("d", "qnormal", "linear", None, None, None),
        ],
    ),
    "without-ends": (
        {"a": "normal(0, 1)", "b": "lognormal(0, 1)", "c": "qlognormal(0, 1, 1)"},
        [],
        [
            ("a", "normal", "linear", None, None, None),
            ("b", "lognormal", "log", None, None, None),
            ("c", "qlognormal", "linear", None, None, None),
        ],
    ),
    "too-many-to-list": (
        {"a": "choice(range(1000000000))", "b": {"type": "choice", "values": [f"v{each}" for each in range(101)]}},
        [],
        [
            ("a", "choice", "linear", None, 0, 999_999_999),
            ("b", "choice", "category", None, None, None),
        ],
    ),
    "values-of-every-type": (
        {
            "a": {"type": "choice", "values": [None, True, 1.5, [1], {"b": 2**60}]},
            "n": "randint(100000000000000000000)",
        },
        [],
        [
            ("a", "choice", "category", [None, True, 1.5, [1], {"b": str(2**60)}], None, None),
            ("n", "randint", "linear", None, 0, 1e20),
        ],
    ),
    "of-trials-alone": (
        {"x": "uniform(0, 1)"},
        [{"flag": True, "word": "a"}, {"word": "b", "flag": False}, {"word": "a"}],
        [
            ("x", "uniform", "linear", None, 0.0, 1.0),
            ("flag", "choice", "category", [True, False], None, None),
            ("word", "choice", "category", ["a", "b"], None, None),
        ],
    ),
}


@pytest.mark.parametrize("name", AXES)
def test_each_parameter_has_an_axis_that_fits_it(name: str) -> None:
    space, trials, expected = AXES[name]

    axes = Axes(read_space(space)).document(trials, 1000)

    shapes = [tuple(axis[part] for part in ("key", "kind", "scale", "choices", "low", "high")) for axis in axes]
    assert shapes == expected
