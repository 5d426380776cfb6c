"""Reads `zip`, the groups of parameters that vary together; decides which can, never what they are set to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from azsweep_core._reading import nearest, shown
from azsweep_core._values import count_of
from azsweep_core.distributions import Choice, Distribution
from azsweep_core.errors import Problem, SpecError

__all__ = ["read_zip"]

MOST_VALUES = 10_000
"""A group of longer choices is refused: what its parameters are set to is written out, row by row."""


def read_zip(
    value: Any, where: str, parameters: Mapping[str, Distribution] | None = None
) -> tuple[tuple[str, ...], ...]:
    """The groups of `[[model, lr], [a, b, c]]` by the full keys of `parameters`, and in their order.

    Args:
        parameters: those of the search space, found with any prefix of their keys; None if they are not known.
    Raises:
        SpecError: with every problem.

    >>> read_zip([["lr", "model"]], "zip", {"+model": Choice(["a", "b"]), "n": Choice([1]), "lr": Choice([1, 2])})
    (('+model', 'lr'),)
    """
    problems: list[Problem] = []
    groups = list(_read_groups(value, where, problems))
    if parameters is not None:
        problems += _wrong_members(groups, parameters)
    if problems:
        raise SpecError(problems)
    if parameters is None:
        return ()
    places = {key: place for place, key in enumerate(parameters)}
    by_path = {key.lstrip("+"): key for key in parameters}
    full = (sorted((by_path[path] for path in paths), key=places.__getitem__) for _, paths in groups)
    return tuple(sorted((tuple(group) for group in full), key=lambda group: places[group[0]]))


def _read_groups(value: Any, where: str, problems: list[Problem]) -> Iterator[tuple[str, list[str]]]:
    """Where each group of names stands and the names without prefixes; a name that is given twice counts once."""
    if not isinstance(value, (list, tuple)):
        problems.append(Problem(where, "must be a list of groups", shown(value), "Write [[model, lr]], for instance."))
        return
    if value and all(isinstance(name, str) for name in value):
        names = f"[{', '.join(value)}]"
        problems.append(Problem(where, "must be a list of groups", names, f"Did you mean [{names}]?"))
        return
    counts: Counter[str] = Counter()
    for number, group in enumerate(value):
        place = f"{where}[{number}]"
        if not isinstance(group, (list, tuple)) or not all(isinstance(name, str) for name in group):
            problems.append(Problem(place, "must be a list of parameters", shown(group)))
            continue
        paths = [name.lstrip("+") for name in group]
        counts.update(paths)
        if len(set(paths)) < 2:
            rule = "must name at least two parameters"
            problems.append(Problem(place, rule, f"[{', '.join(paths)}]", "What varies alone needs no group."))
        else:
            yield place, list(dict.fromkeys(paths))
    for path, count in counts.items():
        if count > 1:
            problems.append(Problem(where, f"{path} may stand in one group, and once", f"{count} times"))


def _wrong_members(groups: list[tuple[str, list[str]]], parameters: Mapping[str, Distribution]) -> Iterator[Problem]:
    known = {key.lstrip("+"): distribution for key, distribution in parameters.items()}
    for place, paths in groups:
        lengths: dict[str, int] = {}
        for path in paths:
            member = known.get(path)
            if member is None:
                rule = "must name parameters of the search space"
                yield Problem(place, rule, path, nearest(path, known) if known else None)
            elif not isinstance(member, Choice):
                yield Problem(place, "takes choices only", f"{member.kind} for {path}", "List the values in a choice.")
            elif member.is_nested:
                rule, fix = "takes no nested choice", "Its branches say already what is set together."
                yield Problem(place, rule, path, fix)
            else:
                lengths[path] = count_of(member.values)
        if len(set(lengths.values())) > 1:
            got = ", ".join(f"{length} for {path}" for path, length in lengths.items())
            yield Problem(place, "needs equally many values for each parameter", got)
        elif any(length > MOST_VALUES for length in lengths.values()):
            yield Problem(place, f"takes at most {MOST_VALUES} values", str(max(lengths.values())))
