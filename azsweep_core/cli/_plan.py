"""`azsweep plan`: a sweep's dry run. What it shows and checks is the sweeper's to say."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from tempfile import TemporaryFile

import click

from azsweep_core.cli._click import Command, job_options, paths
from azsweep_core.cli._run import started_command
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["plan"]

_TRIALS = 5
_OF_ANOTHER_SWEEPER = b"Could not override 'hydra.sweeper.dry_run'"


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="[APP.py | JOB.yml] [OVERRIDES]...", nargs=-1, shell_complete=paths("file"))
@click.option("-m", "--module", metavar="MODULE", help="The app is a module: -m package.train for APP.py.")
@click.option("--trials", metavar="N", type=click.IntRange(0), default=_TRIALS, help="How many trials to show; 5.")
@job_options
def plan(
    words: Sequence[str], module: str | None, trials: int, inputs: Sequence[str], code: str | None, node: str | None
) -> None:
    """Show what `azsweep run` with the same words would do, and check that it can. Starts and writes nothing.

    The page has the search space in values, the size of the grid, sampler, policy and limits with who has set them,
    where trials would run and record, and the first trials as overrides to run one by hand. With a seed, a Sobol
    sequence or a grid they are exactly those of the sweep. Every value of every choice is composed with the app's
    config. Launcher, SLURM (sbatch --test-only), MLflow, directories and devices are looked at.

    An app without `azsweep run` has it too: python train.py --multirun ... hydra.sweeper.dry_run=true

    Examples:
      azsweep plan train.py +experiment=sweep
      azsweep plan train.py +experiment=sweep hydra/launcher=submitit_slurm --trials 20
      azsweep plan -m package.train 'lr=loguniform(-6.9,-2.3)' hydra.sweeper.limits.max_total_trials=20
      azsweep plan sweep.yml --input iris_csv=./iris.csv

    Exit codes:
      0  the sweep can start; doubts are told
      1  it cannot; every problem is told
    """
    wish = [f"hydra.sweeper.dry_run={trials}"]
    click.get_current_context().exit(_planned(started_command(words, module, wish, inputs, code, node)))


def _planned(command: Sequence[str]) -> int:
    """The exit code of the command, whose output is ours; what it says on stderr is passed on at its end.

    Raises:
        AzsweepError: if the app has another sweeper, which Hydra tells in words that lead astray.
    """
    with TemporaryFile() as file:  # a pipe would be kept open by what the app may leave running
        status = subprocess.run(command, stderr=file, check=False).returncode
        file.seek(0)
        said = file.read()
    if status != 0 and _OF_ANOTHER_SWEEPER in said:
        fix = "Choose it: add hydra/sweeper=azsweep, or write `override hydra/sweeper: azsweep` in its defaults."
        raise AzsweepError(str(Problem("hydra/sweeper", "must be azsweep; the app has another one", None, fix)))
    click.echo(said, nl=False, err=True)
    return status if status >= 0 else 128 - status
