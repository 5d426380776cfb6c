"""Writes a job file anew, with today's notation and what else has one sure remedy. Never what it cannot read back."""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from azsweep_core._edits import Edit, apply, before
from azsweep_core._job_old import old_notations
from azsweep_core._job_repairs import repairs
from azsweep_core._yaml_lines import YamlFile, parse_yaml, read_yaml
from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.job_file import sweeps_in

__all__ = ["can_be_fixed", "fix_file", "fixed"]


def can_be_fixed(path: Path, node: str | None = None) -> bool:
    """Whether `fix_file` would find anything to mend."""
    try:
        file = read_yaml(path)
    except SpecError:
        return False
    return not file.repeated and any(_steps(file, copy.deepcopy(file.content), node))


def fix_file(path: Path, node: str | None = None) -> tuple[str, ...]:
    """Write the file anew if anything can be mended, and keep the old one beside it, as FILE.orig.

    Returns:
        what changed, as the lines of a unified diff; none if nothing did.
    Raises:
        AzsweepError: if an earlier FILE.orig is there, or the library cannot keep the rest of the file as it is.
    """
    try:
        file = read_yaml(path)
    except SpecError:
        return ()  # told by who checks the file
    old = path.read_bytes().decode("utf-8")
    text = old.replace("\r\n", "\n")
    new = fixed(file, text, node)
    if new == text:
        return ()
    target = path.resolve()
    backup = target.with_name(f"{target.name}.orig")
    try:
        with backup.open("x", encoding="utf-8", newline="") as stream:
            stream.write(old)
    except FileExistsError:
        rule, fix = "is there already, from an earlier --fix", "Move it away, or remove it."
        raise AzsweepError(str(Problem(str(path.with_name(backup.name)), rule, None, fix))) from None
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_bytes((new.replace("\n", "\r\n") if "\r\n" in old else new).encode("utf-8"))
    fresh.chmod(target.stat().st_mode)
    fresh.replace(target)
    names = (str(path.with_name(backup.name)), str(path))
    return tuple(difflib.unified_diff(text.splitlines(), new.splitlines(), *names, lineterm=""))


def fixed(file: YamlFile, text: str, node: str | None = None) -> str:
    """The text of a file with all that can be mended for sure; the same text if that is nothing.

    Raises:
        AzsweepError: if the library cannot keep the rest of the file as it is.
    """
    plain: Any = copy.deepcopy(file.content)
    if file.repeated:
        rule, fix = "--fix does nothing as long as a key is written twice", "Remove one."
        raise AzsweepError(str(Problem(str(file.path), rule, None, fix)))
    steps = list(_steps(file, plain, node))
    if not steps:
        return text
    from azsweep_core._yaml_round_trip import RoundTrip

    where, fix = str(file.path), "Mend it by hand: nothing was changed."
    try:
        round_trip = RoundTrip(text)
        for key, edits in steps:
            round_trip.edit(round_trip.tree if key is None else round_trip.tree["jobs"][key], edits)
        new = round_trip.text
    except Exception as error:  # the library raises what it meets, in files of a kind that few write
        rule = f"--fix cannot edit it ({type(error).__name__}: {' '.join(str(error).split())})"
        raise AzsweepError(str(Problem(where, rule, None, fix))) from error
    if round_trip.lost_comments:
        raise AzsweepError(str(Problem(where, "--fix would lose a comment", round_trip.lost_comments[0].strip(), fix)))
    if parse_yaml(new, file.path).content != plain:
        raise AzsweepError(str(Problem(where, "--fix would change the meaning of other parts", None, fix)))
    return new


def _steps(file: YamlFile, plain: Any, only: str | None) -> Iterator[tuple[Any, tuple[Edit, ...]]]:
    """The edits of each sweep, by the name of its node, one after the other; the plain tree is edited on the way."""
    try:
        nodes = sweeps_in(file, only)
    except SpecError:
        return
    for node in nodes:
        key = next((each for each in plain.get("jobs", {}) if str(each) == node), None) if node is not None else None
        tree = plain if node is None else plain["jobs"][key]
        done: list[Edit] = []

        def written(where: str, node: Any = node, done: list[Edit] = done) -> str | None:
            return file.text(("" if node is None else f"jobs.{node}.") + before(where, done))

        while (edits := _next_edits(tree, written, is_node=node is not None)) is not None:
            apply(tree, edits)
            done += edits
            yield key, edits


def _next_edits(tree: Any, written: Any, *, is_node: bool) -> tuple[Edit, ...] | None:
    old = (each.edits for each in old_notations(tree, is_node=is_node) if each.edits)
    return next(old, None) or next(repairs(tree, written, is_node=is_node), None)
