"""Composes trials' configs before anything starts, to find keys and options that the app does not have."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from azsweep_core.distributions import Choice
from azsweep_core.errors import Problem
from azsweep_core.search_space import Dimension, SearchSpace
from azsweep_core.trial import Parameters
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides

__all__ = ["check_composition", "compose_task_config"]

_MOST_OPTIONS = 1000


def compose_task_config(loader: ConfigLoader, config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The config a task gets with these overrides, without its `hydra` part."""
    composed = loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        del composed["hydra"]
    OmegaConf.set_readonly(composed, None)
    return composed


def check_composition(
    loader: ConfigLoader, config: DictConfig, space: SearchSpace, fixed: Sequence[str]
) -> Iterator[Problem]:
    """Problems with the keys and group options of a space whose expressions are legal.

    One config is composed from the middle of every distribution, and one for each branch of a nested choice; names of
    group options are looked up without composing.
    """
    options = list(_unknown_options(loader, space))
    yield from options
    if options:
        return
    if (problem := _problem(loader, config, fixed, fixed)) is not None:
        yield problem
        return
    for point in _probes(space):
        sampled = trial_overrides(point, ())
        problem = _problem(loader, config, [*fixed, *sampled], sampled)
        if problem is not None:
            alone = (_problem(loader, config, [*fixed, each], [each]) for each in sampled)
            yield from [each for each in alone if each is not None] or [problem]
            return


def _probes(space: SearchSpace) -> Iterator[Parameters]:
    """Points that together take every branch at least once."""
    middle = [0.5] * len(space.dimensions)
    yield space.point(middle)
    for selector in space.dimensions:
        if selector.is_branch:
            for index in range(len(selector.distribution.support or ())):
                yield space.draw(functools.partial(_pick, selector, index))


def _pick(selector: Dimension, index: int, dimension: Dimension) -> Any:
    return index if dimension.index == selector.index else dimension.distribution.from_unit(0.5)


def _unknown_options(loader: ConfigLoader, space: SearchSpace) -> Iterator[Problem]:
    for key, distribution in space.parameters.items():
        group = key.lstrip("+").partition("@")[0]
        options = loader.get_group_options(group, results_filter=ObjectType.CONFIG)
        if not options or not isinstance(distribution, Choice) or len(distribution.values) > _MOST_OPTIONS:
            continue
        for value in dict.fromkeys(each for each in distribution.values if isinstance(each, str)):
            if value not in options:
                near = get_close_matches(value, options, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(options)}."
                yield Problem(key, f"must name options of the config group {group}", value, hint)


def _problem(
    loader: ConfigLoader, config: DictConfig, overrides: Sequence[str], blamed: Sequence[str]
) -> Problem | None:
    """What Hydra says against these overrides, as one problem with those of them that are to blame."""
    try:
        compose_task_config(loader, config, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        where = f"override {' '.join(blamed)}" if blamed else "config"
        cause = error.__cause__
        if len(blamed) == 1 and isinstance(cause, (ConfigKeyError, ConfigAttributeError)):
            return _unknown_key(where, blamed[0].partition("=")[0], config)
        said = " ".join(line.strip() for line in str(error).splitlines())
        if isinstance(cause, OmegaConfBaseException):
            said += f" ({str(cause).splitlines()[0]})"
        return Problem(where, "must compose with the app's config", None, said)
    return None


def _unknown_key(where: str, key: str, config: DictConfig) -> Problem:
    near = get_close_matches(key, list(_keys(OmegaConf.to_container(config, resolve=False))), n=1)
    fix = f"To add it, write +{key}."
    return Problem(where, "must be a key of the app's config", key, f"Did you mean {near[0]}? {fix}" if near else fix)


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Dotted keys of everything in a config but Hydra's own part."""
    if isinstance(node, dict):
        for key, child in node.items():
            if prefix or key != "hydra":
                yield f"{prefix}{key}"
                yield from _keys(child, f"{prefix}{key}.")
