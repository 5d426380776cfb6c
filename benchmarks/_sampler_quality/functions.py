"""Test functions of a vector with a known minimum; each says its domain and its least value."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BRANIN_LEAST",
    "HARTMANN3_LEAST",
    "HARTMANN6_LEAST",
    "MICHALEWICZ5_LEAST",
    "SCHWEFEL_PER_DIMENSION",
    "STYBLINSKI_TANG_PER_DIMENSION",
    "ackley",
    "branin",
    "hartmann3",
    "hartmann6",
    "levy",
    "michalewicz",
    "rastrigin",
    "rosenbrock",
    "schwefel",
    "styblinski_tang",
]

Vector = Sequence[float] | NDArray[np.float64]

BRANIN_LEAST = 0.39788735772973816
HARTMANN3_LEAST = -3.8627797873327696
HARTMANN6_LEAST = -3.3223680114155147
MICHALEWICZ5_LEAST = -4.687658179088149
SCHWEFEL_PER_DIMENSION = 418.9828872724338
STYBLINSKI_TANG_PER_DIMENSION = -39.16616570377142


def branin(x: Vector) -> float:
    """[-5, 10] x [0, 15]; three minima of 0.397887."""
    a, b = x
    parabola = b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6
    return float(parabola**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)


_HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN3_SCALES = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_HARTMANN3_CENTRES = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
_HARTMANN6_SCALES = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_HARTMANN6_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann3(x: Vector) -> float:
    """[0, 1]^3; -3.862780 at (0.1146, 0.5556, 0.8525)."""
    distances = (_HARTMANN3_SCALES * (np.asarray(x) - _HARTMANN3_CENTRES) ** 2).sum(axis=1)
    return -float(_HARTMANN_WEIGHTS @ np.exp(-distances))


def hartmann6(x: Vector) -> float:
    """[0, 1]^6; -3.322368 at (0.2017, 0.1500, 0.4769, 0.2753, 0.3117, 0.6573)."""
    distances = (_HARTMANN6_SCALES * (np.asarray(x) - _HARTMANN6_CENTRES) ** 2).sum(axis=1)
    return -float(_HARTMANN_WEIGHTS @ np.exp(-distances))


def ackley(x: Vector) -> float:
    """0 at the origin, almost flat far from it."""
    z = np.asarray(x)
    hole = -20 * math.exp(-0.2 * math.sqrt(float(np.mean(z**2))))
    return hole - math.exp(float(np.mean(np.cos(2 * math.pi * z)))) + 20 + math.e


def rosenbrock(x: Vector) -> float:
    """0 at (1, ..., 1), along a curved valley."""
    z = np.asarray(x)
    return float(np.sum(100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2))


def levy(x: Vector) -> float:
    """[-10, 10]^d; 0 at (1, ..., 1)."""
    w = 1 + (np.asarray(x) - 1) / 4
    first = math.sin(math.pi * w[0]) ** 2
    inner = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2))
    return float(first + inner + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2))


def schwefel(x: Vector) -> float:
    """[-500, 500]^d; least at (420.9687, ...), far from the next best hole."""
    z = np.asarray(x)
    return -float(np.sum(z * np.sin(np.sqrt(np.abs(z)))))


def styblinski_tang(x: Vector) -> float:
    """[-5, 5]^d; least at (-2.903534, ...)."""
    z = np.asarray(x)
    return float(np.sum(z**4 - 16 * z**2 + 5 * z)) / 2


def michalewicz(x: Vector) -> float:
    """[0, pi]^d; narrow valleys, of which one per dimension is deepest."""
    z = np.asarray(x)
    order = np.arange(1, len(z) + 1)
    return -float(np.sum(np.sin(z) * np.sin(order * z**2 / math.pi) ** 20))


def rastrigin(x: Vector) -> float:
    """0 at the origin, a bowl with a hole at every whole number."""
    z = np.asarray(x)
    return float(np.sum(z**2 - 10 * np.cos(2 * math.pi * z) + 10))
