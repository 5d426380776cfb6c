"""The coordinator as a job: what sbatch is told, and which options are refused before it is asked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from azsweep_core.coordinator_job import submit_coordinator
from azsweep_core.errors import AzsweepError, SpecError
from azsweep_core.slurm import OUTSIDE, outside_of_job
from benchmarks._slurm import Cluster

COMMAND = ["/usr/bin/python3", "train.py", "x=choice(1, 2)", "note=it's `$HOME`; rm -rf"]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", cluster.path)
    return cluster


def submit(tmp_path: Path, options: Mapping[str, object]) -> str:
    return submit_coordinator(COMMAND, tmp_path, tmp_path / "my sweep", options)


def test_sbatch_is_given_options_as_words_and_the_command_as_a_quoted_line(tmp_path: Path, cluster: Cluster) -> None:
    cluster.command("sbatch", f'printf "%s\\n" "$@" > {tmp_path}/words; cat > {tmp_path}/script; echo "17;elsewhere"')

    job = submit(tmp_path, {"partition": "long", "time": "7-00:00:00", "mem": 4000, "exclusive": True, "x": "a;b $c"})

    assert job == "17"
    assert (tmp_path / "words").read_text().splitlines() == [
        "--parsable",
        "--open-mode=append",
        f"--output={tmp_path}/my sweep/.azsweep/coordinator.log",
        f"--chdir={tmp_path}",
        "--requeue",
        "--signal=B:TERM@60",
        "--job-name=azsweep-my_sweep",
        "--partition=long",
        "--time=7-00:00:00",
        "--mem=4000",
        "--exclusive",
        "--x=a;b $c",
    ]
    first, line = (tmp_path / "script").read_text().splitlines()
    assert first == "#!/bin/sh"
    assert shlex.split(line) == ["exec", *COMMAND]


@pytest.mark.parametrize("options", [{"requeue": False}, {"no-requeue": True}], ids=str)
def test_what_is_preset_the_user_may_have_otherwise(
    tmp_path: Path, cluster: Cluster, options: Mapping[str, object]
) -> None:
    submit(tmp_path, {**options, "signal": "B:TERM@300", "job-name": "mine"})

    (words,) = cluster.calls("sbatch")
    assert "--requeue" not in words
    assert "--signal=B:TERM@300" in words
    assert "--job-name=mine" in words
    assert words.count("--signal") == words.count("--job-name") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            {"cpus_per_task": 2},
            "hydra.sweeper.detach: the name of an option of sbatch is letters and dashes; got 'cpus_per_task'. Write "
            "it as sbatch has it, without the two dashes in front: cpus-per-task, for instance.",
            id="underscore",
        ),
        pytest.param({"--time": "1"}, "letters and dashes; got '--time'", id="dashes in front"),
        pytest.param({"time=1 --array": "1-9"}, "letters and dashes; got 'time=1 --array'", id="two in one"),
        pytest.param({"": "x"}, "letters and dashes; got ''", id="empty name"),
        pytest.param(
            {"output": "x"},
            "hydra.sweeper.detach.output: cannot be chosen for the job that coordinates a sweep; got 'x'.",
            id="output",
        ),
        pytest.param({"array": "1-9"}, "detach.array: cannot be chosen", id="array"),
        pytest.param({"time": 1.5}, "detach.time: must be a text, a whole number, true or false; got 1.5.", id="float"),
        pytest.param({"mem": None}, "detach.mem: must be a text, a whole number, true or false; got None.", id="null"),
        pytest.param({"comment": "a\nb"}, r"detach.comment: must be printable, on one line; got 'a\nb'.", id="lines"),
        pytest.param({"comment": "a\0"}, "detach.comment: must be printable", id="NUL"),
    ],
)
def test_an_option_that_can_be_none_is_refused_in_words(
    tmp_path: Path, cluster: Cluster, options: Mapping[str, object], words: str
) -> None:
    with pytest.raises(SpecError) as refused:
        submit(tmp_path, options)

    assert words in str(refused.value)
    assert cluster.calls("sbatch") == []
    assert not (tmp_path / "my sweep").exists()


def test_what_sbatch_refuses_is_told_in_its_words(tmp_path: Path, cluster: Cluster) -> None:
    cluster.command("sbatch", 'echo "sbatch: error: invalid partition specified: nowhere" >&2; exit 1')

    with pytest.raises(AzsweepError) as refused:
        submit(tmp_path, {"partition": "nowhere"})

    assert str(refused.value) == (
        "hydra.sweeper.detach: SLURM must take the job that coordinates the sweep; "
        "got invalid partition specified: nowhere."
    )


def test_a_host_without_slurm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(AzsweepError, match=r"^hydra\.sweeper\.detach: slurm needs SLURM's commands on this host; "):
        submit(tmp_path, {})


def test_jobs_that_the_coordinator_submits_have_the_users_variables_and_none_of_its_own_job(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of SLURM's, that is; also if the coordinator was itself submitted from a job."""
    cluster.command("sbatch", f"env -0 > {tmp_path}/environment; echo 17")
    outer = {"SLURM_JOB_ID": "3", "SLURM_RESTART_COUNT": "1"}
    own = {"SLURM_CONF": "/etc/slurm.conf", "SBATCH_ACCOUNT": "me", "SLURM_CPU_BIND": "none"}
    monkeypatch.setenv(OUTSIDE, json.dumps(own))
    for name, value in outer.items():
        monkeypatch.setenv(name, value)

    submit(tmp_path, {})

    given = dict(each.split("=", 1) for each in (tmp_path / "environment").read_text().split("\0") if each)
    assert given.keys().isdisjoint(outer)
    assert own.items() <= given.items()
    in_job = {
        **given,
        "SLURM_JOB_ID": "17",
        "SLURM_ARRAY_JOB_ID": "16",
        "SLURM_CPU_BIND": "quiet",
        "SLURMD_NODENAME": "n",
    }
    assert outside_of_job(in_job) == {name: value for name, value in given.items() if name != OUTSIDE}


def test_a_process_that_is_in_no_job_hands_on_all_it_has() -> None:
    environment = {"SLURM_CPU_BIND": "none", "SBATCH_MEM_BIND": "local", "HOME": "/"}

    assert outside_of_job(environment) == environment
