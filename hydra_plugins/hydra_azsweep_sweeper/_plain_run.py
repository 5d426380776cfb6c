"""What of a sweep's command a plain run needs, as AzureML's trials are; found by composing both, running nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from azsweep_core.command_line import key_of
from azsweep_core.errors import Problem

__all__ = ["PlainRun", "find_plain_run"]

_OF_THE_SWEEP = re.compile(r"hydra(?:[./](?:sweeper|launcher|sweep)(?:[./@].*)?|\.mode|\.job\.(?:num|id))")
_VARIABLE = re.compile(r"\$\{oc\.env:\s*([A-Za-z_]\w*)\s*\}")
"""One without a default."""
_PLUGINS = ("hydra/sweeper", "hydra/launcher")
_PACKAGES = {
    "azsweep": "hydra-azsweep",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
    "joblib": "hydra-joblib-launcher",
    "ray": "hydra-ray-launcher",
}


@dataclass(frozen=True, slots=True)
class PlainRun:
    """The overrides of a run outside of a sweep.

    Args:
        fixed: those that the command of every trial has.
        notes: what was left out, and which plugins of Hydra's such a run needs.
        problems: that it cannot be composed.
    """

    fixed: tuple[str, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def find_plain_run(loader: ConfigLoader, config: DictConfig, fixed: Sequence[str], values: Sequence[str]) -> PlainRun:
    """The plain run that gives a task the config which the sweep's trials get.

    Args:
        config: the sweep's master config.
        fixed: the sweep's overrides for every trial.
        values: overrides of one trial.
    """
    of_hydra: Any = OmegaConf.to_container(config.hydra.overrides.hydra)
    kept = [*fixed, *(each for each in of_hydra if not _OF_THE_SWEEP.fullmatch(key_of(each)))]
    chosen = [each for each in of_hydra if key_of(each) in _PLUGINS]
    composer = _Composer(loader, config.hydra.job.config_name, tuple(values))
    composed, refusal = composer.compose(kept)
    if composed is None and chosen:  # the app's own settings of hydra.sweeper may need the sweeper that they are for
        kept = [*kept, *chosen]
        composed, _ = composer.compose(kept)
    if composed is None:
        rule = f"must compose for a plain run, too ({refusal})"
        return PlainRun(tuple(kept), problems=(Problem("the app's configuration", rule),))
    notes = []
    if _plugins(composed):
        for override in [each for each in fixed if loader.get_group_options(key_of(each))]:
            rest = [each for each in kept if each != override]
            without, _ = composer.compose(rest)
            if without is not None and _concerns_the_sweep_alone(composed, without):
                kept, composed = rest, without
                notes.append(f"{override} is left out: it concerns the sweep here, and nothing of a trial.")
    if composed.hydra.mode is RunMode.MULTIRUN:  # an app that is always a sweep: a trial must not start one
        kept = [*kept, "hydra.mode=RUN"]
    return PlainRun(tuple(kept), (*notes, *_needs(_plugins(composed)), *_variables(composed)))


@dataclass(frozen=True, slots=True)
class _Composer:
    loader: ConfigLoader
    config_name: str | None
    values: tuple[str, ...]

    def compose(self, fixed: Sequence[str]) -> tuple[DictConfig | None, str]:
        """The config of a plain run, or None and why there is none."""
        try:
            return self.loader.load_configuration(self.config_name, [*fixed, *self.values], RunMode.RUN), ""
        except (HydraException, OmegaConfBaseException) as error:
            cause = error if str(error) else error.__cause__
            return None, str(cause).strip().partition("\n")[0]


def _plugins(composed: DictConfig) -> Mapping[str, str]:
    """The sweeper and the launcher that a config chooses, unless they are Hydra's own."""
    choices = composed.hydra.runtime.choices
    return {group: choices[group] for group in _PLUGINS if choices.get(group) not in (None, "basic")}


def _needs(plugins: Mapping[str, str]) -> Iterator[str]:
    for group, option in plugins.items():
        package = _PACKAGES.get(option, "the package that has it")
        yield (
            f"{group}: the app chooses {option} in every run, so trial.environment must hold {package}. "
            "Where an experiment config of its own chooses it, and sets nothing else, a trial does without."
        )


def _variables(composed: DictConfig) -> Iterator[str]:
    task, _ = _parts(composed)
    names = dict.fromkeys(_VARIABLE.findall(str(task)))
    if names:
        yield (
            f"trial.environment_variables: the app's configuration reads {', '.join(names)}, which AzureML does not "
            "know unless the job says so there."
        )


def _concerns_the_sweep_alone(composed: DictConfig, without: DictConfig) -> bool:
    task, sweep = _parts(composed)
    task_without, sweep_without = _parts(without)
    return bool(task == task_without and sweep != sweep_without)


def _parts(composed: DictConfig) -> tuple[Any, Any]:
    """What a task can see of a config, and what only sweeps look at."""
    whole: Any = OmegaConf.to_container(composed, resolve=False)
    hydra = whole["hydra"]
    sweep = [hydra.pop(name, None) for name in ("sweeper", "launcher", "sweep", "mode")]
    for holder, name in ((hydra, "overrides"), (hydra["runtime"], "choices"), (hydra["job"], "override_dirname")):
        holder.pop(name, None)  # they tell of the command, which is another one there anyway
    return whole, sweep
