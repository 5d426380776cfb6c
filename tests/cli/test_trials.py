"""`azsweep trials`: every trial of a sweep in a table, as wide as there is room."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from azsweep_core.cli._table import cell, cut, width_of
from azsweep_core.events import AttemptLost, StopRequested
from azsweep_core.replay import replay
from azsweep_core.report import ResultFiles
from azsweep_core.sweep_plan import SystemClock
from azsweep_core.trial import StopRequest, TrialState
from tests.cli.sweeps import SweepDir, azsweep, sweep_now
from tests.cli.test_words import lines_on_a_terminal

HOSTILE = "\x1b]0;title\x07\x1b[2J\r\n<script>\u202e\u2028" + "x" * 10_000


@pytest.fixture
def of_every_state(sweep: SweepDir) -> SweepDir:
    """Trials 0 to 5: of each final state, and one that runs; 6 waits for another attempt."""
    ends = [state for state in TrialState if state.is_final]
    for number, state in enumerate([*ends, None, None]):
        parameters = {"lr": number / 8, "+opt.name": ["adam", "sgd", None][number % 3], "value": -number}
        sweep.begin(number, after_s=10 * number, parameters=parameters)
        if state is not None:
            reason = "" if state is TrialState.COMPLETED else f"{state.value}: why\nand more"
            value = None if state is TrialState.FAILED else float(number % 3)
            sweep.end_trial(number, value, after_s=11 + 12 * number, state=state, reason=reason)
    request = StopRequest(TrialState.TERMINATED, "slow")
    sweep.write(
        StopRequested(time_s=sweep.start_s + 70, number=5, request=request),
        AttemptLost(time_s=sweep.start_s + 71, number=6, reason="node died"),
    )
    return sweep


def numbers(sweep: SweepDir, *options: str) -> list[int]:
    """Which trials are shown, in which order."""
    document = json.loads(azsweep("trials", sweep.path, "--json", *options).stdout)
    return [trial["number"] for trial in document["trials"]]


def test_in_a_pipe_each_trial_is_one_line_with_everything_its_reason_last(of_every_state: SweepDir) -> None:
    assert azsweep("trials", of_every_state.path).stdout.splitlines() == [
        "trial  state       loss  seconds  lr     opt.name  value  reason",
        "    0  completed   0        10.0  0      adam      0",
        "    1  failed      -        12.0  0.125  sgd       -1     failed: why",
        "    2  timed_out   2        14.0  0.25   null      -2     timed_out: why",
        "    3  terminated  0        16.0  0.375  adam      -3     terminated: why",
        "    4  cancelled   1        18.0  0.5    sgd       -4     cancelled: why",
        "    5  running     -        20.0  0.625  null      -5     stopping: slow",
        "    6  pending     -           -  0.75   adam      -6     node died",
    ]


@pytest.mark.parametrize(
    ("options", "order"),
    [
        pytest.param("", [0, 1, 2, 3, 4, 5, 6], id="by-number"),
        pytest.param("-r", [6, 5, 4, 3, 2, 1, 0], id="reversed"),
        pytest.param("--sort value", [0, 3, 4, 2, 1, 5, 6], id="the-best-value-first"),
        pytest.param("--sort value -r", [2, 4, 0, 3, 1, 5, 6], id="the-worst-first-those-without-one-last"),
        pytest.param("--sort duration -r", [4, 3, 2, 1, 0, 5, 6], id="the-longest-first"),
        pytest.param("--sort state", [6, 5, 0, 1, 2, 3, 4], id="by-state"),
        pytest.param("--sort lr -r", [6, 5, 4, 3, 2, 1, 0], id="by-a-parameter"),
        pytest.param("--sort params.value", [6, 5, 4, 3, 2, 1, 0], id="by-a-parameter-with-a-columns-name"),
        pytest.param("--sort +opt.name", [0, 3, 6, 1, 4, 2, 5], id="by-text-null-last"),
        pytest.param("--state failed", [1], id="a-state"),
        pytest.param("--state FAILED --state timed-out --sort value", [2, 1], id="states"),
        pytest.param("--state pending", [6], id="pending"),
    ],
)
def test_trials_are_sorted_and_chosen(of_every_state: SweepDir, options: str, order: list[int]) -> None:
    assert numbers(of_every_state, *options.split()) == order


def test_the_best_value_first_is_the_objectives_word(tmp_path: Path) -> None:
    sweep = SweepDir(tmp_path)
    objective = {"primary_metric": "acc", "goal": "maximize"}
    sweep.start(spec={"search_space": {}, "sampling_algorithm": {"type": "random"}, "objective": objective})
    for number, value in enumerate([0.5, 0.75, 0.25]):
        sweep.begin(number, after_s=1)
        sweep.end_trial(number, value, after_s=2)

    assert numbers(sweep, "--sort", "value") == [1, 0, 2]


def test_numbers_come_before_texts_and_nan_last(sweep: SweepDir) -> None:
    for number, value in enumerate(["b", float("nan"), 10, "a", 9.5, True]):
        sweep.begin(number, after_s=number, parameters={"p": value})

    assert numbers(sweep, "--sort", "p") == [4, 2, 3, 0, 5, 1]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param(
            "--sort optname",
            1,
            "--sort: must be value, number, state, duration or a parameter; got optname. Did you mean opt.name?\n",
            id="sort",
        ),
        pytest.param("--state faild", 2, "must be a state of trials; got faild. Did you mean failed?\n", id="state"),
        pytest.param("--csv --json", 2, "Error: --csv and --json exclude each other.\n", id="both"),
    ],
)
def test_what_there_is_not_is_said_with_what_was_meant(
    of_every_state: SweepDir, options: str, code: int, message: str
) -> None:
    result = azsweep("trials", of_every_state.path, *options.split())

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.endswith(message)


def test_csv_is_what_trials_csv_says(of_every_state: SweepDir) -> None:
    recorded = replay(of_every_state.path)
    assert recorded is not None
    ResultFiles(of_every_state.path, SystemClock()).write(recorded.history)
    file = (of_every_state.path / "trials.csv").read_text(encoding="utf-8")

    shown = azsweep("trials", of_every_state.path, "--csv").stdout
    options = ("--sort", "value", "--state", "timed_out", "--state", "cancelled")
    chosen = azsweep("trials", of_every_state.path, "--csv", *options).stdout

    assert shown == file
    rows = list(csv.reader(io.StringIO(file)))
    assert list(csv.reader(io.StringIO(chosen))) == [rows[0], rows[5], rows[3]]


def test_json_has_parameters_as_files_name_them(of_every_state: SweepDir) -> None:
    document = json.loads(azsweep("trials", of_every_state.path, "--json").stdout)

    assert document["state"] == "interrupted"
    assert document["objective"] == {"primary_metric": "loss", "goal": "minimize"}
    assert document["trials"][1]["parameters"] == {"lr": 0.125, "opt.name": "sgd", "value": -1}
    assert document["trials"][1]["reason"] == "failed: why\nand more"


def test_a_table_fits_the_terminal_and_says_what_it_leaves_out(of_every_state: SweepDir) -> None:
    """Reasons stand below their trials."""
    wide = lines_on_a_terminal(80, "trials", of_every_state.path)
    narrow = lines_on_a_terminal(40, "trials", of_every_state.path)
    by_value = lines_on_a_terminal(40, "trials", of_every_state.path, "--sort", "params.value")

    assert wide[:3] == [
        "trial  state       loss  seconds  lr     opt.name  value",
        "    0  completed   0        10.0  0      adam      0",
        "    1  failed      -        12.0  0.125  sgd       -1",
    ]
    assert wide[3] == "       failed: why"
    assert narrow[0] == "trial  state       loss  seconds  lr"
    assert narrow[-1] == "Too narrow for opt.name, value"
    assert max(map(len, narrow)) <= 40
    assert by_value[0] == "trial  state       loss  seconds  value"
    assert by_value[-1] == "Too narrow for lr, opt.name"


def test_nothing_that_a_trial_holds_steers_a_terminal_or_breaks_a_line(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1, parameters={"x": HOSTILE, HOSTILE: 1})
    sweep.end_trial(0, None, after_s=2, state=TrialState.FAILED, reason=HOSTILE)

    in_a_pipe = azsweep("trials", sweep.path).stdout
    on_a_terminal = lines_on_a_terminal(100, "trials", sweep.path)
    csv_on_a_terminal = "\n".join(lines_on_a_terminal(100, "trials", sweep.path, "--csv"))

    assert len(in_a_pipe.splitlines()) == 2
    for text in (in_a_pipe, *on_a_terminal, csv_on_a_terminal):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", text)
    assert max(map(len, on_a_terminal)) <= 100
    (row,) = csv.DictReader(io.StringIO(azsweep("trials", sweep.path, "--csv").stdout_bytes.decode(), newline=""))
    assert row["x"] == HOSTILE


def test_a_running_trial_has_run_until_now(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    sweep.start()
    sweep.lock()
    sweep.begin(0, after_s=50)

    row = azsweep("trials", tmp_path).stdout.splitlines()[1].split()

    assert row[:3] == ["0", "running", "-"]
    assert 49 <= float(row[3]) < 60


@pytest.mark.parametrize(
    ("has_one", "options", "said"),
    [
        pytest.param(False, "", "there is no trial yet\n", id="none-yet"),
        pytest.param(True, "--state failed --state cancelled", "no trial is failed or cancelled\n", id="none-such"),
    ],
)
def test_no_trial_is_no_error(sweep: SweepDir, has_one: bool, options: str, said: str) -> None:
    if has_one:
        sweep.begin(0, after_s=1)

    result = azsweep("trials", sweep.path, *options.split())

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", said)


@pytest.mark.parametrize("text", ["", "abc", "\u4e2d\u6587" * 9, "e\u0301" * 30, "\U0001f600" * 9, HOSTILE, "a" * 17])
def test_what_is_cut_takes_no_more_room(text: str) -> None:
    assert width_of(cut(text, 16)) <= 16
    assert width_of(cell({"key": text}, 16)) <= 16
