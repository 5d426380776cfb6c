"""`azsweep status`: says how a sweep stands, from its files, and leaves them as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from azsweep_core.cli._standing import Standing, look, standing_of
from azsweep_core.control import ControlDir
from azsweep_core.events import AttemptLost, Ending, EndingKind, StopRequested, SweepStarted
from azsweep_core.lock import current_holder
from azsweep_core.trial import StopRequest, TrialState
from tests.cli.sweeps import NOON_S, SPEC, SweepDir, azsweep, sweep_now

FAILED, CANCELLED = TrialState.FAILED, TrialState.CANCELLED
ELSEWHERE = {"host": "node7", "machine": "another", "pid": 812}


def stopped(sweep: SweepDir) -> None:
    """Two trials done, two failed alike, one cancelled, and the sweep is ended by the user."""
    for number in range(5):
        sweep.begin(number, after_s=10 * number, parameters={"x": number / 8, "+opt.name": "it's"})
    sweep.end_trial(0, 0.5, after_s=21)
    sweep.end_trial(1, 0.25, after_s=31, state=FAILED, reason="ValueError: no\nits last words")
    sweep.end_trial(2, 0.75, after_s=41)
    sweep.end_trial(3, None, after_s=51, state=FAILED, reason="ValueError: no\nits last words")
    sweep.end_trial(4, 1.0, after_s=99, state=CANCELLED, reason="stopped by Ctrl-C", by_user=True)
    sweep.end(Ending(EndingKind.USER, "stopped by Ctrl-C"))


def test_a_sweep_that_was_stopped_is_shown_with_its_best_trial_its_failures_and_how_to_go_on(sweep: SweepDir) -> None:
    stopped(sweep)

    result = azsweep("status", sweep.path)

    assert result.exit_code == 0
    assert (
        result.stdout
        == f"""\
Sweep:          {sweep.path}
State:          ended at 2023-11-15 12:01:40: stopped by Ctrl-C
Go on:          azsweep resume {sweep.path}
Objective:      minimize loss
Trials:         5 of 5 over: 2 completed, 2 failed, 1 cancelled
Time used:      1 min 40 s of 2 h
Limits:         max_total_trials=5 timeout=7200.0
Best trial:     1: loss = 0.25 with x=0.125 opt.name=it's
Its files:      {sweep.path}/1
Best completed: 0: loss = 0.5
Failed lately:
  trials 1, 3 (2023-11-15 12:00:51): ValueError: no
    its last words
