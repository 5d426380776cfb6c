"""The sweeper's configuration and its registration, and where the presets are (Hydra imports this in every app).

The configuration is a plain mapping, not a dataclass: it is made in a third of the time, and every value and every key
is checked by azsweep itself, all at once and in its own words.
"""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

DEFAULTS = {
    "_target_": "hydra_plugins.hydra_azsweep_sweeper.azsweep_sweeper.AzsweepSweeper",
    "_recursive_": False,  # what the search space holds is data, never an object to make
    "job": None,
    "search_space": {},
    "params": {},
    "zip": None,
    "initial_points": None,
    "sampling_algorithm": None,  # random, unless the job says otherwise
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
    "console": "auto",
    "dry_run": False,
    "execution": "auto",
    "start_method": "auto",
    "devices": None,
    "detach": False,
    "break_lock": False,
    "allow_spec_change": False,
    "compute": {},
    "export": None,
}

_PRESETS = ["_self_", {"early_termination": None}]  # none of configs/hydra/sweeper/early_termination until it is chosen
_NODE = OmegaConf.create(
    {"defaults": _PRESETS, **DEFAULTS},
    flags={"struct": False},  # any key can be given, for azsweep to judge
)
ConfigStore.instance().store(group="hydra/sweeper", name="azsweep", node=_NODE, provider="hydra_azsweep_sweeper")


class AzsweepPresets(SearchPathPlugin):
    """Lets every app choose the presets: of the wheel, which are beside this file, or else of the checkout.

    They come after the app's own configuration, which wins. A directory rather than a `pkg://` path, because Hydra
    warns of packages without an `__init__.py` as soon as an app sets `hydra.searchpath`.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        here = Path(__file__).resolve().parent
        presets = [folder for folder in (here / "conf", here.parents[1] / "configs") if folder.is_dir()]
        for folder in presets[:1]:
            search_path.append("hydra-azsweep", f"file://{folder}")
