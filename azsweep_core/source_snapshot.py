"""Copies the source folder of a job, as AzureML's client picks files from it; never changes that folder.

Source: azure-ai-ml 1.35.2, code assets: `.amlignore`, else `.gitignore`, of the folder's root, with git's patterns.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pathspec

from azsweep_core.errors import Problem

__all__ = ["Source", "copy_to", "is_changed", "read_source"]

_NEVER = frozenset({".git", "__pycache__", "mlruns", "mlartifacts", "mlflow.db", "mlflow.db-journal", "mlflow.db-wal"})
"""Names of what is no source, wherever it lies."""
_NO_SOURCE_BESIDE = ("pyvenv.cfg", ".azsweep", ".hydra")
"""What a virtual environment holds, a sweep's directory, and that of a run of Hydra's."""
_MOST_BYTES = 300_000_000
_IGNORE_FILES = (".amlignore", ".gitignore")


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a folder that count.

    Args:
        files: sizes in bytes, by path relative to the folder; links among them, which are not followed.
        folders: those with such files, each before what is in it.
    """

    folder: Path
    files: Mapping[str, int]
    folders: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(self.files.values())

    def in_words(self) -> str:
        """How much it is.

        >>> Source(Path("src"), {"train.py": 34_567}, ()).in_words()
        '1 file, 34 kB'
        """
        count, size = len(self.files), self.size
        amount = f"{size} bytes" if size < 1000 else f"{size // 1000} kB" if size < 10**6 else f"{size // 10**6} MB"
        return f"{count} file{'s' if count != 1 else ''}, {amount}"

    def warnings(self) -> Iterator[Problem]:
        """That it is too large for what it is."""
        if self.size <= _MOST_BYTES:
            return
        sizes: dict[str, int] = {}
        for path, size in self.files.items():
            top = path.partition("/")[0]
            sizes[top] = sizes.get(top, 0) + size
        got = f"{self.in_words()}, most of it in {max(sizes, key=sizes.__getitem__)}"
        rule = "should be small, for every trial gets a copy; AzureML takes 300 MB"
        yield Problem("trial.code", rule, got, f"List what is no code in {self.folder}/.amlignore.")


def read_source(folder: Path) -> Source:
    """What counts of a folder.

    Raises:
        OSError: if some of it cannot be read.
    """
    ignored = _ignored(folder)
    files = {
        path: entry.stat(follow_symlinks=False).st_size
        for path, entry in _files(folder, "")
        if not ignored.match_file(f"{path}/" if entry.is_dir() else path)
    }
    folders = {parent: None for path in files for parent in _parents(path)}
    return Source(folder, files, tuple(sorted(folders)))


def copy_to(source: Source, target: Path) -> None:
    """Make `target` a copy of the source, all at once; if it is there already, it stays as it is.

    Links that lead to elsewhere in the source lead to the copy, all others to where they did.
    """
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
    draft.mkdir()
    try:
        for path in source.folders:
            (draft / path).mkdir()
        for path in source.files:
            file = source.folder / path
            if file.is_symlink():
                (draft / path).symlink_to(_link_text(source.folder, path))
            else:
                shutil.copy2(file, draft / path)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # another process was first
            raise
    except BaseException:  # a stop in the middle; raised again
        shutil.rmtree(draft, ignore_errors=True)
        raise


def is_changed(source: Source, copy: Path) -> bool:
    """Whether the source is not any more what the copy was made from."""
    copied = {path for path, _ in _files(copy, "")}
    return copied != source.files.keys() or not all(_is_same(source.folder, path, copy) for path in copied)


def _is_same(folder: Path, path: str, copy: Path) -> bool:
    one, other = folder / path, copy / path
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and str(other.readlink()) == _link_text(folder, path)
    return filecmp.cmp(one, other, shallow=False)


def _ignored(folder: Path) -> pathspec.GitIgnoreSpec:
    for name in _IGNORE_FILES:
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8-sig", errors="surrogateescape")
            return pathspec.GitIgnoreSpec.from_lines(text.splitlines())
    return pathspec.GitIgnoreSpec.from_lines([])


def _files(folder: Path, above: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Regular files and links below a folder, with their paths."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if above and any(entry.name in _NO_SOURCE_BESIDE for entry in found):
        return
    for entry in found:
        path = f"{above}{entry.name}"
        if entry.name in _NEVER:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder / entry.name, f"{path}/")
        elif entry.is_symlink() or entry.is_file():
            yield path, entry


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[: end + 1]) for end in range(len(parts)))


def _link_text(folder: Path, path: str) -> str:
    """Where the copy of a link is to lead."""
    link = folder / path
    place = os.path.normpath(link.parent / link.readlink())  # as it is named: what it leads to may be a link, too
    if Path(place).is_relative_to(folder):
        return os.path.relpath(place, link.parent)
    return place
