"""One coordinator at a time: who holds the lock, who may take it over, and who may not."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from azsweep_core import lock
from azsweep_core.errors import AzsweepError
from azsweep_core.lock import Holder, SweepLock, current_holder


def locked_by(directory: Path, **changes: Any) -> None:
    """A lock as another process would have left it."""
    held = SweepLock(directory)
    held.release()
    (path,) = (directory / ".azsweep" / "lock").iterdir()
    document = {**json.loads(path.read_text(encoding="utf-8")), "released": False, **changes}
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_released_lock_is_anybodys(tmp_path: Path) -> None:
    SweepLock(tmp_path).release()

    again = SweepLock(tmp_path)

    assert again.earlier is not None
    assert again.earlier.released


def test_a_process_that_lives_keeps_its_lock(tmp_path: Path) -> None:
    SweepLock(tmp_path)

    with pytest.raises(
        AzsweepError, match=r"^hydra\.sweep\.dir: must not hold a sweep that is running; got .*"
    ) as found:
        SweepLock(tmp_path, break_lock=True)

    assert f"which process {os.getpid()} on" in str(found.value)


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        pytest.param({}, True, id="this-process"),
        pytest.param({"pid": 2**22 + 1}, False, id="no-such-process"),
        pytest.param({"started": "1"}, False, id="another-process-with-its-pid"),
        pytest.param({"boot": "earlier"}, False, id="before-a-reboot"),
        pytest.param({"host": "other"}, None, id="another-host"),
        pytest.param({"machine": "other"}, None, id="another-host-of-the-same-name"),
        pytest.param({"namespace": "pid:[1]"}, None, id="another-container"),
        pytest.param({"released": True, "host": "other"}, False, id="released"),
    ],
)
def test_who_lives_is_told_where_it_can_be_told(changes: dict[str, Any], alive: bool | None, tmp_path: Path) -> None:
    locked_by(tmp_path, **changes)

    holder = current_holder(tmp_path)

    assert holder is not None
    assert holder.is_alive is alive


def test_a_slurm_job_that_was_started_again_takes_its_lock_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked_by(tmp_path, host="node7", slurm_job="42", pid=1)
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    with pytest.raises(AzsweepError, match="running elsewhere"):
        SweepLock(tmp_path)  # another process of that job, as far as one can tell

    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")

    assert SweepLock(tmp_path).earlier is not None


def test_the_lock_of_a_killed_process_is_taken_over_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = f"from azsweep_core.lock import SweepLock; from pathlib import Path; SweepLock(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", program], check=True)
    caplog.set_level("INFO")

    taken = SweepLock(tmp_path)

    assert taken.earlier is not None
    assert [record.getMessage() for record in caplog.records] == [f"the lock of {taken.earlier} is taken over"]


def test_the_lock_of_another_host_needs_the_users_word(tmp_path: Path) -> None:
    locked_by(tmp_path, host="other")

    with pytest.raises(AzsweepError, match=r"must not hold a sweep that may be running elsewhere") as found:
        SweepLock(tmp_path)

    assert "on other, last seen 0 s ago" in str(found.value)
    assert "hydra.sweeper.break_lock=true" in str(found.value)
    assert SweepLock(tmp_path, break_lock=True).earlier is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "other": 2}', "[" * 100_000])
def test_a_lock_that_cannot_be_made_out_needs_the_users_word_too(content: str, tmp_path: Path) -> None:
    place = tmp_path / ".azsweep" / "lock"
    place.mkdir(parents=True)
    (place / "3").write_text(content, encoding="utf-8")

    with pytest.raises(AzsweepError, match="locked by a process that did not write down who it is"):
        SweepLock(tmp_path)

    SweepLock(tmp_path, break_lock=True)


def test_a_sign_of_life_is_the_time_of_the_file(tmp_path: Path) -> None:
    held = SweepLock(tmp_path)
    (path,) = (tmp_path / ".azsweep" / "lock").iterdir()
    os.utime(path, (1.0, 1.0))

    held.beat()

    holder = current_holder(tmp_path)
    assert holder is not None
    assert abs(holder.seen_s - time.time()) < 60


def test_without_hard_links_it_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)

    SweepLock(tmp_path)

    with pytest.raises(AzsweepError, match="is running"):
        SweepLock(tmp_path)


def _race(directory: Path, start: Any, results: Any) -> None:
    start.wait()
    try:
        SweepLock(directory)
    except AzsweepError:
        results.put(False)
    else:
        results.put(True)
        time.sleep(30)  # ended by the test: the lock is held meanwhile


def test_of_many_that_come_at_once_one_gets_a_stale_lock(tmp_path: Path) -> None:
    locked_by(tmp_path, pid=2**22 + 1)
    fork = multiprocessing.get_context("fork")
    start, results = fork.Event(), fork.Queue()
    racers = [fork.Process(target=_race, args=(tmp_path, start, results)) for _ in range(8)]
    for racer in racers:
        racer.start()
    start.set()

    won = [results.get(timeout=60) for _ in racers]

    for racer in racers:
        racer.terminate()
        racer.join()
    assert won.count(True) == 1


def test_what_is_written_down_is_read_back(tmp_path: Path) -> None:
    SweepLock(tmp_path)

    holder = current_holder(tmp_path)

    assert isinstance(holder, Holder)
    assert replace(holder, seen_s=0.0, since_s=0.0) == replace(lock._this_process(), since_s=0.0)  # noqa: SLF001
    assert asdict(holder)["released"] is False
