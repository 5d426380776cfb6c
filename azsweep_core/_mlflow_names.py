"""Turns names and values of ours into ones that MLflow accepts, always the same way; never talks to MLflow."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "PARAMETER_CHARACTERS",
    "SWEEP_NAME_CHARACTERS",
    "TAG_CHARACTERS",
    "accepted_name",
    "parameter_names",
    "parameters_tag",
    "shortened",
]

NAME_CHARACTERS = 250
SWEEP_NAME_CHARACTERS = NAME_CHARACTERS - 10
"""So that a trial's number fits behind it."""
PARAMETER_CHARACTERS = 6000
TAG_CHARACTERS = 5000
"""Older servers allow a tag no more."""


def accepted_name(key: str) -> str:
    """`key` as a name of a parameter or metric: without leading `+`, other forbidden characters replaced.

    >>> accepted_name("+opt.lr"), accepted_name("db@backup"), accepted_name("group/sub")
    ('opt.lr', 'db_backup', 'group/sub')
    """
    name = re.sub(r"[^/\w.\- :]", "_", key.lstrip("+")) or "_"
    if posixpath.normpath(name) != name or name.startswith(("/", "..")) or name == ".":
        name = "_" + name.replace("/", "_")
    return name if len(name) <= NAME_CHARACTERS else _told_apart(name, key)


def parameter_names(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Accepted name of each key; keys that would get the same one are told apart.

    >>> parameter_names({"a@b": 1, "a_b": 2})
    {'a@b': 'a_b', 'a_b': 'a_b-648fa9b3'}
    """
    names: dict[str, str] = {}
    for key in parameters:
        name = accepted_name(key)
        names[key] = _told_apart(name, key) if name in names.values() else name
    return names


def shortened(text: str, limit: int) -> str:
    r"""`text` cut to `limit` characters with a note of its length; what databases refuse in it is escaped.

    >>> shortened("x" * 100, 40), shortened("no file caf\udce9\0", 40)
    ('xxxxxxxxxxx... (cut from 100 characters)', 'no file caf\\udce9\\0')
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", r"\0")
    if len(text) <= limit:
        return text
    note = f"... (cut from {len(text)} characters)"
    return text[: limit - len(note)] + note


def parameters_tag(parameters: Mapping[str, Any]) -> str:
    """The point as JSON that fits into a tag: long values are cut, and of very many parameters the last left out.

    >>> parameters_tag({"lr": 0.1, "clip": float("inf"), "layers": [1, 2]})
    '{"lr": 0.1, "clip": "inf", "layers": [1, 2]}'
    """
    point = {key: _plain(value) for key, value in parameters.items()}
    text = _json(point)
    for limit in (1000, 200, 60):
        if len(text) <= TAG_CHARACTERS:
            return text
        point = {key: _cut(value, limit) for key, value in point.items()}
        text = _json(point)
    while len(text) > TAG_CHARACTERS:
        point = dict(list(point.items())[: len(point) // 2])
        text = _json({**point, "...": f"{len(parameters)} parameters in all"})
    return text


def _cut(value: Any, limit: int) -> Any:
    text = value if isinstance(value, str) else _json(value)
    return value if len(text) <= limit else shortened(text, limit)


def _json(value: Any) -> str:
    """As short as JSON may be, but for halves of surrogate pairs, which are escaped as JSON has it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: Any) -> Any:
    """`value` for JSON: NaN and infinities as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _told_apart(name: str, key: str) -> str:
    """`name` with a digest of `key`, within the limit."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{name[: NAME_CHARACTERS - 9]}-{digest}"
