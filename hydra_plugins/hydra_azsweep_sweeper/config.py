"""The sweeper's structured config and its registration; nothing else (Hydra imports this in every app).

Almost every field is `Any`: the values are checked by azsweep, all at once and in its own words.
"""

from dataclasses import dataclass, field
from typing import Any, Dict  # noqa: UP035 - OmegaConf reads these annotations, on every Python that Hydra knows

from hydra.core.config_store import ConfigStore


@dataclass
class ObjectiveConf:
    primary_metric: Any = None
    goal: Any = None


@dataclass
class LimitsConf:
    max_total_trials: Any = None
    max_concurrent_trials: Any = None
    timeout: Any = None
    trial_timeout: Any = None
    max_retries: Any = 1
    max_failed_trials: Any = None
    max_failure_rate: Any = 1.0
    fail_fast: Any = 3


@dataclass
class AzsweepSweeperConf:
    _target_: str = "hydra_plugins.hydra_azsweep_sweeper.azsweep_sweeper.AzsweepSweeper"
    _recursive_: bool = False
    search_space: Dict[str, Any] = field(default_factory=dict)  # noqa: UP006
    params: Dict[str, Any] = field(default_factory=dict)  # noqa: UP006
    sampling_algorithm: Any = "random"
    objective: ObjectiveConf = field(default_factory=ObjectiveConf)
    limits: LimitsConf = field(default_factory=LimitsConf)
    early_termination: Any = None
    tracking: Any = "mlflow"
    experiment_name: Any = None
    stop_grace: Any = 10
    poll_interval: Any = 1


ConfigStore.instance().store(
    group="hydra/sweeper", name="azsweep", node=AzsweepSweeperConf, provider="hydra_azsweep_sweeper"
)
