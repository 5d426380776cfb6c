"""The presets for SLURM ask it for what their names say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusters.apps import SlurmApp
from tests.clusters.slurm import Slurm

ASKS = """
names = ("SLURM_CPUS_PER_TASK", "SLURM_GPUS_ON_NODE")
(out() / "given").write_text(" ".join(os.environ.get(name, "none") for name in names))
return cfg.x
"""


@pytest.mark.parametrize(("preset", "given"), [("azsweep_slurm", "1 none"), ("azsweep_slurm_gpu", "4 1")])
def test_every_trial_gets_the_presets_resources(tmp_path: Path, slurm: Slurm, preset: str, given: str) -> None:
    app = SlurmApp(tmp_path, slurm)
    app.launcher = preset
    app.write(ASKS, {"x": 0})

    run = app.sweep("x=1,2")

    assert [(Path(row["dir"]) / "given").read_text() for row in run.trials] == [given, given]
    assert app.queue == {}
