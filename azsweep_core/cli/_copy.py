"""Copies the directory of a trial: the whole of it, or nothing. Changes nothing in the sweep."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from azsweep_core._text import printable
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["Copied", "copy_trial", "human_size"]


@dataclass(slots=True)
class Copied:
    """What was copied.

    Args:
        left_out: sockets and pipes, which are no files.
    """

    files: int = 0
    size: int = 0
    left_out: list[str] = field(default_factory=list)


def copy_trial(source: Path, sweep: Path, to: Path) -> Copied:
    """Copy a trial's directory.

    A link into the directory stays one, within the copy. One to a file elsewhere in the sweep, such as output.log,
    becomes that file: the copy is to outlive the sweep. All others lead where they have led.

    Args:
        to: a new directory, or an empty one.
    Raises:
        AzsweepError: in words, if `to` may not be written, or something cannot be read; then nothing is there.
    """
    _check(source, to)
    copied = Copied()
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
    except OSError as error:
        raise _refused(f"must be a place that can be written ({error.strerror})", to) from error
    try:
        _fill(draft, source.resolve(), sweep.resolve(), copied)
        draft.replace(to)
    except OSError as error:
        name = os.fsdecode(error.filename or to)
        raise _refused(f"must be a copy of the whole directory; {name}: {error.strerror or error}", to) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copied


def human_size(size: int) -> str:
    """A number of bytes in words.

    >>> human_size(1), human_size(2500), human_size(123_456_789)
    ('1 byte', '2.5 kB', '123.5 MB')
    """
    if size < 1000:
        return f"{size} byte{'s' if size != 1 else ''}"
    power = min((len(str(size)) - 1) // 3, 4)
    return f"{size / 1000**power:.1f} {'kMGT'[power - 1]}B"


def _check(source: Path, to: Path) -> None:
    if to.is_symlink() or (to.exists() and not to.is_dir()):
        raise _refused("must be a new directory, or an empty one", to)
    if to.is_dir() and any(to.iterdir()):
        raise _refused("must be a new directory, or an empty one", to, "It holds something already.")
    if to.resolve().is_relative_to(source.resolve()):
        raise _refused("must not be within what is copied", to)


def _fill(draft: Path, source: Path, sweep: Path, copied: Copied) -> None:
    """Copy everything below one directory into the other; modes and times, too."""
    folders = []
    for folder, names, files in os.walk(source, onerror=_raise):
        place = draft / Path(folder).relative_to(source)
        folders.append((Path(folder), place))
        for name in list(names):
            if Path(folder, name).is_symlink():
                names.remove(name)
                files.append(name)
            else:
                (place / name).mkdir()
        for name in files:
            _copy(Path(folder, name), place / name, source, sweep, copied)
    for folder_of, place in reversed(folders):
        shutil.copystat(folder_of, place)


def _copy(path: Path, to: Path, source: Path, sweep: Path, copied: Copied) -> None:
    target = Path(os.path.realpath(path))  # unlike Path.resolve it bears links in a circle
    if path.is_symlink() and not _is_a_file_of(target, source, sweep):
        to.symlink_to(_led(path, target, source))
    elif target.is_file():
        shutil.copy2(path, to)
        copied.files += 1
        copied.size += to.stat().st_size
    else:
        copied.left_out.append(str(path.relative_to(source)))


def _is_a_file_of(target: Path, source: Path, sweep: Path) -> bool:
    return target.is_file() and target.is_relative_to(sweep) and not target.is_relative_to(source)


def _led(link: Path, target: Path, source: Path) -> str:
    """Where the copy of a link leads."""
    if target.is_relative_to(source):
        return os.path.relpath(target, link.parent)
    given = os.readlink(link)  # noqa: PTH115 - the text, not a path
    return given if os.path.isabs(given) else str(link.parent / given)  # noqa: PTH117


def _raise(error: OSError) -> None:
    raise error


def _refused(rule: str, to: Path, fix: str | None = None) -> AzsweepError:
    return AzsweepError(printable(str(Problem("--copy", rule, str(to), fix))))
