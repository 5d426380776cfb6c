"""Edits of nested mappings: a key moved, a value put, a key dropped. Knows nothing of files or jobs.

They act on plain mappings, and on those of a library that keeps a file's comments and order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Comments", "Drop", "Edit", "Move", "Path", "Put", "apply", "before", "dotted", "found"]

Path = tuple["str | int", ...]
"""Keys and indices, from the top down."""

KEEP: Any = object()
"""As the value of a `Move`: the value stays as it is."""


@dataclass(frozen=True, slots=True)
class Move:
    """A setting goes to another place, which may be an ancestor of its own: then it takes that one's place.

    What it leaves empty is dropped.
    """

    source: Path
    target: Path
    value: Any = KEEP


@dataclass(frozen=True, slots=True)
class Put:
    """A setting gets another value, or is added: as the first one, if that is said."""

    path: Path
    value: Any
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """A setting goes."""

    path: Path


Edit = Move | Put | Drop


class Comments:
    """What a file has beside its settings, as far as a library keeps it in the tree. This one knows of nothing."""

    def value(self, given: Any, before: Any) -> Any:
        """A value as it is to be written in the place of another one, or of None."""
        return given

    def leave(self, tree: Any, path: Path) -> None:
        """The setting is going to be removed, for good."""

    def hand_over(self, holder: Any, key: Any, target: Any, target_key: Any) -> None:
        """The target is going to stand where the key does."""

    def take_along(self, tree: Any, source: Path, target: Path) -> None:
        """The setting stands at the target already, which is somewhere else; the source is going to be removed."""


def dotted(path: Path) -> str:
    """A path as problems name it.

    >>> dotted(("search_space", "lr", "values", 0))
    'search_space.lr.values[0]'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def found(tree: Any, path: Path) -> tuple[Any, bool]:
    """What stands at a path, and whether anything does."""
    for step in path:
        is_item = isinstance(tree, list) and isinstance(step, int) and step < len(tree)
        if not is_item and not (isinstance(tree, MutableMapping) and step in tree):
            return None, False
        tree = tree[step]
    return tree, True


def apply(tree: Any, edits: Iterable[Edit], comments: Comments | None = None) -> None:
    """Edit the tree in place. What an edit speaks of must be there."""
    kept = comments or Comments()
    for edit in edits:
        if isinstance(edit, Drop):
            kept.leave(tree, edit.path)
            del found(tree, edit.path[:-1])[0][edit.path[-1]]
        elif isinstance(edit, Put):
            holder, key = _holder(tree, edit.path), edit.path[-1]
            value = kept.value(edit.value, found(tree, edit.path)[0])
            if edit.is_first:
                _insert(holder, 0, key, value)
            else:
                holder[key] = value
        else:
            _move(tree, edit, kept)


def before(where: str, edits: Iterable[Edit]) -> str:
    """The dotted path that a setting had before these edits."""
    for edit in reversed([each for each in edits if isinstance(each, Move)]):
        target = dotted(edit.target)
        if re.match(re.escape(target) + r"(?=$|[.\[])", where):
            where = dotted(edit.source) + where[len(target) :]
    return where


def _move(tree: Any, edit: Move, comments: Comments) -> None:
    holder, key = found(tree, edit.source[:-1])[0], edit.source[-1]
    value = holder[key] if edit.value is KEEP else comments.value(edit.value, holder[key])
    if edit.source[: len(edit.target)] == edit.target:
        target = found(tree, edit.target[:-1])[0]
        comments.hand_over(holder, key, target, edit.target[-1])
        target[edit.target[-1]] = value
    elif edit.source[:-1] == edit.target[:-1]:
        position = list(holder).index(key)
        comments.hand_over(holder, key, holder, edit.target[-1])
        del holder[key]
        _insert(holder, position, edit.target[-1], value)
    else:
        if edit.target[0] not in tree:  # where that stood which it comes from
            _insert(tree, list(tree).index(edit.source[0]), edit.target[0], value if len(edit.target) == 1 else None)
        target = _holder(tree, edit.target)
        target[edit.target[-1]] = value
        comments.take_along(tree, edit.source, edit.target)
        del holder[key]
        _drop_empty(tree, edit.source[:-1])


def _insert(mapping: Any, position: int, key: Any, value: Any) -> None:
    if hasattr(mapping, "insert"):  # of a library, which knows what is merged into it
        mapping.insert(position, key, value)
        return
    items = [*mapping.items()]
    for after, _ in items[position:]:
        del mapping[after]
    mapping[key] = value
    mapping.update(items[position:])


def _holder(tree: Any, path: Path) -> Any:
    """The mapping that holds a path's last key; made if it is not there."""
    for step in path[:-1]:
        if isinstance(tree, MutableMapping) and tree.get(step) is None:
            tree[step] = type(tree)()
        tree = tree[step]
    return tree


def _drop_empty(tree: Any, path: Path) -> None:
    while path:
        holder = found(tree, path[:-1])[0]
        if holder[path[-1]]:
            return
        del holder[path[-1]]
        path = path[:-1]
