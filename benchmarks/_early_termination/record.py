"""Writes curves.npz: models of scikit-learn and LightGBM, trained once. Only needed to make it anew.

OMP_NUM_THREADS=1 python benchmarks/_early_termination/record.py
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import read_space
from azsweep_core.trial import Parameters
from benchmarks._early_termination.curves import EPOCHS, PATH, TASKS

CONFIGURATIONS = 80

Array = NDArray[np.float64]
Train = Callable[[Parameters], Iterator[float]]
"""Trains with these parameters, and gives the validation metric after each epoch, for as long as it is asked."""


def main() -> None:
    warnings.simplefilter("ignore")  # networks that do not converge are what the curves are to show
    chosen = sys.argv[1:] or list(_TRAINED)
    arrays = dict(np.load(PATH)) if PATH.exists() else {}
    for name in chosen:
        began_s = time.process_time()
        space, train = _TRAINED[name]
        found = [_curve(train, point) for point in _points(space)]
        arrays[name] = np.array([[_rounded(value) for value in curve] for curve, _ in found], dtype=np.float32)
        arrays[f"{name}.seconds"] = np.array([float(f"{seconds:.3g}") for _, seconds in found], dtype=np.float32)
        print(name, f"{time.process_time() - began_s:.0f} s", file=sys.stderr, flush=True)
        order = [key for each in TASKS for key in (each, f"{each}.seconds") if key in arrays]
        np.savez_compressed(PATH, **{key: arrays[key] for key in order})


def _points(space: Mapping[str, Any]) -> Iterator[Parameters]:
    objective = Objective("loss", Goal.MINIMIZE)
    sampler = make_sampler(SamplingAlgorithm(SamplerType.RANDOM, seed=0), read_space(space), objective)
    history = History(objective)
    for number in range(CONFIGURATIONS):
        point = sampler.ask(number, history)
        assert point is not None
        yield point


def _curve(train: Train, point: Parameters) -> tuple[list[float], float]:
    """The metric of each epoch, and the seconds that one takes."""
    began_s = time.process_time()
    epochs = train(point)
    curve = [next(epochs) for _ in range(EPOCHS)]
    return curve, (time.process_time() - began_s) / EPOCHS


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _split(name: str, train_size: float = 0.5) -> tuple[Array, Array, Array, Array]:
    """Training and validation inputs, standardised, then training and validation targets."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    classes = None if name == "diabetes" else y
    inputs, held_out, targets, truth = train_test_split(x, y, train_size=train_size, random_state=0, stratify=classes)
    if classes is None:
        targets, truth = (targets - targets.mean()) / targets.std(), (truth - targets.mean()) / targets.std()
    scaler = StandardScaler().fit(inputs)
    return scaler.transform(inputs), scaler.transform(held_out), targets, truth


def _log(low: float, high: float) -> dict[str, Any]:
    """Between these two values, evenly in the logarithm."""
    return {"type": "loguniform", "min_value": math.log(low), "max_value": math.log(high)}


def _choice(*values: object) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


_BOOSTING = {
    "learning_rate": _log(0.003, 0.5),
    "num_leaves": _choice(3, 5, 9, 17, 33),
    "min_child_samples": _choice(2, 5, 10, 20, 40),
    "lambda_l2": _log(1e-4, 100),
    "feature_fraction": {"type": "uniform", "min_value": 0.2, "max_value": 1.0},
}


def _boosting(data: str, **fixed: Any) -> Train:
    """LightGBM, a boosting round an epoch; the metric that goes with the objective."""

    def train(point: Parameters) -> Iterator[float]:
        inputs, held_out, targets, truth = _split(data)
        settings = {**fixed, **point, "num_threads": 1, "deterministic": True, "seed": 0, "verbosity": -1}
        known = lightgbm.Dataset(inputs, targets)
        booster = lightgbm.Booster(settings, known)
        booster.add_valid(lightgbm.Dataset(held_out, truth, reference=known), "validation")
        while True:
            booster.update()
            yield booster.eval_valid()[0][2]

    return train


_NETWORK = {
    "lr": _log(1e-5, 0.3),
    "decay": _log(1e-6, 10),
    "width": _choice(4, 8, 16, 32, 64),
    "activation": _choice("relu", "tanh"),
    "batch": _choice(8, 32, 128),
}


