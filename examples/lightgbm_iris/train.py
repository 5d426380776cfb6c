"""Trains LightGBM on the iris data with the parameters of its Hydra config, and logs to MLflow."""

from __future__ import annotations

import hydra
import lightgbm
import mlflow
from omegaconf import DictConfig
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float:
    """Log `test-multi_logloss` once a boosting round, and return its last value."""
    mlflow.lightgbm.autolog(log_models=False, log_datasets=False)
    features, labels = load_iris(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        features, labels, test_size=0.2, stratify=labels, random_state=cfg.seed
    )
    train_set = lightgbm.Dataset(train_x, label=train_y)
    booster = lightgbm.train(
        {
            "objective": "multiclass",
            "num_class": 3,
            "metric": "multi_logloss",
            "learning_rate": cfg.learning_rate,
            "boosting": cfg.boosting,
            "num_leaves": cfg.num_leaves,
            "min_data_in_leaf": cfg.min_data_in_leaf,
            "feature_fraction": cfg.feature_fraction,
            "seed": cfg.seed,
            "num_threads": 1,
            "verbosity": -1,
        },
        train_set,
        num_boost_round=cfg.num_boost_round,
        valid_sets=[train_set.create_valid(test_x, label=test_y)],
        valid_names=["test"],
    )
    return float(booster.best_score["test"]["multi_logloss"])


if __name__ == "__main__":
    main()
