"""A Hydra app whose first job logs a good value to MLflow and ends; the others log a bad one, wait, and note when."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import hydra
import mlflow
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> None:
    run = HydraConfig.get().runtime.output_dir
    reference = Path(HydraConfig.get().sweep.dir, "reference")
    if cfg.x == 0:
        mlflow.log_metric("x", cfg.x)
        reference.touch()
        return
    while not reference.exists():
        time.sleep(0.05)
    mlflow.log_metric("other", 0)  # connects to the store
    time.sleep(random.Random(cfg.x).random())  # so that looks at the store come at any time after the value
    times = {"logged_s": time.time()}
    try:
        mlflow.log_metric("x", cfg.x)
        time.sleep(600)
    finally:
        times["stopped_s"] = time.time()
        Path(run, "times.json").write_text(json.dumps(times), encoding="utf-8")


if __name__ == "__main__":
    main()
