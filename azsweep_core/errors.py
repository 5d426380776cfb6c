"""What the user is told when something is wrong: problems as data, and the few exceptions that carry them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["ONLY_HERE", "AzsweepError", "Place", "Problem", "SpecError", "StoreUnreachable"]

ONLY_HERE = "It runs here, but not on AzureML."
"""How all doubts are mended that are AzureML's alone."""


class Place(NamedTuple):
    """A line of a file, the first one being 1; or all of the file."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or doubtful) in what the user wrote.

    Args:
        where: dotted path of the setting, as the user would look for it; "" for all of a file.
        rule: what must hold there.
        got: what was found instead, as the user wrote it.
        fix: a whole sentence that says what to do.
        place: the file and line that the user wrote it in, if that is known.

    >>> print(Problem("limits.timeout", "must be greater than 0 seconds", "-5", "Leave it out for no limit."))
    limits.timeout: must be greater than 0 seconds; got -5. Leave it out for no limit.
    """

    where: str
    rule: str
    got: str | None = None
    fix: str | None = None
    place: Place | None = None

    def __str__(self) -> str:
        where = ": ".join(str(part) for part in (self.place, self.where) if part)
        got = "" if self.got is None else f"; got {self.got}"
        fix = "" if self.fix is None else f" {self.fix}"
        return f"{where}: {self.rule}{got}.{fix}"


class AzsweepError(Exception):
    """A fault the user can act on; its text is the whole message, shown without a traceback."""


class StoreUnreachable(AzsweepError):  # noqa: N818 - a state of the world, which may be over at the next try
    """The store of metrics is away for now: the same call may succeed at a later turn."""


class SpecError(AzsweepError):
    """The configuration cannot be run. Holds every problem found, not the first one only."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