"""
    )


def test_a_running_sweep_is_shown_with_who_coordinates_it_and_what_runs(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    sweep.start()
    sweep.begin(0, after_s=60)
    sweep.begin(1, after_s=38, attempt=1)
    sweep.write(AttemptLost(time_s=sweep.start_s + 50, number=1, reason="node died"))
    sweep.begin(1, after_s=79, attempt=2)
    report = {"name": "loss", "value": 0.5, "step": 3, "time_s": sweep.start_s + 80}
    ControlDir.of(sweep.path, 1, 2).metrics_file.write_text(json.dumps(report) + "\n", encoding="utf-8")
    ControlDir.of(sweep.path, 0, 1).note_job({"slurm_job": "17"})
    sweep.write(StopRequested(time_s=sweep.start_s + 90, number=0, request=StopRequest(TrialState.TERMINATED, "slow")))
    sweep.lock()

    text = azsweep("status", sweep.path).stdout

    assert re.search(
        r"^State: +running: process \d+ on \S+ since .* coordinates it; last .* 1\d s ago$", text, re.MULTILINE
    )
    assert "Trials:         0 of 5 over; 2 running\n" in text
    assert re.search(r"^  trial 0 for (39|40) s  slurm job 17  stopping: slow  x=0$", text, re.MULTILINE)
    assert re.search(r"^  trial 1 \(attempt 2\) for 2\d s  loss=0.5 \(step 3, 2\d s ago\)  x=1$", text, re.MULTILINE)


def test_of_an_interrupted_sweep_it_says_how_far_it_came_and_where_to_go_on(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=10)
    sweep.lock(pid=2**22 + 1)
    (sweep.path / ".azsweep" / "coordinator.log").touch()

    text = azsweep("status", sweep.path).stdout

    gone = r"interrupted: nobody coordinates it, process \d+ on \S+ is gone; last .* at 2023-11-15 12:01:30, .*"
    assert re.search(f"^State:          {gone} ago$", text, re.MULTILINE)
    assert f"Go on:          azsweep resume {sweep.path}\nWhat it said:   azsweep logs {sweep.path}\n" in text
    assert "Trials:         0 of 5 over; 1 were not over\nTime used:      1 min 30 s of 2 h\n" in text
    assert "Not over:\n  trial 0 had run 1 min 19 s  x=0\n" in text


def test_of_a_sweep_on_another_host_it_says_that_it_cannot_tell(sweep: SweepDir) -> None:
    sweep.lock(**ELSEWHERE, slurm_job="99")

    text = azsweep("status", sweep.path).stdout

    assert "cannot be told from here: process 812 on node7, SLURM job 99 coordinates it, or did, " in text
    assert "ago. On node7 it can\n" in text


def test_a_sweep_whose_process_gets_ready_is_starting(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    sweep.lock()

    result = azsweep("status", sweep.path)

    assert result.exit_code == 0
    assert "State:          starting: process " in result.stdout


LONG_AGO = {"pid": 2**22 + 1}
ENDED = Ending(EndingKind.FINISHED, "done")


@pytest.mark.parametrize(
    ("ending", "began_after_the_lock_s", "holder", "standing"),
    [
        pytest.param(None, 1.0, {}, Standing.RUNNING, id="it-lives"),
        pytest.param(None, 1.0, LONG_AGO, Standing.INTERRUPTED, id="its-process-is-gone"),
        pytest.param(None, 1.0, {"released": True}, Standing.INTERRUPTED, id="given-up-before-its-end"),
        pytest.param(None, 1.0, ELSEWHERE, Standing.UNKNOWN, id="on-another-host"),
        pytest.param(None, 1.0, None, Standing.INTERRUPTED, id="nobody-ever-took-the-lock"),
        pytest.param(None, None, {}, Standing.STARTING, id="no-event-yet"),
        pytest.param(None, -60.0, {}, Standing.STARTING, id="resumed-not-yet-begun"),
        pytest.param(ENDED, -60.0, {}, Standing.STARTING, id="resumed-after-its-end"),
        pytest.param(ENDED, -60.0, ELSEWHERE, Standing.UNKNOWN, id="resumed-elsewhere-after-its-end"),
        pytest.param(ENDED, 1.0, {}, Standing.ENDED, id="ended-and-writes-results"),
        pytest.param(ENDED, 1.0, ELSEWHERE, Standing.ENDED, id="ended-on-another-host"),
        pytest.param(ENDED, 1.0, {"released": True}, Standing.ENDED, id="ended"),
    ],
)
def test_a_sweep_stands_as_ledger_and_lock_say(
    tmp_path: Path,
    ending: Ending | None,
    began_after_the_lock_s: float | None,
    holder: dict[str, object] | None,
    standing: Standing,
) -> None:
    sweep = SweepDir(tmp_path)
    if holder is not None:
        sweep.lock(**holder)
    began_s = None if began_after_the_lock_s is None else NOON_S + began_after_the_lock_s

    assert standing_of(ending, began_s, current_holder(tmp_path)) is standing


def test_json_is_one_document_with_parameters_as_files_name_them(sweep: SweepDir) -> None:
    stopped(sweep)

    document = json.loads(azsweep("status", "--json", sweep.path).stdout)

    assert document["state"] == "ended"
    assert document["ending"] == {"kind": "user", "reason": "stopped by Ctrl-C"}
    assert document["best"]["number"] == 1
    assert document["best"]["parameters"] == {"x": 0.125, "opt.name": "it's"}
    assert document["trials"]["failed"] == 2
    assert document["max_trials"] == 5
    assert document["used_s"] == 100.0


def test_json_has_neither_nan_nor_infinity(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1, parameters={"x": float("nan"), "y": [float("inf")]})
    sweep.end_trial(0, 1.0, after_s=2)

    document = json.loads(azsweep("status", "--json", sweep.path).stdout, parse_constant=pytest.fail)

    assert document["best"]["parameters"] == {"x": "nan", "y": ["inf"]}


def test_a_grid_without_a_limit_has_as_many_trials_as_points(tmp_path: Path) -> None:
    sweep = SweepDir(tmp_path)
    space = {"x": {"type": "choice", "values": [1, 2, 3]}}
    sweep.start(spec={**SPEC, "search_space": space, "limits": {}})

    assert "Trials:         0 of 3 over\n" in azsweep("status", tmp_path).stdout


def test_reading_disturbs_nobody_who_writes(sweep: SweepDir) -> None:
    """A torn last line is not there yet, and no file is made, changed or locked."""
    sweep.begin(0, after_s=1)
    lock = sweep.lock(since_s=NOON_S)
    with (sweep.path / "sweep.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"event": "trial_en')
    before = sweep.snapshot()

    result = azsweep("status", sweep.path)

    assert "0 of 5 over; 1 running" in result.stdout
    assert sweep.snapshot() == before
    lock.release()
    assert look(sweep.path).standing is Standing.INTERRUPTED


def test_what_trials_say_cannot_steer_a_terminal(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1, parameters={"x": "\x1b]0;title\x07\x1b[2J\r"})
    sweep.end_trial(0, None, after_s=2, state=FAILED, reason="\x1b[31mred\x1b[0m \x08")

    text = azsweep("status", sweep.path).stdout

    assert "trial 0 (2023-11-15 12:00:02): red \\x08\n" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@tracking:5000", "http://tracking:5000/#/runs/c0ffee"),
        ("sqlite:////a/mlflow.db", "mlflow ui --backend-store-uri sqlite:////a/mlflow.db"),
    ],
)
def test_it_says_where_report_and_run_are(tmp_path: Path, uri: str, shown: str) -> None:
    sweep = SweepDir(tmp_path)
    started = SweepStarted(
        time_s=NOON_S, spec=SPEC, command=(), working_dir="/", tracking_uri=uri, mlflow_run_id="c0ffee"
    )
    sweep.write(started)
    (tmp_path / "report.html").touch()

    lines = azsweep("status", tmp_path).stdout.splitlines()

    assert f"Report:         {tmp_path}/report.html" in lines
    assert f"MLflow:         {shown}" in lines
