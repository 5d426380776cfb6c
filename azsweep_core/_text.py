"""How things are said in one line: spans, moments, and others' text with nothing that would steer a terminal."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from typing import Any

from azsweep_core._json_values import finite

__all__ = ["as_text", "at", "duration", "printable"]

_STEERING = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def duration(seconds: float) -> str:
    """A time span with its two largest units.

    >>> duration(4.2), duration(125), duration(7265), duration(100_000)
    ('4 s', '2 min 5 s', '2 h 1 min', '1 d 3 h')
    """
    whole = max(int(seconds), 0)
    for unit_s, unit, below_s, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit_s:
            rest = whole % unit_s // below_s
            return f"{whole // unit_s} {unit} {rest} {below}" if rest else f"{whole // unit_s} {unit}"
    return f"{whole} s"


def as_text(value: Any) -> str:
    """A value of a parameter for a person: a float to six digits, text as it is, anything else as JSON.

    >>> as_text(0.1234567), as_text(None), as_text(True), as_text({"a": 1}), as_text("a b"), as_text("")
    ('0.123457', 'null', 'true', '{"a": 1}', 'a b', "''")
    """
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value or "''"
    return json.dumps(finite(value), ensure_ascii=False, default=str)


def at(time_s: float, now_s: float) -> str:
    """A moment in local time, with its date unless that is today's."""
    try:
        moment = time.localtime(time_s)
    except (OverflowError, ValueError, OSError):  # no clock has ever shown it
        return f"{time_s:g} s"
    is_today = moment[:3] == time.localtime(now_s)[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", moment)


def printable(text: str) -> str:
    r"""Text of a trial's making as it may be shown: colours left out, other control characters spelt out.

    Those that break lines or turn the direction of writing count as such, and halves of characters.

    >>> printable("\x1b[31mno\x1b[0m\rway\x07"), printable("a\u202eb")
    ('no\\x0dway\\x07', 'a\\u202eb')
    """
    if text.isprintable():
        return text
    return "".join(map(_spelt, _STEERING.sub("", text).expandtabs(4)))


def _spelt(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in _TURNING:
        return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
    return character
