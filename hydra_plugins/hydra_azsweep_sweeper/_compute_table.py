"""The user's table of compute names: which launcher each stands for, with which options. Knows no launcher itself.

The table is `hydra.sweeper.compute`, and below it the user's own file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azsweep_core._reading import join, nearest, shown
from azsweep_core._yaml_lines import YamlFile, read_yaml
from azsweep_core.errors import Place, Problem, SpecError

__all__ = ["EXAMPLE", "LAUNCHER", "LEVELS", "Entry", "Spot", "Table", "user_file"]

LAUNCHER = "hydra/launcher"
LEVELS = {"job_tier": ("spot", "basic", "standard", "premium"), "priority": ("low", "medium", "high")}
"""AzureML's queue settings, each with a table of options of its own in an entry."""
EXAMPLE = "{hydra/launcher: submitit_slurm, partition: NAME}"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a table something is written.

    Args:
        where: the dotted path.
        file: that it is in, if it is in one.
    """

    where: str
    file: YamlFile | None = None

    @property
    def place(self) -> Place | None:
        return None if self.file is None else self.file.place(self.where)

    def below(self, name: object) -> Spot:
        return Spot(join(self.where, name), self.file)

    def problem(self, rule: str, got: str | None = None, fix: str | None = None) -> Problem:
        return Problem(self.where, rule, got, fix, self.place)


@dataclass(slots=True)
class Entry:
    """A launcher and its options, each with the place where it is written.

    Args:
        launcher: None for the one that the config has.
        unmet: queue settings of the job that the entry does not say anything about.
    """

    launcher: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    spots: dict[str, Spot] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)

    def add(self, name: str, value: Any, spot: Spot) -> None:
        """Take a further option, which wins; a mapping is added to the one that is there."""
        before = self.options.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        self.options[name] = {**before, **value} if both else value  # type: ignore[dict-item]
        self.spots[name] = spot


@dataclass(frozen=True, slots=True)
class Table:
    """The entries of both sources.

    Args:
        own: `hydra.sweeper.compute`, which wins.
        file: the user's.
    """

    own: Mapping[Any, Any] = field(default_factory=dict)
    file: YamlFile | None = None

    @classmethod
    def of(cls, own: Any) -> Table:
        """The table for a sweep with this setting of its own.

        Raises:
            SpecError: if the setting is none, or the file cannot be read.
        """
        if own is not None and not isinstance(own, Mapping):
            fix = f"For instance {{cpu-cluster: {EXAMPLE}}}."
            raise SpecError([Problem("compute", "must be a mapping from compute names", shown(own), fix)])
        path = user_file()
        file = read_yaml(path) if path.exists() and not _is_blank(path) else None
        if file is not None and file.repeated:
            raise SpecError(file.repeated)
        return cls(own or {}, file)

    @property
    def names(self) -> list[str]:
        """What it knows."""
        return [str(name) for name in {**({} if self.file is None else self.file.content), **self.own}]

    def look_up(self, compute: str, levels: Mapping[str, str | None]) -> Entry | None:
        """The entry for a compute name, with the options of these levels; None if there is none.

        Raises:
            SpecError: if it is none that can be read.
        """
        found: dict[str, tuple[Any, Spot]] | None = None
        for table, top in self._sources():
            if compute in table:
                found = self._items(table[compute], top.below(compute), found or {})
        return None if found is None else _entry(found, Spot(f"compute.{compute}"), levels)

    def _sources(self) -> Iterator[tuple[Mapping[Any, Any], Spot]]:
        """The lower one first."""
        if self.file is not None:
            yield self.file.content, Spot("", self.file)
        yield self.own, Spot("compute")

    @staticmethod
    def _items(given: Any, spot: Spot, below: dict[str, tuple[Any, Spot]]) -> dict[str, tuple[Any, Spot]] | None:
        """The items of an entry over those of the source below, which it takes over for the same launcher only."""
        if given is None:
            return None
        if not isinstance(given, Mapping):
            rule = "must be a mapping of a launcher and its options"
            raise SpecError([spot.problem(rule, shown(given), f"For instance {EXAMPLE}.")])
        if LAUNCHER in given and LAUNCHER in below and given[LAUNCHER] != below[LAUNCHER][0]:
            below = {}
        return {**below, **{str(name): (value, spot.below(name)) for name, value in given.items()}}


def _is_blank(path: Path) -> bool:
    """Whether the file says nothing, or says it in comments alone."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):  # `read_yaml` says so
        return False
    return not any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def user_file() -> Path:
    """The table of whoever runs this."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "azsweep" / "compute.yaml"


def _entry(items: Mapping[str, tuple[Any, Spot]], spot: Spot, levels: Mapping[str, str | None]) -> Entry:
    launcher, written = items.get(LAUNCHER, (None, spot.below(LAUNCHER)))
    if not isinstance(launcher, str):
        raise SpecError([written.problem("must name a launcher", shown(launcher), f"For instance {EXAMPLE}.")])
    entry = Entry(launcher, spots={LAUNCHER: written})
    for name, (value, at) in items.items():
        if name != LAUNCHER and name not in LEVELS:
            entry.add(name, value, at)
    for name, level in levels.items():
        of_levels, at = items.get(name, ({}, spot))
        problems = [*_level_problems(of_levels, at, LEVELS[name])]
        if problems:
            raise SpecError(problems)
        if level in of_levels:
            for option, value in of_levels[level].items():
                entry.add(str(option), value, at.below(level).below(option))
        elif level is not None:
            entry.unmet.append(name)
    return entry


def _level_problems(levels: Any, spot: Spot, known: Sequence[str]) -> Iterator[Problem]:
    if not isinstance(levels, Mapping):
        fix = f"For instance {{{known[0]}: {{...}}}}."
        yield spot.problem("must be a mapping from levels to options", shown(levels), fix)
        return
    for level, options in levels.items():
        if level not in known:
            yield spot.below(level).problem("unknown level", None, nearest(level, known))
        elif not isinstance(options, Mapping):
            yield spot.below(level).problem("must be a mapping of options", shown(options))
