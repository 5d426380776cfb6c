"""The search space as a tree: which keys each parameter and each branch sets, and how its points are numbered.

Built from distributions once; never draws, never reads what the user wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise
from math import prod

from azsweep_core._values import count_of, identity
from azsweep_core.distributions import Branch, Choice, Distribution, Value

__all__ = [
    "Dimension",
    "Fixed",
    "Node",
    "Numbering",
    "Tree",
    "child_key",
    "clashes",
    "conditions",
    "cover",
    "match",
    "may_repeat",
]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that is drawn.

    Args:
        index: position among the dimensions of the space.
        key: the full Hydra key.
        distribution: what to draw from; for the selector of a nested choice or of zipped parameters the numbers of
            its options.
        is_branch: True for such a selector, unless the numbers of the options say which are alike: zipped numbers that
            all ascend or descend.
    """

    index: int
    key: str
    distribution: Distribution
    is_branch: bool


@dataclass(frozen=True, slots=True)
class Fixed:
    """A key that a branch sets to one value."""

    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class Node:
    """A parameter, or several that are zipped.

    Args:
        source: the distribution as it was given; of zipped parameters a choice of what they are set to together.
        options: what each value of a nested choice sets, in order; None for any other distribution.
        always, ever: the keys that every draw sets, and those that some draw sets.
    """

    dimension: Dimension
    source: Distribution
    options: tuple[Entries, ...] | None
    always: frozenset[str]
    ever: frozenset[str]


Entries = tuple[Fixed | Node, ...]


def child_key(parent: str, branch: Branch, key: str, *, absolute: bool) -> str:
    """Full Hydra key of a branch's child.

    A prefix of the parent is kept, but not where the branch chooses an option of a config group: its keys exist then.
    A child whose branches choose options is a group itself, below the parent's. After a `/` stands a full key.

    >>> child_key("+model", Branch(None, {"units": 8}), "units", absolute=False)
    '+model.units'
    >>> child_key("+db/engine@backup", Branch("innodb", {"port": 1}), "port", absolute=False)
    'backup.port'
    >>> child_key("net@left", Branch("mlp", {"act": Choice([Branch("relu", {})])}), "act", absolute=False)
    'net/act@left.act'
    """
    if absolute or key.startswith("/"):
        return key.removeprefix("/")
    body, own = key.lstrip("+"), parent.lstrip("+")
    prefix = key[: -len(body)] or ("" if branch.group is not None else parent[: -len(own)])
    group, _, package = own.partition("@")
    package = package or group.replace("/", ".")
    place = body if package == "_global_" else f"{package}.{body}"
    if not _chooses_options(branch.children[key]):
        return prefix + place
    inner = f"{group}.{body}".replace(".", "/")
    return prefix + (f"{inner}@{place}" if "@" in own else inner)


def _chooses_options(child: Distribution | Value) -> bool:
    return isinstance(child, Choice) and child.is_nested and any(getattr(each, "group", None) for each in child.values)


class Tree:
    """The nodes of a space, its dimensions (a shared key is one of them), and the keys that branches share wrongly.

    Args:
        absolute: the keys of branches are full keys.
        zipped: groups of parameters that vary together, in the order of the parameters; choices of equal length.
    """

    def __init__(
        self, parameters: Mapping[str, Distribution], absolute: bool, zipped: Sequence[Sequence[str]] = ()
    ) -> None:
        self._absolute = absolute
        self._sources: dict[str, Distribution] = {}
        self.dimensions: dict[str, Dimension] = {}
        self.conflicts: dict[str, tuple[Distribution, Distribution]] = {}
        groups = {group[0]: group for group in zipped}
        others = {key for group in zipped for key in group[1:]}
        self.nodes = tuple(
            self._zipped(groups[key], parameters) if key in groups else self._node(key, distribution)
            for key, distribution in parameters.items()
            if key not in others
        )

    def _zipped(self, group: Sequence[str], parameters: Mapping[str, Distribution]) -> Node:
        """One node for the group, at the place and under the name of its first parameter."""
        choices = [parameters[key] for key in group]
        columns = [choice.values for choice in choices if isinstance(choice, Choice)]
        rows = [dict(zip(group, row, strict=True)) for row in zip(*columns, strict=True)]
        selector, is_branch = Choice(range(len(rows))), not all(map(_is_monotonic, columns))
        dimension = Dimension(len(self.dimensions), group[0], selector, is_branch)
        self.dimensions[group[0]] = dimension
        options = tuple(tuple(Fixed(key, value) for key, value in row.items()) for row in rows)
        return Node(dimension, Choice([Branch(None, row) for row in rows]), options, frozenset(group), frozenset(group))

    def _node(self, key: str, distribution: Distribution) -> Node:
        source = self._sources.setdefault(key, distribution)
        if source != distribution:
            self.conflicts[key] = (source, distribution)
        if not (isinstance(distribution, Choice) and distribution.is_nested):
            dimension = self.dimensions.setdefault(key, Dimension(len(self.dimensions), key, distribution, False))
            return Node(dimension, distribution, None, frozenset([key]), frozenset([key]))
        selector = Choice(range(len(distribution.values)))
        dimension = self.dimensions.setdefault(key, Dimension(len(self.dimensions), key, selector, True))
        options = tuple(self._option(key, value) for value in distribution.values)
        always = frozenset.intersection(*map(always_set, options))
        return Node(dimension, distribution, options, always, frozenset().union(*map(ever_set, options)))

    def _option(self, parent: str, value: Value) -> Entries:
        if not isinstance(value, Branch):
            return (Fixed(parent, value),)
        entries: list[Fixed | Node] = [] if value.group is None else [Fixed(parent, value.group)]
        for key, child in value.children.items():
            full = child_key(parent, value, key, absolute=self._absolute)
            entries.append(self._node(full, child) if isinstance(child, Distribution) else Fixed(full, child))
        return tuple(entries)


