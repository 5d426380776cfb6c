"""Decides how much of a trial's config is composed already; never gives another config than Hydra itself would.

Hydra reads and merges every file of an app anew for each job. What comes of it depends on the chosen options of config
groups alone: plain values are applied to it at the very end, one by one. So it is composed once, and remembered.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.hydra_azsweep_sweeper._quick_copy import copy_quickly
from hydra_plugins.hydra_azsweep_sweeper._trial_directory import refuse_misplaced

__all__ = ["TrialConfigLoader"]

_MOST_REMEMBERED = 100

_App: TypeAlias = tuple[str | None, tuple[str, ...]]
"""What Hydra takes from a master config: the primary config's name, and the overrides of Hydra's own part."""


class TrialConfigLoader(ConfigLoader):
    """A config loader that remembers what trials share; a process that is forked from this one remembers it too.

    What it cannot do, or is not sure of, it leaves to Hydra; so errors are Hydra's. When pickled it forgets: another
    machine may have another environment and other files. There it has one config to compose, and remembers nothing.
    """

    def __init__(self, loader: ConfigLoader, *, remembers: bool = True) -> None:
        self._loader = loader
        self._remembers = remembers
        self._parser = OverridesParser.create()
        self._composed: dict[tuple[_App, tuple[str, ...]], bytes] = {}
        self._groups: dict[tuple[_App, str], list[str]] = {}

    def __reduce__(self) -> tuple[Any, tuple[ConfigLoader]]:
        return _for_one_config, (self._loader,)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The config of a job with these overrides.

        Raises:
            MisplacedError: if the job would write outside of the sweep's directory.
        """
        try:
            config = self._short_cut(master_config, sweep_overrides) if self._remembers else None
        except Exception:  # noqa: BLE001 - a user's mistake or an unknown version of Hydra: its own loader will tell
            config = None
        if config is None:
            config = self._loader.load_sweep_config(master_config, sweep_overrides)
        copy_quickly(config.hydra)
        refuse_misplaced(master_config, config)
        return config

    def _short_cut(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig | None:
        """That config by way of a remembered one; None if it might not be the same."""
        overrides = self._parser.parse_overrides(sweep_overrides)
        if any(override.is_hydra_override() for override in overrides):
            return None
        of_hydra: Any = OmegaConf.to_container(master_config.hydra.overrides.hydra)
        app = master_config.hydra.job.config_name, tuple(of_hydra)
        first, values = self._split(app, overrides)
        config = self._compose(app, master_config, first)
        if config.hydra.job.env_copy or not all(_apply(value, config) for value in values):
            return None
        if config.hydra.job.env_copy:  # variables to be read in the job's own process, here or through a value
            return None
        _complete(config, overrides)
        OmegaConf.copy_cache(from_config=master_config, to_config=config)
        return config

    def _split(self, app: _App, overrides: Sequence[Override]) -> tuple[list[Override], list[Override]]:
        """The overrides to compose with, and the values to apply afterwards.

        Hydra looks at the options of groups before anything else, so they may go first. All else keeps its order.
        """
        first: list[Override] = []
        values: list[Override] = []
        for override in overrides:
            is_group = self._is_group(app, override.key_or_group)
            if is_group and not isinstance(override.value(), dict):
                first.append(override)
            elif is_group or override.is_delete() or override.package or override.is_sweep_override():
                first, values = [*first, *values, override], []
            else:
                values.append(override)
        return first, values

    def _is_group(self, app: _App, key: str) -> bool:
        """True if the app, or a package on its search path, has a config group of this name."""
        parent, _, name = key.rpartition("/")
        if (app, parent) not in self._groups:
            primary, of_hydra = app
            self._groups[app, parent] = self._loader.get_group_options(
                parent, ObjectType.GROUP, primary, list(of_hydra)
            )
        return name in self._groups[app, parent]

    def _compose(self, app: _App, master_config: DictConfig, overrides: Sequence[Override]) -> DictConfig:
        """A new copy of what Hydra makes of these overrides."""
        lines = _lines(overrides)
        key = app, tuple(lines)
        if key not in self._composed:
            config = self._loader.load_sweep_config(master_config, lines)
            if len(self._composed) == _MOST_REMEMBERED:
                return config
            OmegaConf.clear_cache(config)
            self._composed[key] = pickle.dumps(config)  # four times as fast to copy as the config
        copy: DictConfig = pickle.loads(self._composed[key])
        return copy

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        return self._loader.load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)

    def get_search_path(self) -> ConfigSearchPath:
        return self._loader.get_search_path()

    def get_sources(self) -> list[ConfigSource]:
        return self._loader.get_sources()

    def list_groups(self, parent_name: str) -> list[str]:
        return self._loader.list_groups(parent_name)

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        return self._loader.get_group_options(group_name, results_filter, config_name, overrides)

    def compute_defaults_list(self, config_name: str | None, overrides: list[str], run_mode: RunMode) -> Any:
        return self._loader.compute_defaults_list(config_name, overrides, run_mode)


def _for_one_config(loader: ConfigLoader) -> TrialConfigLoader:
    return TrialConfigLoader(loader, remembers=False)


def _apply(override: Override, config: DictConfig) -> bool:
    """Give a key its value, as Hydra does; False if that may have looked at anything that is not known yet.

    Only an interpolation leads there, on the way to the key or where an old value counts.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    *holders, name = override.key_or_group.split(".")
    node: Any = config
    for holder in holders:
        node = node._get_node(holder, validate_access=False)  # noqa: SLF001 - itself, not what it refers to
        if node is None:
            break
        if not isinstance(node, DictConfig) or OmegaConf.is_interpolation(node):
            return False
    else:
        is_old_value_used = override.is_add() or isinstance(override.value(), dict)
        if is_old_value_used and "${" in repr(node._get_node(name, validate_access=False)):  # noqa: SLF001
            return False
    ConfigLoaderImpl._apply_overrides_to_config([override], config)  # noqa: SLF001 - the very step of Hydra's
    return True


def _complete(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Write into Hydra's own part what depends on the overrides and on this process."""
    from hydra._internal.config_loader_impl import get_overrides_dirname

    config.hydra.overrides.task.clear()
    config.hydra.overrides.task.extend(_lines(overrides))
    config.hydra.job.override_dirname = get_overrides_dirname(
        overrides=list(overrides), **config.hydra.job.config.override_dirname
    )
    config.hydra.runtime.cwd = str(Path.cwd())


def _lines(overrides: Sequence[Override]) -> list[str]:
    return [str(override.input_line) for override in overrides]
