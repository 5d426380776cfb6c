"""What programs are told: trials as JSON, and text as it is. Decides nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from azsweep_core._json_values import finite
from azsweep_core.cli._words import printable
from azsweep_core.report import plain_key
from azsweep_core.trial import Trial

__all__ = ["say_as_it_is", "say_json", "trial_document"]


def say_json(document: Mapping[str, Any]) -> None:
    """Print a JSON document; NaN and infinities are text in it."""
    click.echo(json.dumps(finite(document), indent=2))


def say_as_it_is(text: str) -> None:
    """Print text that ends with a line break: byte for byte, but on a terminal, which it shall not steer."""
    if sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    click.echo(text, nl=False, color=True)  # else click leaves out what steers terminals


def trial_document(trial: Trial) -> dict[str, Any]:
    """All of a trial; times are seconds since the epoch."""
    return {
        "number": trial.number,
        "attempt": trial.attempt,
        "state": trial.state.value,
        "reason": trial.reason,
        "value": trial.value,
        "parameters": {plain_key(key): value for key, value in trial.parameters.items()},
        "submitted_s": trial.submitted_s,
        "started_s": trial.started_s,
        "ended_s": trial.ended_s,
        "directory": trial.directory,
        "mlflow_run_id": trial.mlflow_run_id,
    }
