"""Decides which of command line, `params` and `search_space` a key follows; never judges a distribution's arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from azsweep_core._reading import nearest
from azsweep_core._space_tree import child_key
from azsweep_core.distributions import Branch, Choice
from azsweep_core.errors import Problem, SpecError
from azsweep_core.expressions import is_expression, parse_text
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Parameters
from hydra_plugins.hydra_azsweep_sweeper._grammar import NAMES
from hydra_plugins.hydra_azsweep_sweeper._hydra_sweeps import to_distribution
from hydra_plugins.hydra_azsweep_sweeper._override_text import check_value, key_problems, to_text

__all__ = ["SweepOverrides", "check_space", "read_overrides", "trial_overrides"]

_CALL = re.compile(rf"\s*(?:{'|'.join(NAMES)})\s*\(.*\)\s*", re.DOTALL)
_QUOTED_CALL = re.compile(rf"\s*(?:choice|{'|'.join(NAMES)})\s*\(.*\)\s*", re.DOTALL)
_UNKNOWN = re.compile(r"Unknown function '(\w+)'")


@dataclass(frozen=True, slots=True)
class SweepOverrides:
    """What the three sources amount to.

    Args:
        parameters: by Hydra key, in the order of first appearance: a Distribution, or what `search_space` holds there.
        fixed: overrides that go with every trial.
        pinned: for the log: the keys that a plain value took out of the search space.
        problems: everything that is wrong. What they are about is left out of the rest, which can still be judged.
        lost: the keys that are left out, without prefix.
    """

    parameters: Mapping[str, Any]
    fixed: tuple[str, ...]
    pinned: tuple[str, ...]
    problems: tuple[Problem, ...]
    lost: frozenset[str] = frozenset()

    @property
    def decided(self) -> frozenset[str]:
        """The keys that plain overrides set or delete, without prefix."""
        return frozenset(map(_path, self.fixed))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key of one source: a plain override with its whole `text`, or one (None) that is drawn from a distribution."""

    where: str
    key: str
    text: str | None
    drawn_from: Any = None

    @property
    def path(self) -> str:
        return self.key.lstrip("+~")

    @property
    def is_drawn(self) -> bool:
        return self.text is None

    @property
    def is_delete(self) -> bool:
        return self.key.startswith("~")


def read_overrides(
    arguments: Sequence[str],
    params: Mapping[str, Any],
    search_space: Mapping[str, Any],
    config_loader: ConfigLoader,
    *,
    logbase: float = math.e,
    job_space: Mapping[str, Any] | None = None,
    job_overrides: Sequence[str] = (),
) -> SweepOverrides:
    """Merge the sources; the command line wins over `params`, `params` over `search_space`, and that over the job.

    Args:
        arguments: the task's overrides, as Hydra hands them to a sweeper.
        params: Hydra's override text by key, or a YAML value that is no text: a plain value.
        search_space: in any notation; passed on as it is.
        logbase: base of the exponents that `tag(log, interval(…))` is turned into.
        job_space, job_overrides: what a job file says of Hydra's keys.
    """
    reader = _Reader(config_loader, logbase)
    of_job = dict(job_space or {})
    sources = (
        [
            *(reader.read_space_key(key, value, "job: ") for key, value in of_job.items()),
            *(reader.read_argument(override, "job: ") for override in job_overrides),
        ],
        [reader.read_space_key(key, value) for key, value in search_space.items()],
        [reader.read_param(key, value) for key, value in params.items()],
        [reader.read_argument(argument) for argument in arguments],
    )
    drawn: dict[str, _Entry] = {}
    fixed: list[_Entry] = []
    pinned: dict[str, str] = {}
    disputed: dict[str, Problem] = {}
    for source in sources:
        entries = [entry for entry in source if entry is not None]
        disputed.update(_given_twice(entries))
        given = {entry.path for entry in entries}
        fixed = [entry for entry in fixed if entry.path not in given]
        for entry in entries:
            if entry.is_drawn:
                drawn[entry.path] = entry  # one of a lower source keeps its place
                pinned.pop(entry.path, None)
                continue
            fixed.append(entry)
            if drawn.pop(entry.path, None) is not None:
                pinned[entry.path] = f"{entry.path} is not sampled: {entry.where} decides it for every trial."
    disputed.update(_overlapping([*drawn.values(), *fixed], config_loader))
    left = {entry.path for entry in (*drawn.values(), *fixed)} - disputed.keys()
    return SweepOverrides(
        parameters={entry.key: entry.drawn_from for entry in drawn.values() if entry.path not in disputed},
        fixed=tuple(entry.text for entry in fixed if entry.text is not None and entry.path not in disputed),
        pinned=tuple(pinned.values()),
        problems=(*reader.problems, *disputed.values()),
        lost=frozenset(_path(each) for each in (*of_job, *job_overrides, *search_space, *params, *arguments)) - left,
    )


def check_space(space: SearchSpace, fixed: Sequence[str]) -> Iterator[Problem]:
    """What Hydra could not pass on to a trial as it is drawn, and what a fixed override and a branch both set."""
    reader = _Reader(None, math.e)
    taken = {_path(text): text for text in fixed if not text.startswith("~")}
    seen: set[str] = set()
    for top, distribution in space.parameters.items():
        for key, value in _settings(top, distribution, space.absolute_children):
            where = f"search_space.{key}"
            if key not in seen and reader.check_key(key, where) and _path(key) in taken:
                rule = f"{_path(key)} is also set by a branch of the search space"
                yield Problem(f"override {taken[_path(key)]}", rule, None, "Keep one of the two.")
            seen.add(key)
            yield from key_problems(value, where)
    yield from reader.problems


