"""A Hydra app whose job n sleeps for the n-th of the seconds in SLEEPS_S: any sweeper gets the same durations."""

from __future__ import annotations

import json
import os
import time

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float:
    time.sleep(json.loads(os.environ["SLEEPS_S"])[HydraConfig.get().job.num])
    return float(cfg.x)


if __name__ == "__main__":
    main()
