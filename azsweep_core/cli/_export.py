"""`azsweep export`: has an app write its sweep as an AzureML sweep job. What it holds is the app's sweeper to say."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from azsweep_core.cli._click import Command, paths
from azsweep_core.command_line import hydra_text, with_overrides
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["export"]


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[APP.py] [OVERRIDES]...", nargs=-1, shell_complete=paths("file"))
@click.option("-m", "--module", metavar="MODULE", help="The app is a module: -m package.train for APP.py.")
@click.option(
    "--environment",
    metavar="ENV",
    help="What trials run in: azureml:NAME:VERSION, azureml:NAME@latest, or a YAML file.",
)
@click.option("--compute", metavar="NAME", help="Where they run; AzureML's serverless compute if left out.")
@click.option("--code", metavar="DIR", help="What is uploaded; the working directory if left out.")
@click.option(
    "--input", "inputs", metavar="KEY=PATH", multiple=True, help="Bring a file or folder along as the value of a key."
)
@click.option("-o", "--output", metavar="FILE", help="The job file to write; standard output if left out.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def export(
    words: Sequence[str],
    module: str | None,
    environment: str | None,
    compute: str | None,
    code: str | None,
    inputs: Sequence[str],
    output: str | None,
    force: bool,
) -> None:
    """Write the sweep of a Hydra app as an AzureML sweep job.

    The app composes and checks its sweep as for `azsweep run`, and runs nothing. Its sweeper must be azsweep
    (hydra/sweeper=azsweep). What AzureML cannot express is refused; what it lacks, or takes in another way, is told.
    KEY may have Hydra's +; PATH may be AzureML's (azureml:iris:1). Where the sweep is that of a job file
    (hydra.sweeper.job), its environment, inputs, ... are kept.

    Examples:
      azsweep export train.py +experiment=sweep --environment azureml:train@latest -o sweep.yml
      azsweep export train.py +experiment=sweep --environment azureml:train:3 --compute cpu-cluster > sweep.yml
      azsweep export -m package.train 'lr=uniform(0,1)' --environment azureml:train:3
      azsweep export train.py --input data.path=./iris.csv --environment azureml:train:3 -o sweep.yml --force

    Exit codes:
      0  the job is written
      1  it is not; the messages say why
    """
    if module is None and not words:
        raise click.UsageError("Missing argument 'APP.py', or -m MODULE.")
    app, overrides = (["-m", module], words) if module is not None else ([words[0]], words[1:])
    if module is None:
        _check(words[0])
    command = [sys.executable, *app, "--multirun", *overrides]
    wish = {"environment": environment, "compute": compute, "code": code, "inputs": inputs}
    if output is not None:
        sys.exit(_run(command, {**wish, "file": output, "force": force}))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.yml"
        failed = _run(command, {**wish, "file": str(file), "relative_to": "."}, says_to=sys.stderr)
        if failed:
            sys.exit(failed)
        click.echo(file.read_text(encoding="utf-8"), nl=False)


def _check(app: str) -> None:
    is_job = app.lower().endswith((".yml", ".yaml"))
    if is_job or not Path(app).is_file():
        fix = "It comes first, before overrides and options of Hydra's."
        fix = "A job file needs no export." if is_job else fix
        raise AzsweepError(str(Problem("APP.py", "must be the Python file of a Hydra app", app, fix)))


def _run(command: Sequence[str], wish: Mapping[str, Any], *, says_to: Any = None) -> int:
    """Run the app with this wish, and return its exit code."""
    given = ",".join(f"{name}:{_in_hydras_words(value)}" for name, value in wish.items() if value)
    sys.stdout.flush()
    whole = with_overrides(command, [f"hydra.sweeper.export={{{given}}}"])
    return subprocess.run(whole, stdout=says_to, check=False).returncode


def _in_hydras_words(value: Any) -> str:
    if value is True:
        return "true"
    return hydra_text(value) if isinstance(value, str) else f"[{','.join(map(hydra_text, value))}]"
