"""Hydra apps in this process, asked for a multirun, and everything there is to know of the configs of their jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Optional, Union  # noqa: UP035 - what omegaconf understands in every version

from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import MISSING, Container, DictConfig, Node, OmegaConf

from hydra_plugins.hydra_azsweep_sweeper._compose import TrialConfigLoader


class Size(Enum):
    small = 1
    large = 2


@dataclass
class Bounds:
    low: int = 0
    high: float = 1.0


@dataclass
class Net:
    """One field of each kind that a structured config can have."""

    width: int = 8
    size: Size = Size.small
    rate: Optional[float] = None  # noqa: UP045
    layers: List[int] = field(default_factory=lambda: [1, 2])  # noqa: UP006
    names: Dict[str, str] = field(default_factory=lambda: {"a": "b"})  # noqa: UP006
    sizes: Dict[Size, int] = field(default_factory=lambda: {Size.large: 1})  # noqa: UP006
    bounds: Bounds = field(default_factory=Bounds)
    other: Optional[Bounds] = None  # noqa: UP045
    mirror: Bounds = "${.bounds}"  # type: ignore[assignment] # a typed mapping may be an interpolation, too
    all: List[Bounds] = field(default_factory=lambda: [Bounds()])  # noqa: UP006
    either: Union[int, str] = 1  # noqa: UP007
    anything: Any = None
    needed: int = MISSING
    alias: str = "${.width}x"


@dataclass(frozen=True)
class Frozen:
    """Read-only in every app that takes it in."""

    number: int = 1
    bounds: Bounds = field(default_factory=Bounds)


class Watched:
    """Hydra's loader, with a note of what it composed for jobs."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self.composed: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        self.composed.append(list(sweep_overrides))
        return self.loader.load_sweep_config(master_config, sweep_overrides)


@dataclass(frozen=True)
class App:
    """A Hydra app in this process: its master config, Hydra's loader and ours."""

    master: DictConfig
    hydra: Watched
    ours: ConfigLoader

    @staticmethod
    def of(directory: Path, files: Mapping[str, Any], *arguments: str) -> App:
        """An app with these config files, asked for a multirun."""
        for name, content in files.items():
            path = directory / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            path.write_text(text, encoding="utf-8")
        with initialize_config_dir(str(directory), job_name="app", version_base="1.3"):
            hydra = GlobalHydra.instance().hydra
            assert hydra is not None
            loader = hydra.config_loader
        master = loader.load_configuration("config", list(arguments), RunMode.MULTIRUN)
        resolved(master)  # so that the cache of resolvers has something to pass on
        watched: Any = Watched(loader)
        return App(master, watched, TrialConfigLoader(watched))

    def load(self, loader: Any, *overrides: str) -> Any:
        """All there is to know of a job's config, or of the error that there is instead."""
        try:
            config = loader.load_sweep_config(self.master, list(overrides))
        except Exception as error:  # noqa: BLE001 - whatever Hydra raises is what a user gets
            return type(error), str(error), type(error.__cause__), str(error.__cause__)
        return anatomy(config), OmegaConf.get_cache(config), resolved(config)

    def assert_same(self, *overrides: str) -> None:
        """Twice, because the first time may be what the second time remembers."""
        expected = self.load(self.hydra.loader, *overrides)
        for _ in range(2):
            assert self.load(self.ours, *overrides) == expected, overrides


def anatomy(node: Node) -> Any:
    """A config with the types, flags and other metadata of its nodes, nothing resolved, in order.

    A mapping that is copied in another way is the same mapping.
    """
    metadata = {**vars(node._metadata), "resolver_cache": None}  # noqa: SLF001
    content = node.__dict__.get("_content")
    if isinstance(node, Container) and isinstance(content, dict):
        return DictConfig, metadata, [(key, anatomy(child)) for key, child in content.items()]
    if isinstance(node, Container) and isinstance(content, list):
        return type(node), metadata, [anatomy(child) for child in content]
    value = node._value()  # noqa: SLF001
    return type(node), metadata, anatomy(value) if isinstance(value, Node) else (type(value), repr(value))


def resolved(config: DictConfig) -> Any:
    """What a task can read, key by key, with the errors that it can get; as in a job, Hydra's part is known."""
    known: Any = HydraConfig.instance()
    before, known.cfg = known.cfg, config  # as `set_config` does, but without making it read-only
    try:
        return dict(_readings(OmegaConf.to_container(config, resolve=False), config, ()))
    finally:
        known.cfg = before


def _readings(raw: Any, config: DictConfig, path: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(raw, (dict, list)):
        for key, child in raw.items() if isinstance(raw, dict) else enumerate(raw):
            yield from _readings(child, config, (*path, key))
        return
    if isinstance(raw, str) and "${" in raw:
        node: Any = config
        try:
            for part in path:
                node = node[part]
            yield str(path), repr(node)
        except Exception as error:  # noqa: BLE001 - that it cannot be read is a reading, too
            yield str(path), repr(error)


@contextmanager
def registered() -> Iterator[None]:
    """Schemas and a resolver, as an app registers them when it is imported."""
    store = ConfigStore.instance()
    store.store(group="net", name="net_schema", node=Net)
    store.store(group="frozen", name="frozen_schema", node=Frozen)
    OmegaConf.register_new_resolver("azsweep_test_join", lambda *words: "+".join(map(str, words)), use_cache=True)
    try:
        yield
    finally:
        del store.repo["net"], store.repo["frozen"]
        OmegaConf.clear_resolver("azsweep_test_join")
