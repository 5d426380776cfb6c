"""What in data, overrides and texts is a secret, and those without it. Reads no file, and knows no secret's value."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from azsweep_core.command_line import is_override, key_of

if TYPE_CHECKING:
    from yaml import Node

__all__ = [
    "data_without_secrets",
    "file_without_secrets",
    "is_secret",
    "override_without_secrets",
    "text_without_secrets",
    "without_credentials",
]

_MASK = "***"
_SECRET = re.compile(
    r"""(?ix) (?: passw(?:or)?d | passphrase | pwd | secret | credentials? | (?:api|access|private|secret)_?key
    | \b token | (?:access|api|auth|bearer|bot|hf|hub|refresh|session)_?token ) ['"]? $"""
)
_IS_NONE = re.compile(r"null|(?P<quote>['\"]?)(?:\?\?\?|\$\{.*\})(?P=quote)")
"""What stands for a value that is elsewhere, or nowhere."""
_SETTING = re.compile(r"(?P<key>(?<![\w./@-])['\"]?[\w./@-]+['\"]?)[ \t]*(?P<sign>:|=(?!=))[ \t]*")
_ALIAS = re.compile(r"\s*:\s*\*[^\s,\]}]+")
_QUOTED = re.compile(r"""(?s)'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")


def without_credentials(text: str) -> str:
    """The text without user and password of the addresses in it.

    >>> without_credentials("tracking_uri=http://me:secret@host/x")
    'tracking_uri=http://***@host/x'
    """
    return re.sub(r"(?<=://)[^/\s]*@", f"{_MASK}@", text)


def data_without_secrets(value: Any) -> Any:
    """Plain data with `***` in the place of what keys of secrets hold, and of secrets in its texts.

    >>> data_without_secrets({"db.password": "abc", "lr": [0.1, "http://me:abc@host"], "api_key": "${oc.env:KEY}"})
    {'db.password': '***', 'lr': [0.1, 'http://***@host'], 'api_key': '${oc.env:KEY}'}
    """
    match value:
        case str():
            return text_without_secrets(value)
        case Mapping():
            return {
                key: _MASK if is_secret(str(key)) and not _is_none(item) else data_without_secrets(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [data_without_secrets(item) for item in value]
    return value


def override_without_secrets(word: str) -> str:
    """An override, or another word of a command.

    >>> print(override_without_secrets("+db.password=a b"), override_without_secrets("+aws={secret_key:abc,user:me}"))
    +db.password=*** +aws={secret_key:***,user:me}
    """
    before, sign, value = word.partition("=")
    if sign and is_override(word) and is_secret(key_of(word)) and not _is_none(value):
        return f"{before}={_MASK}"
    return text_without_secrets(word)


def text_without_secrets(text: str) -> str:
    """Any text: without credentials in addresses, and without what is set in it, as in overrides, code or mappings.

    >>> text_without_secrets("ValueError: wrong token: x in connect(password='a b', port=1)")
    "ValueError: wrong token: x in connect(password='***', port=1)"
    """
    text = without_credentials(text)
    kept: list[str] = []
    at = 0
    for found in _SETTING.finditer(text):
        stops = _stops(text, found) if found.start() >= at and is_secret(found["key"]) else ""
        end = _end(text, found.end(), stops) if stops else 0
        if end > found.end() and not _is_none(text[found.end() : end].strip()):
            quote = text[found.end()] if text[found.end()] in "'\"" else ""
            kept += [text[at : found.end()], f"{quote}{_MASK}{quote}"]
            at = end
    return "".join([*kept, text[at:]])


def file_without_secrets(suffix: str, text: str) -> str:
    """The text of a YAML or CSV file, or of one with an override on each line.

    Raises:
        ValueError: if it cannot be read as such.
    """
    match suffix:
        case ".yaml":
            return _yaml_without_secrets(text)
        case ".csv":
            return _csv_without_secrets(text)
    lines = text_without_secrets(text).split("\n")  # first the whole: a quoted value may have several lines
    return "\n".join(override_without_secrets(line) for line in lines)


def is_secret(key: str) -> bool:
    """Whether what a key of this name holds is for nobody else, judged by the end of the name.

    >>> is_secret("db.password"), is_secret("HF_TOKEN"), is_secret("max_tokens")
    (True, True, False)
    """
    return _SECRET.search(key) is not None


def _is_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and _IS_NONE.fullmatch(value) is not None)


def _stops(text: str, setting: re.Match[str]) -> str:
    """What ends the value of a setting in a text; "" if it is none: a colon is mostly one between words."""
    if setting["sign"] == "=":
        return " \t\n&"
    before = text[: setting.start()].rstrip(" \t+")
    if before.endswith(("{", ",", "[", "(")) or setting["key"][-1] in "'\"":
        return ",}])\n"
    return "\n" if before.endswith("\n") or before.strip(" \t-") == "" else ""


def _end(text: str, start: int, stops: str) -> int:
    """Where a value ends: at its closing quote or bracket, or at the first of `stops` that is in none of either."""
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        return quoted.end()
    at = start
    depth = 0
    while at < len(text) and (depth > 0 or text[at] not in stops):
        inner = _QUOTED.match(text, at) if depth else None
        depth += (text[at] in "{[(") - (text[at] in "}])" and depth > 0)
        at = inner.end() if inner is not None else at + (2 if text[at] == "\\" else 1)
    return min(at, len(text))


def _yaml_without_secrets(text: str) -> str:
    import yaml

    try:
        edits = {edit for node in yaml.compose_all(text, Loader=yaml.SafeLoader) for edit in _edits(node, text)}
    except yaml.YAMLError as error:  # whose words would quote the file
        raise ValueError("it is no YAML that can be read") from error
    kept: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        if start >= at:
            kept += [text[at:start], new]
            at = end
    return "".join([*kept, text[at:]])


def _edits(node: Node, text: str) -> Iterator[tuple[int, int, str]]:
    """Which parts of a YAML text are to be others: from, to, and what."""
    import yaml

    start, end = node.start_mark.index, node.end_mark.index
    match node:
        case yaml.ScalarNode(value=value) if (shown := text_without_secrets(value)) != value:
            yield start, end, json.dumps(shown, ensure_ascii=False)
        case yaml.SequenceNode(value=items):
            for item in items:
                yield from _edits(item, text)
        case yaml.MappingNode(value=pairs):
            for key, item in pairs:
                is_none = isinstance(item, yaml.ScalarNode) and _is_none(item.value)
                if not isinstance(key, yaml.ScalarNode) or not is_secret(key.value) or is_none:
                    yield from _edits(item, text)
                    continue
                begin, stop = item.start_mark.index, item.end_mark.index
                stop = begin + len(text[begin:stop].rstrip())
                after = key.end_mark.index
                alias = _ALIAS.match(text, after) if begin < after else None
                if alias is not None:  # what it stands for is further up
                    yield begin, stop, f"'{_MASK}'"
                yield after, stop if alias is None else alias.end(), f": '{_MASK}'"


def _csv_without_secrets(text: str) -> str:
    """Cell by cell, columns of secrets as a whole."""
    limit = csv.field_size_limit(len(text) + 1)
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    finally:
        csv.field_size_limit(limit)
    header, *lines = rows or [[]]
    hidden = {column for column, name in enumerate(header) if is_secret(name)}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for line in lines:
        writer.writerow(
            _MASK if column in hidden and not _is_none(cell or None) else text_without_secrets(cell)
            for column, cell in enumerate(line)
        )
    return out.getvalue() if rows else text
