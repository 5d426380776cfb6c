"""Composes trials' configs before anything starts, to find keys and options that the app does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from types import NoneType
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from azsweep_core._coverage import covering_points
from azsweep_core._values import count_of
from azsweep_core.distributions import Branch, Choice, Distribution
from azsweep_core.errors import Problem
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Parameters
from hydra_plugins.hydra_azsweep_sweeper._override_text import key_problems
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides
from hydra_plugins.hydra_azsweep_sweeper._trial_directory import MisplacedError, depends_on_values

__all__ = ["MOST_POINTS", "check_composition", "check_points", "compose_task_config"]

MOST_POINTS = 300
_MOST_TOLD = 20

_MOST_OPTIONS = 1000
_MOST_COMPOSED = 20


def compose_task_config(loader: ConfigLoader, config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The config a task gets with these overrides, without its `hydra` part."""
    composed = loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        del composed["hydra"]
    OmegaConf.set_readonly(composed, None)
    return composed


def check_composition(
    loader: ConfigLoader, config: DictConfig, space: SearchSpace, fixed: Sequence[str], *, every_value: bool = False
) -> Iterator[Problem]:
    """Problems with the keys and group options of a space whose expressions are legal.

    What is composed comes from the middle of every distribution, and takes every branch of nested choices; names of
    group options are looked up without composing.

    Args:
        every_value: compose every value of every choice as well, at most `MOST_POINTS` of one.
    """
    wrong = {key: list(_unknown_options(loader, key, drawn)) for key, drawn in space.parameters.items()}
    for problems in wrong.values():
        yield from problems
    found = dict.fromkeys(_misfits(loader, config, (), fixed, "override {override}"))
    if not found:
        rest = space.only([key for key, problems in wrong.items() if not problems])
        points = [*rest.middle_points(), *islice(covering_points(rest), MOST_POINTS if every_value else 0)]
        for point in points:
            sampled = trial_overrides(point, ())
            found.update(dict.fromkeys(_misfits(loader, config, fixed, sampled, "search_space.{key}")))
        if not found and points:
            found.update(dict.fromkeys(_misfits_of_options(loader, config, rest, points[0], fixed)))
        found.update(dict.fromkeys(_misplaced(loader, config, rest, fixed)))
    yield from islice(found, _MOST_TOLD)
    if len(found) > _MOST_TOLD:
        yield Problem("search_space", f"{len(found) - _MOST_TOLD} more values do not fit the app's config")


def check_points(
    loader: ConfigLoader, config: DictConfig, space: SearchSpace, points: Sequence[Parameters], fixed: Sequence[str]
) -> Iterator[Problem]:
    """What the app has against initial points, whose values may lie outside of a space that fits the app."""
    for number, point in enumerate(points):
        where = f"initial_points[{number}]"
        unwritable = [
            each for key, value in point.items() for each in key_problems(value, f"{where}.{key.lstrip('+')}")
        ]
        yield from unwritable
        if not unwritable:
            sampled = trial_overrides(space.complete(point, [0.5] * len(space.dimensions)), ())
            yield from _misfits(loader, config, fixed, sampled, f"{where}.{{key}}")


def _misfits_of_options(
    loader: ConfigLoader,
    config: DictConfig,
    space: SearchSpace,
    point: Parameters,
    fixed: Sequence[str],
) -> Iterator[Problem]:
    """Keys that fit a point, but not with every option of a config group that is sampled beside them."""
    zipped = {key for group in space.zipped for key in group}  # of these every option was composed already
    for key, drawn in space.parameters.items():
        if key not in point or key in zipped or not isinstance(drawn, Choice):
            continue
        if not loader.get_group_options(key.partition("@")[0]):
            continue
        names = (name for name in islice(drawn.values, _MOST_COMPOSED) if isinstance(name, str))
        for name in dict.fromkeys(names):
            sampled = trial_overrides({**point, key: name}, ())
            for problem in _misfits(loader, config, fixed, sampled, "search_space.{key}"):
                rule = f"{problem.rule} with every option of {key}, so with {name} too"
                fix = f"Nest it in the choice of {key}, beside the option that has it: {{_group_: option, ...}}."
                yield replace(problem, rule=rule, fix=fix)


