"""Makes copies of a config node cheap; what is copied, and what a copy holds, stays as OmegaConf has it.

To run one job Hydra copies its config, `hydra` included, four times. The general machinery of `copy.deepcopy`, which
OmegaConf uses for the few fields of each node, makes that a third of what a short trial costs.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.base import Node
from omegaconf.nodes import AnyNode, BooleanNode, BytesNode, EnumNode, FloatNode, IntegerNode, PathNode, StringNode

__all__ = ["copy_quickly"]


class _QuicklyCopied(DictConfig):
    """A DictConfig that `copy.deepcopy` copies field by field. Pickled for others it is a plain DictConfig."""

    def __deepcopy__(self, memo: dict[int, Any]) -> DictConfig:
        copied: DictConfig = _copied(self, self.__dict__["_parent"])
        return copied

    def __reduce_ex__(self, _: object) -> tuple[Any, ...]:
        return object.__new__, (DictConfig,), self.__getstate__()


def copy_quickly(node: DictConfig) -> None:
    """Make copies of the node cheap from now on, and theirs."""
    object.__setattr__(node, "__class__", _QuicklyCopied)  # an assignment would be one to a key of the config


_CONTAINERS = {DictConfig, ListConfig, _QuicklyCopied}
_VALUES = {AnyNode, BooleanNode, BytesNode, EnumNode, FloatNode, IntegerNode, PathNode, StringNode}


def _copied(node: Any, parent: Node | None) -> Any:
    """What `copy.deepcopy` gives: containers and the fields of every node are copied, values are not."""
    kind = type(node)
    if kind not in _CONTAINERS and kind not in _VALUES:
        return _copied_by_omegaconf(node, parent)
    new: Any = object.__new__(kind)
    fields = new.__dict__
    fields.update(node.__dict__)
    fields["_parent"] = parent
    fields["_metadata"] = _copied_metadata(fields["_metadata"])
    if kind in _VALUES:
        fields["_flags_cache"] = None
        return new
    cache, content = fields["_flags_cache"], fields["_content"]
    fields["_flags_cache"] = None if cache is None else dict(cache)
    if isinstance(content, dict):
        fields["_content"] = {key: _copied(value, new) for key, value in content.items()}
    elif isinstance(content, list):
        fields["_content"] = [_copied(value, new) for value in content]
    return new


def _copied_by_omegaconf(node: Any, parent: Node | None) -> Any:
    old = node.__dict__["_parent"]
    node.__dict__["_parent"] = None
    try:
        new = copy.deepcopy(node)
    finally:
        node.__dict__["_parent"] = old
    new.__dict__["_parent"] = parent
    return new


def _copied_metadata(metadata: Any) -> Any:
    new = object.__new__(type(metadata))
    fields = new.__dict__
    fields.update(metadata.__dict__)
    fields["flags"] = None if fields["flags"] is None else dict(fields["flags"])
    cache = fields["resolver_cache"]
    fields["resolver_cache"] = copy.deepcopy(cache) if cache else defaultdict(dict)
    return new