def _is_monotonic(values: Sequence[Value]) -> bool:
    """True for numbers that ascend, or that descend."""
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values):
        return False
    pairs = list(pairwise(values))
    return all(left < right for left, right in pairs) or all(left > right for left, right in pairs)


def always_set(entries: Entries) -> frozenset[str]:
    """The keys that every draw of these sets."""
    return frozenset().union(*(entry.always if isinstance(entry, Node) else {entry.key} for entry in entries))


def ever_set(entries: Entries) -> frozenset[str]:
    """The keys that some draw of these sets."""
    return frozenset().union(*(entry.ever if isinstance(entry, Node) else {entry.key} for entry in entries))


def clashes(entries: Entries) -> Iterator[tuple[str, str]]:
    """Pairs of keys set by different entries that are the same but for a prefix, or one the ancestor of the other."""
    owners: dict[str, tuple[int, str]] = {}
    for number, entry in enumerate(entries):
        for key in sorted(ever_set((entry,))):
            owner, other = owners.setdefault(key.lstrip("+"), (number, key))
            if owner != number:
                yield other, key
    for path, (number, key) in owners.items():
        parts = path.split(".")
        for length in range(1, len(parts)):
            owner, other = owners.get(".".join(parts[:length]), (number, key))
            if owner != number and not _may_choose_option(entries[owner]):
                yield other, key
    for entry in entries:
        if isinstance(entry, Node) and entry.options is not None:
            for option in entry.options:
                yield from clashes(tuple(inner for inner in option if not _chooses_group(inner, entry)))


def _may_choose_option(entry: Fixed | Node) -> bool:
    """True for a choice of names: they may be options of a config group, whose keys lie below it."""
    if isinstance(entry, Fixed) or not isinstance(entry.source, Choice):
        return False
    values = entry.source.values
    return isinstance(values, (list, tuple)) and all(
        isinstance(value, str) or (isinstance(value, Branch) and value.group is not None) for value in values
    )


def _chooses_group(entry: Fixed | Node, parent: Node) -> bool:
    """True for the entry that sets the parent's own key; the keys of a group's option may lie below it."""
    return isinstance(entry, Fixed) and entry.key == parent.dimension.key


def match(entries: Entries, point: Mapping[str, Value]) -> tuple[dict[int, Value], set[str]] | None:
    """What was picked to give the keys of `entries` in `point`, and these keys; None if nothing gives them."""
    picked: dict[int, Value] = {}
    keys: set[str] = set()
    for entry in entries:
        if isinstance(entry, Fixed):
            if entry.key not in point or identity(point[entry.key]) != identity(entry.value):
                return None
            keys.add(entry.key)
            continue
        found = _match_node(entry, point)
        if found is None:
            return None
        picked.update(found[0])
        keys |= found[1]
    return picked, keys


def _match_node(node: Node, point: Mapping[str, Value]) -> tuple[dict[int, Value], set[str]] | None:
    key, index = node.dimension.key, node.dimension.index
    if node.options is None:
        if key not in point or not node.source.contains(point[key]):
            return None
        return {index: point[key]}, {key}
    present = node.ever & point.keys()
    for number, option in enumerate(node.options):
        found = match(option, point)
        if found is not None and found[1] == present:
            return {index: number, **found[0]}, found[1]
    return None


