"""A SLURM that starts nothing: stand-ins for its commands, which answer what they are told to and note every call."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["FIRST_JOB", "Cluster"]

FIRST_JOB = 100
"""The number of the first job; the next calls of `sbatch` count on from it."""
_SBATCH = f'read -r n 2>/dev/null < "$0.n" || n={FIRST_JOB}; echo $((n + 1)) > "$0.n"; echo "Submitted batch job $n"'
_SAY = 'cat "$0.out"'


class Cluster:
    """`sbatch`, `srun`, `squeue`, `sacct` and `scancel` in a directory of their own, for the head of a PATH."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        for name, script in {"sbatch": _SBATCH, "srun": ":", "squeue": _SAY, "sacct": _SAY, "scancel": ":"}.items():
            self.command(name, script)
        self.answer("squeue")
        self.answer("sacct")

    @property
    def path(self) -> str:
        """This process's PATH with the stand-ins at its head."""
        return f"{self.directory}{os.pathsep}{os.environ['PATH']}"

    def command(self, name: str, script: str) -> None:
        """Have the command do this, in bash, once it has noted the call."""
        path = self.directory / name
        path.write_text(f'#!/bin/bash\necho "$EPOCHREALTIME $*" >> "$0.calls"\n{script}\n', encoding="utf-8")
        path.chmod(0o755)

    def answer(self, name: str, *lines: str) -> None:
        """Have `squeue` or `sacct` print these lines from now on."""
        draft = self.directory / f".{name}.out"
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        draft.replace(self.directory / f"{name}.out")

    def calls(self, name: str) -> list[str]:
        """The arguments of each call so far."""
        return [arguments for _, arguments in self._noted(name)]

    def times(self, name: str) -> list[float]:
        """When each call was made, in seconds since the epoch."""
        return [float(time.replace(",", ".")) for time, _ in self._noted(name)]

    def _noted(self, name: str) -> list[tuple[str, str]]:
        path = self.directory / f"{name}.calls"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [(time, arguments) for time, _, arguments in (line.partition(" ") for line in lines)]
