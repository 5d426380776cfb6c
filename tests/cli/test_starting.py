"""`azsweep resume` and `azsweep run`: the command that is run, and where."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from azsweep_core.cli._resume import resumed_command
from azsweep_core.cli._run import JobRun
from azsweep_core.command_line import hydra_text
from azsweep_core.errors import AzsweepError
from tests.cli.sweeps import SweepDir, azsweep, azsweep_command, environment, sweep_now

SHOWS_ITSELF = "import os, sys; print(os.getcwd(), *sys.argv[1:], sep='\\n'); sys.exit(7)  # as an app of hydra\n"
DIR = "hydra.sweep.dir=/d"


@pytest.mark.parametrize(
    ("recorded", "given_now", "detach", "command"),
    [
        pytest.param("train.py -m x=1,2", "", False, f"train.py -m x=1,2 {DIR}", id="as-it-was"),
        pytest.param("train.py x=1", "y=2", False, f"train.py x=1 {DIR} y=2", id="another-key"),
        pytest.param("train.py x=1 y=2", "x=3", False, f"train.py y=2 {DIR} x=3", id="the-same-key"),
        pytest.param("train.py +a.b=1", "a.b=2", False, f"train.py {DIR} a.b=2", id="replaces-what-was-added"),
        pytest.param("train.py a.b=1", "++a.b=2", False, f"train.py {DIR} ++a.b=2", id="forces"),
        pytest.param("train.py a=1", "~a", False, f"train.py {DIR} ~a", id="deletes"),
        pytest.param("train.py ~a", "a=1", False, f"train.py {DIR} a=1", id="deletes-no-more"),
        pytest.param("train.py a.bc=1", "a.b=1", False, f"train.py a.bc=1 {DIR} a.b=1", id="a-longer-key-stays"),
        pytest.param("train.py db@x=a", "db=b", False, f"train.py db@x=a {DIR} db=b", id="another-package-stays"),
        pytest.param("train.py hydra.sweep.dir=old", "", False, f"train.py {DIR}", id="the-directory-of-then"),
        pytest.param(
            "train.py x=1 --multirun", "y=2", False, f"train.py x=1 {DIR} y=2 --multirun", id="options-stay-behind"
        ),
        pytest.param(
            "train.py --config-dir x=1 y=2", "x=3", False, f"train.py --config-dir x=1 y=2 {DIR} x=3", id="option-value"
        ),
        pytest.param("-X a=1 train.py -m", "", False, f"-X a=1 train.py -m {DIR}", id="options-of-python"),
        pytest.param(
            "train.py hydra.sweeper.detach=true x=1", "", False, f"train.py x=1 {DIR}", id="in-the-foreground"
        ),
        pytest.param("train.py x=1", "", True, f"train.py x=1 {DIR} hydra.sweeper.detach=true", id="detached"),
        pytest.param(
            "train.py hydra.sweeper.break_lock=true ++hydra.sweeper.allow_spec_change=true",
            "",
            False,
            f"train.py {DIR}",
            id="what-was-allowed-once",
        ),
    ],
)
def test_overrides_take_the_place_of_recorded_ones(recorded: str, given_now: str, detach: bool, command: str) -> None:
    words = ["python", *recorded.split()]

    assert resumed_command(words, Path("/d"), given_now.split(), detach=detach) == ["python", *command.split()]


@example("${oc.env:HOME}")
@example("\\\\${x}")
@example("a\\'b")
@example("ends with\\")
@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\\'\"${}=, ")))
def test_hydra_reads_a_directory_as_it_is_called(name: str) -> None:
    (override,) = OverridesParser.create().parse_overrides([f"hydra.sweep.dir={hydra_text(f'/{name}')}"])

    assert OmegaConf.create({"dir": override.value()}).dir == f"/{name}"


@pytest.fixture
def recorded(tmp_path: Path) -> SweepDir:
    """A sweep that was killed; its program shows where it is run, and with which arguments."""
    (tmp_path / "it's here").mkdir()
    (tmp_path / "it's here" / "app.py").write_text(SHOWS_ITSELF, encoding="utf-8")
    sweep = SweepDir(tmp_path / "sweep 1")
    sweep.start(command=(sys.executable, "app.py", "-m", "x=a,$HOME", "y=1"), working_dir=str(tmp_path / "it's here"))
    return sweep


def test_resume_shows_the_command_and_runs_it_where_it_was_typed(recorded: SweepDir, tmp_path: Path) -> None:
    command = azsweep_command("resume", "sweep 1", "y=2")

    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)

    arguments = ["-m", "x=a,$HOME", f"hydra.sweep.dir='{recorded.path}'", "y=2"]
    place = str(tmp_path / "it's here")
    shown = [shlex.join(["cd", place]), shlex.join([sys.executable, "app.py", *arguments])]
    assert done.stdout.splitlines() == [*shown, place, *arguments]
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize(
    ("command", "working_dir", "message"),
    [
        pytest.param(
            (),
            "/",
            "{dir}: must say by which command the sweep was started; got none. It was not started from a command line: "
            "start it as then, with hydra.sweep.dir={dir}.",
            id="not-from-a-command-line",
        ),
        pytest.param(
            ("/usr/bin/env", "app.py", "+uri=http://***@host"),
            "/",
            "the sweep's command: must be known in full; a password was left out of the record; got "
            "+uri=http://***@host. Type it by hand: cd / && /usr/bin/env app.py '+uri=http://***@host' "
            "hydra.sweep.dir={dir}",
            id="a-password",
        ),
        pytest.param(
            ("/usr/bin/env", "app.py"),
            "/not/there",
            "the sweep's command: must be run in the directory where it was first typed, which is gone; got "
            "/not/there. Type it by hand: cd /not/there && /usr/bin/env app.py hydra.sweep.dir={dir}",
            id="the-directory-is-gone",
        ),
        pytest.param(
            ("/not/there/python", "app.py"),
            "/",
            "the sweep's command: must have its Python interpreter, which is gone; got /not/there/python. "
            "Type it by hand: cd / && /not/there/python app.py hydra.sweep.dir={dir}",
            id="the-interpreter-is-gone",
        ),
    ],
)
def test_a_command_that_cannot_be_repeated_is_to_be_typed_by_hand(
    tmp_path: Path, command: tuple[str, ...], working_dir: str, message: str
) -> None:
    SweepDir(tmp_path).start(command=command, working_dir=working_dir)

    result = azsweep("resume", tmp_path)

    assert (result.exit_code, result.stderr) == (1, message.format(dir=tmp_path) + "\n")


def test_what_another_user_may_have_recorded_is_not_run(recorded: SweepDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    result = azsweep("resume", recorded.path)

    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"{recorded.path}/sweep.jsonl: must be your own, for the command in it is run; got a file of another user. "
        "Type it by hand: cd "
    )


def test_a_password_that_is_given_anew_is_no_obstacle(tmp_path: Path) -> None:
    words = resumed_command(["python", "app.py", "+uri=http://***@host"], tmp_path, ["+uri=http://a:b@host"])

    assert not any("***" in word for word in words)


def test_a_sweep_that_runs_is_not_resumed(tmp_path: Path) -> None:
    sweep = sweep_now(tmp_path)
    sweep.start(command=(sys.executable, "app.py"))
    sweep.lock()

    result = azsweep("resume", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.endswith(f"`azsweep attach {tmp_path}` follows it.\n")


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        pytest.param("train.py", "must be overrides as Hydra has them, key=value", id="no-override"),
        pytest.param("hydra.sweep.dir=/x", "must leave out hydra.sweep.dir, which DIR says", id="the-directory"),
    ],
)
def test_what_cannot_go_with_the_command_is_refused(word: str, rule: str) -> None:
    with pytest.raises(AzsweepError, match=rf"^OVERRIDES: {rule}; got {word}\.$"):
        resumed_command(["python", "app.py"], Path("/d"), [word])


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        pytest.param("app.py x=1,2", "--multirun x=1,2", id="a-file"),
        pytest.param("-m app x=1", "--multirun x=1", id="a-module"),
        pytest.param(
            "app.py x=1 --config-name other --detach",
            "--multirun x=1 hydra.sweeper.detach=true --config-name other",
            id="detached-with-options-of-hydra",
        ),
        pytest.param("app.py --cfg job", "--cfg job", id="hydra-shows-a-configuration"),
        pytest.param("app.py x=1 --info=all", "x=1 --info=all", id="hydra-tells-of-itself"),
        pytest.param("--detach app.py", "--multirun hydra.sweeper.detach=true", id="no-overrides"),
    ],
)
def test_run_starts_the_app_with_multirun(tmp_path: Path, arguments: str, run: str) -> None:
    (tmp_path / "app.py").write_text(SHOWS_ITSELF, encoding="utf-8")
    command = azsweep_command("run", *arguments.split())

    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split()[1:], done.stderr) == (7, run.split(), "")


def test_run_takes_nothing_but_a_python_file_or_a_job_file() -> None:
    result = azsweep("run", "x=1")

    rule = "must be the Python file of a Hydra app, or a job file"
    fix = "It comes first, before overrides and options of Hydra's."
    assert (result.exit_code, result.stderr) == (1, f"APP.py: {rule}; got x=1. {fix}\n")


JOB = """\
type: sweep
trial: {command: "python t.py ${{search_space.x}} ${{inputs.data}} ${{inputs.n}}", environment: "azureml:e:1"}
search_space: {x: {type: choice, values: [1]}}
inputs: {data: {type: uri_file, path: "azureml:data:1"}, n: 5}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 1}
"""


@pytest.fixture
def job_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job file in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yml").write_text(JOB, encoding="utf-8")
    return "job.yml"


def job_command(words: str, *inputs: str, code: str | None = None, detached: tuple[str, ...] = ()) -> list[str]:
    """What a job is started with, after the module that runs it."""
    path, *rest = words.split()
    command = JobRun(Path(path), inputs, code, None).command(rest, detached)
    return command[command.index("-m") + 2 :]


def test_a_job_is_an_app_whose_inputs_are_overrides(tmp_path: Path, job_file: str) -> None:
    """Paths are absolute; values are texts, as they are typed."""
    command = job_command(
        f"{job_file} x=1 --config-dir conf", "data=./a b.csv", "n=1e-3", code=".", detached=("d=true",)
    )

    assert command == [
        "--multirun",
        "x=1",
        f"hydra.sweeper.job={tmp_path}/job.yml",
        f"inputs.data='{tmp_path}/a b.csv'",
        "inputs.n='1e-3'",
        f"trial.code={tmp_path}",
        "d=true",
        "--config-dir",
        "conf",
    ]


@pytest.mark.parametrize(
    ("words", "inputs", "code", "message"),
    [
        pytest.param(
            "", ["dat=x"], None, "--input: must name an input of the job; got dat. Did you mean data?", id="unknown"
        ),
        pytest.param("", ["data"], None, "--input: must be NAME=VALUE; got data.", id="no-value"),
        pytest.param("", [], "gone", "--code: must be a folder; got gone.", id="no-folder"),
        pytest.param("", ["n=1", "n=2"], None, "inputs.n: is given twice. Say it once.", id="twice"),
        pytest.param("inputs.n=1", ["n=2"], None, "inputs.n: is given twice. Say it once.", id="in-two-ways"),
    ],
)
def test_what_a_job_has_not_is_refused(
    job_file: str, words: str, inputs: list[str], code: str | None, message: str
) -> None:
    with pytest.raises(AzsweepError, match=f"^{re.escape(message)}$"):
        job_command(f"{job_file} {words}", *inputs, code=code)


def test_the_best_trials_file_is_run_once_with_the_code_of_its_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sweep's copy of it, unless another folder is named."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "sweep" / ".azsweep" / "code"
    copy.mkdir(parents=True)
    best = tmp_path / "sweep" / "best" / "azsweep_best.yaml"
    best.parent.mkdir()
    trial = "{name: iris, code: /src, parameters_in: search_space, inputs: {data: {type: uri_file}}}"
    best.write_text(f"x: 1\ninputs: {{data: /data.csv, n: 5}}\ntrial: {trial}\n", encoding="utf-8")
    options = ["--config-dir", str(best.parent), "--config-name", "azsweep_best"]

    command = job_command("sweep/best/azsweep_best.yaml x=2", "data=./data.csv")
    elsewhere = job_command("sweep/best/azsweep_best.yaml", code=".")

    given = ["x=2", f"inputs.data={tmp_path}/data.csv", f"trial.code={copy}", "hydra.job.name='iris'"]
    assert command == [*given, *options]
    assert elsewhere == [f"trial.code={tmp_path}", "hydra.job.name='iris'", *options]
    with pytest.raises(AzsweepError, match="is the best trial of a sweep, and no sweep"):
        job_command("sweep/best/azsweep_best.yaml", detached=("d=true",))


def test_a_file_that_is_no_job_is_refused_with_its_line(tmp_path: Path, job_file: str) -> None:
    (tmp_path / job_file).write_text(JOB.replace("limits: {", "limits: {trials: 1, "), encoding="utf-8")

    result = azsweep("run", job_file)

    assert result.exit_code == 1
    assert result.stderr.startswith("job.yml:6: limits.trials: ")


def test_an_app_has_no_inputs() -> None:
    result = azsweep("run", "app.py", "--input", "x=1")

    assert (result.exit_code, result.stderr) == (1, "--input: only a job file has it; for an app, give overrides.\n")