def trial_overrides(parameters: Parameters, fixed: Sequence[str]) -> list[str]:
    """A trial's overrides for a launcher: what every trial gets, then what was drawn, in the order of the space."""
    return [*fixed, *(f"{key}={to_text(value)}" for key, value in parameters.items())]


def _settings(key: str, drawn: Any, absolute: bool) -> Iterator[tuple[str, Any]]:
    """Every key that `drawn` can set, with what it is drawn from and each value that is listed for it."""
    yield key, drawn
    if isinstance(drawn, Choice) and isinstance(drawn.values, (list, tuple)):
        for value in drawn.values:
            if not isinstance(value, Branch):
                yield key, value
                continue
            for name, child in value.children.items():
                yield from _settings(child_key(key, value, name, absolute=absolute), child, absolute)


@dataclass(slots=True)
class _Reader:
    """Reads one entry at a time; what cannot be read becomes a problem and no entry."""

    config_loader: ConfigLoader | None
    logbase: float
    parser: OverridesParser = field(default_factory=OverridesParser.create)
    problems: list[Problem] = field(default_factory=list)

    def read_space_key(self, key: str, value: Any, place: str = "") -> _Entry | None:
        where = f"{place}search_space.{key}"
        return self._drawn(where, key, value) if self.check_key(key, where) else None

    def read_param(self, key: str, value: Any) -> _Entry | None:
        where = f"params.{key}"
        if not self.check_key(key, where):
            return None
        if isinstance(value, str):
            return self._read(where, key, value)
        if isinstance(value, Mapping) and is_expression(value):
            return self._drawn(where, key, value)
        found = list(check_value(value, where))
        self.problems.extend(found)
        return None if found else _Entry(where, key, f"{key}={to_text(value)}")

    def read_argument(self, argument: str, place: str = "") -> _Entry | None:
        key, _, text = argument.partition("=")
        where = f"{place}override {argument}"
        if key.startswith("~"):
            return _Entry(where, key, argument)
        entry = self._read(f"{place}override {key}", key, text)
        return None if entry is None else replace(entry, where=where)

    def check_key(self, key: str, where: str) -> bool:
        """Note a problem unless `key` is one that a value can be given to."""
        try:
            legal = bool(key) and self.parser.parse_override(f"{key}=0").get_key_element() == key
        except HydraException:
            legal = False
        if not legal or key.startswith("~"):
            rule = "must be a key that Hydra can override"
            self.problems.append(Problem(where, rule, repr(key), "Write it as a.b, +a.b, group or group@package."))
            return False
        return True

    def _read(self, where: str, key: str, text: str) -> _Entry | None:
        try:
            if _CALL.fullmatch(text):  # without Hydra's help, which another version of it may refuse
                return self._drawn(where, key, parse_text(text, where))
            override = self.parser.parse_override(f"{key}={text}")
            value = override.value()
            if isinstance(value, str) and _QUOTED_CALL.fullmatch(value):
                return self._drawn(where, key, parse_text(value, where))
            if not override.is_sweep_override():
                return _Entry(where, key, f"{key}={text}")
            override.config_loader = self.config_loader
            return self._drawn(where, key, to_distribution(override, where, logbase=self.logbase))
        except SpecError as error:
            self.problems.extend(error.problems)
        except HydraException as error:
            said = str(error).partition("\n")[0]
            unknown = _UNKNOWN.search(said)
            fix = nearest(unknown.group(1), ("choice", "range", "interval", *NAMES)) if unknown else None
            self.problems.append(Problem(where, f"must be an override that Hydra can read ({said})", text, fix))
        return None

    def _drawn(self, where: str, key: str, drawn_from: Any) -> _Entry | None:
        if not _path(key).startswith(("hydra.", "hydra/")):
            return _Entry(where, key, None, drawn_from)
        self.problems.append(Problem(where, "Hydra's own configuration cannot be swept over"))
        return None


def _path(key_or_override: str) -> str:
    return key_or_override.partition("=")[0].lstrip("+~")


def _given_twice(entries: Sequence[_Entry]) -> Iterator[tuple[str, Problem]]:
    """Hydra lets the last of two plain overrides win; a sample among them is a mistake."""
    first: dict[str, _Entry] = {}
    for entry in entries:
        if entry.is_delete:
            continue
        other = first.setdefault(entry.path, entry)
        if other is not entry and (other.is_drawn or entry.is_drawn):
            rule = f"{entry.path} is given twice, here and in {other.where}"
            yield entry.path, Problem(entry.where, rule, None, "Keep one.")


def _overlapping(entries: Sequence[_Entry], config_loader: ConfigLoader) -> Iterator[tuple[str, Problem]]:
    """A key and one that holds it: whichever is applied last would win. The option of a group holds no keys."""
    by_path = {entry.path: entry for entry in entries if not entry.is_delete}
    for entry in by_path.values():
        parts = entry.path.split(".")
        for length in range(1, len(parts)):
            holder = by_path.get(".".join(parts[:length]))
            if holder is None or not (holder.is_drawn or entry.is_drawn):
                continue
            if not config_loader.get_group_options(holder.path) and not _only_elsewhere(holder.drawn_from):
                rule = f"{entry.path} is a part of {holder.path}, which is given in {holder.where}"
                yield entry.path, Problem(entry.where, rule, None, "Keep one of the two.")


def _only_elsewhere(drawn_from: Any) -> bool:
    """Whether it is a nested choice that gives values to other keys alone, as those of job files do."""
    values = drawn_from.values if isinstance(drawn_from, Choice) else ()
    return bool(values) and all(
        isinstance(value, Branch) and value.group is None and all(key.startswith("/") for key in value.children)
        for value in values
    )
