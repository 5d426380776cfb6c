"""Says a search space in words: which values each parameter takes, and how many points there are. Draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import islice

from azsweep_core._expression_text import write
from azsweep_core._lines import Line
from azsweep_core._space_tree import child_key
from azsweep_core._values import count_of, distinct, identity
from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
    Value,
)
from azsweep_core.search_space import FINITE_POINTS, SearchSpace

__all__ = ["in_words", "size_in_words", "space_in_words"]

_ROOM = 60
"""Characters for the values of a list; of a longer one the first few and the last are told."""
_LONGEST_VALUE = 30
_MOST_WEIGHED = 8
_MOST_ROWS = 10
_LEAST, _MOST = 0.025, 0.975


def space_in_words(space: SearchSpace, groups: Collection[str] = ()) -> list[Line]:
    """A line for each parameter, with those of its branches below it.

    Args:
        space: with the base that its log expressions really have.
        groups: the keys that choose options of config groups.

    >>> from azsweep_core.search_space import read_space
    >>> for line in space_in_words(read_space({"lr": "loguniform(-6.9, -2.3)", "act": "choice(relu, gelu, relu)"})):
    ...     print(line.label, line.words, sep=": ")
    lr: log-uniform between 0.00101 and 0.1
    act: one of relu (2 of 3), gelu (1 of 3)
    """
    zipped = {group[0]: group for group in space.zipped}
    others = {key for group in space.zipped for key in group[1:]}
    lines: list[Line] = []
    for key, distribution in space.parameters.items():
        if key in zipped:
            lines += _rows(space, zipped[key])
        elif key not in others:
            lines += _parameter(key, distribution, 0, groups, absolute=space.absolute_children)
    return lines


def _rows(space: SearchSpace, group: Sequence[str]) -> Iterator[Line]:
    """Parameters that vary together."""
    choices = [space.parameters[key] for key in group]
    columns = [choice.values for choice in choices if isinstance(choice, Choice)]
    count = count_of(columns[0])
    yield Line(", ".join(group), f"vary together: one of {count:,} rows")
    for row in islice(zip(*columns, strict=True), _MOST_ROWS):
        yield Line("  ".join(f"{key}={_value(value)}" for key, value in zip(group, row, strict=True)), depth=1)
    if count > _MOST_ROWS:
        yield Line(f"... {count - _MOST_ROWS:,} more", depth=1)


def _parameter(
    key: str, distribution: Distribution, depth: int, groups: Collection[str], *, absolute: bool
) -> Iterator[Line]:
    if not isinstance(distribution, Choice) or not distribution.is_nested:
        words = in_words(distribution)
        if key in groups and isinstance(distribution, Choice):
            words = words.replace("one of", f"one of the options of config group {_group(key)}:", 1)
        yield Line(key, words, depth)
        return
    branches = distinct(distribution.values)
    counts = Counter(identity(value) for value in distribution.values)
    chooses_group = any(isinstance(branch, Branch) and branch.group is not None for branch in branches)
    what = f"options of config group {_group(key)}" if chooses_group else "branches"
    yield Line(key, f"one of {len(branches)} {what}:", depth)
    for number, branch in enumerate(branches, start=1):
        weight = _weight(counts, branch, count_of(distribution.values))
        yield from _branch(key, branch, number, weight, depth + 1, groups, absolute=absolute)


def _branch(
    parent: str,
    branch: Branch | Value,
    number: int,
    weight: str,
    depth: int,
    groups: Collection[str],
    *,
    absolute: bool,
) -> Iterator[Line]:
    if not isinstance(branch, Branch):
        yield Line(f"{_value(branch)}{weight}", depth=depth)
        return
    yield Line(f"{f'{number}.' if branch.group is None else branch.group}{weight}", depth=depth)
    for name, child in branch.children.items():
        key = child_key(parent, branch, name, absolute=absolute)
        if isinstance(child, Distribution):
            yield from _parameter(key, child, depth + 1, groups, absolute=absolute)
        else:
            yield Line(key, f"always {_value(child)}", depth + 1)


def _group(key: str) -> str:
    return key.lstrip("+").partition("@")[0]


def in_words(distribution: Distribution) -> str:
    """The values of a legal expression that has no branches.

    >>> from azsweep_core.expressions import parse_text
    >>> for text in ("randint(8)", "quniform(16, 512, 16)", "normal(0, 2)", "lognormal(0, 1)", "qlognormal(0, 1, 1)"):
    ...     print(in_words(parse_text(text, "")))
    a whole number from 0 to 7
    uniform over 16, 32, 48, 64, 80, ..., 512 (32 values, the ends less likely)
    normal with mean 0 and standard deviation 2: 95 % between -3.92 and 3.92
    log-normal with median 1: 95 % between 0.141 and 7.1
    log-normal in steps of 1, with median 1: 95 % between 0 and 7
    """
    match distribution:
        case Choice():
            words = _choice(distribution)
        case Randint():
            words = f"a whole number from 0 to {distribution.size - 1}" if distribution.size > 1 else "always 0"
        case Uniform():
            words = f"uniform between {_value(distribution.min_value)} and {_value(distribution.max_value)}"
        case QUniform() | QLogUniform():
            words = _lattice(distribution)
        case LogUniform():
            low, high = sorted((_about(distribution.from_unit(0.0)), _about(distribution.from_unit(1.0))), key=float)
            words = f"always {low}" if low == high else f"log-uniform between {low} and {high}"
        case Normal() | QNormal() | LogNormal() | QLogNormal():
            words = _bell(distribution)
        case _:
            words = distribution.kind
    return words


def _choice(choice: Choice) -> str:
    count = count_of(choice.values)
    if not isinstance(choice.values, (list, tuple)):
        return f"one of {_listed(choice.values, count)}" if count > 1 else f"always {_value(choice.values[0])}"
    values = distinct(choice.values)
    if len(values) == 1:
        return f"always {_value(values[0])}"
    if len(values) == count:
        return f"one of {_listed(values, count)}"
    counts = Counter(identity(value) for value in choice.values)
    return f"one of {', '.join(f'{_value(value)}{_weight(counts, value, count)}' for value in values)}"


def _weight(counts: Counter[Hashable], value: Value, count: int) -> str:
    """How likely one of several values is, if they are not all alike."""
    return (
        f" ({counts[identity(value)]} of {count})" if len(set(counts.values())) > 1 or max(counts.values()) > 1 else ""
    )


def _lattice(distribution: QUniform | QLogUniform) -> str:
    kind = "uniform" if isinstance(distribution, QUniform) else "log-uniform"
    values, masses = distribution.support, distribution.masses
    count = distribution.size
    if count == 1:
        return f"always {_value(values[0])}"
    if count <= _MOST_WEIGHED:
        listed = [f"{_value(value)} ({100 * mass:.3g} %)" for value, mass in zip(values, masses, strict=True)]
        return f"{kind} over {', '.join(listed)}"
    note = ", the ends less likely" if isinstance(distribution, QUniform) and _has_small_ends(masses) else ""
    return f"{kind} over {_listed(values, count, note)}"


def _has_small_ends(masses: Sequence[float]) -> bool:
    return masses[0] < 0.9 * masses[1] or masses[-1] < 0.9 * masses[-2]


def _bell(distribution: Normal | QNormal | LogNormal | QLogNormal) -> str:
    is_log = isinstance(distribution, (LogNormal, QLogNormal))
    low, high = sorted((distribution.from_unit(_LEAST), distribution.from_unit(_MOST)))
    if distribution.sigma == 0:
        return f"always {_about(low)}"
    mean = f"mean {_value(distribution.mu)} and standard deviation {_value(distribution.sigma)}"
    what = f"median {_about(distribution.from_unit(0.5))}" if is_log else mean
    kind = "log-normal" if is_log else "normal"
    q = getattr(distribution, "q", None)
    steps = "" if q is None else f" in steps of {_value(q)},"
    return f"{kind}{steps} with {what}: 95 % between {_about(low)} and {_about(high)}"


def _listed(values: Sequence[Value], count: int, note: str = "") -> str:
    """The values, or as many of the first as there is room for, the last, and how many there are."""
    if count <= _ROOM:
        texts = [_value(values[index]) for index in range(count)]
        if sum(map(len, texts)) + 2 * count <= _ROOM:
            return ", ".join(texts)
    last = _value(values[count - 1])
    shown: list[str] = []
    room = _ROOM // 2 - len(last)
    for index in range(count - 1):
        text = _value(values[index])
        if len(shown) >= 2 and room < len(text) + 2:
            break
        shown.append(text)
        room -= len(text) + 2
    gap = ["..."] if len(shown) < count - 1 else []
    return f"{', '.join([*shown, *gap, last])} ({count:,} values{note})"


def _value(value: Value) -> str:
    text = write(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _about(number: float) -> str:
    """Three digits of a number that nobody has written.

    >>> _about(0.00100779), _about(22026.5), _about(10**7 + 1)
    ('0.00101', '22000', '1e+07')
    """
    return f"{float(f'{number:.3g}'):.6g}"


def size_in_words(space: SearchSpace, *, is_grid: bool) -> str:
    """How many points the space has, and whether one can come twice.

    >>> from azsweep_core.search_space import read_space
    >>> size_in_words(read_space({"a": "choice(1, 2, 2)", "b": "choice(1, 2)"}), is_grid=True)
    '6 points in the grid, 4 of them different'
    """
    size = space.size
    if is_grid:
        count = space.grid_size
        different = "" if size == count or size is None else f", {size:,} of them different"
        return f"{count:,} points in the grid{different}"
    if size is None:
        return "infinitely many points"
    if size > FINITE_POINTS:
        return f"{size:,} points: more than {FINITE_POINTS:,}, so one may be drawn twice"
    return f"{size:,} {'point' if size == 1 else 'different points'}; none is drawn twice"
