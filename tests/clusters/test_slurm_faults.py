"""The fault matrix of local trials, as jobs of a real SLURM: the same states, the same reasons, nothing left."""

from __future__ import annotations

import json

import pytest

from tests.clusters.apps import SlurmApp
from tests.clusters.slurm import Slurm
from tests.launchers.faults import FAULTS
from tests.launchers.test_fault_matrix import IN_A_JOB, JOB_TIMEOUT_S, Swept, check, directory, swept


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, slurm: Slurm) -> Swept:
    app = SlurmApp(tmp_path_factory.mktemp("slurm"), slurm)
    return swept(app, list(FAULTS), trains=True, trial_timeout=JOB_TIMEOUT_S, start_method="auto")


def test_every_row_has_the_state_and_the_reason_that_it_has_here(matrix: Swept) -> None:
    _, run = matrix

    check(run, IN_A_JOB)


def test_nothing_is_left_in_the_queue_or_running(matrix: Swept) -> None:
    app, _ = matrix

    assert isinstance(app, SlurmApp)
    assert app.queue == {}
    assert app.processes() == []


def test_neighbours_are_untouched(matrix: Swept) -> None:
    _, run = matrix

    seen = [json.loads((directory(run, name) / "seen.json").read_text()) for name in ("nothing", "nothing again")]

    for each in seen:
        each["variables"] = [name for name in each["variables"] if not name.startswith(("SLURM", "SUBMITIT"))]
    assert seen[0] == seen[1]


def test_a_trial_ends_as_a_script_does(matrix: Swept) -> None:
    _, run = matrix

    assert (directory(run, "atexit") / "handler").read_text() == "ran"
    assert (directory(run, "non-daemon thread") / "thread").read_text() == "joined"
    assert (directory(run, "50 MB on stdout") / "output.log").stat().st_size >= 50 * 2**20
