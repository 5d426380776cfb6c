"""The benchmarks run and print their tables; what they measure is not judged here."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from azsweep_core.control import ControlDir
from azsweep_core.events import StopRequested, SweepStarted, TrialBegan, TrialEnded, TrialSubmitted
from azsweep_core.ledger import Ledger
from azsweep_core.trial import StopRequest, TrialState
from benchmarks import _slurm, _table, slurm_calls, stop_latency, utilisation

BENCHMARKS = Path(utilisation.__file__).parent


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_growth_prints_one_table() -> None:
    """A line a sampler and count, each with its figures."""
    lines = run("growth.py", "--quick").splitlines()

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [row[:2] for row in rows[2:5]] == [["random, infinite space", count] for count in ("50", "100", "200")]
    assert len(rows) == 2 + 9
    assert all(float(cell) > 0 for row in rows[2:] for cell in row[2:])


def test_command_trials_print_one_table() -> None:
    lines = run("command_trials.py", "--quick").splitlines()

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]
    assert [row[0] for row in rows] == ["typed by hand", "a trial of azsweep run"]
    assert all(0 < float(row[1]) < float(row[3]) for row in rows)


def test_a_quick_sweep_on_stand_ins_for_slurm_prints_its_calls() -> None:
    """Ours alone, without anything that is not installed here: trials that come and go one by one."""
    pytest.importorskip("submitit")

    lines = run("slurm_calls.py", "--quick").splitlines()

    (row,) = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| hydra")]
    assert 2 <= int(row[1]) <= 40  # as arrays, where several wait
    assert row[3:5] == ["0", "0"]
    assert row[8] == "20"


def test_nodes_play_what_was_submitted_to_its_end(tmp_path: Path) -> None:
    """An array of two, of which one may run at a time."""
    cluster = _slurm.Cluster(tmp_path / "bin")
    (tmp_path / "script").write_text("#SBATCH --array=0-1%1\n")
    subprocess.run([cluster.directory / "sbatch", tmp_path / "script"], check=True)
    over = threading.Event()
    seen: list[tuple[str, str]] = []

    class Trials:
        def begin(self, job: str) -> bool:
            seen.append(("begin", job))
            return True

        def end(self, job: str) -> None:
            seen.append(("end", job))
            if len(seen) == 4:
                over.set()

    nodes = slurm_calls.Nodes(cluster, Trials(), slurm_calls.Pace(0.0, (0.0, 0.0), 0.0))
    nodes.play(over)

    assert seen == [("begin", "100_0"), ("end", "100_0"), ("begin", "100_1"), ("end", "100_1")]
    assert nodes.most_in_flight == 2
    assert subprocess.check_output([cluster.directory / "squeue"], text=True).splitlines()[1] == "100_1|COMPLETING"


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        pytest.param("cli_start.py", 1, id="cli-start"),
        pytest.param("console.py", 1, id="console"),
        pytest.param("live_metrics.py", 1, id="live-metrics"),
        pytest.param("plugin_import.py", 1, id="plugin-import"),
        pytest.param("replay.py", 1, id="replay"),
        pytest.param("sampler_quality.py", 6, id="sampler-quality"),
        pytest.param("sampler_cost.py", 2, id="sampler-cost"),
        pytest.param("stop_latency.py", 1, id="stop-latency"),
    ],
)
def test_benchmarks_print_their_tables(name: str, tables: int) -> None:
    """With `--quick` they need nothing that is not installed here."""
    page = run(name, "--quick")

    assert sum(line.startswith("**") for line in page.splitlines()) == tables


def test_an_unknown_sampler_is_refused_by_name() -> None:
    with pytest.raises(AssertionError, match="smac: not among random, sobol, tpe"):
        run("sampler_quality.py", "--contenders", "tpe,smac")


@pytest.mark.parametrize(
    "name",
    [
        "cli_start.py",
        "early_termination.py",
        "growth.py",
        "live_metrics.py",
        "overhead.py",
        "plugin_import.py",
        "replay.py",
        "sampler_cost.py",
        "sampler_quality.py",
        "slurm_calls.py",
        "stop_latency.py",
        "utilisation.py",
    ],
)
def test_help_names_the_options(name: str) -> None:
    assert "--quick" in run(name, "--help")


@pytest.mark.parametrize("module", [_table, utilisation], ids=lambda module: module.__name__)
def test_examples_in_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slots", "makespan"),
    [
        pytest.param(1, 10, id="one-slot-takes-the-sum"),
        pytest.param(2, 7, id="a-long-last-trial-waits-for-the-first-free-slot"),
        pytest.param(9, 5, id="more-slots-than-trials-take-the-longest"),
    ],
)
def test_the_bound_is_that_of_greedy_scheduling(slots: int, makespan: float) -> None:
    assert utilisation.greedy_makespan([2, 2, 1, 5], slots) == makespan


def test_durations_are_distinct_and_the_same_every_time() -> None:
    seconds = utilisation.durations(24)

    assert len(set(seconds)) == 24
    assert 0.2 <= min(seconds) < max(seconds) <= 4.0
    assert utilisation.durations(24) == seconds


def test_latencies_are_read_from_ledger_and_result_files(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "sweep.jsonl")
    ledger.append(SweepStarted(time_s=0.0, spec={}))
    ledger.append(TrialSubmitted(time_s=1.0, number=0, attempt=1, parameters={}))
    ledger.append(TrialBegan(time_s=1.25, number=0, directory="0"))
    ledger.append(TrialEnded(time_s=3.5, number=0, state=TrialState.COMPLETED))
    ledger.close()
    ControlDir.create(tmp_path, 0, 1).write_result({"outcome": "returned", "returned": {}, "ended_s": 3.375})

    found = utilisation.read_latencies(tmp_path)

    assert (found.start_s, found.end_s) == ([0.25], [0.125])


def test_a_stop_is_read_from_the_ledger_and_from_what_the_trial_noted(tmp_path: Path) -> None:
    """Trials that ended by themselves are none."""
    ledger = Ledger(tmp_path / "sweep.jsonl")
    ledger.append(SweepStarted(time_s=0.0, spec={}))
    for number in (0, 1):
        ledger.append(TrialSubmitted(time_s=1.0, number=number, attempt=1, parameters={}))
        ledger.append(TrialBegan(time_s=1.25, number=number, directory=str(tmp_path)))
    ledger.append(TrialEnded(time_s=2.0, number=0, state=TrialState.COMPLETED))
    ledger.append(StopRequested(time_s=3.5, number=1, request=StopRequest(TrialState.TERMINATED, "bandit")))
    ledger.append(TrialEnded(time_s=4.0, number=1, state=TrialState.TERMINATED))
    ledger.close()
    (tmp_path / "times.json").write_text('{"logged_s": 2.5, "stopped_s": 3.75}', encoding="utf-8")

    (found,) = stop_latency.read_latencies(tmp_path)

    assert (found.decided_s, found.raised_s, found.ended_s) == (1.0, 0.25, 0.25)
    assert found.total_s == 1.5


def test_the_report_prints_one_table() -> None:
    lines = run("report.py", "--quick").splitlines()

    (row,) = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| 10")]
    assert all(float(cell.rstrip("%")) > 0 for cell in row)
