"""Real models of scikit-learn as tasks over log, normal and conditional parameters, looked up in models.json."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from azsweep_core.search_space import read_space
from azsweep_core.trial import Parameters
from benchmarks._sampler_quality.task import Outcome, Task

__all__ = ["MODELS"]

Array = NDArray[np.float64]


class Surface:
    """Losses and times between the nodes of a grid, linear along each axis, constant beyond its ends.

    So no value is below the least one of the nodes, and the optimum is known.
    """

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self._axes = [np.array(nodes, dtype=float) for nodes in entry["axes"].values()]
        shape = [len(nodes) for nodes in self._axes]
        losses = np.array(entry["losses"]).reshape(-1, *shape)
        self._layers = np.concatenate([losses, np.array(entry["seconds"]).reshape(1, *shape)])
        self.least = float(losses.mean(axis=0).min())

    def outcome(self, coordinates: Sequence[float], generator: np.random.Generator) -> Outcome:
        """One of the repetitions, by chance; the true value is their mean."""
        layers: Array = self._layers
        for nodes, coordinate in zip(self._axes, coordinates, strict=True):
            place = float(np.interp(coordinate, nodes, np.arange(len(nodes))))
            left = min(int(place), len(nodes) - 2)
            layers = layers[:, left] + (place - left) * (layers[:, left + 1] - layers[:, left])
        losses = layers[:-1]
        return Outcome(float(generator.choice(losses)), float(losses.mean()), float(layers[-1]))


@cache
def _entries() -> Mapping[str, Any]:
    entries: Mapping[str, Any] = json.loads(Path(__file__).with_name("models.json").read_text(encoding="utf-8"))
    return entries


def _log(low: float, high: float) -> dict[str, Any]:
    return {"type": "loguniform", "min_value": low, "max_value": high}


def _lognormal(mu: float, sigma: float) -> dict[str, Any]:
    return {"type": "lognormal", "mu": mu, "sigma": sigma}


def _choice(*values: object) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


def _ridge_diabetes() -> Task:
    """Kernel ridge regression on the diabetes data: two loguniform parameters, the error of a cross-validation."""
    surface = Surface(_entries()["ridge_diabetes"])

    def evaluate(point: Parameters, generator: np.random.Generator) -> Outcome:
        return surface.outcome([math.log(point["alpha"]), math.log(point["gamma"])], generator)

    return Task("ridge_diabetes", read_space({"alpha": _log(-9, 3), "gamma": _log(-10, 0)}), evaluate, surface.least)


def _network_digits() -> Task:
    """A network on the digits: loguniform, lognormal, numbers in a choice, and words."""
    surface = Surface(_entries()["network_digits"])
    widths, activations = (8, 16, 32, 64), ("relu", "tanh")
    space = {
        "lr": _log(-9, -1),
        "decay": _lognormal(-7, 2.5),
        "width": _choice(*widths),
        "activation": _choice(*activations),
    }

    def evaluate(point: Parameters, generator: np.random.Generator) -> Outcome:
        coordinates = [
            math.log(point["lr"]),
            math.log(point["decay"]),
            widths.index(point["width"]),
            activations.index(point["activation"]),
        ]
        return surface.outcome(coordinates, generator)

    return Task("network_digits", read_space(space), evaluate, surface.least)


_WEIGHTS = ("uniform", "distance")
_CANCER: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Callable[[Any], float]]]] = {
    "svc": ({"C": _log(-5, 9), "gamma": _lognormal(-4, 2)}, {"C": math.log, "gamma": math.log}),
    "logistic": ({"strength": _log(-9, 7)}, {"strength": math.log}),
    "neighbours": (
        {"k": {"type": "quniform", "min_value": 0, "max_value": 15, "q": 1}, "weights": _choice(*_WEIGHTS)},
        {"k": float, "weights": _WEIGHTS.index},
    ),
    "boosting": (
        {"lr": _log(-5, 0), "depth": _choice(1, 2, 3, 4), "trees": _choice(10, 20, 40, 80)},
        {"lr": math.log, "depth": lambda depth: depth - 1, "trees": lambda trees: math.log2(trees / 10)},
    ),
}
"""Expressions by model, and what turns a value into a coordinate of its surface."""


def _models_cancer() -> Task:
    """Which model, and then its own parameters, on the breast cancer data: a nested choice."""
    surfaces = {name: Surface(_entries()[f"models_cancer.{name}"]) for name in _CANCER}
    branches = [{"name": name, **expressions} for name, (expressions, _) in _CANCER.items()]

    def evaluate(point: Parameters, generator: np.random.Generator) -> Outcome:
        name = point["model.name"]
        coordinates = [to(point[f"model.{key}"]) for key, to in _CANCER[name][1].items()]
        return surfaces[name].outcome(coordinates, generator)

    optimum = min(surface.least for surface in surfaces.values())
    return Task("models_cancer", read_space({"model": _choice(*branches)}), evaluate, optimum)


MODELS: Mapping[str, Callable[[], Task]] = {
    "ridge_diabetes": _ridge_diabetes,
    "network_digits": _network_digits,
    "models_cancer": _models_cancer,
}
