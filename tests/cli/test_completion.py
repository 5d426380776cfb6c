"""The Tab key offers what there is: sweeps, their trials, what they can be sorted by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from azsweep_core.cli._main import commands
from tests.cli.sweeps import SweepDir


@pytest.fixture(autouse=True)
def some_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working directory: three sweeps, the second of which is the latest, and other folders."""
    for age, name in enumerate(["multirun/day/2", "multirun/day/1", "other/a b", "deep/1/2/3"]):
        sweep = SweepDir(tmp_path / name)
        sweep.start()
        os.utime(sweep.path / "sweep.jsonl", (1e9 - age, 1e9 - age))
    (tmp_path / "multirun" / "day" / ".hidden").mkdir()
    sweep = SweepDir(tmp_path / "multirun" / "day" / "2")
    for number in (1, 10, 2):
        sweep.begin(number, after_s=1, parameters={"+opt.lr": 1, "value": 2})
    monkeypatch.chdir(tmp_path)


def offered(typed: str) -> list[tuple[str, str]]:
    """What is offered for the last word: its kind, and itself."""
    *before, last = typed.split(" ")
    found = ShellComplete(commands, {}, "azsweep", "_AZSWEEP_COMPLETE").get_completions(before, last)
    return [(each.type, each.value) for each in found]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("status mul", ["multirun/day/2", "multirun/day/1"], id="sweeps-the-latest-first"),
        pytest.param("trials multirun/", ["multirun/day/2", "multirun/day/1"], id="below-a-folder"),
        pytest.param("best multirun/day/1", ["multirun/day/1"], id="the-whole-name"),
        pytest.param("compare multirun/day/1 multirun/day/2", ["multirun/day/2"], id="a-further-one"),
        pytest.param("logs multirun/day/2 ", ["1", "2", "10"], id="numbers-of-trials"),
        pytest.param("logs multirun/day/2 1", ["1", "10"], id="that-begin-so"),
        pytest.param("logs nowhere ", [], id="numbers-of-none"),
        pytest.param("trials multirun/day/2 --state t", ["timed_out", "terminated"], id="states"),
        pytest.param(
            "trials multirun/day/2 --sort ",
            ["number", "state", "value", "duration", "opt.lr", "params.value"],
            id="sort-keys",
        ),
        pytest.param("trials nowhere --sort d", ["duration"], id="sort-keys-of-no-sweep"),
        pytest.param("trials multirun/day/2 --c", ["--csv"], id="options"),
        pytest.param("comp", ["compare"], id="commands"),
    ],
)
def test_words_are_offered(typed: str, words: list[str]) -> None:
    assert offered(typed) == [("plain", word) for word in words]


@pytest.mark.parametrize(
    ("typed", "offer"),
    [
        pytest.param("status oth", ("dir", "oth"), id="a-sweep-with-a-blank-in-its-path"),
        pytest.param("status deep", ("dir", "deep"), id="a-sweep-too-far-down"),
        pytest.param("status nowhere/", ("dir", "nowhere/"), id="no-sweep"),
        pytest.param("best multirun/day/1 --copy mul", ("dir", "mul"), id="where-to-copy-to"),
        pytest.param("run tr", ("file", "tr"), id="an-app"),
        pytest.param("plan tr", ("file", "tr"), id="an-app-to-plan"),
        pytest.param("export tr", ("file", "tr"), id="an-app-to-export"),
        pytest.param("validate sw", ("file", "sw"), id="a-job-file"),
    ],
)
def test_the_shell_itself_offers_paths_where_nothing_better_is_known(typed: str, offer: tuple[str, str]) -> None:
    assert offered(typed) == [offer]


def test_a_home_directory_is_offered_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert offered("status ~/multirun/day/1") == [("plain", "~/multirun/day/1")]
