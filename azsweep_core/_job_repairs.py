"""What else than an earlier notation has one sure remedy in a job file. Decides nothing that the user must."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from azsweep_core._edits import Drop, Edit, Move, Path, Put, dotted
from azsweep_core._job_old import legal_name, renamed_in

__all__ = ["OLD_PLACEHOLDER", "repairs"]

OLD_PLACEHOLDER = re.compile(r"(?<![{$])\{\s*((?:search_space|inputs|outputs)\.[\w-]+)\s*\}")
"""`{search_space.x}`, which AzureML still takes."""

_LEGAL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TEXTS = ("name", "display_name", "description", "experiment_name", "compute")
_GOALS = {"max": "maximize", "maximise": "maximize", "min": "minimize", "minimise": "minimize"}
_NOT_NULL = ("sampling_algorithm", "early_termination", "name", "display_name", "description", "experiment_name")
_Written = Callable[[str], str | None]


def repairs(sweep: Mapping[Any, Any], written: _Written, *, is_node: bool) -> Iterator[tuple[Edit, ...]]:
    """Edits of a sweep, each of which is right as long as none of the others is made.

    Args:
        written: a number or a boolean at a dotted path as the file has it.
    """
    if not is_node and "type" not in sweep and {"search_space", "objective"} <= set(sweep):
        yield (Put(("type",), "sweep", is_first=True),)
    for path in _nulls(sweep):
        yield (Drop(path),)
    objective = sweep.get("objective")
    goal = objective.get("goal") if isinstance(objective, Mapping) else None
    if isinstance(goal, str) and goal.lower() in _GOALS:
        yield (Put(("objective", "goal"), _GOALS[goal.lower()]),)
    for path in _to_be_quoted(sweep):
        text = written(dotted(path))
        if text is not None:
            yield (Put(path, text),)
    trial = sweep.get("trial")
    command = trial.get("command") if isinstance(trial, Mapping) else None
    if isinstance(command, str) and OLD_PLACEHOLDER.search(command):
        yield (Put(("trial", "command"), OLD_PLACEHOLDER.sub(r"${{\1}}", command)),)
    if not is_node:
        yield from _names(sweep.get("search_space"), command, has_trial="trial" in sweep)


def _nulls(sweep: Mapping[Any, Any]) -> Iterator[Path]:
    """What is null where AzureML wants a key to be left out."""
    yield from ((key,) for key in _NOT_NULL if key in sweep and sweep[key] is None)
    for holder in ("limits", "sampling_algorithm"):
        inner = sweep.get(holder)
        if isinstance(inner, Mapping):
            yield from ((holder, key) for key, value in inner.items() if value is None)


def _to_be_quoted(sweep: Mapping[Any, Any]) -> Iterator[Path]:
    """Numbers and booleans that must be text."""
    for key in _TEXTS:
        if isinstance(sweep.get(key), (bool, int, float)):
            yield (key,)
    for key in ("tags", "properties"):
        texts = sweep.get(key)
        for name, value in texts.items() if isinstance(texts, Mapping) else ():
            if isinstance(value, (bool, int, float)):
                yield key, name
    space = sweep.get("search_space")
    for name, expression in space.items() if isinstance(space, Mapping) else ():
        yield from _booleans(expression, ("search_space", name))


def _booleans(expression: Any, path: Path) -> Iterator[Path]:
    """Booleans among the values of a choice, at any depth."""
    values = expression.get("values") if isinstance(expression, Mapping) else None
    for index, value in enumerate(values) if isinstance(values, list) else ():
        at = (*path, "values", index)
        if isinstance(value, bool):
            yield at
        for key, child in value.items() if isinstance(value, Mapping) else ():
            if isinstance(child, bool):
                yield *at, key
            else:
                yield from _booleans(child, (*at, key))


def _names(space: Any, command: Any, *, has_trial: bool) -> Iterator[tuple[Edit, ...]]:
    """Names with dots and dashes, where the command calls the parameter so, or is not there yet."""
    for name in space if isinstance(space, Mapping) else ():
        if not isinstance(name, str) or _LEGAL.fullmatch(name):
            continue
        legal = legal_name(name)
        if not _LEGAL.fullmatch(legal) or legal in space or [legal_name(str(each)) for each in space].count(legal) > 1:
            continue
        move = Move(("search_space", name), ("search_space", legal))
        renamed = renamed_in(command, name, legal) if isinstance(command, str) else None
        if not has_trial:
            yield (move,)
        elif renamed is not None and renamed != command:
            yield move, Put(("trial", "command"), renamed)
