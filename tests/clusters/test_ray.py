"""Sweeps on Ray: one session, tasks that end one by one, workers and nodes that die, and nothing left over.

The fault matrix and the stops run under Ray in tests/launchers.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from azsweep_core.control import ControlDir
from tests.clusters.ray import SECOND, WAITS, Cluster, RayApp, cluster
from tests.clusters.slurm import wait_until
from tests.launchers.test_stopping import running
from tests.plugin.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

GRID = {"sampling_algorithm": "grid"}


@pytest.fixture
def app(tmp_path: Path) -> RayApp:
    """An app that starts a Ray with room for one trial."""
    return RayApp(tmp_path)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


def kill_when_running(app: RayApp, trials: int, *arguments: str) -> None:
    """Start a multirun, and kill it when so many trials have begun."""
    with running(app, *arguments) as process:
        wait_until(lambda: len(list(app.directory.glob("sweep/*/began"))) == trials, "trials to begin", timeout_s=90)
        process.kill()


def table(run: Run) -> list[tuple[str, str, str]]:
    return [(row["state"], row["value"], row["attempt"]) for row in run.trials]


def reasons(run: Run) -> list[tuple[str, str]]:
    return [(row["state"], row["reason"]) for row in run.trials]


def test_one_session_and_one_supervisor_serve_the_whole_sweep(app: RayApp) -> None:
    """With one CPU, one worker runs trials one after the other: each in a process of its own, none of them twice."""
    app.write(
        """
with (out() / "started").open("a") as stream: stream.write("once ")
seen = {"session": os.environ["RAY_ADDRESS"], "parent": os.getppid(), "pid": os.getpid(), "id": id_of_job()}
(out() / "seen.json").write_text(json.dumps(seen))
return cfg.x
""",
        {"x": 0},
        preamble="from hydra.core.hydra_config import HydraConfig\ndef id_of_job(): return HydraConfig.get().job.id",
        sweeper=GRID,
    )

    run = app.sweep("x=range(4)")

    seen = [json.loads((run.sweep / str(number) / "seen.json").read_text()) for number in range(4)]
    assert [len({each[name] for each in seen}) for name in ("session", "parent", "pid", "id")] == [1, 1, 4, 4]
    jobs = [json.loads((run.sweep / f".azsweep/trials/{number}/1/job.json").read_text()) for number in range(4)]
    assert [each["id"] for each in seen] == [job["ray_task"] for job in jobs]
    assert {(run.sweep / str(number) / "started").read_text() for number in range(4)} == {"once "}


def test_a_killed_worker_costs_an_attempt_and_nothing_else(app: RayApp) -> None:
    """Ray's worker is the parent of the supervisor, which is the parent of the helper that forks trials."""
    app.write(
        """
import signal, subprocess
def parent(pid): return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
attempts = out() / "attempts"
with attempts.open("a") as stream: stream.write("x")
if cfg.x == 1 and len(attempts.read_text()) == 1:
    subprocess.Popen(["sleep", "600"])
    os.kill(parent(parent(os.getppid())), signal.SIGKILL)
    time.sleep(600)
return cfg.x
""",
        {"x": 0},
        sweeper=GRID,
    )

    run = app.sweep("x=0,1,2")

    assert [(row["state"], row["attempt"]) for row in run.trials] == [
        ("completed", "1"),
        ("completed", "2"),
        ("completed", "1"),
    ]
    assert (run.sweep / "1" / "attempts").read_text() == "xx"  # the sweep's one retry, and none of Ray's
    assert "its Ray task was lost (WorkerCrashedError" in (run.sweep / "sweep.jsonl").read_text()
    assert app.processes() == []


def test_a_killed_supervisor_costs_an_attempt_and_takes_its_trial_along(app: RayApp) -> None:
    app.write(
        """
import signal, subprocess
def parent(pid): return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
attempts = out() / "attempts"
with attempts.open("a") as stream: stream.write("x")
if len(attempts.read_text()) == 1:
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    os.kill(parent(os.getppid()), signal.SIGKILL)
    time.sleep(600)
return cfg.x
""",
        {"x": 0},
        sweeper=GRID,
    )

    run = app.sweep("x=choice(0)")

    assert [(row["state"], row["attempt"]) for row in run.trials] == [("completed", "2")]
    assert app.processes() == []


