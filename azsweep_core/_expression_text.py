"""The text notation: how `name(argument, key=argument)` is read, and plain values written. Evaluates nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["ExpressionSyntaxError", "parse", "write"]

Make = Callable[[str, Sequence[Any], Mapping[str, Any], str], Any]
"""Called for every call in the text, inner ones first: name, positional and keyword arguments, and the call's text."""

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_TOKEN = re.compile(rf"""({_QUOTED})|([()\[\]{{}},:=])|([^\s()\[\]{{}},:='"]+)""", re.DOTALL)
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_INT = re.compile(r"[+-]?(0|[1-9][0-9]*(_[0-9]+)*)")
_FLOAT = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)e[+-]?[0-9]+|[0-9]+\.[0-9]*|\.[0-9]+|inf|nan)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"', "/": "/"}
_CONSTANTS = {"null": None, "None": None, "true": True, "True": True, "false": False, "False": False}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_MOST_DIGITS = 400
_DEEPEST = 40


class ExpressionSyntaxError(Exception):
    """The text does not follow the notation.

    Args:
        expected: what should stand there, in words.
        position: where, counted from 0.
    """

    def __init__(self, expected: str, position: int) -> None:
        super().__init__(f"expected {expected} at character {position + 1}")


def parse(text: str, make: Make) -> Any:
    """What `make` gives for the one call that `text` is.

    Values are numbers, text (in quotes, or a bare word), true, false, null, [lists], {mappings: of values} and calls.

    >>> parse("f(1e-3, 'a b', relu, on=[true, null])", lambda name, args, named, text: (name, args, named))
    ('f', [0.001, 'a b', 'relu'], {'on': [True, None]})
    """
    return _Parser(text, make).whole()


def write(value: Any) -> str:
    """A plain value in the text notation.

    >>> write({"a": [1.0, None, "true", "a b"]})
    '{a: [1.0, null, "true", "a b"]}'
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        token = _TOKEN.fullmatch(value)
        is_bare = token is not None and token.group(3) == value and isinstance(_scalar(value, 0), str)
        return value if is_bare else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write(key)}: {write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(write, value)) + "]"
    return float.__repr__(value) if isinstance(value, float) else repr(value)


def _scalar(word: str, position: int) -> Any:
    """What a bare word stands for."""
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _INT.fullmatch(word):
        if len(word) > _MOST_DIGITS:
            raise ExpressionSyntaxError(f"a number of at most {_MOST_DIGITS} digits", position)
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word


def _unquoted(token: str) -> str:
    def character(match: re.Match[str]) -> str:
        escaped = match.group(1)
        return chr(int(escaped[1:], 16)) if len(escaped) > 1 else _ESCAPED.get(escaped, match.group())

    return _ESCAPE.sub(character, token[1:-1])


class _Parser:
    """A recursive descent over the text; `_at` is where the next token begins."""

    def __init__(self, text: str, make: Make) -> None:
        self._text = text
        self._make = make
        self._at = 0
        self._depth = 0

    def whole(self) -> Any:
        name = self._word()
        if name is None or not self._next_is("("):
            raise ExpressionSyntaxError("an expression such as uniform(0, 1)", 0)
        value = self._call(name)
        self._skip_space()
        if self._at < len(self._text):
            raise ExpressionSyntaxError("nothing more", self._at)
        return value

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at

    def _next_is(self, mark: str) -> bool:
        self._skip_space()
        return self._text.startswith(mark, self._at)

    def _take(self, mark: str) -> bool:
        if not self._next_is(mark):
            return False
        self._at += len(mark)
        return True

    def _word(self) -> str | None:
        """The next token, taken, if it is a name; else nothing is taken."""
        self._skip_space()
        token = _TOKEN.match(self._text, self._at)
        if token is None or token.group(3) is None or not _NAME.fullmatch(token.group(3)):
            return None
        self._at = token.end()
        return token.group(3)

    def _value(self) -> Any:
        self._skip_space()
        start = self._at
        token = _TOKEN.match(self._text, start)
        if token is None:
            what = "a value" if start == len(self._text) else "a closing quote"
            raise ExpressionSyntaxError(what, len(self._text))
        quoted, mark, word = token.groups()
        if mark in ("[", "{"):
            return self._list() if mark == "[" else self._mapping()
        if mark is not None:
            raise ExpressionSyntaxError(f"a value before {mark!r}", start)
        self._at = token.end()
        if quoted is not None:
            return _unquoted(quoted)
        if _NAME.fullmatch(word) and self._next_is("("):
            return self._call(word, start)
        return _scalar(word, start)

    def _items(self, opening: str, item: Callable[[], None]) -> None:
        """Everything between a pair of brackets, separated by commas."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionSyntaxError(f"no more than {_DEEPEST} brackets inside each other", self._at)
        closing = _CLOSING[opening]
        self._take(opening)
        while not self._take(closing):
            item()
            if not self._take(",") and not self._next_is(closing):
                raise ExpressionSyntaxError(f"',' or {closing!r} (text with spaces or marks needs quotes)", self._at)
        self._depth -= 1

    def _list(self) -> list[Any]:
        values: list[Any] = []
        self._items("[", lambda: values.append(self._value()))
        return values

    def _mapping(self) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}

        def item() -> None:
            self._skip_space()
            start = self._at
            key = self._value()
            if not (key is None or isinstance(key, (str, int, float))) or key in mapping:
                raise ExpressionSyntaxError("a key that is a scalar and not yet given", start)
            if not self._take(":"):
                raise ExpressionSyntaxError(f"':' after the key {key!r}", self._at)
            mapping[key] = self._value()

        self._items("{", item)
        return mapping

    def _call(self, name: str, start: int = 0) -> Any:
        args: list[Any] = []
        named: dict[str, Any] = {}

        def item() -> None:
            self._skip_space()
            before = self._at
            key = self._word()
            if key is None or not self._take("="):
                self._at = before
                if named:
                    raise ExpressionSyntaxError("name=value, as in the argument before", before)
                args.append(self._value())
            elif key in named:
                raise ExpressionSyntaxError(f"{key} once", before)
            else:
                named[key] = self._value()

        self._items("(", item)
        return self._make(name, args, named, self._text[start : self._at].strip())
