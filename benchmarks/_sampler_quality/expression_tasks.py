"""Synthetic tasks over log, normal, quantised and conditional parameters; with the real models, the third set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from azsweep_core.trial import Parameters
from benchmarks._sampler_quality import functions
from benchmarks._sampler_quality.model_tasks import MODELS
from benchmarks._sampler_quality.task import Task, function_task

__all__ = ["EXPRESSIONS"]


def _log(low: float, high: float) -> dict[str, Any]:
    return {"type": "loguniform", "min_value": math.log(low), "max_value": math.log(high)}


def _normal(mu: float, sigma: float, kind: str = "normal", **more: float) -> dict[str, Any]:
    return {"type": kind, "mu": mu, "sigma": sigma, **more}


def _uniform(low: float, high: float, kind: str = "uniform", **more: float) -> dict[str, Any]:
    return {"type": kind, "min_value": low, "max_value": high, **more}


def _choice(*values: object) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


def _hartmann6_log() -> Task:
    """Hartmann's function of the exponents of six loguniform parameters, each of another range."""
    ranges = [(1e-5, 1e-1), (1e-3, 1e3), (1.0, 1e4), (1e-8, 1e-2), (0.1, 10.0), (1e-4, 1.0)]

    def function(point: Parameters) -> float:
        values = zip(point.values(), ranges, strict=True)
        return functions.hartmann6([math.log(value / low) / math.log(high / low) for value, (low, high) in values])

    space = {f"x{index}": _log(*each) for index, each in enumerate(ranges)}
    return function_task("hartmann6_log", space, function, functions.HARTMANN6_LEAST)


def _rosenbrock4_normal() -> Task:
    """Rosenbrock's valley under normal parameters whose means miss the optimum by up to two sigmas."""
    normals = [(-1.0, 1.5), (0.0, 2.0), (2.0, 1.0), (3.0, 1.0)]
    space = {f"x{index}": _normal(*each) for index, each in enumerate(normals)}
    return function_task("rosenbrock4_normal", space, lambda point: functions.rosenbrock(list(point.values())), 0.0)


def _ackley4_lognormal() -> Task:
    """Ackley's function of the logarithms of four lognormal parameters, with its hole 0.8 sigmas from the mean."""
    lognormals = [(-7.0, 1.5), (-3.0, 1.0), (0.0, 2.0), (4.0, 1.0)]

    def function(point: Parameters) -> float:
        pairs = zip(point.values(), lognormals, strict=True)
        sigmas = [(math.log(value) - mu) / sigma for value, (mu, sigma) in pairs]
        return functions.ackley([4 * (each - sign * 0.8) for each, sign in zip(sigmas, (1, -1, 1, -1), strict=True)])

    space = {f"x{index}": _normal(*each, "lognormal") for index, each in enumerate(lognormals)}
    return function_task("ackley4_lognormal", space, function, 0.0)


def _quantised6() -> Task:
    """A bowl over every quantised expression, a choice of numbers and a randint whose numbers have no order."""
    space = {
        "a": _uniform(-10, 10, "quniform", q=0.5),
        "b": _uniform(0.0, math.log(1000), "qloguniform", q=5),
        "c": _normal(50, 20, "qnormal", q=2),
        "d": _normal(3, 1, "qlognormal", q=1),
        "e": _choice(1, 2, 4, 8, 16, 32, 64),
        "f": {"type": "randint", "upper": 6},
    }
    shuffled = (0.3, 0.1, 0.5, 0.0, 0.4, 0.2)

    def function(point: Parameters) -> Any:
        a, c, e = (point["a"] - 3.5) / 10, (point["c"] - 30) / 40, math.log2(point["e"] / 16) / 6
        b = math.log((point["b"] + 5) / 105) / 4
        d = math.log((max(point["d"], 0) + 1) / 41) / 2
        return (a + 0.5 * c) ** 2 + b**2 + c**2 + (d - 0.5 * e) ** 2 + e**2 + shuffled[point["f"]]

    return function_task("quantised6", space, function, 0.0)


def _branches() -> Task:
    """Three models with parameters of their own, and a parameter of all; the best one is the hardest to tune."""
    space = {
        "scale": _uniform(0, 1),
        "model": _choice(
            {"name": "linear", "alpha": _log(1e-6, 10.0)},
            {"name": "tree", "depth": _uniform(1, 20, "quniform", q=1), "leaf": _log(1e-4, 0.5)},
            {"name": "network", "lr": _log(1e-6, 1.0), "dropout": _uniform(0, 0.8), "decay": _normal(-8, 2)},
        ),
    }

    def function(point: Parameters) -> Any:
        scale = (point["scale"] - 0.35) ** 2
        match point["model.name"]:
            case "linear":
                return scale + 0.35 + 0.02 * math.log10(point["model.alpha"] / 1e-3) ** 2
            case "tree":
                depth, leaf = (point["model.depth"] - 7) / 10, math.log10(point["model.leaf"] / 0.01)
                return scale + 0.2 + 0.3 * (depth + 0.3 * leaf) ** 2 + 0.1 * leaf**2
            case _:
                x = [
                    math.log10(point["model.lr"]) / 6 + 1,
                    point["model.dropout"] / 0.8,
                    (point["model.decay"] + 13) / 10,
                ]
                return scale + 0.25 * (functions.hartmann3(x) - functions.HARTMANN3_LEAST)

    return function_task("branches", space, function, 0.0)


def _two_choices() -> Task:
    """Optimizer and schedule, each with parameters of its own, a shared learning rate, lognormal decay; with noise."""
    space = {
        "lr": _log(1e-5, 1.0),
        "optimizer": _choice(
            {"name": "sgd", "momentum": _uniform(0, 0.99), "nesterov": _choice(True, False)},
            {"name": "adam", "beta": _uniform(0.8, 0.999)},
        ),
        "schedule": _choice(
            "constant",
            {"name": "cosine", "warmup": _uniform(0, 20, "quniform", q=1)},
            {"name": "step", "gamma": _log(0.01, 0.9), "every": _choice(5, 10, 20, 40)},
        ),
        "decay": _normal(-8, 2, "lognormal"),
    }

    def function(point: Parameters) -> Any:
        lr, decay = math.log10(point["lr"]), math.log(point["decay"])
        if point["optimizer.name"] == "sgd":
            momentum = point["optimizer.momentum"]
            # With more momentum the best learning rate is lower.
            loss = (
                0.15 * (lr + 1 + momentum) ** 2 + 0.5 * (momentum - 0.9) ** 2 + 0.03 * (not point["optimizer.nesterov"])
            )
        else:
            loss = 0.05 + 0.25 * (lr + 3) ** 2 + 2 * (point["optimizer.beta"] - 0.92) ** 2
        match point.get("schedule.name"):
            case "cosine":
                loss += 0.002 * (point["schedule.warmup"] - 5) ** 2 / 5
            case "step":
                loss += (
                    0.04
                    + 0.05 * abs(math.log10(point["schedule.gamma"] / 0.2))
                    + 0.02 * abs(math.log2(point["schedule.every"] / 20))
                )
            case _:
                loss += 0.15
        return loss + 0.01 * (decay + 6.5) ** 2

    return function_task("two_choices", space, function, 0.0, noise=0.02)


EXPRESSIONS: Mapping[str, Callable[[], Task]] = {
    "hartmann6_log": _hartmann6_log,
    "rosenbrock4_normal": _rosenbrock4_normal,
    "ackley4_lognormal": _ackley4_lognormal,
    "quantised6": _quantised6,
    "branches": _branches,
    "two_choices": _two_choices,
    **MODELS,
}
