"""Points of a search space of which some values are given; draws nothing: numbers of [0, 1) are handed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from azsweep_core._space_tree import Entries, Fixed, Node, always_set, ever_set, match
from azsweep_core._values import identity
from azsweep_core.distributions import Distribution, Value

__all__ = ["complete", "misfits", "part_of_a_point"]


def complete(entries: Entries, given: Mapping[str, Value], units: Sequence[float], point: dict[str, Value]) -> None:
    """Add to `point` what `given` says of these entries, and for the rest what lies at `units`.

    Nested choices take one of the options that can set what is given. Where none can, the values are taken as they are,
    and nothing is drawn beside them, unless every option sets the same keys.
    """
    for entry in entries:
        if isinstance(entry, Fixed):
            point[entry.key] = given.get(entry.key, entry.value)
            continue
        key, unit = entry.dimension.key, units[entry.dimension.index]
        if entry.options is None:
            point[key] = given[key] if key in given else entry.source.from_unit(unit)
        elif options := _fitting_options(entry, given):
            complete(options[int(unit * len(options))], given, units, point)
        else:
            point.update({key: value for key, value in given.items() if key in entry.ever})


def _fitting_options(node: Node, given: Mapping[str, Value]) -> Sequence[Entries]:
    """The options that can set what is given, else those that can but for what is nested in them."""
    able = _able_options(node, given)
    fitting = [option for option in able if all(_can_set(entry, given) for entry in option)]
    return fitting or able or (node.options if node.options and node.always == node.ever else ())


def _able_options(node: Node, given: Mapping[str, Value]) -> list[Entries]:
    """The options that set, or may set, every given key, and none of them themselves to another value."""
    keys = given.keys() & node.ever
    return [option for option in node.options or () if keys <= ever_set(option) and _agrees(option, given)]


def _agrees(option: Entries, given: Mapping[str, Value]) -> bool:
    """True if no given value is another than one that the option itself sets."""
    fixed = (entry for entry in option if isinstance(entry, Fixed) and entry.key in given)
    return all(identity(given[entry.key]) == identity(entry.value) for entry in fixed)


def _can_set(entry: Fixed | Node, given: Mapping[str, Value]) -> bool:
    if isinstance(entry, Fixed) or entry.options is None:
        return True
    return any(all(_can_set(each, given) for each in option) for option in _able_options(entry, given))


def misfits(entries: Entries, point: Mapping[str, Value]) -> Iterator[tuple[Distribution | None, Mapping[str, Value]]]:
    """The values of the point that no draw gives, with their expression; without one what cannot be set together."""
    for entry in entries:
        if isinstance(entry, Fixed):
            continue
        values = {key: value for key, value in point.items() if key in entry.ever}
        if match((entry,), values) is not None:
            continue
        if entry.options is None:
            yield entry.source, values
            continue
        inside = (list(misfits(option, values)) for option in _able_options(entry, values))
        yield from next(filter(None, inside), [(None, values)])


def part_of_a_point(entries: Entries, known: Mapping[str, Value]) -> dict[str, Value]:
    """What a whole configuration says of these entries: of every nested choice it is in one option.

    That is the one whose own values it has, and of whose other keys it lacks the fewest. If there is none, only the
    values stay that name an option.
    """
    part: dict[str, Value] = {}
    for entry in entries:
        if isinstance(entry, Fixed) or entry.options is None:
            key = entry.key if isinstance(entry, Fixed) else entry.dimension.key
            part.update({key: known[key]} if key in known else {})
            continue
        options = [option for option in entry.options if _has(option, known)]
        if options:
            part |= part_of_a_point(min(options, key=lambda option: len(always_set(option) - known.keys())), known)
        else:
            names = {each.key for option in entry.options for each in option if isinstance(each, Fixed)}
            part |= {key: value for key, value in known.items() if key in names}
    return part


def _has(option: Entries, known: Mapping[str, Value]) -> bool:
    """True if the configuration has every value that the option itself sets."""
    return all(entry.key in known for entry in option if isinstance(entry, Fixed)) and _agrees(option, known)
