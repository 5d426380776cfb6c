"""Recognises earlier notations of a sweep, and says how each is written today. Decides nothing that the user must.

They are those of the preview of 2021, of SDK v1 (HyperDrive) and its CLI's hdconfig.yml, of SDK 1.5's SweepComponent,
and of the REST API. Sources: CLI v1, "Manage with the CLI: HyperDrive run"; REST, "Jobs - Create Or Update".
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from azsweep_core import expressions
from azsweep_core._edits import KEEP, Drop, Edit, Move, Path, Put, apply, before, dotted, found
from azsweep_core._job_words import (
    DROPPED,
    LEVELS,
    PREVIEW,
    RENAMED,
    REST,
    SNAKE_CASE,
    USER_DECIDES,
    V1,
    WIRE,
    Word,
    expression_of,
    policy,
    sampler,
    seconds_of,
)
from azsweep_core._reading import shown
from azsweep_core.errors import Problem, SpecError

__all__ = ["OldNotation", "legal_name", "modernised", "old_notations", "renamed_in"]

_CALL = re.compile(r"\w+\s*\(.*\)", re.DOTALL)
_MISPLACED = ("compute", "inputs", "outputs", "limits")


@dataclass(frozen=True, slots=True)
class OldNotation:
    """A part of a sweep as it was written once.

    Args:
        problem: with the dotted path below the job or node.
        edits: what makes it today's notation; none if the user must decide.
        ignored: what goes if the user must decide, so that nothing else is said of it.
    """

    problem: Problem
    edits: tuple[Edit, ...] = ()
    ignored: tuple[Edit, ...] = ()


def modernised(
    sweep: Mapping[Any, Any], *, is_node: bool = False
) -> tuple[Mapping[Any, Any], list[OldNotation], Callable[[str], str]]:
    """The sweep in today's notation, what was old about it, and where a dotted path of the new one was before."""
    tree: Any = copy.deepcopy(dict(sweep))
    old: list[OldNotation] = []
    done: list[Edit] = []
    while (one := next(old_notations(tree, is_node=is_node), None)) is not None:
        old.append(replace(one, problem=replace(one.problem, where=before(one.problem.where, done))))
        edits = one.edits or one.ignored
        apply(tree, edits)
        done += edits
    return tree, old, lambda where: before(where, done)


def old_notations(tree: MutableMapping[Any, Any], *, is_node: bool = False) -> Iterator[OldNotation]:
    """What is old about a sweep. The edits of the first one are right; those of later ones only after they are made."""
    yield from _envelope(tree)
    yield from _kind(tree)
    yield from _camel_case(tree)
    for word in RENAMED:
        yield from _renamed(tree, word)
    yield from _v1(tree)
    for path in _matches(tree, ("inputs", "*", "mode")):
        if found(tree, path)[0] == "mount":
            yield _instead(PREVIEW, path, "mount", path, "ro_mount")
    if not is_node:
        yield from _misplaced(tree)
    for key in ("timeout", "trial_timeout"):
        yield from _duration(tree, ("limits", key))
    yield from _dropped(tree)
    yield from _flags(tree)
    yield from _expressions(tree)


def legal_name(name: str) -> str:
    """A parameter's name as AzureML takes it.

    >>> legal_name("--learning-rate"), legal_name("optimizer.lr")
    ('learning_rate', 'optimizer_lr')
    """
    legal = re.sub(r"\W", "_", name.lstrip("-+"), flags=re.ASCII)
    return f"_{legal}" if legal[:1].isdecimal() else legal