def test_ctrl_c_cancels_what_runs_and_what_waits(app: RayApp) -> None:
    app.write('(out() / "started").write_text("")\ntime.sleep(600)', {"x": 0}, sweeper=GRID)

    run = app.interrupt(signal.SIGINT, "x=0,1,2")

    assert run.code == 130, run.text
    assert reasons(run) == [("cancelled", "stopped by Ctrl-C")] * 3
    assert "Traceback" not in run.text
    assert len(list(run.sweep.glob("*/started"))) == 1
    assert app.processes() == []


def test_waiting_for_a_free_cpu_does_not_eat_into_the_trials_time(app: RayApp) -> None:
    app.write("time.sleep(1.5)\nreturn cfg.x", {"x": 0}, sweeper=GRID)

    run = app.sweep("x=0,1,2", "hydra.sweeper.limits.trial_timeout=4")

    assert [row["state"] for row in run.trials] == ["completed"] * 3


def test_what_no_node_has_is_refused_before_anything_is_written(app: RayApp) -> None:
    run = app.run("--multirun", "x=choice(0)", "+hydra.launcher.ray.remote.num_gpus=2")

    assert run.code == 1
    assert (
        "hydra.launcher.ray.remote: must not ask for more than a node has (CPU: 1, GPU: 0); got CPU: 1, GPU: 2."
        in run.err
    )
    assert "Traceback" not in run.text
    assert not run.sweep.exists()
    assert app.processes() == []


def test_what_ray_does_not_take_is_told_in_words(app: RayApp) -> None:
    run = app.run("--multirun", "x=choice(0)", "+hydra.launcher.ray.init.cpus=1")

    assert run.code == 1
    assert "hydra.launcher.ray.init: must be arguments with which ray.init succeeds" in run.err
    assert "'cpus': 1" in run.err
    assert "Traceback" not in run.text


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        pytest.param(
            "hydra.sweeper.devices=[0]",
            "devices: are shared out among trials on this machine only; got 0."
            " Ask Ray for them: ++hydra.launcher.ray.remote.num_gpus=1.",
            id="devices",
        ),
        pytest.param(
            "hydra.launcher._target_=hydra_plugins.hydra_ray_launcher.ray_aws_launcher.RayAWSLauncher",
            "hydra.launcher: ray_aws starts a cluster for each batch of its own; got hydra_plugins.",
            id="ray_aws",
        ),
    ],
)
def test_what_does_not_go_with_ray_is_refused_with_the_way_round(app: RayApp, argument: str, words: str) -> None:
    run = app.run("--multirun", "x=choice(0)", argument)

    assert run.code == 1
    assert words in run.err
    assert not run.sweep.exists()


def test_retries_are_the_sweeps_and_a_task_may_use_ray_itself(app: RayApp) -> None:
    app.write(
        """
import ray
ray.init(log_to_driver=False)
double = ray.remote(num_cpus=0)(lambda x: 2 * x)
return ray.get(double.remote(cfg.x))
""",
        {"x": 0},
        sweeper=GRID,
    )

    run = app.sweep("x=choice(4)", "+hydra.launcher.ray.remote.max_retries=3")

    assert [row["value"] for row in run.trials] == ["8.0"]
    assert "retries are left to the sweep, and Ray makes none; got {'max_retries': 3}." in run.out


