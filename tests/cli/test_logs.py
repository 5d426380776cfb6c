"""`azsweep logs`: what was printed, byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from azsweep_core.events import AttemptLost
from azsweep_core.trial import TrialState
from tests.cli.sweeps import SweepDir, azsweep, azsweep_command, environment, started, sweep_now


@pytest.mark.parametrize(
    ("printed", "lines", "shown"),
    [
        pytest.param("a\nb\nc\n", (), "a\nb\nc\n", id="all"),
        pytest.param("a\nb\nc\n", ("-n", "2"), "b\nc\n", id="the-last-two"),
        pytest.param("a\nb\nc", ("-n", "2"), "b\nc", id="the-last-is-not-ended"),
        pytest.param("a\nb\nc\n", ("-n", "0"), "", id="none"),
        pytest.param("a\nb\nc\n", ("-n", "9"), "a\nb\nc\n", id="more-than-there-are"),
        pytest.param("\n\n\n", ("-n", "2"), "\n\n", id="empty-lines"),
        pytest.param(f"{'x' * 70_000}\n{'y' * 70_000}\nz\n", ("-n", "2"), f"{'y' * 70_000}\nz\n", id="long-lines"),
        pytest.param("\x1b[1m50 %\r100 %\n", (), "\x1b[1m50 %\r100 %\n", id="as-it-is"),
    ],
)
def test_a_trials_output_is_shown_from_the_line_that_was_asked_for(
    sweep: SweepDir, printed: str, lines: tuple[str, ...], shown: str
) -> None:
    sweep.begin(0, after_s=1)
    sweep.output(0, 1, printed)

    result = azsweep("logs", sweep.path, "0", *lines)

    assert (result.exit_code, result.stdout_bytes.decode()) == (0, shown)


def test_of_several_attempts_the_latest_is_shown_unless_one_is_asked_for(sweep: SweepDir) -> None:
    for attempt in range(1, 11):
        sweep.output_of_attempt(0, attempt, f"attempt {attempt}\n")

    assert azsweep("logs", sweep.path, "0").stdout == "attempt 10\n"
    assert azsweep("logs", sweep.path, "0", "--attempt", "9").stdout == "attempt 9\n"


def test_a_trial_is_followed_into_its_next_attempt_and_to_its_end(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    sweep.start()
    sweep.lock()
    sweep.begin(0, after_s=1)
    sweep.output(0, 1, "first\n")
    with started("logs", sweep.path, "0", "-f") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "first\n"

        sweep.output(0, 1, "last words\n")
        sweep.write(AttemptLost(time_s=sweep.start_s + 2, number=0, reason="node died"))
        sweep.begin(0, after_s=3, attempt=2)
        sweep.output(0, 2, "again\n")

        assert [process.stdout.readline() for _ in range(2)] == ["last words\n", "again\n"]
        assert process.stderr.readline() == "trial 0: attempt 2\n"
        sweep.output(0, 2, "done\n")
        sweep.end_trial(0, 1.0, after_s=4)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "done\n", "")


def test_following_ends_with_the_attempt_that_was_asked_for(sweep: SweepDir) -> None:
    sweep.lock()
    sweep.begin(0, after_s=1)
    sweep.output(0, 1, "first\n")
    sweep.write(AttemptLost(time_s=sweep.start_s + 2, number=0, reason="node died"))
    sweep.begin(0, after_s=3, attempt=2)

    result = azsweep("logs", sweep.path, "0", "-f", "--attempt", "1")

    assert (result.exit_code, result.output) == (0, "first\n")


def test_following_ends_when_nobody_coordinates_the_sweep(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1)
    sweep.output(0, 1, "first\n")

    result = azsweep("logs", sweep.path, "0", "-f")

    assert (result.exit_code, result.stdout) == (0, "first\n")
    assert result.stderr == "trial 0 is not over, but nobody coordinates the sweep any more\n"


def test_without_a_trial_a_detached_sweeps_own_words_are_shown_before_it_has_begun_too(tmp_path: Path) -> None:
    sweep = SweepDir(tmp_path)
    (tmp_path / ".azsweep").mkdir()
    (tmp_path / ".azsweep" / "coordinator.log").write_text("[12:00:00] sweep\n", encoding="utf-8")

    assert azsweep("logs", sweep.path).stdout == "[12:00:00] sweep\n"
    assert azsweep("logs", sweep.path, "-f").stdout == "[12:00:00] sweep\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("7",), "N: must be a trial of the sweep; got 7. There are trials 0 to 1.", id="no-such-trial"),
        pytest.param(
            ("0", "--attempt", "3"),
            "--attempt: must be an attempt of trial 0, which had 1; got 3.",
            id="no-such-attempt",
        ),
        pytest.param(
            (),
            "DIR: must hold a sweep that was detached, whose words went into a file; got {0}. "
            "Of its trials: `azsweep logs {0} N`.",
            id="not-detached",
        ),
    ],
)
def test_what_there_is_not_is_said_in_words(sweep: SweepDir, arguments: tuple[str, ...], message: str) -> None:
    sweep.begin(0, after_s=1)
    sweep.end_trial(0, 1.0, after_s=2, state=TrialState.COMPLETED)
    sweep.begin(1, after_s=2)

    result = azsweep("logs", sweep.path, *arguments)

    assert (result.exit_code, result.stderr) == (1, message.format(sweep.path) + "\n")


def test_a_trial_that_has_printed_nothing_is_no_error(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1)

    result = azsweep("logs", sweep.path, "0")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "trial 0 has printed nothing yet\n")


def test_who_reads_may_stop_reading(sweep: SweepDir) -> None:
    sweep.begin(0, after_s=1)
    sweep.output(0, 1, "a line\n" * 100_000)
    command = subprocess.list2cmdline(azsweep_command("logs", sweep.path, "0"))

    done = subprocess.run(
        f"{command} | head -n 1", shell=True, env=environment(), capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("a line\n", "")