def _envelope(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    inner = tree.get("properties")
    keys = ("searchSpace", "samplingAlgorithm", "trial")
    if isinstance(inner, MutableMapping) and any(isinstance(inner.get(key), Mapping) for key in keys):
        problem = Problem("properties", f"is written as in {REST}", None, "Write what is in it at the top of the file.")
        edits = [Move(("properties", key), (key,)) for key in inner if key not in ("properties", *tree)]
        yield OldNotation(problem, tuple(edits) if len(edits) == len(inner) else (), (Drop(("properties",)),))


def _kind(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    kind = tree.get("type")
    if kind in ("sweep_job", "Sweep"):
        yield _instead(PREVIEW if kind == "sweep_job" else REST, ("type",), kind, ("type",), "sweep")
    elif kind == "SweepComponent":
        rule = "is of AzureML's SDK 1.5: a component, which is no job"
        fix = "Write type: sweep, inputs with their values, and the command, code and environment below trial."
        ignored = [Drop((key,)) for key in ("version", "is_deterministic") if key in tree]
        yield OldNotation(Problem("type", rule, kind, fix), (), (Put(("type",), "sweep"), *ignored))


def _renamed(tree: MutableMapping[Any, Any], word: Word) -> Iterator[OldNotation]:
    for path in _matches(tree, tuple(word.old.split("."))):
        given = found(tree, path)[0]
        taken = [str(step) for step, pattern in zip(path, word.old.split("."), strict=True) if pattern == "*"]
        target: Path = tuple(taken.pop(0) if step == "*" else step for step in word.new.split("."))
        if word.new == "early_termination.type" and given == "default":
            yield OldNotation(_problem(word.notation, path, given, "Leave it out."), (Drop(path[:1]),))
            continue
        try:
            value = word.value(given)
        except (ValueError, TypeError):
            fix = f"Write {dotted(target)} in its place."
            yield OldNotation(_problem(word.notation, path, given, fix), (), (Drop(path),))
            continue
        yield _moved(tree, word.notation, path, target, value, word.also)


def _moved(
    tree: Any, notation: str, path: Path, target: Path, value: Any = KEEP, also: tuple[str, str] | None = None
) -> OldNotation:
    """A setting that stands somewhere else today."""
    given = found(tree, path)[0]
    is_ancestor = path[: len(target)] == target
    holder, has_holder = found(tree, target[:-1])
    is_free = not has_holder or holder is None or (isinstance(holder, MutableMapping) and target[-1] not in holder)
    only_one = is_ancestor and len(found(tree, target)[0]) == 1
    if not (is_free or only_one):
        rule = f"is {dotted(target)}, as in {notation}, which is there too"
        is_same = found(tree, target)[0] == (given if value is KEEP else value)
        fix = "Remove it." if is_same else f"Write {dotted(target)} alone."
        return OldNotation(
            Problem(dotted(path), rule, shown(given), fix), (Drop(path),) if is_same else (), (Drop(path),)
        )
    now = given if value is KEEP else value
    edits: list[Edit] = [Move(path, target, KEEP if value is given else value)]
    if also is not None and also[0] not in (found(tree, path[:-1])[0] or {}):
        edits.append(Put((*target[:-1], also[0]), also[1]))
    return OldNotation(_problem(notation, path, given, f"Write {_written(target, now)}."), tuple(edits))


def _instead(notation: str, path: Path, given: Any, target: Path, value: Any) -> OldNotation:
    return OldNotation(_problem(notation, path, given, f"Write {_written(target, value)}."), (Put(path, value),))


def _problem(notation: str, path: Path, given: Any, fix: str) -> Problem:
    got = None if isinstance(given, (Mapping, list)) else shown(given)
    return Problem(dotted(path), f"is written as in {notation}", got, fix)


def _written(target: Path, value: Any) -> str:
    """A setting as one line of YAML."""
    if isinstance(value, (Mapping, list)):
        return f"{dotted(target)} in its place"
    text = f"{target[-1]}: {shown(value)}"
    for step in reversed(target[:-1]):
        text = f"{step}: {{{text}}}"
    return f"{text}, in seconds" if str(target[-1]).endswith("timeout") else text


def _camel_case(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    for level in LEVELS:
        holder = found(tree, level)[0]
        for key in [*holder] if isinstance(holder, MutableMapping) else ():
            if key in SNAKE_CASE:
                value = KEEP
                with suppress(ValueError):
                    value = seconds_of(holder[key])
                yield _moved(tree, REST, (*level, key), (*level, SNAKE_CASE[key]), value)


def _v1(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    for key in ("hyperparameter_sampling", "sampling", "generator_config"):
        if key in tree:
            yield _sampling(tree, key)
    if "policy" in tree:
        yield _policy(tree)
    for pattern, (notation, fix) in USER_DECIDES.items():
        for path in _matches(tree, tuple(pattern.split("."))):
            problem = _problem(notation, path, found(tree, path)[0], fix)
            yield OldNotation(problem, (), (Drop(path[: max(len(path) - 1, 1)]),))


def _sampling(tree: MutableMapping[Any, Any], key: str) -> OldNotation:
    """`{type: random, parameter_space: ...}`, by two names of the type; or the type alone."""
    given = tree[key]
    fix = "Write sampling_algorithm and search_space."
    problem = Problem(key, f"is written as in {V1}", None if isinstance(given, Mapping) else shown(given), fix)
    edits: list[Edit] = []
    try:
        if not isinstance(given, MutableMapping):
            return _moved(tree, V1, (key,), ("sampling_algorithm",), sampler(given))
        named = next(name for name in ("type", "name") if name in given)
        if "parameter_space" in given and "search_space" not in tree:
            edits.append(Move((key, "parameter_space"), ("search_space",), _space(given["parameter_space"])))
        edits.append(Move((key, named), ("sampling_algorithm",), sampler(given[named])))
    except (ValueError, TypeError, KeyError, StopIteration):
        edits = []
    moved = {edit.source[-1] for edit in edits if isinstance(edit, Move)}
    is_all = isinstance(given, Mapping) and moved == set(given) and "sampling_algorithm" not in tree
    return OldNotation(problem, tuple(edits) if is_all else (), (Drop((key,)),))


def _space(given: Any) -> Any:
    """A search space as a list of `{name: --lr, expression: uniform, values: [0, 1]}`, or a mapping as it is."""
    if isinstance(given, MutableMapping):
        return KEEP
    space = {legal_name(each["name"]): expression_of(each["expression"], each["values"]) for each in given}
    if len(space) != len(given):
        raise ValueError(given)
    return space


def _policy(tree: MutableMapping[Any, Any]) -> OldNotation:
    """`{type: BanditPolicy, slack_factor: 0.1}`, also with `name` and `properties`."""
    given = tree["policy"]
    problem = Problem("policy", f"is written as in {V1}", None, "Write early_termination, with today's type.")
    edits: list[Edit] = []
    try:
        named = next(name for name in ("type", "name") if name in given)
        kind = policy(given[named])
        settings = given.get("properties", {})
        edits = [Move(("policy", "properties", key), ("policy", key)) for key in settings]
        if named == "name":
            edits.append(Move(("policy", "name"), ("policy", "type"), kind))
        else:
            edits.append(Put(("policy", "type"), kind))
        edits.append(Move(("policy",), ("early_termination",)))
        if not kind:
            problem = replace(problem, fix="Leave it out: without early_termination no trial is stopped.")
            edits = [Drop(("policy",))]
    except (ValueError, TypeError, AttributeError, StopIteration):
        edits = []
    is_free = "early_termination" not in tree
    return OldNotation(problem, tuple(edits) if is_free else (), (Drop(("policy",)),))


def _misplaced(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    """What stands below a job's trial and belongs beside it. Of limits, those of a command job are a trial's."""
    trial: Any = tree.get("trial")
    for key in _MISPLACED if isinstance(trial, MutableMapping) else ():
        if key not in trial:
            continue
        problem = Problem(f"trial.{key}", "does not belong to trial", None, f"Put {key} beside trial, not below it.")
        given: Any = trial[key]
        beside: Any = tree.get(key)
        names = frozenset(beside) if isinstance(beside, Mapping) else frozenset[Any]()
        edits: list[Edit] = []
        if key == "limits":
            if isinstance(given, Mapping) and set(given) == {"timeout"} and "trial_timeout" not in names:
                problem = replace(problem, fix=f"Write {_written(('limits', 'trial_timeout'), given['timeout'])}.")
                edits = [Move(("trial", key, "timeout"), ("limits", "trial_timeout"))]
        elif key not in tree:
            edits = [Move(("trial", key), (key,))]
        elif isinstance(given, Mapping) and isinstance(beside, Mapping) and given and not set(given) & names:
            edits = [Move(("trial", key, name), (key, name)) for name in given]
        elif given == beside:
            edits = [Drop(("trial", key))]
        yield OldNotation(problem, tuple(edits), (Drop(("trial", key)),))


def _duration(tree: MutableMapping[Any, Any], path: Path) -> Iterator[OldNotation]:
    given = found(tree, path)[0]
    try:
        yield _instead(REST, path, given, path, seconds_of(given))
    except ValueError:
        return


def _dropped(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    for pattern, notation in DROPPED.items():
        for path in _matches(tree, tuple(pattern.split("."))):
            yield OldNotation(_problem(notation, path, found(tree, path)[0], "Leave it out."), (Drop(path),))


def _flags(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    """Parameters named as the script's options, which v1 added to its arguments: today the command has to have them."""
    space: Any = tree.get("search_space")
    trial: Any = tree.get("trial")
    for name in [*space] if isinstance(space, MutableMapping) else ():
        legal = legal_name(name) if isinstance(name, str) and name.startswith("-") else ""
        if not legal or legal in space:
            continue
        fix = f"Write {legal}, and {name} ${{{{search_space.{legal}}}}} in the command."
        problem = Problem(dotted(("search_space", name)), f"is named as in {V1}", name, fix)
        move = Move(("search_space", name), ("search_space", legal))
        command = trial.get("command") if isinstance(trial, Mapping) else None
        renamed = command if not isinstance(command, str) else renamed_in(command, name, legal)
        if renamed != command:
            yield OldNotation(problem, (move, Put(("trial", "command"), renamed)))
        else:
            yield OldNotation(problem, (move,) if trial is None else (), (move,))


def renamed_in(command: str, name: str, other: str) -> str:
    """The command with another name in a parameter's placeholders."""
    pattern = re.compile(r"(\$\{\{\s*|(?<![{$])\{\s*)search_space\." + re.escape(name) + r"(?=\s*\})")
    return pattern.sub(lambda placeholder: f"{placeholder[1]}search_space.{other}", command)


def _expressions(tree: MutableMapping[Any, Any]) -> Iterator[OldNotation]:
    space = tree.get("search_space")
    for name, given in [*space.items()] if isinstance(space, MutableMapping) else ():
        path: Path = ("search_space", name)
        notation = V1 if isinstance(given, str) else WIRE
        try:
            if isinstance(given, str) and _CALL.fullmatch(given.strip()):
                value = expressions.to_mapping(expressions.parse_text(given, dotted(path)))
            elif isinstance(given, list) and len(given) == 2 and isinstance(given[0], str):
                value = dict(expression_of(*given))
            else:
                continue
        except (SpecError, ValueError):
            continue
        inside = ", ".join(f"{key}: {shown(each)}" for key, each in value.items())
        problem = Problem(dotted(path), f"is written as in {notation}", shown(given), f"Write {name}: {{{inside}}}.")
        yield OldNotation(problem, (Put(path, value),))


def _matches(tree: Any, pattern: tuple[str, ...], below: Path = ()) -> Iterator[Path]:
    """The paths that are there and match; `*` is any key."""
    if not pattern:
        yield below
    elif isinstance(tree, MutableMapping):
        for key in [*tree] if pattern[0] == "*" else [pattern[0]] if pattern[0] in tree else []:
            yield from _matches(tree[key], pattern[1:], (*below, key))
