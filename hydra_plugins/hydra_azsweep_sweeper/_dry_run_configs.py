"""Looks for what trials' configs leave open: values that are missing, and interpolations that do not resolve.

A task may never read them, or give them values itself: so they are doubts. Composes; runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from azsweep_core._coverage import covering_points
from azsweep_core.errors import Problem
from azsweep_core.search_space import SearchSpace
from hydra_plugins.hydra_azsweep_sweeper._check import MOST_POINTS
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides

__all__ = ["Configs", "look_at_configs"]


class Configs:
    """What was composed.

    Args:
        count: how many configs.
        is_all: whether every value of every choice was among them.
        doubts: what they leave open.
    """

    def __init__(self) -> None:
        self.count = 0
        self.is_all = True
        self.doubts: dict[Problem, None] = {}


def look_at_configs(loader: ConfigLoader, config: DictConfig, space: SearchSpace, fixed: Sequence[str]) -> Configs:
    """The configs of points that together have every value of every choice."""
    found = Configs()
    points = covering_points(space)
    for point in islice(points, MOST_POINTS):
        found.count += 1
        found.doubts.update(dict.fromkeys(_open_ends(loader.load_sweep_config(config, trial_overrides(point, fixed)))))
    found.is_all = next(points, None) is None
    return found


def _open_ends(config: DictConfig) -> Iterator[Problem]:
    """What a task would meet that reads everything."""
    singleton: Any = HydraConfig.instance()
    before = singleton.cfg
    singleton.cfg = config  # which `${hydra:...}` looks at
    own = config.copy()
    with open_dict(own):
        del own["hydra"]
    try:
        for key in own:
            yield from _open_end(own, key)
    finally:
        singleton.cfg = before


def _open_end(node: DictConfig | ListConfig, key: Any) -> Iterator[Problem]:
    try:
        value = node[key]
    except MissingMandatoryValue as error:
        fix = "The task has to give it one before it reads it."
        yield Problem(str(error.full_key), "has no value in the config of a trial", "???", fix)
        return
    except OmegaConfBaseException as error:
        said = str(error).splitlines()[0]
        where = str(error.full_key or key)
        yield Problem(where, f"does not resolve in the config of a trial ({said})", None, "A task that reads it fails.")
        return
    if OmegaConf.is_interpolation(node, key):
        return  # what it refers to is looked at where it stands
    if isinstance(value, DictConfig):
        for inner in value:
            yield from _open_end(value, inner)
    elif isinstance(value, ListConfig):
        for index in range(len(value)):
            yield from _open_end(value, index)
