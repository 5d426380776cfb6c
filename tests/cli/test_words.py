"""Whatever goes wrong is said in words; pages fit the terminal, and a pipe gets whole lines."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from azsweep_core import __version__
from azsweep_core.cli._main import commands
from azsweep_core.trial import TrialState
from tests.architecture.test_layers import HEAVY
from tests.cli.sweeps import SweepDir, azsweep, azsweep_command, environment


def lines_on_a_terminal(columns: int, *arguments: str | Path, as_they_are: bool = False) -> list[str]:
    """What the command prints on a terminal of so many columns; without colours, unless as they are."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        azsweep_command(*arguments), env=environment(COLUMNS=str(columns)), stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        data = b""
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            data += block
    os.close(ours)
    text = data.decode()
    return (text if as_they_are else re.sub(r"\x1b\[\d*m", "", text)).splitlines()


def test_lines_fit_a_terminal_and_are_whole_in_a_pipe(sweep: SweepDir) -> None:
    """Paths and commands are never broken, however narrow the terminal."""
    long = {f"model.layer_{index}.width": index for index in range(12)}
    sweep.begin(0, after_s=1, parameters=long)
    sweep.end_trial(0, 0.5, after_s=2)
    sweep.begin(1, after_s=3, parameters=long)
    sweep.end_trial(1, None, after_s=4, state=TrialState.FAILED, reason="so much " * 15 + f"/a{'/long' * 30}")
    sweep.begin(2, after_s=5, parameters=long)
    path = str(sweep.path)

    in_a_pipe = azsweep("status", sweep.path).stdout
    for columns in (80, 120):
        lines = lines_on_a_terminal(columns, "status", sweep.path)
        too_long = [line for line in lines if len(line) > columns and path not in line and "/long" not in line]

        assert too_long == []
        assert f"Sweep:          {path}" in lines
        assert f"Go on:          azsweep resume {path}" in lines
        assert " ".join(" ".join(lines).split()) == " ".join(in_a_pipe.split())
    assert len(in_a_pipe.splitlines()) == 13
    assert "\x1b" not in in_a_pipe


@pytest.mark.parametrize("command", ["status", "trials", "best", "attach", "stop", "logs", "resume"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "nowhere", "DIR: must be the directory of a sweep; got {0}/nowhere, which does not exist.", id="no"
        ),
        pytest.param("file", "DIR: must be the directory of a sweep; got {0}/file, which is a file.", id="file"),
        pytest.param(
            "empty", "DIR: must be the directory of a sweep; got {0}/empty, which has no sweep.jsonl.", id="empty"
        ),
        pytest.param(
            "waits",
            "DIR: must be the directory of a sweep; got {0}/waits, which has no sweep.jsonl. "
            "One was to begin there, and has not yet, or could not.",
            id="waits-in-a-queue",
        ),
        pytest.param(
            "torn",
            "DIR: must be the directory of a sweep; got {0}/torn, whose ledger has no whole line.",
            id="torn",
        ),
        pytest.param(
            "damaged",
            "{0}/damaged/sweep.jsonl:1: must be an event of a sweep; got 'no event' "
            "(Expecting value: line 1 column 1 (char 0)).",
            id="damaged",
        ),
        pytest.param(
            "impossible",
            "{0}/impossible/sweep.jsonl:1: must be an event that can follow; got no sweep has begun.",
            id="impossible",
        ),
    ],
)
def test_a_directory_without_a_sweep_is_refused_by_every_command(
    tmp_path: Path, command: str, name: str, message: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "waits" / ".azsweep").mkdir(parents=True)
    end = '{"event": "sweep_ended", "time_s": 1, "stop_reason": "", "kind": "user"}'
    for folder, content in {"torn": "{", "damaged": f"no event\n{end}\n", "impossible": f"{end}\n"}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sweep.jsonl").write_text(content, encoding="utf-8")
    before = SweepDir(tmp_path).snapshot()

    result = azsweep(command, tmp_path / name)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", message.format(tmp_path) + "\n")
    assert SweepDir(tmp_path).snapshot() == before


