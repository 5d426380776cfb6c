"""Files of a sweep that hold anything at all: shown or refused in words, never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core.control import ControlDir
from azsweep_core.events import StopRequested
from azsweep_core.trial import StopRequest, TrialState
from tests.cli.sweeps import NOON_S, SweepDir, azsweep

JUNK: tuple[Any, ...] = (
    *(None, True, -1, 10**400, 1e300, "", "x\x1b[2J", "nan"),
    *([], [[]], {}, {"__float__": "inf"}, {"a": 1}),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with a trial of every kind, and a lock."""
    sweep = SweepDir(tmp_path_factory.mktemp("made"))
    sweep.start(command=("python", "app.py"))
    for number in range(3):
        sweep.begin(number, after_s=number)
    ControlDir.of(sweep.path, 0, 1).note_job({"slurm_job": "1"})
    report = {"name": "loss", "value": 0.5, "step": 3, "time_s": NOON_S}
    ControlDir.of(sweep.path, 0, 1).metrics_file.write_text(json.dumps(report) + "\n", encoding="utf-8")
    sweep.write(StopRequested(time_s=NOON_S, number=0, request=StopRequest(TrialState.TERMINATED, "slow")))
    (sweep.path / "1" / ".hydra").mkdir(parents=True)
    (sweep.path / "1" / ".hydra" / "overrides.yaml").write_text('["x=1"]\n', encoding="utf-8")
    sweep.end_trial(1, 0.5, after_s=9)
    sweep.end_trial(2, None, after_s=9, state=TrialState.FAILED, reason="no")
    sweep.lock()
    return sweep.path


def values_in(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where values are in a document."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [path, *(found for key in keys for found in values_in(document[key], (*path, key)))]


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("trials", "--sort", "value"),
    ("trials", "--csv"),
    ("trials", "--json"),
    ("best",),
    ("best", "--json"),
    ("best", "--overrides"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_commands_show_or_refuse_whatever_the_files_hold(made: Path, tmp_path: Path, data: st.DataObject) -> None:
    directory = tmp_path / "sweep"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(made, directory)
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.read_bytes().strip())
    file = data.draw(st.sampled_from(files))
    lines = file.read_text(encoding="utf-8").splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    document = json.loads(lines[number])
    where = data.draw(st.sampled_from(values_in(document)))
    lines[number] = json.dumps(replaced(document, where, data.draw(st.sampled_from(JUNK))))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    for words in (*COMMANDS, ("compare", made)):
        result = azsweep(*words, directory)

        assert result.exit_code in (0, 1)
        assert result.exit_code == 0 or result.stderr
        if not {"--csv", "--overrides"} & set(words):  # which are as they are, for programs
            assert "\x1b" not in result.output
