"""A ledger of every schema version there was can be read, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azsweep_core.ledger import LEDGER, SCHEMA_VERSION, read_ledger
from azsweep_core.replay import Recorded, replay
from azsweep_core.trial import TrialState

LEDGERS = Path(__file__).parent / "ledgers"
PARAMETERS = {
    0: {"x": 3.248217895580366, "opt": "adam"},
    5: {"x": 4.861232277966531, "opt": "bad"},
    6: {"x": 1.5635058591791022, "opt": "adam"},
}


def recorded(name: str, directory: Path) -> Recorded:
    (directory / LEDGER).write_bytes((LEDGERS / f"{name}.jsonl").read_bytes())
    found = replay(directory)
    assert found is not None
    return found


def test_there_is_one_of_each_version() -> None:
    firsts = [json.loads(path.read_text(encoding="utf-8").splitlines()[0]) for path in LEDGERS.glob("*.jsonl")]

    assert {first["schema"] for first in firsts} == set(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("name", ["schema_1", "schema_1_resumed", "schema_2"])
def test_trials_are_what_they_were(name: str, tmp_path: Path) -> None:
    history = recorded(name, tmp_path).history

    assert {number: dict(history[number].parameters) for number in PARAMETERS} == PARAMETERS
    assert history.best is not None
    assert (history.best.number, round(history.best.value or 0.0, 6)) == (0, 0.311612)
    assert history[5].state is TrialState.FAILED
    assert history[5].reason == "ValueError: no such optimizer"


def test_what_the_user_had_stopped_is_known_from_the_reasons_of_schema_1(tmp_path: Path) -> None:
    found = recorded("schema_1", tmp_path)

    assert found.is_over
    assert [trial.number for trial in found.history.interrupted] == [4, 6]
    assert found.history.stop_reason == "stopped by Ctrl-C"


@pytest.mark.parametrize(("name", "attempts"), [("schema_1_resumed", [2, 2]), ("schema_2", [3, 3])])
def test_a_resumed_sweep_has_each_trial_once(name: str, attempts: list[int], tmp_path: Path) -> None:
    history = recorded(name, tmp_path).history

    assert [history[number].attempt for number in (4, 6)] == attempts
    assert history.count(TrialState.COMPLETED) == 7
    assert history.interrupted == []
    assert [trial.losses for trial in history.trials] == [0] * 8
    assert {len(trial.measurements) for trial in history.trials if trial.number != 5} == {4}


def test_every_line_is_an_event() -> None:
    for path in LEDGERS.glob("*.jsonl"):
        assert len(list(read_ledger(path))) == len(path.read_text(encoding="utf-8").splitlines())


def test_a_ledger_is_a_table_for_pandas() -> None:
    pandas = pytest.importorskip("pandas")

    frame = pandas.read_json(LEDGERS / "schema_2.jsonl", lines=True)

    assert frame["event"].iloc[0] == "sweep_started"
    ended = frame[frame["event"] == "trial_ended"].groupby("number")["state"].last()
    assert ended.value_counts().to_dict() == {"completed": 7, "failed": 1}
