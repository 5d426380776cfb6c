"""docs/cli.md tells of every command, with the options and exit codes that it has."""

from __future__ import annotations

import re

import click
import pytest

from azsweep_core.cli._main import commands
from tests.cli.sweeps import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`azsweep [^|]*) \|(.*)\|$", PAGE, flags=re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
NAMES = list(commands.commands)


def rows_of(name: str) -> str:
    return " ".join(head + row for head, row in ROWS if f"`azsweep {name} " in head)


def options_of(name: str) -> list[set[str]]:
    """What one can type, without --help; each option with all of its names."""
    return [set(each.opts) for each in commands.commands[name].params if isinstance(each, click.Option)]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_in_the_table_with_its_options_and_no_others(name: str) -> None:
    """By one of their names."""
    told = set(OPTION.findall(rows_of(name)))

    assert rows_of(name)
    assert told - set().union(*options_of(name)) - {"--multirun"} == set()  # which is Hydra's
    assert [names for names in options_of(name) if not names & set(OPTION.findall(PAGE))] == []


def test_the_table_has_no_other_commands() -> None:
    assert {name for head, _ in ROWS for name in re.findall(r"azsweep (\w+)", head)} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_exit_codes_of_a_help_page_are_on_the_page(name: str) -> None:
    help_page = commands.commands[name].help or ""
    codes = re.findall(r"(?:^|\s{2,})(\d+)  ?\S", help_page[help_page.index("Exit codes") :], flags=re.MULTILINE)

    told = re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)
    assert codes
    assert set(codes) <= set(told)


@pytest.mark.parametrize("line", re.findall(r"^\$ azsweep (\w+ .*)$", PAGE, flags=re.MULTILINE))
def test_examples_are_commands_that_can_be_typed(line: str) -> None:
    """With options that the command has."""
    name, *words = line.partition(" | ")[0].split()

    options = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}

    assert options <= set().union(*options_of(name))
