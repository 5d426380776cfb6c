"""Writes models.json: real models of scikit-learn, trained once at every node of a grid. Only needed to make it anew.

python benchmarks/_sampler_quality/tabulate_models.py
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, StratifiedShuffleSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

REPEATS = 3
"""How often each is trained, on other splits and with other initial weights."""

Axes = Mapping[str, Sequence[float]]


def main() -> None:
    warnings.simplefilter("ignore")  # some networks do not converge, which is what the table is to show
    found = {
        "ridge_diabetes": _table({"alpha": _nodes(-9, 3, 13), "gamma": _nodes(-10, 0, 13)}, _ridge),
        "network_digits": _table(
            {"lr": _nodes(-9, -1, 9), "decay": _nodes(-13, -1, 5), "width": range(4), "activation": range(2)}, _network
        ),
        "models_cancer.svc": _table({"C": _nodes(-5, 9, 8), "gamma": _nodes(-10, 2, 7)}, _svc),
        "models_cancer.logistic": _table({"strength": _nodes(-9, 7, 9)}, _logistic),
        "models_cancer.neighbours": _table({"k": range(16), "weights": range(2)}, _neighbours),
        "models_cancer.boosting": _table({"lr": _nodes(-5, 0, 6), "depth": range(4), "trees": range(4)}, _boosting),
    }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in found.items())
    Path(__file__).with_name("models.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _nodes(low: float, high: float, count: int) -> list[float]:
    return [round(float(node), 6) for node in np.linspace(low, high, count)]


def _table(axes: Axes, train: Callable[..., float]) -> dict[str, Any]:
    """Losses by repetition and node, nodes in the order of `itertools.product`; seconds by node, the mean."""
    nodes = list(itertools.product(*axes.values()))
    losses = np.empty((REPEATS, len(nodes)))
    seconds = np.zeros(len(nodes))
    for index, node in enumerate(nodes):
        began_s = time.perf_counter()
        for repeat in range(REPEATS):
            losses[repeat, index] = train(*node, seed=repeat)
        seconds[index] = (time.perf_counter() - began_s) / REPEATS
    print(train.__name__.strip("_"), f"{seconds.sum() * REPEATS:.0f} s", file=sys.stderr, flush=True)
    return {
        "axes": {key: list(values) for key, values in axes.items()},
        "losses": [[float(f"{loss:.4g}") for loss in row] for row in losses],
        "seconds": [float(f"{each:.3g}") for each in seconds],
    }


def _ridge(alpha: float, gamma: float, seed: int) -> float:
    """Root of the mean squared error of 5 folds, kernel ridge regression, diabetes."""
    x, y = datasets.load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), KernelRidge(kernel="rbf", alpha=np.exp(alpha), gamma=np.exp(gamma)))
    folds = KFold(5, shuffle=True, random_state=seed)
    errors = cross_val_score(model, x, y - y.mean(), cv=folds, scoring="neg_mean_squared_error")
    return float(np.sqrt(-errors.mean()))


def _network(lr: float, decay: float, width: int, activation: int, seed: int) -> float:
    """Error rate on 600 of the digits after 20 epochs on 400 others."""
    x, y = datasets.load_digits(return_X_y=True)
    splits = StratifiedShuffleSplit(1, train_size=400, test_size=600, random_state=seed)
    train, test = next(splits.split(x, y))
    network = MLPClassifier(
        (8 * 2**width,),
        activation=("relu", "tanh")[activation],
        alpha=np.exp(decay),
        learning_rate_init=np.exp(lr),
        batch_size=32,
        max_iter=20,
        random_state=seed,
    )
    return 1.0 - float(make_pipeline(StandardScaler(), network).fit(x[train], y[train]).score(x[test], y[test]))


def _svc(c: float, gamma: float, seed: int) -> float:
    return _cancer(SVC(C=np.exp(c), gamma=np.exp(gamma)), seed)


def _logistic(strength: float, seed: int) -> float:
    return _cancer(LogisticRegression(C=np.exp(strength), max_iter=300), seed)


def _neighbours(k: int, weights: int, seed: int) -> float:
    return _cancer(KNeighborsClassifier(1 + 2 * k, weights=("uniform", "distance")[weights]), seed)


def _boosting(lr: float, depth: int, trees: int, seed: int) -> float:
    model = GradientBoostingClassifier(
        learning_rate=np.exp(lr), max_depth=1 + depth, n_estimators=10 * 2**trees, subsample=0.5, random_state=seed
    )
    return _cancer(model, seed)


def _cancer(model: Any, seed: int) -> float:
    """Error rate of 5 folds, breast cancer."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return 1.0 - float(cross_val_score(make_pipeline(StandardScaler(), model), x, y, cv=folds).mean())


if __name__ == "__main__":
    main()
