"""A sweep's directory that can no longer be written: what runs is stopped, and nothing that was known is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from azsweep_core.replay import Recorded, replay
from tests.launchers.conftest import LauncherApp
from tests.plugin.conftest import Run

Mount = Callable[..., None]

TASK = """
def note(word):  # in the working directory, which no disk's end concerns
    with open(f"{cfg.role}.notes", "a") as notes:
        notes.write(word + " ")

note("began")
if Path("mended").exists():
    return 2.0
try:
    if cfg.role == "fills":
        while not Path("waits.notes").exists():
            time.sleep(0.02)
        with open(out() / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        Path("broken").touch()
    if cfg.role == "ends":
        while not Path("broken").exists():
            time.sleep(0.02)
        return 1.0
    time.sleep(300)
except TrialStopped as stopped:
    note(f"stopped: {stopped}")
    raise
"""


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts something on a directory until the test is over."""
    mounted: list[Path] = []

    def mount(directory: Path, *options: str) -> None:
        directory.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *options, str(directory)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        mounted.append(directory)

    yield mount
    for directory in reversed(mounted):
        subprocess.run(["umount", "--lazy", str(directory)], capture_output=True, check=False)


def write(app: LauncherApp, *roles: str) -> None:
    """An app whose sweep has three trials at a time, and starts a fourth as soon as `ends` has ended."""
    app.write(
        TASK,
        {"role": ""},
        preamble="import contextlib\nfrom azsweep_core import TrialStopped",
        sweeper={
            "sampling_algorithm": "grid",
            "stop_grace": 5,
            "limits": {"max_concurrent_trials": 3},
            "search_space": {"role": {"type": "choice", "values": [*roles, "ends", "late"]}},
        },
    )


def notes(app: LauncherApp, role: str) -> str:
    return (app.directory / f"{role}.notes").read_text(encoding="utf-8")


def recorded(app: LauncherApp) -> Recorded:
    found = replay(app.directory / "sweep")
    assert found is not None
    return found


def assert_ended_in_words(app: LauncherApp, run: Run, cause: str) -> None:
    assert run.code == 1, run.text
    (said,) = [line for line in run.err.splitlines() if line.startswith("hydra.sweep.dir: ")]
    assert said.startswith(f"hydra.sweep.dir: must be a directory that can be written ({cause}); got {run.sweep}")
    assert said.endswith(
        ". Once it can, the same command with this directory goes on: trials that have ended are in its sweep.jsonl."
    )
    assert "Traceback" not in run.text
    assert app.processes() == []
    assert not recorded(app).is_over


def assert_completes(app: LauncherApp) -> None:
    """Once mended, the sweep goes on; what has ended does not run again."""
    (app.directory / "mended").touch()
    run = app.sweep()

    assert [row["state"] for row in run.trials] == ["completed"] * 4, run.text
    assert {row["role"]: row["value"] for row in run.trials} == {
        row["role"]: "1.0" if row["role"] == "ends" and notes(app, "ends").count("began") == 1 else "2.0"
        for row in run.trials
    }


def test_a_full_disk_stops_the_sweep_in_words_and_loses_nothing(app: LauncherApp, mount: Mount) -> None:
    mount(app.directory / "sweep", "-t", "tmpfs", "-o", "size=500k", "none")
    write(app, "fills", "waits")

    run = app.run("--multirun")

    assert_ended_in_words(app, run, "No space left on device")
    assert [notes(app, role).split()[:2] for role in ("fills", "waits")] == [["began", "stopped:"]] * 2
    assert "the sweep could not go on" in notes(app, "waits")

    (run.sweep / "0" / "filler").unlink()
    assert_completes(app)
    assert notes(app, "ends").count("began") == 1


def test_a_directory_that_becomes_read_only_stops_the_sweep_in_words_and_loses_nothing(
    app: LauncherApp, mount: Mount
) -> None:
    write(app, "waits", "waits_too")
    with app.started() as process:
        app.wait_for("waits_too.notes")
        app.wait_for("ends.notes")
        mount(app.directory / "sweep", "--bind", "-o", "ro", str(app.directory / "sweep"))
        (app.directory / "broken").touch()
        out, err = process.communicate(timeout=60)
    run = Run(process.returncode, out, err, app.directory / "sweep")

    assert_ended_in_words(app, run, "Read-only file system")
    for role in ("waits", "waits_too"):
        assert notes(app, role) == "began stopped: its sweep cannot go on "

    subprocess.run(["umount", str(app.directory / "sweep")], check=True)
    assert_completes(app)
