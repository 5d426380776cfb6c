"""Trains a small neural network on handwritten digits, one epoch at a time, and logs each epoch to MLflow."""

from __future__ import annotations

import hydra
import mlflow
import numpy as np
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Log `validation_loss` and `validation_accuracy` once an epoch."""
    pixels, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels / 16, digits, test_size=0.25, stratify=digits, random_state=cfg.seed
    )
    network = MLPClassifier(
        hidden_layer_sizes=[cfg.units] * cfg.layers,
        activation=cfg.activation,
        solver="sgd",
        learning_rate_init=cfg.learning_rate,
        momentum=cfg.momentum,
        batch_size=cfg.batch_size,
        alpha=cfg.alpha,
        random_state=cfg.seed,
    )
    for epoch in range(cfg.epochs):
        network.partial_fit(train_x, train_y, classes=np.unique(digits))
        guessed = network.predict_proba(test_x)
        accuracy = float(np.mean(guessed.argmax(axis=1) == test_y))
        mlflow.log_metrics({"validation_loss": log_loss(test_y, guessed), "validation_accuracy": accuracy}, step=epoch)


if __name__ == "__main__":
    main()
