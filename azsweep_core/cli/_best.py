"""`azsweep best`: the best trial of a sweep, and what it takes to run it again. Writes nothing but a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from azsweep_core.cli._click import SWEEP_DIR, Command, paths
from azsweep_core.cli._documents import say_as_it_is, say_json, trial_document
from azsweep_core.cli._standing import Standing, SweepNow, look, max_trials, typed
from azsweep_core.cli._table import cell
from azsweep_core.cli._words import labelled, printable, say
from azsweep_core.control import directory_now
from azsweep_core.errors import AzsweepError, Problem
from azsweep_core.replay import Recorded
from azsweep_core.report import plain_key
from azsweep_core.run_again import as_a_shell_takes_it, best_config_command, overrides_command
from azsweep_core.trial import Trial, TrialState

__all__ = ["best"]

_LONGEST = 2000


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=SWEEP_DIR)
@click.option("--completed", is_flag=True, help="The best of those that ran to their end.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Its whole configuration, without Hydra's own part.")
@click.option("--overrides", "as_overrides", is_flag=True, help="Its overrides, one a line.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
@click.option(
    *("--copy", "to"),
    metavar="TO",
    type=SWEEP_DIR,
    shell_complete=paths("dir"),
    help="Copy its directory to TO, which is made.",
)
def best(directory: Path, completed: bool, as_yaml: bool, as_overrides: bool, as_json: bool, to: Path | None) -> None:
    """Show the best trial of the sweep in DIR, whether it runs or not.

    It is the one with the best value, even if it failed or was stopped later; with --completed the best of the others.
    While a sweep runs, another one may take its place.

    --overrides is for $(...) in a shell; options of the app, such as --config-name, are for you to repeat. It warns of
    blanks, at which a shell would tear an override apart.

    --copy makes the directory TO, whole or not at all. Links to files of the sweep, such as output.log, become files.

    Examples:
      azsweep best multirun/2026-11-22/04-12-15
      python train.py $(azsweep best DIR --overrides) epochs=200
      azsweep best DIR --yaml > conf/tuned.yaml
      azsweep best DIR --json | jq .trial.parameters
      azsweep best DIR --copy models/tuned

    Exit codes:
      0  shown, or copied
      1  no trial has a value yet, or its files are not there
    """
    if sum((as_yaml, as_overrides, as_json, to is not None)) > 1:
        raise click.UsageError("--yaml, --overrides, --json and --copy exclude each other.")
    found = _Best.of(look(directory), completed=completed)
    if as_yaml:
        say_as_it_is(found.config())
    elif as_overrides:
        _say_overrides(found)
    elif as_json:
        say_json(_document(found))
    elif to is not None:
        _copy(found, to)
    else:
        _show(found)


@dataclass(frozen=True, slots=True)
class _Best:
    """The best trial, and where what is known of it lies.

    Its own files come first. The directory best/ of the sweep is written at its end, and stays when it goes on.
    """

    now: SweepNow
    recorded: Recorded
    trial: Trial

    @classmethod
    def of(cls, now: SweepNow, *, completed: bool) -> _Best:
        """The best trial.

        Raises:
            AzsweepError: if there is none.
        """
        history = None if now.recorded is None else now.recorded.history
        trial = None if history is None else history.best_completed() if completed else history.best
        if now.recorded is None or history is None or trial is None:
            rule = f"must hold a {'completed trial' if completed else 'trial'} with a value"
            over = 0 if history is None else history.finished
            got = f"{now.directory}, where {over} trial{' is' if over == 1 else 's are'} over"
            raise AzsweepError(str(Problem("DIR", rule, got, f"`{typed('trials', now.directory)}` shows them.")))
        return cls(now, now.recorded, trial)

    @property
    def best_dir(self) -> Path | None:
        """The directory best/, if it is surely of this trial."""
        holder, path = self.now.holder, self.now.directory / "best"
        is_written = self.now.standing is Standing.ENDED and (holder is None or holder.released)
        is_mine = self.recorded.history.best is self.trial
        return path if is_written and is_mine and (path / "azsweep_best.yaml").exists() else None

    @property
    def directory(self) -> Path | None:
        """The trial's directory: where it was, or at the same place in a sweep that was moved; None if it is gone."""
        return directory_now(self.now.directory, self.trial.directory)

    def config(self) -> str:
        """Its configuration as YAML.

        Raises:
            AzsweepError: if it is nowhere.
        """
        return _text_of(self._file("config.yaml", "azsweep_best.yaml"))

    def overrides(self) -> list[str]:
        """Its overrides in Hydra's words, those that all trials have included.

        Raises:
            AzsweepError: if they are nowhere.
        """
        path = self._file("overrides.yaml", "overrides.txt")
        text = _text_of(path)
        if path.name == "overrides.txt":
            return text.removesuffix("\n").split("\n")
        import yaml

        try:
            given = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            given = text
        if given is not None and not isinstance(given, list):
            raise AzsweepError(str(Problem(str(path), "must be the list of overrides that Hydra wrote")))
        return [str(each) for each in given or ()]

    def run_again(self) -> str:
        """The command for it; "" if it is not known."""
        start = self.recorded.latest
        if self.best_dir is not None:
            command = best_config_command(start.command, self.best_dir)
        else:
            try:
                command = overrides_command(start.command, self.overrides())
            except (AzsweepError, OSError):
                command = []
        return as_a_shell_takes_it(command, start.working_dir, Path.cwd())

    def _file(self, own: str, of_the_best: str) -> Path:
        folder = self.directory or Path(self.trial.directory or f"trial {self.trial.number}")
        path = folder / ".hydra" / own
        if path.is_file():
            return path
        if self.best_dir is not None:
            return self.best_dir / of_the_best
        fix = f"When the sweep has ended, {self.now.directory / 'best'} holds it."
        rule = "must be there (hydra.output_subdir can move it, or leave it out)"
        raise AzsweepError(str(Problem(str(path), rule, None, fix)))


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="backslashreplace")


