"""Plugin import: what Hydra spends on each installed plugin at the start of every app. Prints one table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from statistics import median

from benchmarks._table import machine, table

_PROGRAM = """
import json
from hydra.core.plugins import Plugins
print(json.dumps(Plugins.instance().get_stats().modules_import_time))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two starts, to see that everything runs")
    starts = 2 if parser.parse_args().quick else 15
    costs: dict[str, list[float]] = defaultdict(list)
    for _ in range(starts):
        for plugin, cost_s in _one_start().items():
            costs[plugin].append(1000 * cost_s)
    rows = [
        [plugin, f"{median(each):.1f}", f"{min(each):.1f}-{max(each):.1f}"]
        for plugin, each in sorted(costs.items(), key=lambda item: median(item[1]))
    ]
    note = f"Milliseconds as Hydra itself counts them (Plugins.get_stats), {starts} starts in turn. {machine()}"
    print(table("Plugin import", ["plugin", "ms (median)", "range"], rows, note))


def _one_start() -> dict[str, float]:
    """Seconds of one fresh interpreter by plugin; Hydra's own plugins together."""
    run = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True)
    cost_s: dict[str, float] = defaultdict(float)
    for module, seconds in json.loads(run.stdout).items():
        is_own = module.startswith("hydra._internal")
        cost_s["Hydra's own plugins" if is_own else module.split(".")[1]] += seconds
    return cost_s


if __name__ == "__main__":
    main()
