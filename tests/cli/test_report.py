"""`azsweep report`: writes a sweep's report anew, from its files, however the sweep stands."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.events import AttemptLost, Ending, EndingKind, SweepResumed
from azsweep_core.trial import TrialState
from tests.cli.sweeps import NOON_S, SPEC, SweepDir, azsweep, sweep_now
from tests.core.reports import data_of


def report_of(sweep: SweepDir) -> dict[str, Any]:
    result = azsweep("report", sweep.path)
    assert (result.exit_code, result.stdout) == (0, f"{sweep.path}/report.html\n")
    return data_of((sweep.path / "report.html").read_text(encoding="utf-8"))


def slots(data: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        tuple(each[part] for part in ("trial", "attempt", "to_s", "end"))
        for row in data["timeline"]["rows"]
        for each in row
    ]


def test_a_sweep_that_has_ended_is_final(sweep: SweepDir) -> None:
    for number in range(5):
        sweep.begin(number, after_s=10 * number)
        sweep.end_trial(number, float(number), after_s=10 * number + 8)
    sweep.end()

    data = report_of(sweep)

    assert (data["state"], data["is_final"]) == ("ended", True)
    assert data["state_in_words"] == "all 5 trials are done"  # when, the page tells by its reader's clock
    assert (data["started_s"], data["ended_s"], data["used_s"]) == (NOON_S, NOON_S + 100, 100.0)
    assert [(trial["number"], trial["value"]) for trial in data["trials"]] == [(n, float(n)) for n in range(5)]
    assert data["best"]["number"] == 0


def test_a_sweep_that_was_interrupted_ends_where_it_was_last_heard_of(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1)
    sweep.begin(1, after_s=2)
    sweep.end_trial(0, 0.5, after_s=40)
    sweep.lock(pid=2**22 + 1)

    data = report_of(sweep)

    assert (data["state"], data["is_final"]) == ("interrupted", False)
    assert re.fullmatch(r"nobody coordinates it, process \d+ on \S+ is gone", data["state_in_words"])
    assert (data["ended_s"], data["used_s"]) == (NOON_S + 90, 90.0)
    assert slots(data) == [(0, 1, NOON_S + 40, "completed"), (1, 1, NOON_S + 90, None)]


def test_a_running_sweep_is_shown_as_it_is_now_with_what_was_before(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path / "sweep")
    sweep.start()
    sweep.begin(0, after_s=1)
    sweep.write(SweepResumed(time_s=sweep.start_s + 50, used_s=10, spec=SPEC))
    sweep.write(AttemptLost(time_s=sweep.start_s + 50, number=0, reason="killed", with_sweep=True))
    sweep.begin(0, after_s=51, attempt=2)
    sweep.lock(since_s=sweep.start_s + 49)

    data = report_of(sweep)

    assert (data["state"], data["is_final"], data["ended_s"]) == ("running", False, None)
    assert slots(data) == [(0, 1, round(sweep.start_s + 10, 3), "lost"), (0, 2, None, None)]
    assert data["timeline"]["gaps"] == [[round(sweep.start_s + 10, 3), round(sweep.start_s + 50, 3)]]
    assert data["used_s"] == pytest.approx(60, abs=30)
    assert data["trials"][0]["state"] == "running"


def test_a_sweep_of_twelve_trials_has_importances(sweep: SweepDir, quiet_optuna: None) -> None:
    for number in range(12):
        sweep.begin(number, after_s=number, parameters={"x": number / 2})
        sweep.end_trial(number, number / 4, after_s=number + 1, state=TrialState.COMPLETED)
    sweep.end(Ending(EndingKind.USER, "stopped by Ctrl-C"))

    assert report_of(sweep)["importances"]["values"] == [["x", 1.0]]


def test_another_file_can_be_written_and_links_to_where_the_trials_are(sweep: SweepDir, tmp_path: Path) -> None:
    """As for a sweep in a directory that one may only read."""
    sweep.begin(0, after_s=1)
    before = sweep.snapshot()

    result = azsweep("report", sweep.path, "--output", tmp_path / "mine.html")

    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/mine.html\n")
    data = data_of((tmp_path / "mine.html").read_text(encoding="utf-8"))
    assert data["trials"][0]["href"] == (sweep.path / "0").as_uri()
    assert sweep.snapshot() == before


def test_it_can_be_shown_at_once(sweep: SweepDir, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = sweep.path.parent / "xdg-open"
    monkeypatch.setenv("PATH", str(opener.parent), prepend=os.pathsep)
    monkeypatch.setenv("DISPLAY", ":7")
    opener.write_text(f'#!/bin/sh\necho noise >&2; echo "$@" > {opener}.shown\n', encoding="utf-8")
    opener.chmod(0o755)

    result = azsweep("report", sweep.path, "--open")

    assert (result.exit_code, result.stderr) == (0, "")
    assert Path(f"{opener}.shown").read_text(encoding="utf-8") == f"{(sweep.path / 'report.html').as_uri()}\n"


@pytest.mark.parametrize("display", ["", ":7"])
def test_without_a_browser_one_line_says_so(sweep: SweepDir, display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("PATH", str(sweep.path))

    result = azsweep("report", sweep.path, "--open")

    path = sweep.path / "report.html"
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    assert result.stderr == f"There is no browser here. Open it in one: {path}\n"


class TestRefusals:
    def test_where_no_sweep_is(self, tmp_path: Path) -> None:
        result = azsweep("report", tmp_path)

        assert result.exit_code == 1
        assert result.stderr.startswith("DIR: must be the directory of a sweep")
        assert list(tmp_path.iterdir()) == []

    def test_before_the_sweep_has_begun(self, tmp_path: Path) -> None:
        starting = SweepDir(tmp_path)
        starting.lock()

        result = azsweep("report", tmp_path)

        assert result.exit_code == 1
        assert result.stderr.startswith("DIR: must be the directory of a sweep that has begun; got starting: process")

    def test_without_plotly(self, sweep: SweepDir, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "plotly", None)

        result = azsweep("report", sweep.path)

        assert (result.exit_code, result.stderr) == (
            1,
            "There can be no report: plotly is not installed; pip install 'hydra-azsweep[report]'\n",
        )

    def test_a_file_that_is_no_report_stays_as_it_is(self, sweep: SweepDir, tmp_path: Path) -> None:
        before = sweep.snapshot()
        ledger = azsweep("report", sweep.path, "--output", sweep.path / "sweep.jsonl")
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        special = azsweep("report", sweep.path, "--output", fifo)
        twice = [azsweep("report", sweep.path, "--output", tmp_path / "a.html").exit_code for _ in range(2)]

        rest = "Name another file.\n"
        words = f"--output: is there, and no report of a sweep; got {sweep.path}/sweep.jsonl. {rest}"
        assert (ledger.exit_code, ledger.stdout, ledger.stderr) == (1, "", words)
        assert special.stderr == f"--output: is there, and no report of a sweep; got {fifo}. {rest}"
        assert twice == [0, 0]
        assert sweep.snapshot() == before

    @pytest.mark.parametrize(
        ("output", "words"),
        [
            ("-", "--output: must be a file, for a browser needs one; got -.\n"),
            ("/dev/null/x.html", "--output: must be in a folder that is there; got /dev/null/x.html.\n"),
        ],
    )
    def test_no_place_for_a_file(self, sweep: SweepDir, output: str, words: str) -> None:
        result = azsweep("report", sweep.path, "-o", output)

        assert (result.exit_code, result.stdout, result.stderr) == (1, "", words)

    def test_where_the_file_cannot_be_written(self, sweep: SweepDir) -> None:
        (sweep.path / "report.html").mkdir()

        result = azsweep("report", sweep.path)

        rule = "must be a file that can be written (Is a directory)"
        expected = f"{sweep.path}/report.html: {rule}. `azsweep report DIR --output FILE` writes another one.\n"
        assert (result.exit_code, result.stderr) == (1, expected)
        assert not [path for path in sweep.path.iterdir() if path.name.startswith(".report")]