@pytest.mark.parametrize("near", ["sweep/0", "sweep/sweep.jsonl", "", "sweep/.azsweep/trials"])
def test_a_sweep_nearby_is_named(sweep: SweepDir, tmp_path: Path, near: str) -> None:
    (sweep.path / "0").mkdir()
    (sweep.path / ".azsweep" / "trials").mkdir(parents=True)

    assert azsweep("status", tmp_path / near).stderr.endswith(f". {sweep.path} holds one.\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_ledger_that_may_not_be_read_is_told(sweep: SweepDir) -> None:
    (sweep.path / "sweep.jsonl").chmod(0)

    result = azsweep("status", sweep.path)

    assert result.stderr == f"{sweep.path}/sweep.jsonl: must be readable (Permission denied).\n"


@pytest.mark.parametrize(
    ("redirection", "code", "message"),
    [
        pytest.param(">&-", 0, "", id="closed"),
        pytest.param("> /dev/full", 1, "standard output: must be writable (No space left on device).\n", id="full"),
        pytest.param("| true", 0, "", id="nobody-reads"),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(
    sweep: SweepDir, redirection: str, code: int, message: str
) -> None:
    command = subprocess.list2cmdline(azsweep_command("status", sweep.path))

    done = subprocess.run(
        f"{command} {redirection}", shell=True, env=environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (code, message)


def test_a_path_that_the_terminal_cannot_show_is_spelt_out(tmp_path: Path) -> None:
    sweep = SweepDir(tmp_path / os.fsdecode(b"caf\xe9"))
    sweep.start()

    done = subprocess.run(azsweep_command("status", sweep.path), env=environment(), capture_output=True, check=True)

    assert rb"/caf\udce9" in done.stdout


def test_misspelt_commands_are_clicks_own_business() -> None:
    result = azsweep("statsu")

    assert result.exit_code == 2
    assert "No such command 'statsu'" in result.stderr


@pytest.mark.parametrize("command", [None, *commands.commands])
def test_every_help_page_has_examples_and_exit_codes(command: str | None) -> None:
    text = azsweep(*([] if command is None else [command]), "--help").stdout

    assert re.search(r"^  Examples?:\n    azsweep ", text, re.MULTILINE)
    assert re.search(r"^  Exit codes[^\n]*:?[^\n]*\n    \d", text, re.MULTILINE)


def test_the_version_is_the_packages() -> None:
    assert azsweep("--version").stdout == f"azsweep {__version__}\n"


def test_the_shell_completes_commands() -> None:
    variables = {"_AZSWEEP_COMPLETE": "bash_complete", "COMP_WORDS": "azsweep st", "COMP_CWORD": "1"}

    done = subprocess.run(azsweep_command(), env=environment(**variables), capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["plain,status", "plain,stop"]


@pytest.mark.parametrize("words", ["--help", "status DIR", "trials DIR", "trials DIR --csv", "best DIR", "logs DIR 0"])
def test_nothing_heavy_is_loaded_to_say_how_a_sweep_stands(sweep: SweepDir, words: str) -> None:
    sweep.begin(0, after_s=1)
    sweep.output(0, 1, "printed")
    sweep.end_trial(0, 1.0, after_s=2)
    program = f"""
import sys
from azsweep_core.cli._main import commands
commands({words.replace("DIR", str(sweep.path)).split()!r}, standalone_mode=False)
print(*sorted({HEAVY | {"hydra", "omegaconf", "yaml"}!r} & set(sys.modules)), file=sys.stderr)
"""

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stderr.split() == []


def test_no_color_is_heeded(sweep: SweepDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b" not in "".join(lines_on_a_terminal(80, "status", sweep.path, as_they_are=True))
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b" in "".join(lines_on_a_terminal(80, "status", sweep.path, as_they_are=True))
