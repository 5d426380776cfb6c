"""Job files with one thing changed: a key dropped, misspelt or added, a value of another type, or out of range."""

from __future__ import annotations

import datetime as dt
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[Any, ...]

_WORD = "is "

_FREE = frozenset(
    {"search_space", "inputs", "outputs", "tags", "properties", "services", "environment_variables", "jobs"}
)
"""Mappings whose keys are names that a user chooses; so are those among a choice's values."""

_VALUES: Mapping[str, Any] = {
    "null": None,
    "true": True,
    "0": 0,
    "1": 1,
    "-1": -1,
    "2.5": 2.5,
    "huge": 10**30,
    "nan": math.nan,
    "inf": math.inf,
    "''": "",
    "' '": " ",
    "word": "word",
    "'7'": "7",
    "'0.5'": "0.5",
    "'nan'": "nan",
    "'true'": "true",
    "azureml:word": "azureml:word",
    "./word.yml": "./word.yml",
    "range(3)": "range(3)",
    "bound": "${{parent.inputs.word}}",
    "a date": dt.date(2020, 1, 1),
    "[]": [],
    "[1]": [1],
    "[word]": ["word"],
    "{}": {},
    "{a: 1}": {"a": 1},
    "{a: word}": {"a": "word"},
}
_DATA = ("uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model", "number")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "sampling_algorithm": ("random", "grid", "bayesian"),
    "rule": ("random", "sobol"),
    "search_space": ("uniform", "choice"),
    "goal": ("minimize", "maximize"),
    "early_termination": ("bandit", "median_stopping", "asha"),
    "command": (
        "t ${{inputs.none}}",
        "t $[[--a ${{inputs.none}}]]",
        "t $[[a=${{inputs.none}}]]",
        "t ${{outputs.none}}",
    ),
    "inputs": _DATA,
    "outputs": _DATA,
    "mode": ("ro_mount", "rw_mount", "mount", "download", "upload", "direct", "eval_mount", "eval_download", "link"),
    "priority": ("low", "medium", "high"),
    "job_tier": ("spot", "basic", "standard", "premium", "null"),
    "identity": ("managed", "managed_identity", "aml_token", "user_identity"),
    "distribution": ("pytorch", "tensorflow", "mpi", "ray"),
    "os_type": ("linux", "windows"),
}
"""Words that might stand in a place, by its key; for a type, by a key above it."""

_OURS: Mapping[str, Mapping[str, Any]] = {
    "truncation_selection": {"exclude_finished_jobs": True},
    "bayesian": {"seed": 1, "n_startup_trials": 5, "surrogate": "tpe"},
}
"""Keys that only we have, by the type of their mapping."""


@dataclass(frozen=True)
class Mutation:
    """A changed job file.

    Args:
        where: the place of the change, with `*` for names that a user chose and `<uniform>` for a mapping of that type.
        what: the change.
    """

    where: str
    what: str
    document: Any = field(repr=False)

    def __str__(self) -> str:
        return f"{self.where or 'top'} {self.what}"

    def is_among(self, one_in: int) -> bool:
        """Whether it is one of a sample, which is always the same, and has every word that might stand in a place."""
        return self.what.startswith(_WORD) or zlib.crc32(str(self).encode()) % one_in == 0


def mutations(documents: Iterable[Any]) -> dict[str, Mutation]:
    """Every change of every place in these documents, by its name.

    Places that are alike, those of the same kind of mapping, count once, in the first document that has one.
    """
    found: dict[str, Mutation] = {}
    for document in documents:
        for path, where, value in _places(document, (), ""):
            for what, changed in _changes(document, path, value):
                mutation = Mutation(where, what, changed)
                found.setdefault(str(mutation), mutation)
    return found


def _places(value: Any, path: Path, where: str) -> Iterator[tuple[Path, str, Any]]:
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


def _changes(document: Any, path: Path, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        added: dict[Any, Any] = {"foo": 1, 5: 1, **_OURS.get(str(value.get("type")), {})}
        yield from ((f"{key} added", _with(document, (*path, key), item)) for key, item in added.items())
    if not path:
        return
    last = path[-1]
    yield "absent", _without(document, path)
    if isinstance(last, str):
        for what, key in (("misspelt", f"{last}x"), ("in capitals", last.upper()), ("with a dash", f"{last}-x")):
            yield f"key {what}", _with(_without(document, path), (*path[:-1], key), value)
    for what, other in _VALUES.items():
        yield f"= {what}", _with(document, path, other)
    if isinstance(value, str):
        for word in (word for key in path[-3:] for word in _WORDS.get(str(key), ()) if last in ("type", key)):
            yield f"{_WORD}{word}", _with(document, path, word)
        yield "in capitals", _with(document, path, value.upper())
        yield "capitalised", _with(document, path, value.title().replace("_", ""))
        yield "without underscores", _with(document, path, value.replace("_", ""))


def _with(holder: Any, path: Path, value: Any) -> Any:
    """A copy with this value there; what is not on the way is shared."""
    step, *below = path
    copied = holder.copy()
    copied[step] = _with(holder[step], tuple(below), value) if below else value
    return copied


def _without(holder: Any, path: Path) -> Any:
    step, *below = path
    copied = holder.copy()
    if below:
        copied[step] = _without(holder[step], tuple(below))
    else:
        del copied[step]
    return copied