def test_bad_trials_are_terminated_by_what_they_log(app: RayApp, empty_store: Path) -> None:
    """To a SQLite file, which is enough while all workers are on this host."""
    policy = {"type": "bandit", "slack_factor": 0.2, "delay_evaluation": 5}
    learns = """
import mlflow
for epoch in range(40):
    mlflow.log_metric("loss", cfg.x / (epoch + 1), step=epoch)
    time.sleep(0.6 if cfg.x > 2 else 0.1)
"""
    app.cpus = 3
    shutil.copy(empty_store, app.directory / "mlflow.db")
    app.write(learns, {"x": 1.0}, sweeper={**GRID, "tracking": "mlflow", "early_termination": policy})

    run = app.sweep("x=1,1.01,50")

    assert [row["state"] for row in run.trials] == ["completed", "completed", "terminated"], run.text
    client = MlflowClient(f"sqlite:///{app.directory}/mlflow.db")
    assert len(client.get_metric_history(run.trials[0]["mlflow_run_id"], "loss")) == 40
    assert len(client.get_metric_history(run.trials[2]["mlflow_run_id"], "loss")) < 40


def test_a_store_that_other_nodes_cannot_reach_is_refused_before_anything_is_written(
    tmp_path: Path, two_nodes: Cluster
) -> None:
    app = RayApp(tmp_path, two_nodes)

    run = app.run("--multirun", "x=choice(0)", "hydra.sweeper.tracking=mlflow")

    assert run.code == 1
    assert re.search(r"tracking: trials on other hosts need a store .*; got sqlite:.*mlflow server --host", run.err)
    assert "Traceback" not in run.text
    assert not run.sweep.exists()
    assert two_nodes.runs()


def test_trials_go_on_without_their_coordinator_and_are_taken_over(tmp_path: Path, two_nodes: Cluster) -> None:
    """Those that ran, those that waited for a CPU, and those that have ended meanwhile; the rest follows."""
    app = RayApp(tmp_path, two_nodes)
    app.write(WAITS, {"x": 0}, sweeper={**GRID, "limits": {"max_concurrent_trials": 5}})
    kill_when_running(app, 3, "x=range(6)")

    app.let_go(0, 1, 2, 3)
    wait_until(lambda: app.results == 4, "four trials to end without a coordinator")
    with running(app, "x=range(6)") as process:
        app.wait_for("sweep/5/began")  # so the fifth, which still runs, has been taken over
        app.let_go(4, 5)
        out, _ = process.communicate(timeout=120)

    run = Run(process.returncode, out, "", app.directory / "sweep")
    assert table(run) == [("completed", str(float(x * x)), "1") for x in range(6)], out
    assert app.begun(6) == ["x"] * 6
    assert app.results == 6
    wait_until(lambda: two_nodes.owners() == [], "the actor to end with the sweep")


def test_whoever_owns_tasks_leaves_when_none_is_left_and_nobody_asks(tmp_path: Path, two_nodes: Cluster) -> None:
    two_nodes.run(
        """
import sys
from pathlib import Path
from hydra_plugins.hydra_azsweep_sweeper._ray_actor import DetachedOwner
from tests.clusters.slurm import wait_until

idle, busy = (Path(sys.argv[1], name) for name in ("idle", "busy"))
for directory in (idle, busy):
    DetachedOwner.make(directory, deserted_after_s=1).set_options({"num_cpus": 9, "max_retries": 0})
DetachedOwner.find(busy).start("0.1", "sweep", b"waits for a node that never comes")
wait_until(lambda: DetachedOwner.find(idle) is None, "the idle one to leave")
owner = DetachedOwner.find(busy)
assert owner.keys() == {"0.1": True}
owner.cancel("0.1")
assert owner.ended(["0.1"], 10)["0.1"].error == "TaskCancelledError"
wait_until(lambda: DetachedOwner.find(busy) is None, "the other one to leave")
""",
        str(tmp_path),
    )


