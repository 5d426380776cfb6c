"""The control directory of one attempt: the files through which the sweep and the trial's process talk."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azsweep_core._control_documents import (
    Document,
    exit_of,
    heartbeat_of,
    launch_error_of,
    launch_of,
    result_of,
    stop_of,
)
from azsweep_core._json_values import to_json
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.ports import Launch
from azsweep_core.trial import StopRequest, TrialState

__all__ = ["NO_RESULT", "ControlDir", "directory_now", "write_atomically"]

NO_RESULT = 74
"""Exit code of a process that could not write its trial's result; EX_IOERR of sysexits.h."""

_ROOM = 4096
"""Bytes of the files that change in place, from the start: what is written there later takes no room on a full disk."""
_SHORT = 300


def directory_now(sweep_dir: Path, was: str | None) -> Path | None:
    """A trial's directory: where it was or, in a sweep that was moved or copied, at the same place there.

    None if it is gone. What is in the sweep's own directory comes first: a copy is not to lead back to its source.
    """
    if was is None:
        return None
    path = Path(was)
    tails = range(1, 1 if path.is_relative_to(sweep_dir) else len(path.parts))
    moved = (sweep_dir.joinpath(*path.parts[count:]) for count in tails)
    return next((each for each in (*moved, path) if _is_directory(each)), None)


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no name of a file
        return False


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's content so that a reader sees the old one or the new one, never a part.

    Bytes of paths that are no UTF-8 are written as they are; other halves of characters are spelt out.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(_encoded(text))
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class ControlDir:
    """`.azsweep/trials/<number>/<attempt>/` of a sweep.

    `stop`, `heartbeat` and `metrics.jsonl` exist before the attempt starts and change in place: network file systems
    cache a file's absence, not its content. The former two are blank and have their room on the disk, so that a trial
    can be stopped when that is full. `result.json` appears once, when the task is over. All are JSON of plain values;
    nothing here is ever executed or unpickled, and what makes no sense is as if it were not there.
    """

    path: Path

    @classmethod
    def of(cls, sweep_dir: Path, number: int, attempt: int) -> ControlDir:
        """Where an attempt's directory is, whether it exists or not."""
        return cls(sweep_dir / ".azsweep" / "trials" / str(number) / str(attempt))

    @classmethod
    def create(cls, sweep_dir: Path, number: int, attempt: int) -> ControlDir:
        """Make the directory of a new attempt with the files that change in place."""
        control = cls.of(sweep_dir, number, attempt)
        control.path.mkdir(parents=True, exist_ok=True)
        for file in (control.stop_file, control.heartbeat_file):
            file.write_bytes(b" " * _ROOM)
        control.metrics_file.touch()
        return control

    @property
    def stop_file(self) -> Path:
        return self.path / "stop"

    @property
    def heartbeat_file(self) -> Path:
        return self.path / "heartbeat"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    @property
    def launch_error_file(self) -> Path:
        return self.path / "launch_error.json"

    @property
    def output_file(self) -> Path:
        return self.path / "output.log"

    @property
    def job_file(self) -> Path:
        return self.path / "job.json"

    def note_launch(self, launch: Launch) -> None:
        """Say which point is tried here: what a damaged ledger has forgotten is known from here."""
        document = {"parameters": to_json(dict(launch.parameters)), "mlflow_run_id": launch.mlflow_run_id}
        write_atomically(self.path / "launch.json", json.dumps(document))

    def launch(self) -> Document | None:
        """What `note_launch` wrote (`parameters`, `mlflow_run_id`), or None.

        Raises:
            AzsweepError: if it is damaged: with it a trial would be forgotten.
        """
        path = self.path / "launch.json"
        launch = launch_of(_read(path) or {})
        if launch is None and path.exists():
            fix = f"Remove {self.path} to have this attempt forgotten."
            raise AzsweepError(str(Problem(str(path), "must be as the sweep wrote it", None, fix)))
        return launch

    def job(self) -> Document:
        """What `note_job` wrote; empty if the attempt is no job of a cluster, or not yet known as one."""
        return _read(self.job_file) or {}

    def note_job(self, document: Mapping[str, Any]) -> None:
        """Say which job of a cluster runs the attempt."""
        write_atomically(self.job_file, json.dumps(document))

    def note_exit(self, status: int) -> None:
        """Say how the trial's process ended, where the sweep cannot see it; as `os.waitstatus_to_exitcode` gives it."""
        write_atomically(self.path / "exit.json", json.dumps({"status": status}))

    def exit_status(self) -> int | None:
        """What `note_exit` wrote, or None."""
        return exit_of(_read(self.path / "exit.json") or {})

    def request_stop(self, request: StopRequest, grace_s: float) -> None:
        """Ask the task to stop within `grace_s` seconds."""
        document = {
            "state": request.state.value,
            "reason": request.reason,
            "by_user": request.by_user,
            "grace_s": grace_s,
        }
        _write_in_place(self.stop_file, document)

    def stop_request(self) -> StopRequest | None:
        """What `request_stop` wrote, or None."""
        document = stop_of(_read(self.stop_file) or {})
        if document is None:
            return None
        return StopRequest(TrialState(document["state"]), document["reason"], document.get("by_user", False))

    def stop_grace_s(self) -> float | None:
        """Seconds that the task has from when it was asked to stop; None if it was not."""
        document = stop_of(_read(self.stop_file) or {})
        return None if document is None else float(document["grace_s"])

    def beat(self, document: Mapping[str, Any]) -> None:
        """Write the heartbeat: at least `began_s` and `directory` of the task."""
        _write_in_place(self.heartbeat_file, document)

    def heartbeat(self) -> Document | None:
        """The last heartbeat, or None if the task has not begun."""
        return heartbeat_of(_read(self.heartbeat_file) or {})

    def write_result(self, document: Mapping[str, Any]) -> None:
        """Say how the task ended. Written once; the attempt is over from then on.

        On a full disk it takes the heartbeat's room, and long texts are cut to fit.
        """
        try:
            write_atomically(self.result_file, json.dumps(document))
        except OSError:
            long = {name: text[:_SHORT] for name in ("message", "reason", "traceback") if (text := document.get(name))}
            _write_in_place(self.heartbeat_file, {**document, **long})
            os.link(self.heartbeat_file, self.result_file)

    def result(self) -> Document | None:
        """How the task ended, or None if it has not said so."""
        return result_of(_read(self.result_file) or {})

    def write_launch_error(self, document: Mapping[str, Any]) -> None:
        """Say why the launcher failed before the task began."""
        write_atomically(self.launch_error_file, json.dumps(document))

    def launch_error(self) -> Document | None:
        """Why the launcher failed, or None."""
        return launch_error_of(_read(self.launch_error_file) or {})

    def last_output(self, lines: int = 5) -> str:
        """The last lines the attempt printed."""
        return _quoted(self._output_end().splitlines()[-lines:])

    def crash_report(self, lines: int = 3) -> str:
        """What Python's fault handler said of a crash: what was printed right before it, what, and where; or ""."""
        before, crash, report = self._output_end().rpartition("Fatal Python error: ")
        if not crash:
            return ""
        _, _, place = report.partition("Current thread 0x")
        frames = [line for line in place.splitlines()[1:] if line.startswith("  File")]
        return _quoted([*before.splitlines()[-2:], crash + report.partition("\n")[0], *frames[:lines]])

    def output_size(self) -> int:
        """Bytes printed so far."""
        return self.output_file.stat().st_size if self.output_file.exists() else 0

    def _output_end(self, most_bytes: int = 65536) -> str:
        """The end of what was printed since the task began, before which there is only what launchers say."""
        began_at = (self.heartbeat() or {}).get("output_from", 0)
        try:
            with self.output_file.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(min(began_at, size), size - most_bytes))
                return stream.read().decode("utf-8", errors="replace").strip()
        except FileNotFoundError:
            return ""


def _quoted(lines: Sequence[str], most_characters: int = 300) -> str:
    """The lines as one text, long ones cut."""
    return "\n".join(line if len(line) <= most_characters else f"{line[:most_characters]}..." for line in lines)


def _write_in_place(path: Path, document: Mapping[str, Any]) -> None:
    """Overwrite the file, which grows if it must and never gets shorter: blanks follow the document."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        data = json.dumps(document).encode().ljust(os.fstat(file).st_size)
        if os.write(file, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(file)


def _read(path: Path) -> Document | None:
    """The JSON mapping in `path`; None while it is absent, blank or half written, and if it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