def _misplaced(loader: ConfigLoader, config: DictConfig, space: SearchSpace, fixed: Sequence[str]) -> Iterator[Problem]:
    """What texts of choices do to the directories of trials, each by itself and the longest ones together."""
    if not depends_on_values(config):
        return
    middle = [0.5] * len(space.dimensions)
    texts = {each.key: list(_texts(each.distribution)) for each in space.dimensions}
    alone = ({key: text} for key, found in texts.items() for text in found)
    longest = {key: max(found, key=lambda text: len(str(text))) for key, found in texts.items() if found}
    for given in (*islice(alone, _MOST_OPTIONS), longest):
        point = space.complete(given, middle)
        refusal = _refusal(loader, config, [*fixed, *trial_overrides(point, ())]) if space.contains(point) else None
        if isinstance(refusal, MisplacedError):
            yield refusal.problem


def _texts(drawn: Distribution) -> Iterator[Any]:
    """Values of a choice that may lead anywhere: numbers do not."""
    if isinstance(drawn, Choice) and not isinstance(drawn.values, range):
        values = islice(drawn.values, _MOST_OPTIONS)
        yield from (value for value in values if not isinstance(value, (bool, int, float, Branch, NoneType)))


def _unknown_options(loader: ConfigLoader, key: str, drawn: Distribution) -> Iterator[Problem]:
    group = key.lstrip("+").partition("@")[0]
    options = loader.get_group_options(group, results_filter=ObjectType.CONFIG)
    if not options or not isinstance(drawn, Choice) or count_of(drawn.values) > _MOST_OPTIONS:
        return
    names = (value.group if isinstance(value, Branch) else value for value in drawn.values)
    for name in dict.fromkeys(name for name in names if isinstance(name, str)):
        if name not in options:
            near = get_close_matches(name, options, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(options)}."
            yield Problem(f"search_space.{key}", f"must name options of the config group {group}", name, hint)


def _misfits(
    loader: ConfigLoader, config: DictConfig, given: Sequence[str], added: Sequence[str], where: str
) -> Iterator[Problem]:
    """What Hydra says against those of the `added` overrides that do not compose after `given` and the good ones."""
    if not added or _refusal(loader, config, [*given, *added]) is None:
        return
    if isinstance(refusal := _refusal(loader, config, given), MisplacedError):
        yield refusal.problem
        return
    good = list(given)
    for override in added:
        error = _refusal(loader, config, [*good, override])
        if error is None:
            good.append(override)
            continue
        if isinstance(error, MisplacedError):
            yield error.problem
            continue
        key = override.partition("=")[0]
        place, cause = where.format(override=override, key=key), error.__cause__
        if isinstance(cause, (ConfigKeyError, ConfigAttributeError)):
            if str(cause.full_key).startswith(f"{key}."):
                fix = f"To add keys to {key}, write ++{key}."
                yield Problem(place, "mappings may hold only keys of the app's config", cause.full_key, fix)
            else:
                yield _unknown_key(place, key, compose_task_config(loader, config, good))
            continue
        said = " ".join(line.strip() for line in str(error).splitlines())
        if isinstance(cause, OmegaConfBaseException):
            said += f" ({str(cause).splitlines()[0]})"
        is_integer = isinstance(cause, ValidationError) and "Integer" in said
        hint = "For whole numbers use randint, choice, or a quantised expression with q: 1." if is_integer else None
        yield Problem(place, f"must compose with the app's config ({said})", override, hint)


def _refusal(loader: ConfigLoader, config: DictConfig, overrides: Sequence[str]) -> Exception | None:
    """Why Hydra cannot compose a trial's config with these overrides."""
    try:
        compose_task_config(loader, config, overrides)
    except (HydraException, OmegaConfBaseException, MisplacedError) as error:
        return error
    return None


def _unknown_key(where: str, key: str, config: DictConfig) -> Problem:
    near = get_close_matches(key, list(_keys(OmegaConf.to_container(config, resolve=False))), n=1)
    fix = f"To add it, write +{key.lstrip('+')}."
    return Problem(where, "must be a key of the app's config", key, f"Did you mean {near[0]}? {fix}" if near else fix)


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Dotted keys of everything in a config but Hydra's own part."""
    if isinstance(node, dict):
        for key, child in node.items():
            if prefix or key != "hydra":
                yield f"{prefix}{key}"
                yield from _keys(child, f"{prefix}{key}.")
