"""AzureML sweep jobs that are run as they are, as jobs of a SLURM cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusters.apps import SlurmJobApp
from tests.clusters.slurm import Slurm, wait_until
from tests.clusters.test_slurm_sweeps import preempting
from tests.jobs.conftest import choice


@pytest.fixture
def job(tmp_path: Path, slurm: Slurm) -> SlurmJobApp:
    return SlurmJobApp(tmp_path, slurm)


COUNTS_ITS_STARTS = """
import time
from pathlib import Path
from azsweep_core import log_metric

again = Path("starts").exists()
with open("starts", "a") as file:
    file.write("started ")
time.sleep(0 if again else 60)
log_metric("loss", 1.0)
"""


def test_a_command_whose_job_is_preempted_runs_again_where_it_was(job: SlurmJobApp) -> None:
    """SLURM's SIGTERM ends the command, which is no failure of the command's own."""
    job.write_job("python count.py ${{search_space.x}}", {"x": choice(1)}, {"count.py": COUNTS_ITS_STARTS})
    with job.started("hydra.launcher.partition=lowcancel") as sweep:
        wait_until((job.work(0) / "starts").exists, "the command to start")
        with preempting(job):
            wait_until(lambda: '"attempt_lost"' in job.ledger, "the attempt to be lost")
        sweep.communicate(timeout=90)

    (row,) = job.rows
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "2", "1.0")
    assert (job.work(0) / "starts").read_text() == "started started "


STOPS = """
import signal, sys, time
from pathlib import Path
from azsweep_core import log_metric

signal.signal(signal.SIGTERM, lambda *_: (Path("outputs", "saved").write_text(""), sys.exit(1)))
log_metric("loss", 1.0)
while True:
    time.sleep(0.1)
"""


def test_a_command_is_told_to_stop_in_its_job(job: SlurmJobApp) -> None:
    """With SIGTERM, which SLURM's own jobs ignore."""
    job.write_job(
        "true && python stops.py ${{search_space.x}}",
        {"x": choice(1)},
        {"stops.py": STOPS},
        limits={"max_total_trials": 1, "trial_timeout": 3},
    )

    job.sweep()

    (row,) = job.rows
    assert (row["state"], row["value"]) == ("timed_out", "1.0")
    assert (job.work(0) / "outputs" / "saved").exists()
