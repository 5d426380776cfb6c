"""Writes a value as Hydra override text that Hydra reads back as the same value of the same type; never reads config.

A text holding `${…}` stays text here and becomes an interpolation when Hydra applies it, as in every Hydra override.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from azsweep_core.distributions import Value
from azsweep_core.errors import Problem

__all__ = ["check_value", "key_problems", "to_text"]

_BARE = re.compile(r"(?!(?:true|false|null|inf|nan)\Z)[a-z_/][a-z0-9_./-]*", re.ASCII | re.IGNORECASE)
"""Text that Hydra reads as itself without quotes, wherever it stands."""

_SPECIAL_IN_KEYS = re.compile(r"[\\()\[\]{}:=, \t]")


def to_text(value: Value, quote: Quote = Quote.single) -> str:
    """`value` as the part of an override after `=`; quoted only where it has to be.

    >>> print(to_text("gbdt"), to_text("10"), to_text(10), to_text({"betas": [0.9, None]}))
    gbdt '10' 10 {betas:[0.9,null]}
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else QuotedString(value, quote).with_quotes()
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_key_text(key)}:{to_text(item, quote)}' for key, item in value.items())}}}"
    return f"[{','.join(to_text(item, quote) for item in value)}]"


def check_value(value: Value, where: str) -> Iterator[Problem]:
    """Why `value` cannot be passed to a trial."""
    yield from key_problems(value, where)
    for part in _parts(value):
        if part is not None and not isinstance(part, (bool, int, float, str, list, tuple, Mapping)):
            rule = "must be null, a boolean, a number, text, a list or a mapping"
            yield Problem(where, rule, f"{part!r} ({type(part).__name__})", "Put it in quotes to pass it as text.")


def key_problems(value: Value, where: str) -> Iterator[Problem]:
    """The keys of mappings in `value` that cannot be written: Hydra's override text has no quotes for keys."""
    for part in _parts(value):
        for key in part if isinstance(part, Mapping) else ():
            if not _is_writable_key(key):
                fix = "Use letters, digits and _, not only digits."
                yield Problem(where, "a mapping's key must be writable in a Hydra override", repr(key), fix)


def _parts(value: Value) -> Iterator[Value]:
    """The value itself and whatever it holds."""
    yield value
    if isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _parts(item)


def _key_text(key: object) -> str:
    return _SPECIAL_IN_KEYS.sub(r"\\\g<0>", key) if isinstance(key, str) else to_text(key)


def _is_writable_key(key: object) -> bool:
    """True if Hydra reads the key back with its type: not for `"1"`, which becomes 1, nor for what needs quotes."""
    if not isinstance(key, (str, int, float)):
        return False
    try:
        read = list(_parser().parse_rule(f"{{{_key_text(key)}:0}}", "dictContainer"))
    except HydraException:
        return False
    return bool(read == [key])


@functools.cache
def _parser() -> OverridesParser:
    return OverridesParser.create()
