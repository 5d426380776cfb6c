"""`azsweep validate`: what is wrong with job files, line by line. Writes only with --fix, and keeps what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from azsweep_core.cli._click import Command
from azsweep_core.cli._words import printable
from azsweep_core.errors import AzsweepError

if TYPE_CHECKING:
    from azsweep_core.job_check import Checked

__all__ = ["validate"]

_COLOURS = {"error": "red", "only here": "yellow", "warning": "yellow", "note": "cyan"}


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--node", metavar="NAME", help="Of a pipeline file, only this sweep; else all of them.")
@click.option("--fix", is_flag=True, help="Write corrected files, as far as that is safe; FILE.orig keeps the old one.")
def validate(files: Sequence[Path], node: str | None, fix: bool) -> None:
    """Check AzureML sweep job files, and the sweeps of pipeline files, without running them.

    A file is valid if its sweep can be run here. Whatever else there is to say is told by line:
      error      it cannot be run; AzureML's client refuses it, too, unless the line says otherwise
      only here  it can be run here, but AzureML would refuse it
      warning    it can be run, but hardly as it was meant
      note       what `azsweep run` would have to be told, or an old word that AzureML still takes

    Earlier notations of AzureML's are recognised, and told with how they are written today. --fix writes them so, and
    what else has one sure remedy; comments and order stay. It shows what it changes, keeps the old file as FILE.orig,
    and stops if that exists. What remains to be done is told as usual.

    Examples:
      azsweep validate sweep.yml
      azsweep validate jobs/*.yml
      azsweep validate pipeline.yml --node tune
      azsweep validate --fix old_sweep.yml

    Exit codes:
      0  every file is valid, perhaps with warnings
      1  some file is not
      2  the command itself was misspelt
    """
    results = [_validated(path, node, fix=fix) for path in files]
    click.get_current_context().exit(0 if all(results) else 1)


def _validated(path: Path, node: str | None, *, fix: bool) -> bool:
    """Whether the file is valid, which is told."""
    from azsweep_core.job_check import check_file
    from azsweep_core.job_fix import can_be_fixed, fix_file

    is_refused = False
    if fix:
        try:
            for line in fix_file(path, node):
                click.echo(printable(line))
        except AzsweepError as error:
            click.echo(printable(str(error)), err=True)
            is_refused = True
    checked = check_file(path, node)
    _tell(checked)
    if not (checked.is_valid or fix) and can_be_fixed(path, node):
        click.echo(printable(f"{path}: --fix mends what has one sure remedy"))
    return checked.is_valid and not is_refused


def _tell(checked: Checked) -> None:
    for each in checked.findings:
        place, _, rest = printable(str(each)).partition(f": {each.kind.value}: ")
        click.echo(f"{place}: {click.style(each.kind.value, fg=_COLOURS[each.kind.value], bold=True)}: {rest}")
    counts = Counter(each.kind.value for each in checked.findings)
    told = [_count(counts[kind], kind) for kind in _COLOURS if counts[kind]]
    if checked.is_valid:
        told = ["valid", *told]
    what = f" ({'; '.join(checked.sweeps)})" if checked.is_valid else ""
    click.echo(printable(f"{checked.path}: {', '.join(told)}{what}"))


def _count(count: int, kind: str) -> str:
    return f"{count} {kind}{'s' if count != 1 and kind != 'only here' else ''}"
