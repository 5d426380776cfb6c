"""What the app's own config says of a parameter, with the plain overrides of the command line; never changes it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import Container, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from azsweep_core.distributions import Value

__all__ = ["AppValues"]


class AppValues:
    """The value of a Hydra key in the config that the app has without any sampled override.

    Args:
        fixed: the overrides that go with every trial.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig, fixed: Sequence[str]) -> None:
        self._loader = loader
        self._master = config
        self._fixed = fixed

    def __call__(self, key: str) -> Value:
        """The option of a config group, or the value, of which interpolations are resolved.

        Raises:
            KeyError: if the config has no such key or a `???` there, does not compose or does not resolve.
        """
        path = key.lstrip("+")
        if self._config is None:
            raise KeyError(key)
        try:
            if self._loader.get_group_options(path.partition("@")[0]):
                return self._config.hydra.runtime.choices[path]
            node: Any = self._config
            for name in path.split("."):
                node = node[int(name) if isinstance(node, ListConfig) else name]
            if isinstance(node, Container):
                node = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
            return _plain(node)
        except (LookupError, TypeError, ValueError, OmegaConfBaseException):
            raise KeyError(key) from None

    @cached_property
    def _config(self) -> DictConfig | None:
        try:
            return self._loader.load_sweep_config(self._master, list(self._fixed))
        except (HydraException, OmegaConfBaseException):
            return None  # what is wrong is found, and told, where trials' configs are composed


def _plain(value: Any) -> Value:
    """A value of a structured config as an override would write it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    return str(value) if isinstance(value, Path) else value
