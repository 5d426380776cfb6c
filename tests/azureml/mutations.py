"""Job files with one thing changed: a key dropped, misspelt or added, a value of another type, or out of range."""

from __future__ import annotations

import copy
import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_FREE = frozenset(
    {"search_space", "inputs", "outputs", "tags", "properties", "services", "environment_variables", "jobs"}
)
"""Mappings whose keys are names that a user chooses; so are those among a choice's values."""

_VALUES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("true", True),
    ("0", 0),
    ("1", 1),
    ("-1", -1),
    ("2.5", 2.5),
    ("huge", 10**30),
    ("nan", math.nan),
    ("inf", math.inf),
    ("''", ""),
    ("' '", " "),
    ("word", "word"),
    ("'7'", "7"),
    ("'0.5'", "0.5"),
    ("'nan'", "nan"),
    ("'true'", "true"),
    ("azureml:word", "azureml:word"),
    ("./word.yml", "./word.yml"),
    ("range(3)", "range(3)"),
    ("bound", "${{parent.inputs.word}}"),
    ("a date", dt.date(2020, 1, 1)),
    ("[]", []),
    ("[1]", [1]),
    ("[word]", ["word"]),
    ("{}", {}),
    ("{a: 1}", {"a": 1}),
    ("{a: word}", {"a": "word"}),
)


@dataclass(frozen=True)
class Mutation:
    """A changed job file.

    Args:
        where: the place of the change, with `*` for names that a user chose and `<uniform>` for a mapping of that type.
        what: the change.
    """

    where: str
    what: str
    document: Any

    def __str__(self) -> str:
        return f"{self.where or 'top'} {self.what}"


def mutations(documents: Iterable[Mapping[str, Any]]) -> list[Mutation]:
    """Every change of every place in these documents; places that are alike count once, in the first that has one."""
    found: dict[str, Mutation] = {}
    for document in documents:
        for path, where, value in _places(document, (), ""):
            for what, changed in _changes(document, path, value):
                found.setdefault(f"{where} {what}", Mutation(where, what, changed))
    return list(found.values())


def _places(value: Any, path: tuple[Any, ...], where: str) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    """Path, name and value of everything in a document."""
    yield path, where, value
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index), f"{where}[{_kind(item)}]")
    if not isinstance(value, Mapping):
        return
    is_free = bool(path) and (path[-1] in _FREE or (isinstance(path[-1], int) and "type" not in value))
    for key, item in value.items():
        named = item.get("type") if isinstance(item, Mapping) else None
        kind = f"<{named}>" if isinstance(named, str) else ""
        yield from _places(item, (*path, key), f"{where}.{kind or _kind(item) if is_free else key + kind}".lstrip("."))


def _kind(value: Any) -> str:
    return "" if isinstance(value, Mapping) else f"*{type(value).__name__}"


def _changes(document: Any, path: tuple[Any, ...], value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield "foo added", _with(document, (*path, "foo"), 1)
        yield "5 added", _with(document, (*path, 5), 1)
    if not path:
        return
    parent, last = path[:-1], path[-1]
    yield "absent", _without(document, path)
    if isinstance(last, str):
        for what, key in (("misspelt", f"{last}x"), ("in capitals", last.upper()), ("with a dash", f"{last}-x")):
            yield f"key {what}", _with(_without(document, path), (*parent, key), value)
    for what, other in _VALUES:
        yield f"= {what}", _with(document, path, other)
    if isinstance(value, str):
        for what, other in (
            ("in capitals", value.upper()),
            ("capitalised", value.title().replace("_", "")),
            ("without underscores", value.replace("_", "")),
        ):
            yield f"{what}", _with(document, path, other)


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


def _without(document: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return changed
