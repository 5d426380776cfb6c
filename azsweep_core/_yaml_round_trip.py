"""YAML text edited in place: comments, order, quotes and anchors stay. Writes no file."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)
from ruamel.yaml.tokens import CommentToken

from azsweep_core._edits import Comments, Edit, Path, apply, found

__all__ = ["RoundTrip"]

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)


class RoundTrip:
    """The text of a YAML file, to be edited."""

    def __init__(self, text: str) -> None:
        self._before = text
        self._yaml = YAML()
        is_json = text.lstrip().startswith("{")
        self._yaml.preserve_quotes = not is_json
        self._yaml.allow_duplicate_keys = False
        self._yaml.width = 2**20
        self._yaml.explicit_start = re.match(r"(?:\s*(?:#[^\n]*)?\n)*---", text) is not None
        mapping, sequence = _indents(yaml.compose(text, yaml.SafeLoader))
        self._yaml.indent(mapping=mapping, sequence=sequence + 2, offset=sequence)
        self.tree: Any = self._yaml.load(text)
        _keep_anchors(self.tree, set())
        if is_json:
            _in_blocks(self.tree)

    def edit(self, tree: Any, edits: tuple[Edit, ...]) -> None:
        """Edit the tree, or a mapping that is a part of it."""
        apply(tree, edits, _Kept())

    @property
    def text(self) -> str:
        """The text as it is now."""
        stream = io.StringIO()
        self._yaml.dump(self.tree, stream)
        return stream.getvalue()

    @property
    def lost_comments(self) -> tuple[str, ...]:
        """Those that the text had and has no more."""
        left = _COMMENT.findall(self.text)
        return tuple(each for each in _COMMENT.findall(self._before) if not _take(left, each))


def _keep_anchors(value: Any, seen: set[int]) -> None:
    """Also those that nothing refers to."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if getattr(getattr(value, "anchor", None), "value", None):
        value.anchor.always_dump = True
    for child in (
        value.values() if isinstance(value, CommentedMap) else value if isinstance(value, CommentedSeq) else ()
    ):
        _keep_anchors(child, seen)


def _in_blocks(value: Any) -> bool:
    """Writes mappings line by line, and lists of such; whether there are any in what is given."""
    if not isinstance(value, (CommentedMap, CommentedSeq)):
        return False
    children = [_in_blocks(each) for each in (value.values() if isinstance(value, CommentedMap) else value)]
    is_block = isinstance(value, CommentedMap) or any(children)
    if is_block:
        value.fa.set_block_style()
    return is_block


def _take(left: list[str], comment: str) -> bool:
    match = next((index for index, each in enumerate(left) if each.strip() == comment.strip()), None)
    if match is not None:
        del left[match]
    return match is not None


def _indents(root: yaml.Node | None) -> tuple[int, int]:
    """How far the file's own mappings and lists are indented, by the first of each."""
    mapping = sequence = None
    pending = [] if root is None else [root]
    seen: set[int] = set()
    while pending and (mapping is None or sequence is None):
        node = pending.pop(0)
        if id(node) in seen or not isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) or node.flow_style:
            continue
        seen.add(id(node))
        for key, value in node.value if isinstance(node, yaml.MappingNode) else [(None, each) for each in node.value]:
            pending.append(value)
            is_block = isinstance(value, (yaml.MappingNode, yaml.SequenceNode)) and not value.flow_style
            if key is None or not is_block or value.start_mark.line == key.start_mark.line:
                continue
            width = value.start_mark.column - key.start_mark.column
            if isinstance(value, yaml.MappingNode) and mapping is None and width > 0:
                mapping = width
            if isinstance(value, yaml.SequenceNode) and sequence is None and width >= 0:
                sequence = width
    return mapping or 2, sequence or 0


class _Kept(Comments):
    """Comments, which the library keeps with the setting before them, and how values are written."""

    def __init__(self) -> None:
        self._homeless: dict[int, CommentToken] = {}

    def value(self, given: Any, before: Any) -> Any:
        self._homeless |= {id(token): token for token in _tokens_in(before)}
        if isinstance(given, Mapping):
            made = CommentedMap({key: self.value(each, None) for key, each in given.items()})
            is_flat = not any(isinstance(each, Mapping) for each in given.values())
            made.fa.set_flow_style() if is_flat else made.fa.set_block_style()
            return made
        if isinstance(given, list):
            items = CommentedSeq([self.value(each, None) for each in given])
            items.fa.set_flow_style()
            return items
        return _written_as(before, given) if isinstance(given, str) else given

    def hand_over(self, holder: Any, key: Any, target: Any, target_key: Any) -> None:
        if key in holder.ca.items:
            target.ca.items[target_key] = holder.ca.items.pop(key)

    def take_along(self, tree: Any, source: Path, target: Path) -> None:
        """The comment in the setting's line goes with it; those below it stay, for they are of what follows."""
        holder, goal = found(tree, source[:-1])[0], found(tree, target[:-1])[0]
        self.hand_over(holder, source[-1], goal, target[-1])
        own = _Leaf.of(goal, target[-1])
        line, rest = own.comment
        for text in _comments_of_emptied(tree, source[:-1]):
            first, _, others = text.partition("\n")
            line, rest = (line, f"{first}\n{others}{rest}") if line.strip() else (f"{first}\n", others + rest)
        own.comment = line, rest
        before = _leaf_before(tree, source)
        if rest and before is not None and before != own:
            own.comment = line, ""
            before.comment = before.comment[0], before.comment[1] + rest
        if goal.fa.flow_style() and len(target) > 1:  # then the comment belongs behind the whole line
            text = "".join(own.comment).strip("\n")
            own.comment = "", ""
            own = _Leaf.of(found(tree, target[:-2])[0], target[-2])
            if text:
                own.comment = f"{text}\n", "".join(own.comment).lstrip("\n")
        before = _previous(goal, target[-1])
        if before is not None and before.comment[1] and before != own:
            line, rest = own.comment
            own.comment = line, rest + before.comment[1]
            before.comment = before.comment[0], ""
        if self._homeless:
            line, rest = own.comment
            at_home = {id(token) for token in _flat(goal.ca.items.get(target[-1]) or ())}
            left = [token.value for number, token in self._homeless.items() if number not in at_home]
            own.comment = line, "".join(f"{each}\n" for text in left for each in _COMMENT.findall(text)) + rest
            self._homeless.clear()

    def leave(self, tree: Any, path: Path) -> None:
        line, rest = _Leaf.of(found(tree, path[:-1])[0], path[-1]).comment
        before = _leaf_before(tree, path)
        if before is not None and (line.strip() or rest):
            before.comment = before.comment[0], before.comment[1] + (line if line.strip() else "") + rest


