"""Sweeps on a cluster of two nodes: one of them dies, and trials that need both."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from azsweep_core.coordinator_job import submit_coordinator
from tests.clusters.apps import UNTIL_TOLD, SlurmApp
from tests.clusters.slurm import Slurm, wait_until
from tests.clusters.test_slurm_sweeps import running

ON_BOTH = ("hydra.launcher.partition=both", "hydra.launcher.nodes=2", "hydra.launcher.tasks_per_node=1")

RANKS = """
rank = os.environ["SLURM_PROCID"]
print(f"rank {rank} on {os.environ['SLURMD_NODENAME']}")
(out() / f"rank-{rank}").write_text("")
while not ((out() / "rank-0").exists() and (out() / "rank-1").exists()):
    time.sleep(0.05)
(out() / "started").write_text("")
"""


@pytest.fixture
def app(tmp_path: Path, slurm: Slurm) -> SlurmApp:
    app = SlurmApp(tmp_path, slurm)
    app.write(UNTIL_TOLD, {"x": 0}, sweeper={"sampling_algorithm": "grid", "stop_grace": 2})
    return app


@pytest.fixture
def slurm_with_a_mortal_node(slurm: Slurm) -> Iterator[Slurm]:
    """Its second node is back when the test ends."""
    try:
        yield slurm
    finally:
        slurm.bring_up()


def attempts(app: SlurmApp) -> str:
    return (app.directory / "sweep" / "0" / "starts").read_text()


def test_a_trial_whose_node_fails_runs_again_as_a_new_attempt(app: SlurmApp, slurm_with_a_mortal_node: Slurm) -> None:
    never_requeued = "+hydra.launcher.additional_parameters.no_requeue=true"
    with running(app, "x=choice(1)", "hydra.launcher.partition=second", never_requeued) as sweep:
        job = app.job_of(0)
        slurm_with_a_mortal_node.kill_second_node()
        wait_until(lambda: '"attempt_lost"' in app.ledger, "the attempt to be lost", timeout_s=15)
        app.let_go()
        slurm_with_a_mortal_node.bring_up()
        sweep.wait(90)

    (row,) = app.rows
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "2", "1.0")
    assert f"its SLURM job {job} was lost: its node failed" in app.ledger
    assert attempts(app) == "started\n" * 2
    app.slurm.wait_for(job, "NODE_FAIL")
    assert app.queue == {}
    assert app.processes() == []


def test_a_job_that_slurm_requeues_when_its_node_fails_is_waited_for(
    app: SlurmApp, slurm_with_a_mortal_node: Slurm
) -> None:
    """As most clusters do."""
    with running(app, "x=choice(1)", "hydra.launcher.partition=second") as sweep:
        job = app.job_of(0)
        slurm_with_a_mortal_node.kill_second_node()
        wait_until(lambda: app.queue.get(job) == "PENDING", "the job to be requeued")
        app.let_go()
        slurm_with_a_mortal_node.bring_up()
        sweep.wait(90)

    (row,) = app.rows
    assert (row["state"], row["attempt"], row["value"]) == ("completed", "1", "1.0")
    assert attempts(app) == "started\n" * 2


def test_a_trial_over_two_nodes_runs_on_both_and_its_first_rank_alone_reports(app: SlurmApp) -> None:
    app.write(RANKS + "return float(rank) + 1", {"x": 0}, sweeper={"sampling_algorithm": "grid"})

    run = app.sweep("x=choice(1)", *ON_BOTH)

    (row,) = run.trials
    assert (row["state"], row["value"]) == ("completed", "1.0")
    said = [(app.control(0) / name).read_text().splitlines()[-1] for name in ("output.log", "output-1.log")]
    assert [line.partition(" on ")[0] for line in said] == ["rank 0", "rank 1"]
    assert len({line.partition(" on ")[2] for line in said}) == 2
    assert app.queue == {}
    assert app.processes() == []


@pytest.mark.parametrize(
    "then",
    [
        pytest.param("time.sleep(600)", id="task that heeds it"),
        pytest.param("while True:\n    try: time.sleep(600)\n    except BaseException: pass", id="task that does not"),
    ],
)
def test_a_stop_reaches_every_rank(app: SlurmApp, then: str) -> None:
    app.write(RANKS + then, {"x": 0}, sweeper={"sampling_algorithm": "grid", "stop_grace": 2})

    run = app.interrupt(signal.SIGINT, "x=choice(1)", *ON_BOTH)

    assert run.code == 130, run.text
    assert [row["state"] for row in run.trials] == ["cancelled"]
    assert app.queue == {}
    assert app.processes() == []


def test_a_coordinator_that_is_a_job_goes_on_when_its_node_fails(
    app: SlurmApp, slurm_with_a_mortal_node: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SLURM starts it again, and it takes its trials' jobs over, which have seen nothing of it."""
    for name, value in app.environment().items():
        monkeypatch.setenv(name, value)
    options = {"job-name": f"{app.name}-coordinator", "partition": "second"}
    command = app.command("--multirun", "x=0,1")

    job = submit_coordinator(command, app.directory, app.directory / "sweep", options)
    jobs = [app.job_of(0), app.job_of(1)]
    slurm_with_a_mortal_node.kill_second_node()
    wait_until(lambda: app.queue.get(job) == "PENDING", "the coordinator to be requeued")
    slurm_with_a_mortal_node.bring_up()
    wait_until(lambda: '"sweep_resumed"' in app.ledger, "the coordinator to go on", timeout_s=60)
    app.let_go()
    wait_until(lambda: not app.queue, "the end", timeout_s=60)

    assert [(row["state"], row["attempt"]) for row in app.rows] == [("completed", "1")] * 2
    assert [app.job_of(0), app.job_of(1)] == jobs
    assert "2 completed" in (app.directory / "sweep" / ".azsweep" / "coordinator.log").read_text()