def test_when_the_actor_is_lost_what_it_had_submitted_is_lost(tmp_path: Path, two_nodes: Cluster) -> None:
    """And another one submits the next attempts, when nothing of the earlier ones runs any more."""
    app = RayApp(tmp_path, two_nodes)
    app.write(WAITS, {"x": 0}, sweeper=GRID)

    with running(app, "x=range(4)") as process:
        wait_until(lambda: len(list(app.directory.glob("sweep/*/began"))) == 3, "three trials to begin", timeout_s=90)
        two_nodes.kill_owners()
        wait_until(lambda: app.ledger.count("attempt_lost") == 4, "four attempts to be lost")
        app.let_go(0, 1, 2, 3)
        out, _ = process.communicate(timeout=120)

    run = Run(process.returncode, out, "", app.directory / "sweep")
    assert table(run) == [("completed", str(float(x * x)), "2") for x in range(4)], out
    assert "(ActorDiedError: the actor that had submitted it is gone)" in app.ledger


def test_after_a_restart_of_the_cluster_trials_run_again(tmp_path: Path, two_nodes: Cluster) -> None:
    """But not as long as they may run on another one."""
    app = RayApp(tmp_path, two_nodes)
    app.write(WAITS, {"x": 0}, sweeper=GRID)
    kill_when_running(app, 3, "x=range(4)")
    control = ControlDir.of(app.directory / "sweep", 2, 1)
    job = control.job()

    two_nodes.end()
    two_nodes.start()
    app.let_go(0, 1, 2, 3)
    control.note_job({**job, "ray_cluster": "10.9.8.7:6379"})
    refused = app.run("--multirun", "x=range(4)")
    control.note_job(job)
    run = app.sweep("x=range(4)")

    assert refused.code == 1
    assert re.search(
        r"ray\.init\.address: trial 2 may still run on the cluster at 10\.9\.8\.7:6379; got .*:\d+\. "
        r"Resume it there; or, if that cluster is no more, remove .*/\*/\*/job\.json\.",
        refused.err,
    ), refused.err
    assert "Traceback" not in refused.text
    assert table(run) == [("completed", str(float(x * x)), "2") for x in range(4)]
    assert sorted(app.begun(4)) == ["x", "xx", "xx", "xx"]


def test_a_ray_of_the_sweeps_own_ends_with_it_and_what_ran_runs_again(app: RayApp) -> None:
    app.cpus = 2
    app.write(WAITS, {"x": 0}, sweeper=GRID)
    app.let_go(0)
    kill_when_running(app, 3, "x=range(3)")
    first = (app.directory / "sweep/.azsweep/trials/0/1/result.json").read_bytes()

    with running(app, "x=range(3)") as process:
        wait_until(lambda: app.ledger.count("attempt_lost") == 2, "two attempts to be lost", timeout_s=90)
        app.let_go(1, 2)
        out, _ = process.communicate(timeout=120)

    run = Run(process.returncode, out, "", app.directory / "sweep")
    assert table(run) == [("completed", "0.0", "1"), ("completed", "1.0", "2"), ("completed", "4.0", "2")], out
    assert app.begun(3) == ["x", "xx", "xx"]
    assert (run.sweep / ".azsweep/trials/0/1/result.json").read_bytes() == first


def test_a_node_that_dies_costs_an_attempt_of_its_trials(tmp_path: Path, two_nodes: Cluster) -> None:
    """And the cluster that the sweep has joined goes on after it."""
    app = RayApp(tmp_path, two_nodes)
    app.write(
        """
(out() / "began").touch()
while not (out().parent / "killed").exists(): time.sleep(0.05)
return cfg.x
""",
        {"x": 0},
        sweeper=GRID,
    )

    with running(app, "x=range(3)") as process:
        wait_until(lambda: len(list(app.directory.glob("sweep/*/began"))) == 3, "three trials to begin", timeout_s=90)
        two_nodes.kill(SECOND)
        wait_until(lambda: app.ledger.count("attempt_lost") == 2, "two attempts to be lost")
        (app.directory / "sweep" / "killed").touch()
        out, _ = process.communicate(timeout=120)

    run = Run(process.returncode, out, "", app.directory / "sweep")
    assert sorted((row["state"], row["attempt"]) for row in run.trials) == [
        ("completed", "1"),
        ("completed", "2"),
        ("completed", "2"),
    ]
    assert two_nodes.runs()