def cover(entries: Entries) -> list[dict[int, int]]:
    """Options by dimension index, such that together they set all that can be set; few of them.

    Of options that only set values, of the same keys, those count where a key has another text or another type.
    """
    columns = [
        [
            {node.dimension.index: number, **below}
            for number, option in enumerate(node.options)
            if number in telling
            for below in cover(option)
        ]
        for node in entries
        if isinstance(node, Node) and node.options is not None and (telling := _telling(node.options))
    ]
    rows = max(map(len, columns), default=1)
    return [dict(item for column in columns for item in column[row % len(column)].items()) for row in range(rows)]


def _telling(options: Sequence[Entries]) -> Collection[int]:
    """The numbers of the options to look at."""
    if not _is_table(options):
        return range(len(options))
    firsts: dict[Hashable, int] = {}
    for number, option in enumerate(options):
        for entry in option:
            assert isinstance(entry, Fixed)
            is_plain_number = isinstance(entry.value, (int, float))
            what = type(entry.value) if is_plain_number else identity(entry.value)
            firsts.setdefault((entry.key, what), number)
    return set(firsts.values())


def conditions(entries: Entries) -> dict[int, dict[int, set[int]]]:
    """Dimension index -> index of a selector -> its options that have it; nothing of what is always there."""
    found: dict[int, dict[int, set[int]]] = {}
    for node in entries:
        if not isinstance(node, Node) or node.options is None:
            continue
        for number, option in enumerate(node.options):
            for child in option:
                if isinstance(child, Node):
                    found.setdefault(child.dimension.index, {}).setdefault(node.dimension.index, set()).add(number)
            for child_index, parents in conditions(option).items():
                for parent, numbers in parents.items():
                    found.setdefault(child_index, {}).setdefault(parent, set()).update(numbers)
    return found


def may_repeat(entries: Entries) -> bool:
    """True if two unequal branches of one choice might give the same point."""
    for entry in entries:
        if isinstance(entry, Fixed) or entry.options is None or _is_table(entry.options):
            continue
        options = _distinct_options(entry)
        if any(map(may_repeat, options)) or any(_may_coincide(a, b) for a, b in combinations(options, 2)):
            return True
    return False


def _is_table(options: Sequence[Entries]) -> bool:
    """True for options that only set values, each of the same keys: different ones give different points."""
    keys = {entry.key for entry in options[0] if isinstance(entry, Fixed)}
    return all(
        len(option) == len(keys) and all(isinstance(entry, Fixed) and entry.key in keys for entry in option)
        for option in options
    )


def _may_coincide(a: Entries, b: Entries) -> bool:
    if not (always_set(a) <= ever_set(b) and always_set(b) <= ever_set(a)):
        return False
    fixed = {entry.key: identity(entry.value) for entry in a if isinstance(entry, Fixed)}
    same = (fixed.get(entry.key) in (None, identity(entry.value)) for entry in b if isinstance(entry, Fixed))
    return all(same)


def _distinct_options(node: Node) -> list[Entries]:
    assert isinstance(node.source, Choice)
    assert node.options is not None
    first: dict[Hashable, Entries] = {}
    for value, option in zip(node.source.values, node.options, strict=True):
        first.setdefault(identity(value), option)
    return list(first.values())


class Numbering:
    """The points of finite entries by number, the last key fastest; each is made when it is asked for.

    Args:
        repeated: count a value that a choice lists twice as two, as a grid does.
    """

    def __init__(self, entries: Entries, *, repeated: bool) -> None:
        self._parts = [_Part(entry, repeated) for entry in entries]
        self.count: int = prod(part.count for part in self._parts)

    def put(self, number: int, point: dict[str, Value]) -> None:
        """Add the keys of point `number` to `point`."""
        digits: list[int] = []
        for part in reversed(self._parts):
            number, digit = divmod(number, part.count)
            digits.append(digit)
        for part, digit in zip(self._parts, reversed(digits), strict=True):
            part.put(digit, point)


class _Part:
    """The alternatives of one entry by number: values of its key, or the points of its options one after the other."""

    def __init__(self, entry: Fixed | Node, repeated: bool) -> None:
        self._options: list[Numbering] = []
        self._values: Sequence[Value] = ()
        if isinstance(entry, Fixed):
            self._key = entry.key
            self._values = (entry.value,)
        elif entry.options is None:
            source = entry.source
            self._key = entry.dimension.key
            self._values = source.values if repeated and isinstance(source, Choice) else source.support or ()
        else:
            options = entry.options if repeated else _distinct_options(entry)
            self._options = [Numbering(option, repeated=repeated) for option in options]
            self._ends = list(accumulate(option.count for option in self._options))
        self.count = self._ends[-1] if self._options else count_of(self._values)

    def put(self, number: int, point: dict[str, Value]) -> None:
        if not self._options:
            point[self._key] = self._values[number]
            return
        which = bisect_right(self._ends, number)
        self._options[which].put(number - (self._ends[which - 1] if which else 0), point)
