"""A quick copy of a config node is what copy.deepcopy makes of it, field by field."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hydra.conf import HydraConf
from hypothesis import strategies as st
from omegaconf import DictConfig, ListConfig, OmegaConf

from hydra_plugins.hydra_azsweep_sweeper._quick_copy import copy_quickly


class Colour(Enum):
    RED = 1


@dataclass
class Schema:
    """A value of every type that OmegaConf has a node for."""

    flag: bool = True
    count: int = 3
    share: float = 0.5
    name: str | None = None
    colour: Colour = Colour.RED
    path: Path = Path("here")
    data: bytes = b"\0"
    either: int | str = 1
    names: list[str] = field(default_factory=lambda: ["a"])
    sizes: dict[str, int] = field(default_factory=lambda: {"a": 1})
    missing: int = "???"  # type: ignore[assignment]
    link: int = "${count}"  # type: ignore[assignment]


PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from((None, True, 1, 0.5, "", "a", "???", "${a}", b"\0", Path("p"), Colour.RED)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", 1, True]), inner, max_size=3)
    ),
    max_leaves=20,
)


def fields(node: Any) -> Any:
    """All there is to know of a node but its parent: its type and every field of it and of what it holds."""
    kind = DictConfig if isinstance(node, DictConfig) else type(node)
    rest = {name: value for name, value in node.__dict__.items() if name not in ("_parent", "_content", "_metadata")}
    content = node.__dict__.get("_content")
    if isinstance(content, dict):
        content = [(type(key), key, fields(value)) for key, value in content.items()]
    elif isinstance(content, list):
        content = [fields(value) for value in content]
    elif hasattr(content, "__dict__"):
        content = fields(content)
    return kind, rest, node.__dict__["_metadata"].__dict__, content


def nodes(node: Any) -> Iterator[Any]:
    yield node
    content = node.__dict__.get("_content")
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from nodes(each)


def check(whole: DictConfig) -> None:
    """Of `whole.hydra`: the copies are alike, are whole, and share nothing that can change."""
    node = whole.hydra
    expected = copy.deepcopy(whole)
    copy_quickly(node)

    copied = copy.deepcopy(whole)

    assert fields(copied) == fields(expected)
    assert type(copied.hydra) is type(whole.hydra)
    originals = {id(each) for node in nodes(whole) for each in (node, node.__dict__["_metadata"])}
    for node in nodes(copied):
        assert not {id(node), id(node.__dict__["_metadata"])} & originals
        assert node is copied or node.__dict__["_parent"] is not None
        content = node.__dict__.get("_content")
        for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
            assert each.__dict__["_parent"] is node


@hypothesis.given(
    tree=st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3),
    flags=st.dictionaries(st.sampled_from(["struct", "readonly", "allow_objects"]), st.booleans(), max_size=2),
)
def test_a_copy_is_the_one_that_omegaconf_makes(tree: dict[str, Any], flags: dict[str, bool]) -> None:
    whole = OmegaConf.create({"hydra": tree, "own": {"a": 1}}, flags={"allow_objects": True})
    whole.hydra._set_flag(list(flags), list(flags.values()))  # noqa: SLF001 - there is no other way to set each flag

    check(whole)


@pytest.mark.parametrize("schema", [Schema, HydraConf])
def test_typed_nodes_stay_typed(schema: type) -> None:
    whole = OmegaConf.create({"hydra": schema})

    check(whole)

    assert OmegaConf.get_type(copy.deepcopy(whole).hydra) is schema


def test_what_was_resolved_and_cached_goes_along() -> None:
    whole = OmegaConf.create({"hydra": {"now": 1, "list": [1, {"a": 2}]}})
    node = whole.hydra
    node._metadata.resolver_cache["now"]["%f"] = ["cached"]  # noqa: SLF001 - as OmegaConf fills it
    assert not OmegaConf.is_readonly(node)  # this is cached, too

    check(whole)


def test_values_that_cannot_be_copied_are_shared() -> None:
    """As OmegaConf does: a lock in a config, say."""
    value = object()
    whole = OmegaConf.create({"hydra": {"value": value}}, flags={"allow_objects": True})

    check(whole)

    assert copy.deepcopy(whole).hydra.value is value


def test_a_copy_can_be_changed_for_itself() -> None:
    whole = OmegaConf.create({"hydra": {"list": [1, {"a": 2}], "tree": {"a": 1}}})
    copy_quickly(whole.hydra)

    copied = copy.deepcopy(whole)
    copied.hydra.list[1].a = 3
    copied.hydra.tree.b = 4
    OmegaConf.set_readonly(copied.hydra.tree, True)

    assert whole == {"hydra": {"list": [1, {"a": 2}], "tree": {"a": 1}}}
    assert not OmegaConf.is_readonly(whole.hydra.tree)


def test_who_unpickles_it_needs_nothing_of_ours() -> None:
    """A job's result may travel to a process, or be kept in a file, where there is no sweeper."""
    whole = OmegaConf.create({"hydra": {"a": [1, 2]}})
    copy_quickly(whole.hydra)

    data = pickle.dumps(whole)

    assert b"azsweep" not in data
    assert type(pickle.loads(data).hydra) is DictConfig
    assert pickle.loads(data) == {"hydra": {"a": [1, 2]}}
    assert isinstance(whole.hydra.a, ListConfig)
