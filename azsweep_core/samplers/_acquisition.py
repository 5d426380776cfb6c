"""Which point of a mixed space promises most: the logarithm of expected improvement, and its search.

It decides nothing about the model: it sees a score of rows, and draws from the generator it is given.

Source: Ament, Daulton, Eriksson, Balandat and Bakshy, Unexpected Improvements to Expected Improvement for Bayesian
Optimization, 2023 (the logarithm, so that there is a direction to follow where the expectation itself is 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx

from azsweep_core.samplers._mixed_space import MixedSpace

__all__ = ["log_expected_improvement", "most_promising"]

Array = NDArray[np.float64]

DRAWS, MUTATIONS = 300, 100
"""Candidates: from anywhere, and near the best rows known."""
STARTS, ROUNDS = 4, 6
"""Of the local search: so many candidates are improved, so many times at most."""
RADIUS, CONTRACTION = 0.1, 0.6
"""How far the local search looks at first, and by which factor less in each further round."""
TAIL = -1e3
"""Below this many standard deviations a series is more precise than the closed form."""


def log_expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Logarithm of the expectation of max(0, best - loss), for losses that are normal with `mean` and `deviation`."""
    z = (best - mean) / deviation
    low = np.minimum(z, 0)  # phi(z) + z Phi(z) = phi(z) (1 + z Phi(z) / phi(z)); erfcx keeps the quotient finite
    closed = np.log1p(np.where(low > TAIL, low, 0) * math.sqrt(math.pi / 2) * erfcx(-low / math.sqrt(2)))
    square = np.where(low > TAIL, TAIL, low) ** 2
    series = np.log1p(-3 / square) - np.log(square)
    below = np.where(low > TAIL, closed, series) - 0.5 * low * low - 0.5 * math.log(2 * math.pi)
    high = np.maximum(z, 0)
    density = np.exp(-0.5 * high * high) / math.sqrt(2 * math.pi)
    above = np.log(density + high * (1 - density * math.sqrt(math.pi / 2) * erfcx(high / math.sqrt(2))))
    result: Array = np.log(deviation) + np.where(z < 0, below, above)
    return result


def most_promising(
    space: MixedSpace,
    score: Callable[[Array], Array],
    best_rows: Array,
    tried: Collection[bytes],
    generator: np.random.Generator,
) -> Array | None:
    """The row of highest score that was found.

    Args:
        score: the higher, the more is promised, for each of (n, parameters) rows.
        best_rows: some that turned out well, to look around.
        tried: keys of rows that are not wanted again; heeded only in a discrete space.

    Returns:
        None if every row that was looked at has been tried.
    """
    around = space.completed(best_rows[generator.integers(len(best_rows), size=MUTATIONS)], generator)
    rows = np.vstack([space.draw(generator, DRAWS), space.mutated(around, generator)])
    scores = score(rows)
    seen_rows, seen_scores = [rows], [scores]
    leaders = np.argsort(-scores, kind="stable")[:STARTS]
    heads, heights = rows[leaders], scores[leaders]
    for number in range(ROUNDS):
        moved = space.neighbours(heads, RADIUS * CONTRACTION**number, generator)
        if not moved.size:
            break
        moved_scores = score(moved.reshape(-1, rows.shape[1])).reshape(moved.shape[:2])
        seen_rows.append(moved.reshape(-1, rows.shape[1]))
        seen_scores.append(moved_scores.ravel())
        steepest = moved_scores.argmax(axis=1)
        each = np.arange(len(heads))
        better = moved_scores[each, steepest] > heights
        heads = np.where(better[:, None], moved[each, steepest], heads)
        heights = np.where(better, moved_scores[each, steepest], heights)
        if space.is_discrete and not better.any():
            break
    return _best_new(space, np.vstack(seen_rows), np.concatenate(seen_scores), tried)


def _best_new(space: MixedSpace, rows: Array, scores: Array, tried: Collection[bytes]) -> Array | None:
    order = np.argsort(-scores, kind="stable")
    if not space.is_discrete:
        first: Array = rows[order[0]]
        return first
    chunk = 64
    for start in range(0, len(order), chunk):
        ranked: Array = rows[order[start : start + chunk]]
        for row, key in zip(ranked, space.keys(ranked), strict=True):
            if key not in tried:
                found: Array = row
                return found
    return None
