"""What a SLURM job does when it begins: says which it is, looks whether it is wanted, and takes what it is given."""

from __future__ import annotations

import json
import os
import pickle
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from azsweep_core import attempts
from azsweep_core.control import ControlDir
from azsweep_core.errors import AzsweepError
from azsweep_core.ports import Launch
from benchmarks._slurm import Cluster
from hydra_plugins.hydra_azsweep_sweeper import _slurm_submit
from hydra_plugins.hydra_azsweep_sweeper._slurm import SlurmLauncher
from hydra_plugins.hydra_azsweep_sweeper._submitit_job import SECRET_ADDRESS, SubmititJob, run_in_job
from tests.clusters.stand_ins import Clock, poll

ADDRESS = "https://me:pw0815@host/x"
OUTSIDE = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_PROCID", "SUBMITIT_LOCAL_GLOBALID")


@dataclass(frozen=True)
class Task:
    """Takes a launcher's place: writes down the variables that its process has."""

    path: Path
    return_value: None = None

    def __call__(self, *_: object) -> Task:
        self.path.write_text(json.dumps(dict(os.environ)))
        return self


@pytest.fixture(autouse=True)
def in_a_job(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is that of a SLURM job."""
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    monkeypatch.setenv("SLURM_JOB_ID", "100")
    before = signal.getsignal(signal.SIGUSR2)
    yield
    signal.signal(signal.SIGUSR2, before)


@pytest.fixture
def control(tmp_path: Path) -> ControlDir:
    control = ControlDir.create(tmp_path, 0, 1)
    control.job_file.touch()
    return control


def run(control: ControlDir, *, has_secret_address: bool = False) -> dict[str, str] | None:
    """The variables of the task's process; None if it did not begin."""
    path = control.path / "variables"
    payload = pickle.dumps((Task(path), (), None))
    job = SubmititJob((), control, {"GIVEN": "1"}, 3600.0, payload, has_secret_address=has_secret_address)
    with pytest.raises(SystemExit) as end:
        run_in_job(job)
    assert end.value.code == control.exit_status()
    return dict(json.loads(path.read_text())) if path.exists() else None


@pytest.mark.parametrize(
    ("variables", "number"),
    [
        pytest.param({}, {"slurm_job": "100"}, id="job"),
        pytest.param(
            {"SLURM_ARRAY_JOB_ID": "98", "SLURM_ARRAY_TASK_ID": "2"}, {"slurm_job": "98_2"}, id="task of an array"
        ),
        pytest.param({"SUBMITIT_EXECUTOR": "local"}, {}, id="local job within one of SLURM's"),
    ],
)
def test_a_job_of_which_nobody_knows_says_which_it_is_before_its_task_begins(
    control: ControlDir, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], number: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    given = run(control)

    assert given is not None
    assert given["GIVEN"] == "1"
    assert control.job() == number


def test_what_is_on_record_stays(control: ControlDir) -> None:
    control.note_job({"slurm_job": "100", "more": 1})

    run(control)

    assert control.job() == {"slurm_job": "100", "more": 1}


def test_a_job_that_is_not_wanted_any_more_ends_at_once_and_says_which_it_was(control: ControlDir) -> None:
    """The sweep was killed while it submitted it, and has gone on without it."""
    attempts.left_behind(control, 0)

    assert run(control) is None
    assert control.job() == {"slurm_job": "100"}
    assert attempts.ended(control, 0, 0, None).by_user


def test_a_job_takes_the_address_with_a_password_from_its_own_environment(
    control: ControlDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else calls itself the address there; the task has it under MLflow's name alone."""
    monkeypatch.setenv(SECRET_ADDRESS, ADDRESS)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://another")

    given = run(control, has_secret_address=True)

    assert given is not None
    assert given["MLFLOW_TRACKING_URI"] == ADDRESS
    assert SECRET_ADDRESS not in given


def test_a_job_that_was_not_given_the_address_says_so(control: ControlDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_ADDRESS, raising=False)

    assert run(control, has_secret_address=True) is None
    report = attempts.left_behind(control, 0)
    assert report.reason == (
        "the launcher failed before the task began: LookupError: "
        "the job was not given AZSWEEP_TRACKING_URI, which sbatch had"
    )


def test_sbatch_alone_is_given_what_no_file_may_hold_and_nothing_of_the_coordinators_own_job(
    launcher: SlurmLauncher, cluster: Cluster, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    monkeypatch.setenv("SBATCH_ACCOUNT", "mine")
    cluster.command("sbatch", f'env -0 > {tmp_path}/variables; echo "Submitted batch job 101"')
    before = dict(os.environ)

    launcher.start(Launch(number=0, attempt=1, parameters={}, environment={"MLFLOW_TRACKING_URI": ADDRESS}))
    poll(launcher, clock, 0.1)

    given = dict(each.split("=", 1) for each in (tmp_path / "variables").read_text().split("\0") if each)
    assert (given[SECRET_ADDRESS], given["SBATCH_ACCOUNT"]) == (ADDRESS, "mine")
    assert given.keys().isdisjoint({"SLURM_JOB_ID", "SLURM_RESTART_COUNT"})
    assert dict(os.environ) == before
    files = [path for path in (tmp_path / "sweep").rglob("*") if path.is_file()]
    assert any(path.suffix == ".pkl" for path in files)
    assert [path for path in files if b"pw0815" in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("options", "variable", "where"),
    [
        pytest.param({}, None, None, id="everything is exported"),
        pytest.param({"export": "ALL,X=1"}, None, None, id="everything and more"),
        pytest.param({"export": f"PATH,{SECRET_ADDRESS}"}, None, None, id="listed"),
        pytest.param({"export": "NONE"}, None, "hydra.launcher.additional_parameters.export", id="nothing"),
        pytest.param({"export": "PATH"}, None, "hydra.launcher.additional_parameters.export", id="not listed"),
        pytest.param({"export": "ALL"}, "NIL", "SBATCH_EXPORT", id="variable, which wins"),
    ],
)
def test_a_password_that_jobs_could_not_be_given_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], variable: str | None, where: str | None
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ADDRESS)
    monkeypatch.delenv("SBATCH_EXPORT", raising=False)
    if variable is not None:
        monkeypatch.setenv("SBATCH_EXPORT", variable)
    given = {"slurm_additional_parameters": options}

    if where is None:
        _slurm_submit.check_exports(given)
        return
    with pytest.raises(AzsweepError) as refused:
        _slurm_submit.check_exports(given)
    assert str(refused.value).startswith(f"{where}: must hold ALL or {SECRET_ADDRESS}: ")
    assert "pw0815" not in str(refused.value)


def test_without_a_password_everything_may_be_exported_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://host/x")

    _slurm_submit.check_exports({"slurm_additional_parameters": {"export": "NONE"}})
