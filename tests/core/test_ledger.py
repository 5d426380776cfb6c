"""The ledger: what was written is what is read, and damage is never silent."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azsweep_core.errors import AzsweepError
from azsweep_core.events import (
    AttemptLost,
    EndingKind,
    Event,
    StopRequested,
    SweepEnded,
    SweepStarted,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.ledger import SCHEMA_VERSION, Ledger, read_ledger
from azsweep_core.trial import EarlierTrial, Measurement, StopRequest, TrialState

EVENTS: list[Event] = [
    SweepStarted(time_s=1.5, spec={"limits": {"max_total_trials": 2}, "search_space": {"x": [1, -math.inf]}}),
    WarmStarted(
        time_s=1.5,
        trials=(
            EarlierTrial(
                source="multirun/1",
                number=7,
                parameters={"lr": math.inf, "+tag": "inf"},
                state=TrialState.TERMINATED,
                value=0.25,
                last_value=0.5,
                reports=3,
            ),
        ),
    ),
    TrialSubmitted(time_s=2.0, number=0, attempt=1, parameters={"lr": 0.1, "+tag": "a, 'b' ☃"}, mlflow_run_id="r0"),
    TrialBegan(time_s=2.5, number=0, directory="/tmp/sweep/0"),
    TrialMeasured(number=0, measurements=(Measurement(3, 0.5, 2.6), Measurement(None, math.inf, 2.7))),
    StopRequested(time_s=3.0, number=0, request=StopRequest(TrialState.TERMINATED, "bandit: too slow")),
    AttemptLost(time_s=3.5, number=0, reason="node died"),
    TrialEnded(time_s=4.0, number=0, state=TrialState.FAILED, reason="line\nline", failure="ValueError: x"),
    SweepEnded(time_s=5.0, stop_reason="all 2 trials are done", kind=EndingKind.FINISHED),
]


def write(path: Path, events: list[Event]) -> str:
    ledger = Ledger(path)
    for event in events:
        ledger.append(event)
    ledger.sync()
    ledger.close()
    return path.read_text(encoding="utf-8")


def test_every_event_reads_back_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "sweep.jsonl", EVENTS)

    assert list(read_ledger(tmp_path / "sweep.jsonl")) == EVENTS


def test_each_line_is_json_without_nan_and_the_first_names_the_schema(tmp_path: Path) -> None:
    lines = write(tmp_path / "sweep.jsonl", EVENTS).splitlines()

    documents = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert documents[0]["event"] == "sweep_started"
    assert documents[0]["schema"] == SCHEMA_VERSION
    assert len(documents) == len(EVENTS)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(value=VALUES)
def test_parameters_keep_value_and_type(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ledger") / "sweep.jsonl"
    event = TrialSubmitted(time_s=0.0, number=0, attempt=1, parameters={"x": value})
    write(path, [event])

    (read,) = read_ledger(path)

    assert isinstance(read, TrialSubmitted)
    assert repr(read.parameters) == repr(event.parameters)


def test_a_torn_last_line_loses_only_itself_wherever_it_is_torn(tmp_path: Path) -> None:
    text = write(tmp_path / "sweep.jsonl", EVENTS)
    torn = tmp_path / "torn.jsonl"
    last = text.rstrip("\n").rfind("\n") + 1
    data = text.encode()

    for cut in range(len(text[:last].encode()), len(data) - 1):
        torn.write_bytes(data[:cut])
        assert list(read_ledger(torn)) == EVENTS[:-1], f"cut at byte {cut}"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("garbage", id="not-json"),
        pytest.param("[1]", id="a-list"),
        pytest.param('{"event": "other"}', id="another-event"),
        pytest.param('{"event": "sweep_ended"}', id="without-its-fields"),
        pytest.param('{"event": "trial_measured", "number": 0, "measurements": [[1, "x", 2]]}', id="no-number"),
        pytest.param('{"event": "warm_started", "time_s": 1, "trials": [1]}', id="no-trial"),
        pytest.param(
            f'{{"measurements": [[1, {10**400}, 2]], "event": "trial_measured", "number": 0}}', id="too-large"
        ),
        pytest.param('{"event": "trial_submitted", "number": 0, "parameters": [1]}', id="no-mapping"),
    ],
)
def test_a_damaged_middle_line_is_an_error_that_names_the_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    lines = write(path, EVENTS).splitlines(keepends=True)
    lines[2] = damage + "\n"
    path.write_text("".join(lines), encoding="utf-8")

    with pytest.raises(
        AzsweepError, match=r"sweep\.jsonl:3: must be an event of a sweep; got " + re.escape(repr(damage[:80]))
    ):
        list(read_ledger(path))


def test_a_ledger_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    path.write_text(write(path, EVENTS).replace(f'"schema": {SCHEMA_VERSION}', '"schema": 99'), encoding="utf-8")

    with pytest.raises(AzsweepError, match=rf"schema 99; this version reads schema {SCHEMA_VERSION} and earlier ones"):
        list(read_ledger(path))


def test_a_sweep_that_never_began_leaves_no_ledger(tmp_path: Path) -> None:
    write(tmp_path / "sweep.jsonl", EVENTS[:1])
    unused = Ledger(tmp_path / "unused.jsonl")

    unused.close()
    unused.close()

    assert [path.name for path in tmp_path.iterdir()] == ["sweep.jsonl"]


def test_another_sweeps_ledger_is_never_overwritten(tmp_path: Path) -> None:
    before = write(tmp_path / "sweep.jsonl", EVENTS)

    with pytest.raises(AzsweepError, match=r"^hydra\.sweep\.dir: must not hold another sweep; got .*"):
        Ledger(tmp_path / "sweep.jsonl")

    assert (tmp_path / "sweep.jsonl").read_text(encoding="utf-8") == before
