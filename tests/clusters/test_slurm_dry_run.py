"""A dry run asks a real SLURM whether it would take the jobs, and submits none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusters.apps import SlurmApp
from tests.clusters.slurm import Slurm
from tests.plugin.conftest import Run


@pytest.fixture
def app(tmp_path: Path, slurm: Slurm) -> SlurmApp:
    app = SlurmApp(tmp_path, slurm)
    app.write("return cfg.x", {"x": 0}, sweeper={"sampling_algorithm": "grid"})
    return app


def dry(app: SlurmApp, *arguments: str) -> Run:
    run = app.run("--multirun", "x=1,2", "hydra.sweeper.dry_run=true", *arguments)
    assert app.slurm.run("sacct", "-n", "-X", "--name", app.name) == ""
    assert not (app.directory / "sweep").exists()
    return run


def test_what_slurm_would_take_is_shown(app: SlurmApp) -> None:
    run = dry(app, "hydra.launcher.partition=debug", "hydra.launcher.cpus_per_task=2", "hydra.sweeper.detach=slurm")

    assert (run.code, run.err) == (0, "")
    words = " ".join(run.out.split())
    asked = "cpus-per-task=2 job-name={} nodes=1 ntasks-per-node=1 partition=debug time=60"
    assert f"sbatch {asked.format(app.name)} SLURM would take such a job (sbatch --test-only)" in words
    assert "coordinator a SLURM job: requeue signal=B:TERM@60 job-name=azsweep-sweep" in words


def test_what_slurm_refuses_is_told_in_its_words_for_trials_and_coordinator_alike(app: SlurmApp) -> None:
    run = dry(app, "hydra.launcher.partition=none", "hydra.sweeper.detach={partition: nowhere}")

    refusal = "allocation failure: Invalid partition name specified"
    of_trials = f"sbatch --test-only: invalid partition specified: none; {refusal}"
    of_coordinator = f"invalid partition specified: nowhere; {refusal}"
    assert run.code == 1
    assert "SLURM would take" not in run.out
    fix = "Change the options; if `sinfo` gets no answer either, SLURM cannot be reached from this host."
    assert run.err.splitlines()[:2] == [
        f"hydra.launcher: sbatch must take such a job, and does not ({of_trials}). {fix}",
        f"hydra.sweeper.detach: SLURM must take the job that coordinates the sweep; got {of_coordinator}.",
    ]


def test_more_than_any_node_has_is_refused(app: SlurmApp) -> None:
    run = dry(app, "hydra.launcher.nodes=40")

    assert "sbatch --test-only: allocation failure: Requested node configuration is not available)" in run.err