class _Leaf:
    """The last setting of a block: what the library hangs the comments on that follow the block."""

    def __init__(self, holder: Any, key: Any) -> None:
        self._holder = holder
        self._key = key

    @classmethod
    def of(cls, holder: Any, key: Any) -> _Leaf:
        value = holder[key]
        while isinstance(value, (CommentedMap, CommentedSeq)) and len(value) and not value.fa.flow_style():
            holder, key = value, list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1
            value = holder[key]
        return cls(holder, key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Leaf) and self._holder is other._holder and self._key == other._key

    def __hash__(self) -> int:
        return hash((id(self._holder), self._key))

    @property
    def comment(self) -> tuple[str, str]:
        """The comment in the setting's own line, to that line's end; and the lines that follow, empty ones too."""
        tokens = self._holder.ca.items.get(self._key)
        token = None if tokens is None else tokens[self._index]
        text = "" if token is None else token.value
        if isinstance(self._holder[self._key], (FoldedScalarString, LiteralScalarString)):
            return "", text
        end = text.find("\n") + 1
        return (text[:end], text[end:]) if end else (text, "")

    @comment.setter
    def comment(self, parts: tuple[str, str]) -> None:
        line, rest = parts
        is_block = isinstance(self._holder[self._key], (FoldedScalarString, LiteralScalarString))
        text = line + rest if line or is_block or not rest else f"\n{rest}"
        tokens = self._holder.ca.items.get(self._key)
        if tokens is None:
            tokens = [None, None, None, None] if isinstance(self._holder, CommentedMap) else [None, None]
            self._holder.ca.items[self._key] = tokens
        before = tokens[self._index]
        mark = CommentMark(0) if before is None else before.start_mark
        tokens[self._index] = CommentToken(text, mark, None) if text else None

    @property
    def _index(self) -> int:
        return 2 if isinstance(self._holder, CommentedMap) else 0


def _previous(holder: Any, key: Any) -> _Leaf | None:
    keys = list(holder) if isinstance(holder, CommentedMap) else list(range(len(holder)))
    index = keys.index(key)
    return _Leaf.of(holder, keys[index - 1]) if index else None


def _leaf_before(tree: Any, path: Path) -> _Leaf | None:
    """The last setting before this one, wherever it belongs."""
    for depth in range(len(path) - 1, -1, -1):
        before = _previous(found(tree, path[:depth])[0], path[depth])
        if before is not None:
            return before
    return None


def _comments_of_emptied(tree: Any, path: Path) -> Iterator[str]:
    """The comments beside the mappings that hold nothing else than what leaves them."""
    while path:
        holder, key = found(tree, path[:-1])[0], path[-1]
        if len(holder[key]) > 1:
            return
        tokens = [*_flat(holder.ca.items.pop(key, ())), *_flat(holder[key].ca.comment or ())]
        yield from (token.value for token in {id(each): each for each in tokens}.values())
        path = path[:-1]


def _tokens_in(value: Any) -> Iterator[CommentToken]:
    """The comments inside of a mapping or a list."""
    if not isinstance(value, (CommentedMap, CommentedSeq)):
        return
    for tokens in (value.ca.comment or (), *value.ca.items.values()):
        yield from _flat(tokens)
    for child in value.values() if isinstance(value, CommentedMap) else value:
        yield from _tokens_in(child)


def _flat(tokens: Iterable[Any]) -> Iterator[CommentToken]:
    for token in tokens:
        if isinstance(token, list):
            yield from _flat(token)
        elif token is not None:
            yield token


def _written_as(before: Any, text: str) -> str:
    """The text in the style of the one before; in quotes, if it would be read as something else without them."""
    if isinstance(before, FoldedScalarString):
        return _folded_as(before, text)
    if isinstance(before, (LiteralScalarString, SingleQuotedScalarString, DoubleQuotedScalarString)):
        quoted: str = type(before)(text)
        return quoted
    return text if yaml.safe_load(text) == text else SingleQuotedScalarString(text)


def _folded_as(before: FoldedScalarString, text: str) -> FoldedScalarString:
    """The text with its lines folded where they were."""
    made: FoldedScalarString = FoldedScalarString(text)
    blocks = difflib.SequenceMatcher(None, before, text, autojunk=False).get_matching_blocks()
    folds = getattr(before, "fold_pos", [])
    moved = [block.b + fold - block.a for fold in folds for block in blocks if 0 <= fold - block.a < block.size]
    setattr(made, "fold_pos", moved)  # noqa: B010 - where the library keeps them
    return made
