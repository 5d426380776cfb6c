"""LightGBM on the iris data, as a script that AzureML runs: arguments in, MLflow's autologging, a model out."""

from __future__ import annotations

import argparse
from pathlib import Path

import lightgbm
import mlflow
import pandas as pd
from sklearn.model_selection import train_test_split

ROUNDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iris-csv", required=True)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--boosting", default="gbdt")
    parser.add_argument("--model-dir", type=Path, default=Path("outputs"))
    arguments = parser.parse_args()

    iris = pd.read_csv(arguments.iris_csv)
    labels = iris.pop("species").astype("category").cat.codes
    train, test, train_labels, test_labels = train_test_split(iris, labels, test_size=0.2, random_state=42)

    mlflow.lightgbm.autolog(log_models=False)
    training = lightgbm.Dataset(train, label=train_labels)
    model = lightgbm.train(
        {
            "objective": "multiclass",
            "num_class": labels.nunique(),
            "learning_rate": arguments.learning_rate,
            "boosting": arguments.boosting,
            "metric": "multi_logloss",
            "verbose": -1,
        },
        training,
        num_boost_round=ROUNDS,
        valid_sets=[training, lightgbm.Dataset(test, label=test_labels, reference=training)],
        valid_names=["train", "test"],
    )
    arguments.model_dir.mkdir(parents=True, exist_ok=True)
    model.save_model(arguments.model_dir / "model.txt")


if __name__ == "__main__":
    main()
