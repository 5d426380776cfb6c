"""A Hydra app whose task costs nothing: what its trials take is the sweeper's and Hydra's own."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float:
    return float(cfg.x)


if __name__ == "__main__":
    main()
