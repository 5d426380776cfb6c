"""Regression by a Gaussian process: hyperparameters by maximum a posteriori, posterior mean and standard deviation.

Pure functions of arrays: it draws nothing at random, and knows no trial and no parameter.

Points are arrays (n, columns). Columns of one group share a weight: a number is a column, a category its indicator
columns divided by the square root of 2, so that two unequal categories are 1 apart (Hamming distance).

Sources: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006: sections 2.3 (posterior), 4.2 (Matern
covariance), 5.4 (likelihood and its gradient). Riedmiller and Braun, A Direct Adaptive Method for Faster
Backpropagation Learning: The RPROP Algorithm, 1993. Ginsbourger, Le Riche and Carraro, Kriging Is Well-Suited to
Parallelize Optimization, 2010 (believer).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs

__all__ = [
    "Array",
    "IllConditionedError",
    "Posterior",
    "believe",
    "condition",
    "default",
    "fit",
    "negative_log_posterior",
    "standardised",
]

Array = NDArray[np.float64]

JITTER = 1e-6
"""Added to the variance of the noise, for the sake of the Cholesky factor."""
LOWEST_VARIANCE = 1e-12
"""Of the function at a point; less is rounding."""
BOUNDS = ((-9.2, 7.0), (-6.0, 4.0), (-11.5, 1.0))
"""Of the logarithms of weights, scale and noise."""
FIRST_STEP, SHORTEST_STEP, LONGEST_STEP = 0.25, 1e-3, 1.0
GROW, SHRINK = 1.3, 0.5

# glibc returns large blocks to the system when they are freed, until one that is larger still has been: then it keeps
# them. Without this, page faults take twice the time of all arithmetic here.
np.empty(2**21)


class IllConditionedError(ArithmeticError):
    """The covariance has no Cholesky factor."""


def default(groups: int) -> Array:
    """Hyperparameters to start from: the logarithms of a weight for each group, of the scale, and of the noise."""
    return np.array([0.0] * groups + [0.0, math.log(0.02)])


def standardised(losses: Array) -> Array:
    """Losses with mean 0 and standard deviation 1, those far above the median held down.

    What matters is where the good points are; how bad the bad ones are would only stretch the scale.
    """
    largest = np.abs(losses).max()
    moderate = losses / largest if largest > 0 else losses  # so that no square overflows
    median = np.median(moderate)
    held = np.minimum(moderate, median + 2 * (median - moderate.min()))
    spread = held.std()
    centred = held - held.mean()
    return centred / spread if spread > 0 else np.zeros_like(centred)


def negative_log_posterior(theta: Array, points: Array, groups: NDArray[np.intp], losses: Array) -> tuple[float, Array]:
    """Value up to a constant, and gradient, at hyperparameters `theta`.

    The priors prefer weights near 1, a scale near 1 and little noise: -log p is 0.1 / w + 0.1 w for each weight w,
    s - log s for the scale s, and 30 v - 0.1 log v for the noise variance v.

    Raises:
        IllConditionedError: if the covariance has no Cholesky factor.
    """
    weights, scale, noise = _natural(theta)
    squares = _squared_distances(*(points * np.sqrt(weights)[groups],) * 2)
    root = np.sqrt(5 * squares)
    decay = np.exp(-root)
    correlation = (1 + root + 5 / 3 * squares) * decay
    slope = -5 / 6 * (1 + root) * decay  # by the square of the distance
    factor = _cholesky(scale * correlation, noise)
    alpha = dpotrs(factor, losses, lower=1)[0]
    value = 0.5 * float(losses @ alpha) + float(np.log(factor.diagonal()).sum())
    value += 0.1 * float((1 / weights + weights).sum()) + scale - theta[-2] + 30 * noise - 0.1 * theta[-1]

    inverse = dpotri(factor, lower=1)[0].T  # half of it: where the factor has zeros they stay
    inverse = inverse + inverse.T
    inverse.flat[:: len(inverse) + 1] *= 0.5
    by_covariance = 0.5 * (inverse - np.outer(alpha, alpha))
    by_square = scale * by_covariance * slope
    # The sum over all pairs of by_square times the squared difference, a column at a time.
    columns = 2 * (by_square.sum(axis=1) @ points**2 - np.einsum("ij,ij->j", points, by_square @ points))
    gradient = np.empty_like(theta)
    gradient[:-2] = weights * np.bincount(groups, columns, len(weights)) + 0.1 * (weights - 1 / weights)
    gradient[-2] = scale * float((by_covariance * correlation).sum()) + scale - 1
    gradient[-1] = noise * float(np.trace(by_covariance)) + 30 * noise - 0.1
    return value, gradient


def fit(start: Array, points: Array, groups: NDArray[np.intp], losses: Array, steps: int) -> tuple[Array, float]:
    """The most probable hyperparameters met in `steps` steps of Rprop from `start`, and their negative log posterior.

    Where there is no Cholesky factor the walk goes back to the best place so far, with shorter steps.
    """
    low, high = _bounds(len(start))
    theta = best = np.clip(start, low, high)
    least = math.inf
    step, previous = np.full(len(start), FIRST_STEP), np.zeros(len(start))
    for _ in range(steps + 1):
        try:
            value, gradient = negative_log_posterior(theta, points, groups, losses)
        except IllConditionedError:
            value, gradient = math.inf, previous
            theta, step = best, step * SHRINK**2
        if value < least:
            best, least = theta, value
        turn = gradient * previous
        step = np.clip(step * np.where(turn > 0, GROW, np.where(turn < 0, SHRINK, 1)), SHORTEST_STEP, LONGEST_STEP)
        theta = np.clip(theta - step * np.sign(gradient), low, high)
        previous = gradient
    return best, least


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of the function after some observations.

    Args:
        points: the observed ones, columns multiplied by the square root of their weight.
        stretch: these square roots, by column.
        factor: lower Cholesky factor of the covariance of the observations.
        alpha: its inverse times the losses.
        scale: prior variance of the function.
    """

    points: Array
    stretch: Array
    factor: Array
    alpha: Array
    scale: float

    def mean(self, points: Array) -> Array:
        """Expected loss (n,) at `points`."""
        return self._covariance(points) @ self.alpha

    def mean_and_deviation(self, points: Array) -> tuple[Array, Array]:
        """Expected loss and standard deviation, (n,) each, of the function without noise."""
        covariance = self._covariance(points)
        mean = covariance @ self.alpha
        solved = dtrtrs(self.factor, covariance.T, lower=1, overwrite_b=1)[0].T
        variance = self.scale - np.einsum("ij,ij->i", solved, solved)
        return mean, np.sqrt(np.maximum(variance, LOWEST_VARIANCE))

    def _covariance(self, points: Array) -> Array:
        return self.scale * _matern52(_squared_distances(points * self.stretch, self.points))


