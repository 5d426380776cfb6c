"""Lays out labelled lines for a page of plain text: indented, aligned, broken to a width. Decides no words."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from azsweep_core._text import printable

__all__ = ["Line", "laid_out", "shell_words"]

_INDENT = 2
_WIDEST_LABEL = 32
_SPECIAL_IN_QUOTES = frozenset('"$`\\!')


@dataclass(frozen=True, slots=True)
class Line:
    """What `label` is, in words.

    Args:
        depth: how far it is indented.
        whole: it is to be copied, or too dear to be broken.
    """

    label: str
    words: str = ""
    depth: int = 0
    whole: bool = False


def laid_out(lines: Sequence[Line], columns: int | None = None) -> Iterator[str]:
    r"""The lines of text, with the words of all of them in one column, as far as labels allow.

    Args:
        columns: where words are broken; None leaves them whole.

    >>> print(*laid_out([Line("lr", "uniform"), Line("model", "one of"), Line("mlp", "", 1)]), sep="\n")
      lr     uniform
      model  one of
        mlp
    """
    labels = {id(line): " " * _INDENT * (line.depth + 1) + printable(line.label) for line in lines}
    widths = [len(labels[id(line)]) for line in lines if line.words]
    column = max((width for width in widths if width <= _WIDEST_LABEL), default=_INDENT) + 2
    for line in lines:
        if not line.words:
            yield labels[id(line)]
            continue
        start = f"{labels[id(line)]:{column - 2}}  "
        words = printable(line.words)
        if line.whole or columns is None:
            yield start + words
            continue
        yield from textwrap.wrap(
            words,
            columns,
            initial_indent=start,
            subsequent_indent=" " * column,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [start.rstrip()]


def shell_words(words: Iterable[str]) -> str:
    r"""The words as a shell takes them (bash and zsh, where characters have to be spelt out), on one line.

    >>> print(shell_words(["lr=0.1", "name=a b", "text=a\nb's"]))
    lr=0.1 'name=a b' $'text=a\x0ab\'s'
    >>> print(shell_words(["text='x, y'"]))
    "text='x, y'"
    """
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if not word.isprintable():
        return f"$'{''.join(map(_as_escape, word))}'"
    return f'"{word}"' if "'" in word and not set(word) & _SPECIAL_IN_QUOTES else shlex.quote(word)


def _as_escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 128 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
