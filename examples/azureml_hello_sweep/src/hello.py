"""A training script as AzureML's examples have them: arguments in, metrics to MLflow, files below ./outputs."""

from __future__ import annotations

import argparse
from pathlib import Path

import mlflow

LENGTH_THAT_PLEASES = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--greeting", default="hello")
    parser.add_argument("--volume", type=float, default=0.5)
    arguments = parser.parse_args()

    mlflow.log_params({"letters": len(arguments.greeting)})
    for repeat in range(arguments.repeats):
        print(f"{arguments.greeting}!")
        off = abs(len(arguments.greeting) - LENGTH_THAT_PLEASES) / LENGTH_THAT_PLEASES
        mlflow.log_metric("annoyance", off + arguments.volume**2 * (1 + repeat / 10), step=repeat)

    Path("outputs").mkdir(exist_ok=True)
    Path("outputs", "last_words.txt").write_text(f"{arguments.greeting}!\n", encoding="utf-8")


if __name__ == "__main__":
    main()
