"""The sweeper's configuration and its registration; nothing else (Hydra imports this in every app).

A plain mapping, not a dataclass: it is made in a third of the time, and every value and every key is checked by
azsweep itself, all at once and in its own words.
"""

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

DEFAULTS = {
    "_target_": "hydra_plugins.hydra_azsweep_sweeper.azsweep_sweeper.AzsweepSweeper",
    "_recursive_": False,  # what the search space holds is data, never an object to make
    "search_space": {},
    "params": {},
    "zip": None,
    "initial_points": None,
    "sampling_algorithm": "random",
    "objective": {"primary_metric": None, "goal": None},
    "limits": {
        "max_total_trials": None,
        "max_concurrent_trials": None,
        "timeout": None,
        "trial_timeout": None,
        "max_retries": 1,
        "max_failed_trials": None,
        "max_failure_rate": 1.0,
        "fail_fast": 3,
    },
    "early_termination": None,
    "warm_start": None,
    "tracking": "mlflow",
    "experiment_name": None,
    "stop_grace": 10,
    "poll_interval": 1,
    "execution": "auto",
    "start_method": "auto",
    "devices": None,
}

_NODE = OmegaConf.create(DEFAULTS, flags={"struct": False})  # any key can be given, for azsweep to judge
ConfigStore.instance().store(group="hydra/sweeper", name="azsweep", node=_NODE, provider="hydra_azsweep_sweeper")
