"""What a shell offers after the Tab key where it cannot know by itself: sweeps, and numbers of trials."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from azsweep_core.ledger import LEDGER

__all__ = ["sweeps_from", "trials_from"]

_DEEPEST = 3
_MOST_FOLDERS = 2000
_MOST_SWEEPS = 100


def sweeps_from(typed: str) -> list[str]:
    """Directories of sweeps whose path begins as it was typed, the latest first; at most three folders further down.

    Those with a blank in their path are left out: click's completion would tear it apart.
    """
    folder, slash, begun = typed.rpartition("/")
    place = Path(os.path.expanduser(folder + slash) or ".")  # noqa: PTH111 - "" and "/" are no different to pathlib
    found = [path for path in _sweeps_below(place, begun) if not any(map(str.isspace, str(path)))]
    found.sort(key=lambda path: (path / LEDGER).stat().st_mtime, reverse=True)
    return [f"{folder}{slash}{path.relative_to(place)}" for path in found[:_MOST_SWEEPS]]


def trials_from(directory: Path, typed: str) -> list[str]:
    """Numbers of trials of which there are files, and which begin so."""
    with contextlib.suppress(OSError):
        names = [each.name for each in (directory / ".azsweep" / "trials").iterdir()]
        return sorted((name for name in names if name.isdecimal() and name.startswith(typed)), key=int)
    return []


def _sweeps_below(place: Path, begun: str) -> Iterator[Path]:
    """Level by level; below a sweep there is none."""
    level = [path for path in _folders(place) if path.name.startswith(begun)]
    left = _MOST_FOLDERS
    for _ in range(_DEEPEST):
        sweeps = [path for path in level[:left] if os.path.exists(path / LEDGER)]  # noqa: PTH110 - False if one may not look
        yield from sweeps
        left -= len(level)
        if left <= 0:
            return
        level = [below for path in level if path not in sweeps for below in _folders(path)]


def _folders(place: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir():
                yield place / entry.name
