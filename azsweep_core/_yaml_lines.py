"""Reads a YAML file, and knows the line of each of its settings. Judges nothing but what YAML itself forbids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from azsweep_core._reading import join, shown
from azsweep_core.errors import Place, Problem, SpecError

__all__ = ["YamlFile", "parse_yaml", "read_yaml"]

_INDEX = re.compile(r"\[(\d+)\]")
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A YAML file that holds a mapping; or what such a file would hold, of which no line is known.

    Args:
        path: as the user named it.
        name: what problems call it, its path by default.
        content: as PyYAML's safe loader reads it: of a key that is written twice, the last one.
        repeated: the keys that are written twice.
    """

    path: Path
    content: Mapping[Any, Any]
    repeated: tuple[Problem, ...] = ()
    name: str | None = None
    _root: yaml.Node | None = field(default=None, kw_only=True, repr=False, compare=False)

    def place(self, where: str) -> Place:
        """Where a setting stands, by its dotted path; for one that is missing, what it belongs to.

        The line is that of the key, or of an item of a list; of what is merged (`<<`), where it is written.
        """
        return Place(self.name or str(self.path), None if self._root is None else _found(self._root, where)[1])

    def text(self, where: str) -> str | None:
        """A number, a boolean or text as it is written in the file; None if there is none."""
        node = None if self._root is None else _found(self._root, where)[0]
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def located(self, problems: Iterable[Problem], below: str = "") -> Iterator[Problem]:
        """The problems with their places: of a mapping's problem with one of its keys, that key's.

        Args:
            below: the dotted path of the mapping that they are told of.
        """
        for each in problems:
            where = join(below, each.where) if each.where else below
            key = where if each.got is None or self.text(where) is not None else join(where, each.got)
            yield replace(each, where=where, place=self.place(key))


def read_yaml(path: Path) -> YamlFile:
    """The mapping that a YAML file holds.

    Raises:
        SpecError: if it holds none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError([Problem("", f"cannot be read: {error.strerror}", place=Place(str(path)))]) from error
    except ValueError as error:  # bytes that are no UTF-8; a name with a null character
        raise SpecError([Problem("", f"must be YAML: {error}", place=Place(str(path)))]) from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """The mapping that the text of a YAML file is.

    Raises:
        SpecError: if it is none.
    """
    where = Place(str(path))
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        repeated = () if root is None else tuple(_repeated(root))
        content = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else min(mark.line + 1, max(len(text.splitlines()), 1))
        reason = ", ".join(" ".join(part.split()) for part in (error.context, error.problem) if part)
        raise SpecError([Problem("", f"must be YAML: {reason}", place=where._replace(line=line))]) from error
    except Exception as error:  # `!!bool maybe`, thousands of levels, no such date ...: PyYAML raises what it meets
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SpecError([Problem("", f"must be YAML: {reason}", place=where)]) from error
    if root is None:
        raise SpecError([Problem("", "is empty", None, "It must hold a mapping.", where)])
    if not isinstance(content, dict):
        raise SpecError([Problem("", "must hold a mapping", shown(content), place=where)])
    file = YamlFile(path, content, _root=root)
    return replace(file, repeated=tuple(replace(each, place=Place(str(path), line)) for each, line in repeated))


def _found(root: yaml.Node, where: str) -> tuple[yaml.Node | None, int]:
    """What stands at a dotted path, None if nothing does, and the line of it, or of the deepest part that is there."""
    node, line = root, root.start_mark.line
    while where:
        if isinstance(node, yaml.SequenceNode):
            index = _INDEX.match(where)
            if index is None or int(index[1]) >= len(node.value):
                return None, line + 1
            node, end = node.value[int(index[1])], index.end()
            line = node.start_mark.line
        else:
            found = _below(node, where)
            if found is None:
                return None, line + 1
            key, node = found
            line, end = key.start_mark.line, len(key.value)
        where = where[end:].removeprefix(".")
    return node, line + 1


def _below(node: yaml.Node, where: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The key that a dotted path begins with, and its value: the longest such key, for keys may have dots."""
    if not isinstance(node, yaml.MappingNode):
        return None
    found = None
    for key, value in node.value:
        is_first = isinstance(key, yaml.ScalarNode) and re.match(re.escape(key.value) + r"(?=$|[.\[])", where)
        if is_first and (found is None or len(key.value) >= len(found[0].value)):
            found = key, value
    return found


def _repeated(root: yaml.Node) -> Iterator[tuple[Problem, int]]:
    """Keys that are written twice in one mapping, with the line of the second."""
    seen: set[int] = set()
    pending: list[tuple[str, yaml.Node]] = [("", root)]
    while pending:
        where, node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += [(f"{where}[{index}]", item) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            continue
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            at = where if key.tag == _MERGE else join(where, key.value)
            pending.append((at, value))
            line = key.start_mark.line + 1
            before = lines.get((key.tag, key.value))
            lines[key.tag, key.value] = line
            if before is not None and key.tag != _MERGE:
                fix = "AzureML's client takes the last one without a word. Remove one."
                yield Problem(at, f"is written twice, in lines {before} and {line}", None, fix), line