def _show(found: _Best) -> None:
    now, trial, history = found.now, found.trial, found.recorded.history
    completed = history.best_completed()
    labelled("Sweep", str(now.directory), wrap=False)
    of = max_trials(found.recorded)
    over = f"{history.finished}{'' if of is None else f' of {of}'} trials over"
    labelled("State", f"{now.standing.value}, {over}")
    labelled("Best trial", f"{trial.number}, {_state(trial)}")
    labelled("Value", f"{history.objective.primary_metric} = {trial.value!r} ({history.objective.goal.value})")
    click.echo(click.style("Parameters:", bold=True))
    width = max((len(plain_key(key)) for key in trial.parameters), default=0)
    for key, value in trial.parameters.items():
        shown = repr(value) if isinstance(value, float) else cell(value, _LONGEST)
        say(f"{plain_key(key):{width}}  {shown}", indent=2, hang=4)
    labelled("Its files", str(found.directory or "are not here"), wrap=False)
    if trial.mlflow_run_id is not None:
        labelled("MLflow run", f"{trial.mlflow_run_id} in {found.recorded.origin.tracking_uri}", wrap=False)
    again = found.run_again()
    if again:
        labelled("Run it again", again, wrap=False)
    if completed is not None and completed.number != trial.number:
        more = f"{typed('best', now.directory)} --completed"
        labelled(
            "Best completed", f"{completed.number}, {history.objective.primary_metric} = {completed.value!r}: {more}"
        )


def _state(trial: Trial) -> str:
    reason = trial.reason.partition("\n")[0]
    attempt = f", attempt {trial.attempt}" if trial.attempt > 1 else ""
    return trial.state.value + attempt + (f": {reason}" if reason else "")


def _say_overrides(found: _Best) -> None:
    overrides = found.overrides()
    say_as_it_is("".join(f"{each}\n" for each in overrides))
    torn = next((each for each in overrides if any(map(str.isspace, each))), None)
    if torn is not None:
        command = overrides_command(found.recorded.latest.command, overrides)
        again = as_a_shell_takes_it(command, found.recorded.latest.working_dir, Path.cwd()) or found.run_again()
        fix = f" This does not: {again}" if again else ""
        click.echo(printable(f"A shell's $(...) tears this apart: {torn}.{fix}"), err=True)


def _copy(found: _Best, to: Path) -> None:
    from azsweep_core.cli._copy import copy_trial, human_size

    trial = found.trial
    source = found.directory
    if source is None:
        raise AzsweepError(str(Problem(f"trial {trial.number}", "must have its directory here", trial.directory)))
    if trial.state is TrialState.RUNNING:
        click.echo(f"trial {trial.number} still runs: its files are as they are now", err=True)
    copied = copy_trial(source, found.now.directory, to)
    for name in copied.left_out:
        click.echo(f"left out, for it is no file: {name}", err=True)
    files = f"{copied.files} file{'s' if copied.files != 1 else ''}"
    say(f"trial {trial.number} is copied to {to}: {files}, {human_size(copied.size)}")


def _document(found: _Best) -> dict[str, Any]:
    overrides: Sequence[str] | None
    try:
        overrides = found.overrides()
    except (AzsweepError, OSError):
        overrides = None
    return {
        "directory": str(found.now.directory),
        "state": found.now.standing.value,
        "objective": found.recorded.latest.spec.get("objective"),
        "trial": trial_document(found.trial),
        "overrides": overrides,
        "run_again": found.run_again() or None,
    }
