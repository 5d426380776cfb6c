"""Values as a web page can hold them: JSON that JavaScript reads without loss, and not too long. Reads no file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["cut", "plain"]

_EXACT = 2**53
"""JavaScript's numbers are floats: it knows no whole number beyond this one exactly."""


def plain(value: Any) -> Any:
    """The value in JSON. What JavaScript's numbers cannot hold is text: NaN, infinities, very large whole numbers.

    >>> plain({"a": [1, float("inf"), 2**60], None: True})
    {'a': [1, 'inf', '1152921504606846976'], 'null': True}
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= _EXACT else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {key if isinstance(key, str) else json.dumps(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return str(value)


def cut(value: Any, most: int) -> Any:
    """The plain value; as a text with a hole if it has more than `most` characters.

    >>> cut("abcdefghij", 4), cut(0.5, 1)
    ('ab … 6 characters … ij', 0.5)
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= most:
        return value
    ends = most // 2
    return f"{text[:ends]} … {len(text) - 2 * ends} characters … {text[len(text) - ends :]}"
