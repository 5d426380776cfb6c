"""The notations of an expression: which distribution a mapping, a text or an azure-ai-ml object stands for, and back.

Judges shapes only: whether the arguments make sense is for `Distribution.validate`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from azsweep_core._choice import GROUP
from azsweep_core._expression_text import ExpressionSyntaxError, parse, write
from azsweep_core._values import count_of, is_finite_number, shown
from azsweep_core.azureml_objects import class_name
from azsweep_core.distributions import DISTRIBUTIONS, Branch, Choice, Distribution, Randint
from azsweep_core.errors import Problem, SpecError

__all__ = ["from_object", "is_expression", "parse_mapping", "parse_text", "read", "to_mapping", "to_text"]

_INT_TEXT = re.compile(r"\s*[+-]?[0-9]{1,400}\s*")
_FLOAT_TEXT = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_LONGEST_LIST = 1000
"""A longer range stays a range in the mapping notation; AzureML runs no grid beyond this."""


def read(anything: Any, where: str, *, all_branches: bool = False) -> Distribution:
    """The distribution that a mapping, a text, an azure-ai-ml object or a distribution stands for.

    Args:
        all_branches: every mapping among the values of a choice is a branch, as in a job file; otherwise only if one of
            them holds `_group_` or an expression.
    Raises:
        SpecError: with every problem of shape: names, number and types of the arguments.
    """
    reader = _Reader([], all_branches)
    distribution = reader.read(anything, where)
    if distribution is None or reader.problems:
        raise SpecError(reader.problems)
    return distribution


def parse_mapping(mapping: Mapping[str, Any], where: str, *, all_branches: bool = False) -> Distribution:
    """The distribution of `{type: uniform, min_value: 0, max_value: 1}`.

    Numbers may be given as text, as AzureML's client has it (and as YAML reads 1e-3).

    >>> parse_mapping({"type": "Uniform", "min_value": "1e-3", "max_value": 1}, "search_space.lr")
    Uniform(min_value=0.001, max_value=1)
    """
    return read(mapping, where, all_branches=all_branches)


def parse_text(text: str, where: str, *, all_branches: bool = False) -> Distribution:
    """The distribution of `uniform(0, 1)` or `Uniform(min_value=0, max_value=1)`.

    >>> parse_text("choice(adam, 'a b', 1e-3, null)", "search_space.x")
    Choice(values=['adam', 'a b', 0.001, None])
    """
    return read(text, where, all_branches=all_branches)


def from_object(thing: object, where: str) -> Distribution:
    """The distribution of an object of azure-ai-ml, told by the name of its class; that package is not imported."""
    return read(thing, where)


def is_expression(thing: object) -> bool:
    """True for a mapping whose `type` is one of the ten names, in any case."""
    name = thing.get("type") if isinstance(thing, Mapping) else None
    return isinstance(name, str) and name.lower() in DISTRIBUTIONS


def to_mapping(distribution: Distribution) -> dict[str, Any]:
    """The mapping notation, which reads back. The base of log expressions is the sampling algorithm's, not theirs.

    >>> to_mapping(Choice([Branch("adam", {"lr": DISTRIBUTIONS["uniform"](0, 1)})]))["values"]
    [{'_group_': 'adam', 'lr': {'type': 'uniform', 'min_value': 0, 'max_value': 1}}]
    """
    if not isinstance(distribution, Choice):
        return {"type": distribution.kind, **_arguments(distribution)}
    values = distribution.values
    if isinstance(values, range) and count_of(values) > _LONGEST_LIST:
        return {"type": "choice", "values": repr(values)}
    return {"type": "choice", "values": [_branch_mapping(v) if isinstance(v, Branch) else v for v in values]}


def to_text(distribution: Distribution) -> str:
    """The text notation, which reads back.

    >>> to_text(Choice([Branch(None, {"units": Randint(8)}), "a b"]))
    'choice({units: randint(8)}, "a b")'
    """
    if not isinstance(distribution, Choice):
        arguments: Sequence[Any] = list(_arguments(distribution).values())
    elif isinstance(distribution.values, range):
        return f"choice({distribution.values!r})"
    else:
        arguments = distribution.values
    written = ", ".join(_branch_text(value) if isinstance(value, Branch) else write(value) for value in arguments)
    return f"{distribution.kind}({written})"


def _arguments(distribution: Distribution) -> dict[str, Any]:
    return {name: getattr(distribution, name) for name in distribution.__match_args__}


def _branch_mapping(branch: Branch) -> dict[str, Any]:
    group = {} if branch.group is None else {GROUP: branch.group}
    drawn = {key: to_mapping(child) for key, child in branch.distributions}
    return {**group, **branch.children, **drawn}


def _branch_text(branch: Branch) -> str:
    items = [] if branch.group is None else [f"{GROUP}: {write(branch.group)}"]
    for key, child in branch.children.items():
        items.append(f"{write(key)}: {to_text(child) if isinstance(child, Distribution) else write(child)}")
    return "{" + ", ".join(items) + "}"


def _signature(cls: type[Distribution]) -> str:
    return "choice(value, ...)" if cls is Choice else f"{cls.kind}({', '.join(cls.__match_args__)})"


def _nearest(name: object, names: Sequence[str]) -> str:
    """A sentence that names the nearest of `names`, or all of them."""
    near = get_close_matches(str(name).lower(), names, 1)
    return f"Did you mean {near[0]}?" if near else f"It can be {', '.join(names)}."


def _azures_kind(thing: object) -> str | None:
    """The expression that an object of azure-ai-ml is; None for everything else."""
    kind = (class_name(thing) or "").lower()
    return kind if kind in DISTRIBUTIONS else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads expressions, nested ones too, and collects what is wrong with them."""

    problems: list[Problem]
    all_branches: bool

    def read(self, thing: Any, where: str) -> Distribution | None:
        if isinstance(thing, Distribution):
            return thing
        if isinstance(thing, str):
            return self._text(thing, where)
        if isinstance(thing, Mapping):
            return self._mapping(thing, where)
        if (kind := _azures_kind(thing)) is not None:
            cls = DISTRIBUTIONS[kind]
            given = {name: getattr(thing, name, None) for name in cls.__match_args__}
            given = {name: value for name, value in given.items() if value is not None}
            return self._bind(cls, given, where, f"{cls.kind} object with {shown(given)}")
        fix = "Write for example {type: uniform, min_value: 0, max_value: 1} or uniform(0, 1)."
        if isinstance(thing, (list, tuple)):
            fix = f"Did you mean {{type: choice, values: {shown(thing)}}}?"
        self._refuse(where, "must be an expression", shown(thing), fix)
        return None

    def _refuse(self, where: str, rule: str, got: str, fix: str | None = None) -> None:
        self.problems.append(Problem(where, rule, got, fix))

    def _mapping(self, mapping: Mapping[Any, Any], where: str) -> Distribution | None:
        if "type" not in mapping:
            near = get_close_matches("type", [str(key) for key in mapping], 1)
            fix = f"Did you mean type instead of {near[0]}?" if near else "Write for example type: choice."
            self._refuse(where, "an expression needs a type", shown(dict(mapping)), fix)
            return None
        cls = self._class(mapping["type"], f"{where}.type")
        given = {key: value for key, value in mapping.items() if key != "type"}
        return None if cls is None else self._bind(cls, given, where, shown(dict(mapping)))

    def _class(self, name: object, where: str) -> type[Distribution] | None:
        if isinstance(name, str) and name.lower() in DISTRIBUTIONS:
            return DISTRIBUTIONS[name.lower()]
        self._refuse(where, "unknown expression", shown(name), _nearest(name, list(DISTRIBUTIONS)))
        return None

    def _text(self, text: str, where: str) -> Distribution | None:
        def make(name: str, args: Sequence[Any], named: Mapping[str, Any], source: str) -> Any:
            return self._call(name, args, named, source, where)

        try:
            made = parse(text, make)
        except ExpressionSyntaxError as error:
            fix = f"Did you mean choice({text})?" if "," in text and "(" not in text else None
            self._refuse(where, str(error), shown(text), fix)
            return None
        if isinstance(made, range):
            self._refuse(where, "must be an expression", text, f"Did you mean choice({text})?")
            return None
        return made if isinstance(made, Distribution) else None

    def _call(self, name: str, args: Sequence[Any], named: Mapping[str, Any], source: str, where: str) -> Any:
        """The distribution or the range of one call in a text."""
        got = shown(source)[1:-1]
        if name.lower() == "range":
            return self._range(args, named, where, got)
        cls = self._class(name, where)
        if cls is None:
            return None
        names = cls.__match_args__
        if cls is Choice and args:
            args = [args[0] if len(args) == 1 and isinstance(args[0], range) else list(args)]
        elif cls is Choice and not named:
            args = [[]]
        if len(args) > len(names):
            count = "one argument" if len(names) == 1 else f"{len(names)} arguments"
            self._refuse(where, f"{cls.kind} takes {count}, as in {_signature(cls)}", got)
            return None
        given = dict(zip(names, args, strict=False))
        for twice in given.keys() & named.keys():
            self._refuse(where, f"{cls.kind} takes {twice} once", got)
            return None
        return self._bind(cls, {**given, **named}, where, got)

    def _range(self, args: Sequence[Any], named: Mapping[str, Any], where: str, got: str) -> range | None:
        whole = all(isinstance(arg, int) and not isinstance(arg, bool) for arg in args)
        if named or not whole or not 1 <= len(args) <= 3 or (len(args) == 3 and args[2] == 0):
            self._refuse(where, "range takes 1 to 3 whole numbers, as in range(start, stop, step)", got)
            return None
        return range(*args)

    def _bind(self, cls: type[Distribution], given: Mapping[Any, Any], where: str, got: str) -> Distribution | None:
        """The distribution with these arguments, if they have the right names and types."""
        before = len(self.problems)
        for name in given:
            if name in cls.__match_args__:
                continue
            if cls is Randint and str(name).lower() in ("lower", "low", "min", "min_value", "start"):
                fix = "It has no lower bound: randint(n) draws from 0 to n - 1. Use a choice of a range, or quniform."
            else:
                fix = _nearest(name, cls.__match_args__)
            self._refuse(f"{where}.{name}", f"{cls.kind} has no such argument", f"{name}={shown(given[name])}", fix)
        missing = [name for name in cls.__match_args__ if name not in given]
        if missing:
            self._refuse(where, f"{cls.kind} needs {' and '.join(missing)}, as in {_signature(cls)}", got)
        convert = self._values if cls is Choice else self._count if cls is Randint else self._number
        names = [name for name in cls.__match_args__ if name in given]
        arguments = {name: convert(given[name], f"{where}.{name}") for name in names}
        return None if len(self.problems) > before else cls(**arguments)

    def _number(self, value: Any, where: str) -> int | float | None:
        number = value
        if isinstance(value, str):
            number = int(value) if _INT_TEXT.fullmatch(value) else value
            number = float(value) if number is value and _FLOAT_TEXT.fullmatch(value) else number
        if is_finite_number(number):
            return number  # type: ignore[no-any-return]
        self._refuse(where, "must be a finite number", shown(value))
        return None

    def _count(self, value: Any, where: str) -> int | None:
        number = self._number(value, where)
        if number is None or number == int(number):
            return None if number is None else int(number)
        self._refuse(where, "must be a whole number", shown(value))
        return None

    def _values(self, values: Any, where: str) -> Sequence[Any] | None:
        """The values of a choice, mappings turned into branches where they are."""
        if isinstance(values, str):
            try:
                values = parse(values, lambda name, args, named, source: self._call(name, args, named, source, where))
            except ExpressionSyntaxError:
                self._refuse(where, "must be a list", shown(values), f"Did you mean [{values}]?")
                return None
        if not isinstance(values, Sequence):
            self._refuse(where, "must be a list", shown(values))
            return None
        if not isinstance(values, (list, tuple)):
            return values
        if not self.all_branches and not any(_is_branch(value) for value in values):
            return list(values)
        return [
            self._branch(value, f"{where}[{index}]") if isinstance(value, Mapping) else value
            for index, value in enumerate(values)
        ]

    def _branch(self, mapping: Mapping[Any, Any], where: str) -> Branch:
        group = mapping.get(GROUP)
        if GROUP in mapping and not (isinstance(group, str) and group):
            self._refuse(f"{where}.{GROUP}", "must be the name of a config group's option", shown(group))
        children: dict[str, Any] = {}
        for key, child in mapping.items():
            if not isinstance(key, str):
                self._refuse(where, "keys of a branch must be text", shown(key), f"Write '{key}' in quotes.")
            elif key != GROUP:
                children[key] = self.read(child, f"{where}.{key}") if _draws(child) else child
        return Branch(group, children)


def _draws(thing: object) -> bool:
    """True for an expression in any notation but text, which can be a value."""
    return isinstance(thing, Distribution) or is_expression(thing) or _azures_kind(thing) is not None


def _is_branch(thing: object) -> bool:
    return isinstance(thing, Mapping) and (GROUP in thing or any(map(_draws, thing.values())))
