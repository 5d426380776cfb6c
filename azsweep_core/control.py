"""The control directory of one attempt: the files through which the sweep and the trial's process talk."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azsweep_core._json_values import from_json, to_json
from azsweep_core.ports import Launch
from azsweep_core.trial import StopRequest, TrialState

__all__ = ["ControlDir", "write_atomically"]

Document = dict[str, Any]


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's content so that a reader sees the old one or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


@dataclass(frozen=True, slots=True)
class ControlDir:
    """`.azsweep/trials/<number>/<attempt>/` of a sweep.

    `stop`, `heartbeat` and `metrics.jsonl` exist (empty) before the attempt starts and change in place: network file
    systems cache a file's absence, not its content. `result.json` appears once, when the task is over. All are JSON of
    plain values; nothing here is ever executed or unpickled.
    """

    path: Path

    @classmethod
    def of(cls, sweep_dir: Path, number: int, attempt: int) -> ControlDir:
        """Where an attempt's directory is, whether it exists or not."""
        return cls(sweep_dir / ".azsweep" / "trials" / str(number) / str(attempt))

    @classmethod
    def create(cls, sweep_dir: Path, number: int, attempt: int) -> ControlDir:
        """Make the directory of a new attempt with its empty files."""
        control = cls.of(sweep_dir, number, attempt)
        control.path.mkdir(parents=True, exist_ok=True)
        control.stop_file.touch()
        control.heartbeat_file.touch()
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
        """What `note_launch` wrote (`parameters`, `mlflow_run_id`), or None."""
        document = _read(self.path / "launch.json")
        return None if document is None else {**document, "parameters": from_json(document["parameters"])}

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
        document = _read(self.path / "exit.json")
        return None if document is None else int(document["status"])

    def request_stop(self, request: StopRequest, grace_s: float) -> None:
        """Ask the task to stop within `grace_s` seconds."""
        document = {
            "state": request.state.value,
            "reason": request.reason,
            "by_user": request.by_user,
            "grace_s": grace_s,
        }
        self.stop_file.write_text(json.dumps(document), encoding="utf-8")

    def stop_request(self) -> StopRequest | None:
        """What `request_stop` wrote, or None."""
        document = _read(self.stop_file)
        if document is None:
            return None
        return StopRequest(TrialState(document["state"]), document["reason"], document.get("by_user", False))

    def stop_grace_s(self) -> float | None:
        """Seconds that the task has from when it was asked to stop; None if it was not."""
        document = _read(self.stop_file)
        return None if document is None else float(document["grace_s"])

    def beat(self, document: Mapping[str, Any]) -> None:
        """Write the heartbeat: at least `began_s` and `directory` of the task."""
        self.heartbeat_file.write_text(json.dumps(document), encoding="utf-8")

    def heartbeat(self) -> Document | None:
        """The last heartbeat, or None if the task has not begun."""
        return _read(self.heartbeat_file)

    def write_result(self, document: Mapping[str, Any]) -> None:
        """Say how the task ended. Written once; the attempt is over from then on."""
        write_atomically(self.result_file, json.dumps(document))

    def result(self) -> Document | None:
        """How the task ended, or None if it has not said so."""
        return _read(self.result_file)

    def write_launch_error(self, document: Mapping[str, Any]) -> None:
        """Say why the launcher failed before the task began."""
        write_atomically(self.launch_error_file, json.dumps(document))

    def launch_error(self) -> Document | None:
        """Why the launcher failed, or None."""
        return _read(self.launch_error_file)

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
                stream.seek(max(began_at, stream.seek(0, os.SEEK_END) - most_bytes))
                return stream.read().decode("utf-8", errors="replace").strip()
        except FileNotFoundError:
            return ""


def _quoted(lines: Sequence[str], most_characters: int = 300) -> str:
    """The lines as one text, long ones cut."""
    return "\n".join(line if len(line) <= most_characters else f"{line[:most_characters]}..." for line in lines)


def _read(path: Path) -> Document | None:
    """The JSON mapping in `path`; None while it is absent, empty or half written."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None
