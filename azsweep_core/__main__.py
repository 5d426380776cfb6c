"""`python -m azsweep_core` is the command `azsweep`, where that is not on the PATH."""

from __future__ import annotations

from azsweep_core.cli import main

if __name__ == "__main__":
    main()