def _network(data: str, kind: type[Any], score: Callable[[Any, Array, Array], float]) -> Train:
    """A network of one hidden layer, trained by Adam."""

    def train(point: Parameters) -> Iterator[float]:
        inputs, held_out, targets, truth = _split(data)
        model = kind(
            hidden_layer_sizes=(point["width"],),
            activation=point["activation"],
            alpha=point["decay"],
            learning_rate_init=point["lr"],
            batch_size=min(point["batch"], len(inputs)),
            random_state=0,
        )
        known = {} if kind is MLPRegressor else {"classes": np.unique(targets)}
        while True:
            model.partial_fit(inputs, targets, **known)
            yield score(model, held_out, truth)

    return train


_LINEAR = {
    "loss": _choice("hinge", "log_loss", "modified_huber"),
    "alpha": _log(1e-7, 1),
    "learning_rate": _choice("constant", "invscaling", "optimal"),
    "eta0": _log(1e-6, 1),
    "average": _choice(False, True),
}


def _linear(data: str) -> Train:
    """A linear classifier, trained by stochastic gradient descent on a quarter of the data; accuracy."""

    def train(point: Parameters) -> Iterator[float]:
        inputs, held_out, targets, truth = _split(data, 0.25)
        model = SGDClassifier(**point, random_state=0)
        while True:
            model.partial_fit(inputs, targets, classes=np.unique(targets))
            yield float(model.score(held_out, truth))

    return train


def _cosine(done: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * done)


_SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": _cosine,
    "drop": lambda done: 1.0 if done < 0.7 else 0.03,
    "cycle": lambda done: 0.002 + 4 * done**2 if done < 0.5 else _cosine(2 * done - 1),
}
"""What the learning rate is multiplied by when this share of the epochs is done."""

_SCHEDULED = {
    "lr": _log(0.01, 0.3),
    "schedule": _choice(*_SCHEDULES),
    "decay": _log(0.01, 5),
    "width": _choice(16, 32, 64),
    "batch": _choice(8, 16),
}


def _scheduled(data: str, mislabelled: float) -> Train:
    """A network whose learning rate follows a schedule, trained with momentum, with some labels wrong; accuracy."""

    def train(point: Parameters) -> Iterator[float]:
        inputs, held_out, targets, truth = _split(data, 0.25)
        chance = np.random.default_rng(0)
        targets = np.where(chance.random(len(targets)) < mislabelled, chance.permutation(targets), targets)
        model = MLPClassifier(
            hidden_layer_sizes=(point["width"],),
            solver="sgd",
            alpha=point["decay"],
            batch_size=point["batch"],
            max_iter=1,
            warm_start=True,
            random_state=np.random.RandomState(0),  # an epoch is a fit, which shall not repeat the order of the last
        )
        for epoch in range(EPOCHS):
            model.learning_rate_init = point["lr"] * _SCHEDULES[point["schedule"]](epoch / EPOCHS)
            model.fit(inputs, targets)
            yield _score(model, held_out, truth)

    return train


def _score(model: Any, inputs: Array, truth: Array) -> float:
    """Accuracy; of a network that predicts numbers the coefficient of determination."""
    return float(model.score(inputs, truth))


def _log_loss(model: Any, inputs: Array, truth: Array) -> float:
    probabilities = np.nan_to_num(model.predict_proba(inputs), nan=1.0 / len(model.classes_))
    return float(log_loss(truth, probabilities, labels=model.classes_))


_TRAINED: Mapping[str, tuple[Mapping[str, Any], Train]] = {
    "boosting_digits": (_BOOSTING, _boosting("digits", objective="multiclass", num_class=10)),
    "boosting_cancer": (_BOOSTING, _boosting("breast_cancer", objective="binary")),
    "boosting_diabetes": (_BOOSTING, _boosting("diabetes", objective="regression", metric="rmse")),
    "network_digits": (_NETWORK, _network("digits", MLPClassifier, _score)),
    "network_wine": (_NETWORK, _network("wine", MLPClassifier, _log_loss)),
    "network_diabetes": (_NETWORK, _network("diabetes", MLPRegressor, _score)),
    "linear_digits": (_LINEAR, _linear("digits")),
    "linear_cancer": (_LINEAR, _linear("breast_cancer")),
    "scheduled_digits": (_SCHEDULED, _scheduled("digits", 0.4)),
}


if __name__ == "__main__":
    main()