def condition(theta: Array, points: Array, groups: NDArray[np.intp], losses: Array) -> Posterior:
    """The posterior after observing `losses` (n,) at `points` (n, columns).

    Raises:
        IllConditionedError: if the covariance has no Cholesky factor.
    """
    weights, scale, noise = _natural(theta)
    stretch = np.sqrt(weights)[groups]
    stretched = points * stretch
    factor = _cholesky(scale * _matern52(_squared_distances(stretched, stretched)), noise)
    return Posterior(stretched, stretch, factor, dpotrs(factor, losses, lower=1)[0], scale)


def believe(posterior: Posterior, theta: Array, points: Array) -> Posterior:
    """The posterior after observing at `points` just what was expected there: same mean, smaller deviation."""
    _, scale, noise = _natural(theta)
    stretched = np.vstack([posterior.points, points * posterior.stretch])
    factor = _cholesky(scale * _matern52(_squared_distances(stretched, stretched)), noise)
    alpha = np.concatenate([posterior.alpha, np.zeros(len(points))])  # an expected observation moves no mean
    return Posterior(stretched, posterior.stretch, factor, alpha, scale)


def _natural(theta: Array) -> tuple[Array, float, float]:
    """Weights, scale and noise variance."""
    natural = np.exp(theta)
    return natural[:-2], float(natural[-2]), float(natural[-1])


def _bounds(size: int) -> tuple[Array, Array]:
    weight, scale, noise = BOUNDS
    pairs = np.array([weight] * (size - 2) + [scale, noise])
    return pairs[:, 0], pairs[:, 1]


def _squared_distances(left: Array, right: Array) -> Array:
    squares: Array = (left * left).sum(axis=1)[:, None] + (right * right).sum(axis=1) - 2 * (left @ right.T)
    return np.maximum(squares, 0, out=squares)


def _matern52(squares: Array) -> Array:
    """Correlation at these squared distances, which are lost."""
    root = np.sqrt(5 * squares)
    squares *= 5 / 3
    squares += root
    squares += 1
    np.exp(np.negative(root, out=root), out=root)
    squares *= root
    return squares


def _cholesky(covariance: Array, noise: float) -> Array:
    """Lower factor of the covariance with this noise; the covariance is lost."""
    covariance.flat[:: len(covariance) + 1] += noise + JITTER
    factor: Any
    factor, failed = dpotrf(covariance.T, lower=1, clean=1, overwrite_a=1)  # as LAPACK lays a matrix out
    if failed or not np.isfinite(factor[-1, -1]):
        raise IllConditionedError(f"no Cholesky factor of {len(covariance)} points")
    return np.asarray(factor)
