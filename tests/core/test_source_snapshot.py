"""The source of a job: which files count, and that a copy of them is whole, or not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.source_snapshot import Source, copy_to, is_changed, read_source


def make(folder: Path, *paths: str) -> Path:
    """Files that hold their own names; what ends with a slash is a folder."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            file.mkdir(exist_ok=True)
        else:
            file.write_text(path, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("lines", "files", "kept"),
    [
        pytest.param("*.log", ["a.log", "s/b.log", "a.py"], ["a.py"], id="by-suffix"),
        pytest.param("data/", ["data/x", "s/data/y", "data.py"], ["data.py"], id="a-folder-anywhere"),
        pytest.param("/top.txt", ["top.txt", "s/top.txt"], ["s/top.txt"], id="at-the-root"),
        pytest.param("data/\n!data/keep.csv", ["data/x", "data/keep.csv"], ["data/keep.csv"], id="all-but-one"),
        pytest.param("a/**/b", ["a/b", "a/x/y/b", "a/c"], ["a/c"], id="any-depth"),
        pytest.param("# x\n\n\\#y", ["x", "#y"], ["x"], id="comments"),
    ],
)
def test_an_ignore_file_is_read_as_azuremls_client_reads_it(
    tmp_path: Path, lines: str, files: list[str], kept: list[str]
) -> None:
    """Checked against azure-ai-ml 1.35.2; unlike git, it takes files back out of folders that are ignored."""
    make(tmp_path, *files)
    (tmp_path / ".amlignore").write_text(lines, encoding="utf-8")

    assert sorted(read_source(tmp_path).files) == sorted([".amlignore", *kept])


def test_amlignore_takes_the_place_of_gitignore_and_only_at_the_root(tmp_path: Path) -> None:
    make(tmp_path, "a.csv", "b.log", "s/c.txt")
    (tmp_path / ".gitignore").write_text("*.csv")
    (tmp_path / "s" / ".gitignore").write_text("*.txt")
    assert sorted(read_source(tmp_path).files) == [".gitignore", "b.log", "s/.gitignore", "s/c.txt"]

    (tmp_path / ".amlignore").write_text("*.log")
    assert sorted(read_source(tmp_path).files) == [".amlignore", ".gitignore", "a.csv", "s/.gitignore", "s/c.txt"]


def test_what_sweeps_and_tools_leave_in_a_folder_is_no_source(tmp_path: Path) -> None:
    make(tmp_path, "train.py", ".git/HEAD", "s/__pycache__/a.pyc", "mlruns/0/x", "mlflow.db", "mlflow.db-wal")
    make(tmp_path, "multirun/1/.azsweep/lock", "multirun/1/0/work/train.py", "outputs/1/.hydra/x", "outputs/1/x")
    make(tmp_path, ".venv/pyvenv.cfg", ".venv/lib/x.py")

    source = read_source(tmp_path)

    assert (list(source.files), source.folders) == (["train.py"], ())


def test_a_folder_that_is_a_sweeps_or_an_environment_itself_can_be_the_source(tmp_path: Path) -> None:
    assert list(read_source(make(tmp_path, ".azsweep/x", "train.py")).files) == [".azsweep/x", "train.py"]


def test_a_copy_has_files_modes_and_links_but_no_pipes(tmp_path: Path) -> None:
    """A link within the source leads to the copy, any other to where it did; none is followed, circles included."""
    source = make(tmp_path / "src", "a.py", "s/run.sh", "empty/")
    (source / "s" / "run.sh").chmod(0o755)
    (source / "s" / "inside").symlink_to("../a.py")
    (source / "by-its-name").symlink_to(source / "a.py")
    (source / "circle").symlink_to(".")
    (source / "outside").symlink_to("../elsewhere")
    (source / "s" / "far").symlink_to("/usr/share")
    os.mkfifo(source / "pipe")
    copy = tmp_path / "sweep" / "copy"

    copy_to(read_source(source), copy)

    links = {path.relative_to(copy).as_posix(): str(path.readlink()) for path in copy.rglob("*") if path.is_symlink()}
    assert links == {
        "s/inside": "../a.py",
        "by-its-name": "a.py",
        "circle": ".",
        "outside": str(tmp_path / "elsewhere"),
        "s/far": "/usr/share",
    }
    assert sorted(path.name for path in copy.iterdir()) == ["a.py", "by-its-name", "circle", "outside", "s"]
    assert (copy / "a.py").read_text() == "a.py"
    assert os.access(copy / "s" / "run.sh", os.X_OK)
    assert not is_changed(read_source(source), copy)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: make(folder, "new.py"), id="a-new-file"),
        pytest.param(lambda folder: (folder / "a.py").unlink(), id="a-file-less"),
        pytest.param(lambda folder: (folder / "a.py").write_text("A.PY"), id="another-text-of-the-same-length"),
        pytest.param(lambda folder: (folder / "a.py").rename(folder / "c.py"), id="another-name"),
        pytest.param(
            lambda folder: ((folder / "link").unlink(), (folder / "link").symlink_to("s/b.py")), id="another-target"
        ),
    ],
)
def test_a_change_of_the_source_is_seen(tmp_path: Path, change: Any) -> None:
    source = make(tmp_path / "src", "a.py", "s/b.py")
    (source / "link").symlink_to("a.py")
    copy_to(read_source(source), tmp_path / "copy")

    change(source)

    assert is_changed(read_source(source), tmp_path / "copy")


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = read_source(make(tmp_path / "src", "a.py", "b.py"))
    (tmp_path / "src" / "b.py").unlink()

    with pytest.raises(FileNotFoundError):
        copy_to(source, tmp_path / "sweep" / "copy")

    assert list((tmp_path / "sweep").iterdir()) == []


def test_a_copy_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """A trial that runs again finds what its earlier attempt has left."""
    source = make(tmp_path / "src", "a.py")
    copy_to(read_source(source), tmp_path / "copy")
    make(tmp_path / "copy", "checkpoint")
    shutil.rmtree(source)

    copy_to(read_source(make(source, "b.py")), tmp_path / "copy")

    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["a.py", "checkpoint"]


def test_a_large_source_is_told_with_what_makes_it_so() -> None:
    small = Source(Path("/src"), {"train.py": 300_000_000}, ())
    large = Source(Path("/src"), {"train.py": 100_000_000, "data/x": 150_000_000, "data/y": 51_000_000}, ("data",))

    (warning,) = large.warnings()
    assert list(small.warnings()) == []
    assert str(warning) == (
        "trial.code: should be small, for every trial gets a copy; AzureML takes 300 MB; got 3 files, 301 MB, most of "
        "it in data. List what is no code in /src/.amlignore."
    )
