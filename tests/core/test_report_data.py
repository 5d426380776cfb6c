"""The report's data: what it says of each trial and of the sweep, whatever their values, paths and words hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azsweep_core.events import Event, SweepResumed, TrialBegan, TrialMeasured
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.report._plain import cut, plain
from azsweep_core.report._report_data import Document, Moment
from azsweep_core.report._timeline import Timeline
from azsweep_core.testing.simulation import FakeClock
from azsweep_core.trial import Measurement, Trial, TrialState
from tests.core.reports import OVER, SPEC, Kept, ended, measured, setting, started, submitted

MOMENT = Moment(written_s=100.0, state="running", state_in_words="running", until_s=None)
FINAL = Moment(written_s=100.0, state="ended", state_in_words="ended", until_s=99.0, is_final=True)


def text_of(directory: Path, *events: Event, moment: Moment = MOMENT, **origin: Any) -> str:
    start = started(**origin)
    history = History(Objective("loss", Goal.MINIMIZE))
    for event in (start, *events):
        history.apply(event)
    document = Document(setting(directory, start))
    return document.text(history, Timeline([start, *events]), moment, {})


def data_of(directory: Path, *events: Event, moment: Moment = MOMENT, **origin: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text_of(directory, *events, moment=moment, **origin))
    return document


def began(number: int, directory: Path | str) -> TrialBegan:
    return TrialBegan(time_s=float(number), number=number, directory=str(directory))


def test_a_trial_is_told_in_full(tmp_path: Path) -> None:
    events = (
        submitted(0, {"+x": 1.0}, attempt=2, mlflow_run_id="c0ffee"),
        began(0, tmp_path / "0"),
        measured(0, 3.0, 2.0, 2.5),
        ended(0, TrialState.FAILED, reason="ValueError: no"),
    )

    (trial,) = data_of(tmp_path, *events)["trials"]

    assert trial == {
        "number": 0,
        "state": "failed",
        "reason": "ValueError: no",
        "value": 2.0,
        "attempt": 2,
        "submitted_s": 0.0,
        "started_s": 0.0,
        "ended_s": 1.0,
        "duration_s": 1.0,
        "parameters": {"x": 1.0},
        "dir": f"{tmp_path}/0",
        "href": "0",
        "run_id": "c0ffee",
        "run_url": None,
        "reports": {"steps": [0, 1, 2], "values": [3.0, 2.0, 2.5], "times": [0.0, 0.1, 0.2]},
        "reports_total": 3,
    }


def test_the_sweep_is_told_with_its_specification_and_its_command(tmp_path: Path) -> None:
    command = ("/usr/bin/python", "train.py", "--multirun", "name=it's")

    data = data_of(tmp_path / "a" / "b", command=command, working_dir=str(tmp_path))

    assert (data["title"], data["directory"]) == ("a/b", f"{tmp_path}/a/b")
    assert data["command"] == "/usr/bin/python train.py --multirun 'name=it'\"'\"'s'"
    assert data["objective"] == {"metric": "loss", "goal": "minimize"}
    assert (data["timeout_s"], data["max_trials"], data["slots"], data["used_s"]) == (7200.0, 5, 2, 100.0)
    assert "search_space:\n  x:\n    type: uniform\n" in data["spec"]
    assert data["best"] is None


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=JSON_VALUES)
def test_any_value_is_json_that_a_page_reads_without_loss(value: object) -> None:
    text = json.dumps(plain(value), allow_nan=False)

    assert text.isascii()
    assert all(abs(number) <= 2**53 for number in _whole_numbers(json.loads(text)))


def _whole_numbers(value: object) -> list[int]:
    if isinstance(value, (list, dict)):
        inner = value.values() if isinstance(value, dict) else value
        return [number for each in inner for number in _whole_numbers(each)]
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(float("nan"), "nan", id="nan"),
        pytest.param(float("-inf"), "-inf", id="infinity"),
        pytest.param(2**53 + 1, "9007199254740993", id="more-than-a-float-holds"),
        pytest.param(10**400, "1" + "0" * 400, id="more-than-any-float-holds"),
        pytest.param("\ud800\x00\x1b]0;x\x07</script>", "\ud800\x00\x1b]0;x\x07</script>", id="text-stays-as-it-is"),
        pytest.param([1, None, {"a": True}], [1, None, {"a": True}], id="nested"),
        pytest.param({1: "a", None: 2.5}, {"1": "a", "null": 2.5}, id="keys-become-text"),
    ],
)
def test_a_value_is_shown_as_it_is_or_as_text(tmp_path: Path, value: object, shown: object) -> None:
    (trial,) = data_of(tmp_path, submitted(0, {"x": value}))["trials"]

    assert trial["parameters"] == {"x": shown}


def test_a_long_value_is_the_same_text_in_a_trial_and_among_the_choices(tmp_path: Path) -> None:
    """So that a page knows which of the choices it is, however many trials there are to be told."""
    long = "begin" + "-" * 20_000 + "end"
    spec = {**SPEC, "search_space": {"x": {"type": "choice", "values": [long, "short"]}}}

    data = data_of(tmp_path, submitted(0, {"x": long}), spec=spec)

    (shown,) = data["trials"][0]["parameters"].values()
    assert data["parameters"][0]["choices"] == [shown, "short"]
    assert len(shown) < 10_100
    assert shown.startswith("begin---")
    assert shown.endswith("---end")
    assert " … 10008 characters … " in shown


@given(text=st.text(max_size=300), most=st.integers(2, 200))
def test_a_cut_text_says_how_much_of_it_is_missing(text: str, most: int) -> None:
    shown = cut(text, most)

    if len(text) <= most:
        assert shown == text
    else:
        start, missing, end = shown.rsplit(" … ", 2)[0], int(shown.split(" … ")[-2].split()[0]), most // 2
        assert start.startswith(text[:end])
        assert shown.endswith(text[len(text) - end :])
        assert missing == len(text) - 2 * end


class TestLinks:
    """What a report links to, from wherever it is opened."""

    @pytest.mark.parametrize(
        ("directory", "href"),
        [
            pytest.param("{sweep}/0", "0", id="inside:relative"),
            pytest.param("{sweep}/a b/lr=0.1,x:y#?%/é", "a%20b/lr%3D0.1%2Cx%3Ay%23%3F%25/%C3%A9", id="every-character"),
            pytest.param("{sweep}/\udcff", "%FF", id="no-utf-8"),
            pytest.param("/elsewhere/0 1", "file:///elsewhere/0%201", id="outside"),
            pytest.param("{sweep}/../other", "../other", id="beside"),
            pytest.param("relative/0", None, id="from-who-knows-where"),
            pytest.param("/moved/from/here/7", "7", id="of-a-sweep-that-was-moved"),
            pytest.param("/moved/from/here/deep/8", "deep/8", id="deeper-in-a-sweep-that-was-moved"),
            pytest.param("/" + "x" * 5000, "file:///" + "x" * 5000, id="no-file-can-be-called-so"),
        ],
    )
    def test_a_trials_directory(self, tmp_path: Path, directory: str, href: str | None) -> None:
        (tmp_path / "7").mkdir()
        (tmp_path / "deep" / "8").mkdir(parents=True)
        named = directory.replace("{sweep}", str(tmp_path))

        (trial,) = data_of(tmp_path, submitted(0), began(0, named))["trials"]

        assert (trial["dir"], trial["href"]) == (named, href)

    @pytest.mark.parametrize(
        ("uri", "run_url", "how_to_open"),
        [
            pytest.param("http://host:5000", "http://host:5000/#/runs/{run}", None, id="http"),
            pytest.param("https://host/mlflow/", "https://host/mlflow/#/runs/{run}", None, id="https-with-a-path"),
            pytest.param("http://***@host", "http://host/#/runs/{run}", None, id="whose-password-was-left-out"),
            pytest.param("http://me:secret@host", "http://host/#/runs/{run}", None, id="with-a-password"),
            pytest.param(
                "sqlite:////a b/mlflow.db",
                None,
                "mlflow ui --backend-store-uri 'sqlite:////a b/mlflow.db'",
                id="sqlite",
            ),
            pytest.param("postgresql://***@host/db", None, None, id="database"),
            pytest.param(None, None, None, id="none"),
        ],
    )
    def test_runs(self, tmp_path: Path, uri: str | None, run_url: str | None, how_to_open: str | None) -> None:
        events = (submitted(0, mlflow_run_id="r0"), measured(0, 1.0))

        data = data_of(tmp_path, *events, tracking_uri=uri, mlflow_run_id=None if uri is None else "parent")

        def url(run: str) -> str | None:
            return None if run_url is None else run_url.replace("{run}", run)

        assert data["mlflow"] == {"how_to_open": how_to_open, "run_url": url("parent") if uri else None}
        assert data["trials"][0]["run_url"] == data["best"]["run_url"] == url("r0")
        assert "secret" not in json.dumps(data)


class TestTheBest:
    COMMAND = ("/env/bin/python", "train.py", "--multirun", "+experiment=a", "lr=0.1,0.2", "--config-name", "other")
    JOB = ("/env/bin/python", "-P", "-m", "hydra_plugins.hydra_azsweep_sweeper._command_job", "--multirun")

    def best(self, directory: Path, command: tuple[str, ...], moment: Moment = FINAL) -> dict[str, Any]:
        directory.mkdir(exist_ok=True)
        events: list[Event] = [submitted(0), began(0, directory / "0"), measured(0, 1.0), ended(0)]
        events += [OVER] if moment.is_final else []
        best: dict[str, Any] = data_of(directory, *events, moment=moment, command=command, working_dir="/app")["best"]
        return best

    def test_the_command_that_runs_it_again_is_there_at_the_end(self, tmp_path: Path) -> None:
        """Before that there is no configuration in `best/`, or that of an earlier end."""
        typed = f"cd /app && python train.py --config-dir {tmp_path}/best --config-name azsweep_best"

        assert self.best(tmp_path, self.COMMAND)["run_again"] == typed
        assert self.best(tmp_path, self.COMMAND, MOMENT)["run_again"] is None

    def test_its_overrides_are_those_that_hydra_has_noted(self, tmp_path: Path) -> None:
        noted = tmp_path / "0" / ".hydra" / "overrides.yaml"
        noted.parent.mkdir(parents=True)
        noted.write_text("- +experiment=a\n- lr='it''s'\n", encoding="utf-8")

        expected = "cd /app && python train.py +experiment=a 'lr='\"'\"'it'\"'\"''\"'\"'s'\"'\"'' --config-name other"
        assert self.best(tmp_path, self.COMMAND, MOMENT)["overrides"] == expected

    def test_so_they_are_in_a_sweep_that_was_moved(self, tmp_path: Path) -> None:
        noted = tmp_path / "deep" / "0" / ".hydra" / "overrides.yaml"
        noted.parent.mkdir(parents=True)
        noted.write_text("- lr=0.3\n", encoding="utf-8")
        events = (submitted(0), began(0, "/moved/from/here/deep/0"), measured(0, 1.0))

        best = data_of(tmp_path, *events, command=self.COMMAND, working_dir="/app")["best"]

        assert best["overrides"] == "cd /app && python train.py lr=0.3 --config-name other"

    @pytest.mark.parametrize(
        ("newer", "expected"),
        [
            pytest.param(True, "cd /app && python train.py lr=0.2 --config-name other", id="of-this-end"),
            pytest.param(False, None, id="of-an-earlier-end"),
        ],
    )
    def test_without_hydras_notes_they_are_those_of_the_best_configuration(
        self, tmp_path: Path, newer: bool, expected: str | None
    ) -> None:
        noted = tmp_path / "best" / "overrides.txt"
        noted.parent.mkdir(parents=True)
        noted.write_text("lr=0.2\n", encoding="utf-8")
        os.utime(noted, (99.5, 99.5) if newer else (98.5, 98.5))

        assert self.best(tmp_path, self.COMMAND)["overrides"] == expected

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"- a\n- [b]\n", id="no-list-of-texts"),
            pytest.param(b"a: [", id="no-yaml"),
            pytest.param(b"\xff", id="no-text"),
            pytest.param(b"- x=" + b"a" * 100_000, id="too-long-to-be-typed"),
        ],
    )
    def test_notes_that_make_no_sense_are_none(self, tmp_path: Path, content: bytes) -> None:
        noted = tmp_path / "0" / ".hydra" / "overrides.yaml"
        noted.parent.mkdir(parents=True)
        noted.write_bytes(content)

        assert self.best(tmp_path, self.COMMAND)["overrides"] is None

    def test_a_job_is_run_again_as_a_job(self, tmp_path: Path) -> None:
        best = self.best(tmp_path, self.JOB)

        assert (best["run_again"], best["overrides"]) == (f"azsweep run {tmp_path}/best/azsweep_best.yaml", None)

    def test_a_sweep_that_no_command_started_has_none(self, tmp_path: Path) -> None:
        best = self.best(tmp_path, ())

        assert (best["run_again"], best["overrides"]) == (None, None)


def test_what_was_put_into_words_before_has_the_room_of_its_kind_now(tmp_path: Path) -> None:
    """With each doubling of the trials there is half as much for each, also for those that are over."""
    history, start = History(Objective("loss", Goal.MINIMIZE)), started()
    document, timeline = Document(setting(tmp_path, start)), Timeline([start])
    history.apply(start)

    for number in range(70):
        for event in (submitted(number), ended(number, reason="long" * 5_000)):
            history.apply(event)
            timeline.apply(event)
        document.text(history, timeline, MOMENT, {})

    assert document.text(history, timeline, MOMENT, {}) == Document(setting(tmp_path, start)).text(
        history, timeline, MOMENT, {}
    )


@pytest.mark.parametrize(
    ("count", "reports", "characters"),
    [
        pytest.param(2000, 100, 20, id="2000-trials-of-100-reports"),
        pytest.param(2000, 1000, 5_000, id="2000-trials-of-1000-reports-and-long-words"),
    ],
)
def test_a_large_sweep_stays_small(tmp_path: Path, count: int, reports: int, characters: int) -> None:
    """The library that draws the page takes 2 MB; all of it is to be less than 10."""
    found = tuple(Measurement(step, 1 / (step + 3), step * 0.5) for step in range(reports))
    events: list[Event] = []
    for number in range(count):
        point = {"x": number / 7, "word": f"{number}" * (characters // 4)}
        events += [submitted(number, point, mlflow_run_id="0" * 32), began(number, tmp_path / str(number))]
        events += [
            TrialMeasured(number=number, measurements=found),
            ended(number, reason="because " * (characters // 8)),
        ]

    text = text_of(tmp_path, *events)

    trials = json.loads(text)["trials"]
    assert len(text) < 7_500_000
    assert {trial["reports_total"] for trial in trials} == {reports}
    assert all(50 <= len(trial["reports"]["values"]) <= 64 for trial in trials)


class Ticking(FakeClock):
    """Time that moves by a hundredth of a second whenever somebody looks."""

    def now(self) -> float:
        self.now_s += 0.01
        return self.now_s


def test_what_was_over_when_a_sweep_goes_on_is_put_into_words_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it does not keep the sweep waiting: 2000 trials of 10,000 reports each take seconds."""
    before = Kept(tmp_path, Ticking())
    over = [event for number in range(40) for event in (submitted(number), measured(number, 1.0), ended(number))]
    before.happens(started(), *over, apart_s=0.0)
    made: list[int] = []

    def counted(trial: Trial, _: int) -> dict[str, Any]:
        made.append(trial.number)
        return {}

    monkeypatch.setattr("azsweep_core.report._report_data.curve", counted)

    after = Kept(tmp_path, before.clock, history=before.history)
    after.happens(SweepResumed(time_s=500.0, used_s=9.0, spec=SPEC))
    pieces = []
    while not after.file.exists():
        after.clock.now_s += 1.0
        done = len(made)
        after.report.turn()
        pieces.append(len(made) - done)

    assert sum(pieces) == 40
    assert max(pieces) <= 12
    assert len(after.data["trials"]) == 40
