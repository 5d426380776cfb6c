"""Makes console.svg: a real sweep of examples/digits_mlp on a real terminal, as its live display shows it.

From the root of the project: python docs/images/console.py
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

from tests.terminal.screen import Terminal  # noqa: E402

COLUMNS, ROWS = 112, 24
SETTINGS = (
    "--multirun",
    "+experiment=sweep",
    "hydra.sweeper.sampling_algorithm={type: random, seed: 7}",
    "hydra.sweeper.limits.max_concurrent_trials=4",
    "hydra.sweeper.limits.timeout=3600",
    "hydra.sweep.dir=multirun/digits",
)
ENOUGH = r"^1[0-9]/24 trials .* left\n.* 4 running$"


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        app = Path(directory, "digits_mlp")
        shutil.copytree(ROOT / "examples" / "digits_mlp", app)
        terminal = Terminal(COLUMNS, ROWS)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        for name in ("CI", "NO_COLOR", "COLUMNS"):
            environment.pop(name, None)
        with terminal.running([sys.executable, "train.py", *SETTINGS], app, environment):
            terminal.wait_for(ENOUGH)
            lines = [_styled(terminal, row) for row in range(ROWS)]
        terminal.close()
    console = Console(record=True, width=COLUMNS, file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    console.print(Text("\n").join(lines), soft_wrap=True)
    picture = console.export_svg(title="python train.py --multirun +experiment=sweep")
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)  # no picture of ours asks the network
    Path(__file__).with_suffix(".svg").write_text(picture, encoding="utf-8")


def _styled(terminal: Terminal, row: int) -> Text:
    """A line of the screen, with the styles of its characters."""
    line = Text()
    cells = [terminal.screen.buffer[row][column] for column in range(COLUMNS)]
    for style, alike in groupby(cells, key=_style):
        line.append("".join(cell.data for cell in alike), style=style)
    line.rstrip()
    return line


def _style(cell: Any) -> str:
    colour = "" if cell.fg == "default" else {"brown": "yellow"}.get(cell.fg, cell.fg)
    return f"{'bold ' if cell.bold else ''}{colour}".strip() or "none"


if __name__ == "__main__":
    main()
