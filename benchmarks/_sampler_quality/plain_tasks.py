"""Synthetic tasks over uniform parameters and plain choices: those that go with the tables, and those kept apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from azsweep_core.trial import Parameters
from benchmarks._sampler_quality import functions
from benchmarks._sampler_quality.task import Task, function_task

__all__ = ["FUNCTIONS", "KEPT_APART"]


def _box(dimensions: int, low: float, high: float) -> dict[str, Any]:
    return {f"x{index}": _uniform(low, high) for index in range(dimensions)}


def _uniform(low: float, high: float) -> dict[str, Any]:
    return {"type": "uniform", "min_value": low, "max_value": high}


def _choice(*values: object) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


def _of_vector(
    function: Callable[[list[float]], float], dimensions: int | None = None
) -> Callable[[Parameters], float]:
    """The function of a point whose first so many values are the vector."""
    return lambda point: function(list(point.values())[:dimensions])


def _branin() -> Task:
    space = {"x": _uniform(-5, 10), "y": _uniform(0, 15)}
    return function_task("branin", space, _of_vector(functions.branin), functions.BRANIN_LEAST)


def _hartmann6() -> Task:
    return function_task("hartmann6", _box(6, 0, 1), _of_vector(functions.hartmann6), functions.HARTMANN6_LEAST)


def _ackley5() -> Task:
    """The domain is not centred on the optimum: a sampler that tries its middle first must not find it there."""
    return function_task("ackley5", _box(5, -20, 40), _of_vector(functions.ackley), 0.0)


def _rosenbrock4() -> Task:
    return function_task("rosenbrock4", _box(4, -5, 10), _of_vector(functions.rosenbrock), 0.0)


def _levy5() -> Task:
    return function_task("levy5", _box(5, -10, 10), _of_vector(functions.levy), 0.0)


def _schwefel4() -> Task:
    least = -4 * functions.SCHWEFEL_PER_DIMENSION
    return function_task("schwefel4", _box(4, -500, 500), _of_vector(functions.schwefel), least)


def _styblinski_tang8() -> Task:
    least = 8 * functions.STYBLINSKI_TANG_PER_DIMENSION
    return function_task("styblinski_tang8", _box(8, -5, 5), _of_vector(functions.styblinski_tang), least)


def _hartmann6_in_14() -> Task:
    """Eight of the parameters do nothing."""
    function = _of_vector(functions.hartmann6, 6)
    return function_task("hartmann6_in_14", _box(14, 0, 1), function, functions.HARTMANN6_LEAST)


def _staircase8() -> Task:
    """Flat steps around a point: 0 within a sixth of it in every parameter."""
    centres = np.linspace(0.25, 0.8, 8)

    def function(x: list[float]) -> float:
        return float(np.floor(6 * np.abs(np.array(x) - centres)).sum())

    return function_task("staircase8", _box(8, 0, 1), _of_vector(function), 0.0)


def _noisy_mixed6() -> Task:
    """Three numbers, a choice of numbers and two of words, one of which shifts a bowl; observed with noise."""
    space = {
        **_box(3, 0, 1),
        "size": _choice(8, 16, 32, 64, 128, 256),
        "kind": _choice("a", "b", "c", "d"),
        "mode": _choice("low", "middle", "high"),
    }
    shift = {"a": 0.2, "b": 0.5, "c": 0.7, "d": 0.9}
    penalty = {"a": 0.3, "b": 0.15, "c": 0.0, "d": 0.2}
    target = {"low": 16, "middle": 64, "high": 128}

    def function(point: Parameters) -> float:
        kind, mode = point["kind"], point["mode"]
        numbers = sum((point[f"x{index}"] - shift[kind] + 0.1 * index) ** 2 for index in range(3))
        size = 0.05 * math.log2(point["size"] / target[mode]) ** 2
        return float(2 * numbers + penalty[kind] + size + 0.1 * (mode != "high"))

    return function_task("noisy_mixed6", space, function, 0.0, noise=0.05)


def _michalewicz5() -> Task:
    function = _of_vector(functions.michalewicz)
    return function_task("michalewicz5", _box(5, 0, math.pi), function, functions.MICHALEWICZ5_LEAST)


def _rastrigin5() -> Task:
    return function_task("rastrigin5", _box(5, -3.5, 6.5), _of_vector(functions.rastrigin), 0.0)


def _turned_ellipsoid6() -> Task:
    """A narrow valley that no single parameter runs along: axes from 1 to 1000, turned by a fixed rotation."""
    turn, _ = np.linalg.qr(np.random.default_rng(6).standard_normal((6, 6)))
    centre, weights = np.linspace(-1.5, 2.0, 6), np.logspace(0, 3, 6)

    def function(x: list[float]) -> float:
        return float(weights @ (turn @ (np.array(x) - centre)) ** 2)

    return function_task("turned_ellipsoid6", _box(6, -5, 5), _of_vector(function), 0.0)


def _words7() -> Task:
    """Seven choices of four words; each word and each pair of neighbours has a weight of its own, drawn once."""
    words = ("north", "east", "south", "west")
    generator = np.random.default_rng(7)
    singles, pairs = generator.random((7, 4)), generator.random((6, 4, 4))

    def function(indices: tuple[int, ...]) -> float:
        alone = sum(singles[place, index] for place, index in enumerate(indices))
        return float(alone + sum(pairs[place, a, b] for place, (a, b) in enumerate(itertools.pairwise(indices))))

    least = min(map(function, itertools.product(range(4), repeat=7)))
    space = {f"w{place}": _choice(*words) for place in range(7)}
    return function_task(
        "words7", space, lambda point: function(tuple(map(words.index, point.values()))), least, noise=0.02
    )


def _by_name(*makers: Callable[[], Task]) -> Mapping[str, Callable[[], Task]]:
    return {maker.__name__.lstrip("_"): partial(maker) for maker in makers}


FUNCTIONS = _by_name(_branin, _hartmann6, _ackley5, _rosenbrock4, _levy5)
"""Those that go with the tables."""

KEPT_APART = _by_name(
    _schwefel4,
    _styblinski_tang8,
    _hartmann6_in_14,
    _staircase8,
    _noisy_mixed6,
    _michalewicz5,
    _rastrigin5,
    _turned_ellipsoid6,
    _words7,
)
"""Those that nothing was ever chosen by."""
