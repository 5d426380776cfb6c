"""`azsweep validate`: what it prints, its exit codes, and what `--fix` leaves on the disk."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.sweeps import azsweep, environment

SOUND = """\
type: sweep
sampling_algorithm: random
search_space:
  lr: {type: uniform, min_value: 0, max_value: 1}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 4}
trial:
  command: python train.py ${{search_space.lr}}
  environment: azureml:train:1
"""
OF_2021 = """\
# A sweep of 2021.
type: sweep_job   # the old type
algorithm: grid

# What a trial runs.
trial:
  code:
    local_path: azureml:src:1   # here it is
  command: >-
    python main.py
    --learning-rate {search_space.learning-rate}
    --optimizer {search_space.opt} --flag {search_space.flag}
  environment: azureml:basic-env-scikit:1
  compute:
    target: azureml:aml-cluster   # our cluster

# What is tried.
search_space:
  learning-rate:
    type: choice
    values: [0.01, 0.1, 1.0]
  opt: choice('a', 'b')   # by name
  flag: {type: choice, values: [true, no]}
objective:
  primary_metric: "auc"
  goal: max
# How many.
max_total_trials: 3   # three
max_concurrent_trials: 3
timeout_minutes: 10
tags: {version: 1.10}
# the end
"""
OF_TODAY = """\
# A sweep of 2021.
type: sweep       # the old type
sampling_algorithm: grid
compute: azureml:aml-cluster      # our cluster

# What a trial runs.
trial:
  code: azureml:src:1           # here it is
  command: >-
    python main.py
    --learning-rate ${{search_space.learning_rate}}
    --optimizer ${{search_space.opt}} --flag ${{search_space.flag}}
  environment: azureml:basic-env-scikit:1

# What is tried.
search_space:
  learning_rate:
    type: choice
    values: [0.01, 0.1, 1.0]
  opt: {type: choice, values: [a, b]} # by name
  flag: {type: choice, values: ['true', 'no']}
objective:
  primary_metric: "auc"
  goal: maximize
# How many.
limits:
  max_total_trials: 3 # three
  max_concurrent_trials: 3
  timeout: 600
tags: {version: '1.10'}
# the end
"""
HDCONFIG = """\
# hdconfig.yml
sampling:
    type: random # at random
    parameter_space: # name, expression, values
    - name: --penalty # the script's option
      expression: choice
      values: [0.5, 1, 1.5]
policy:
    type: BanditPolicy # of v1
    slack_factor: 0.2
primary_metric_name: Accuracy # as it is logged
primary_metric_goal: Maximize
max_total_runs: 8
max_duration_minutes: 100 # at most
"""
HDCONFIG_TODAY = """\
# hdconfig.yml
type: sweep
search_space:        # name, expression, values
    penalty: {type: choice, values: [0.5, 1, 1.5]}
sampling_algorithm: random # at random
# the script's option
early_termination:
    type: bandit       # of v1
    slack_factor: 0.2
objective:
    primary_metric: Accuracy  # as it is logged
    goal: maximize
limits:
    max_total_trials: 8
    timeout: 6000         # at most
"""
LIMITS = "limits: {max_total_trials: 4}"
IN_ONE_LINE = SOUND.replace(
    "  environment",
    """\
  compute: {target: azureml:c}  # ours
  # Where it is tried.
  limits:  # of a trial
    timeout: 100
  environment""",
)
IN_ONE_LINE_TODAY = (
    SOUND.replace("trial:", "compute: azureml:c # ours\ntrial:")
    .replace("4}", "4, trial_timeout: 100} # of a trial")
    .replace("  environment", "  # Where it is tried.\n  environment")
)
ANCHORS = SOUND.replace("objective: {", "objective: &unused {").replace(
    "limits: {max_total_trials: 4}",
    """\
tags: &times
  trial_timeout: "60"
limits:
  timeout_minutes: 5   # five
  <<: *times
  max_total_trials: 4""",
)
ANCHORS_TODAY = ANCHORS.replace("timeout_minutes: 5   #", "timeout: 300         #")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_valid_file_is_a_line_and_success(tmp_path: Path) -> None:
    file = write(tmp_path / "sweep.yml", SOUND)

    result = azsweep("validate", file)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{file}: valid (sweep job: 1 parameter, 4 trials, random)\n"


def test_warnings_leave_a_file_valid_and_errors_do_not(tmp_path: Path) -> None:
    doubtful = write(tmp_path / "a.yml", SOUND.replace("max_total_trials: 4", "max_total_trials: 4000"))
    wrong = write(tmp_path / "b.yml", SOUND.replace("minimize", "max"))

    result = azsweep("validate", doubtful, wrong)

    assert (azsweep("validate", doubtful).exit_code, result.exit_code) == (0, 1)
    assert result.stdout.splitlines() == [
        (
            f"{doubtful}:6: only here: limits.max_total_trials: AzureML takes at most 1000 trials; got 4000. "
            "It runs here, but not on AzureML."
        ),
        f"{doubtful}: valid, 1 only here (sweep job: 1 parameter, 4000 trials, random)",
        f"{wrong}:5: error: objective.goal: must be minimize or maximize; got max. Did you mean maximize?",
        f"{wrong}: 1 error",
        f"{wrong}: --fix mends what has one sure remedy",
    ]


def test_a_file_that_is_not_there_keeps_no_other_from_being_checked(tmp_path: Path) -> None:
    file = write(tmp_path / "sweep.yml", SOUND)

    result = azsweep("validate", tmp_path / "no.yml", tmp_path, file)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[::2] == [
        f"{tmp_path}/no.yml: error: cannot be read: No such file or directory.",
        f"{tmp_path}: error: cannot be read: Is a directory.",
        f"{file}: valid (sweep job: 1 parameter, 4 trials, random)",
    ]


def test_without_a_file_the_command_is_misspelt() -> None:
    assert azsweep("validate").exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        pytest.param(
            OF_2021,
            OF_TODAY,
            [
                (
                    "{0}:8: note: trial.code: is not on this machine; got azureml:src:1. "
                    "`azsweep run` takes another folder with --code DIR."
                ),
                "{0}: valid, 1 note (sweep job: 3 parameters, 3 trials, grid)",
            ],
            id="preview-of-2021",
        ),
        pytest.param(HDCONFIG, HDCONFIG_TODAY, ["{0}:2: error: trial: is required.", "{0}: 1 error"], id="hdconfig"),
        pytest.param(
            IN_ONE_LINE,
            IN_ONE_LINE_TODAY,
            ["{0}: valid (sweep job: 1 parameter, 4 trials, random)"],
            id="mappings-in-one-line",
        ),
        pytest.param(
            ANCHORS, ANCHORS_TODAY, ["{0}: valid (sweep job: 1 parameter, 4 trials, random)"], id="anchors-and-merges"
        ),
        pytest.param(
            SOUND.replace(LIMITS, f"{LIMITS[:-1]}, timeout: null}}\ndescription: null"),
            SOUND,
            ["{0}: valid (sweep job: 1 parameter, 4 trials, random)"],
            id="null",
        ),
        pytest.param(
            SOUND.replace("minimize", "max").replace("\n", "\r\n"),
            SOUND.replace("minimize", "maximize").replace("\n", "\r\n"),
            ["{0}: valid (sweep job: 1 parameter, 4 trials, random)"],
            id="line-ends-of-windows",
        ),
    ],
)
def test_fix_writes_todays_notation_and_tells_what_is_left(tmp_path: Path, old: str, new: str, left: list[str]) -> None:
    file = write(tmp_path / "sweep.yml", old)
    file.chmod(0o640)

    result = azsweep("validate", "--fix", file)

    assert file.read_bytes().decode() == new
    assert (tmp_path / "sweep.yml.orig").read_bytes().decode() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.yml", "sweep.yml.orig"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"--- {file}.orig", f"+++ {file}"]
    assert lines[-len(left) :] == [line.format(file) for line in left]
    assert result.exit_code == (1 if "error" in left[-1] else 0)


def test_fix_never_writes_over_what_an_earlier_one_has_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "sweep.yml", OF_2021)
    kept = write(tmp_path / "sweep.yml.orig", "dear")

    result = azsweep("validate", "--fix", file)

    assert (result.exit_code, file.read_text(), kept.read_text()) == (1, OF_2021, "dear")
    assert result.stderr == f"{kept}: is there already, from an earlier --fix. Move it away, or remove it.\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(SOUND, "", id="sound"),
        pytest.param(SOUND.replace("max_value: 1", "max_value: -1"), "", id="for-the-user-to-decide"),
        pytest.param("type: [", "", id="no-yaml"),
        pytest.param(
            SOUND.replace("minimize", "max") + "type: sweep\n",
            "{0}: --fix does nothing as long as a key is written twice. Remove one.\n",
            id="twice",
        ),
        pytest.param(
            SOUND.replace("{type: uniform, min_value: 0, max_value: 1}", "[uniform, # where\n    [0, 1]]"),
            "{0}: --fix would lose a comment; got # where. Mend it by hand: nothing was changed.\n",
            id="comment-in-what-is-replaced",
        ),
        pytest.param(
            SOUND.replace("minimize", "max") + "tags: {huge: 1e400}\n",
            "{0}: --fix would change the meaning of other parts. Mend it by hand: nothing was changed.\n",
            id="what-the-library-reads-otherwise",
        ),
    ],
)
def test_fix_leaves_alone_what_it_cannot_mend(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path / "sweep.yml", text)

    result = azsweep("validate", "--fix", file)

    assert (file.read_text(), result.stderr) == (text, message.format(file))
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yml"]


def test_fix_of_a_link_writes_the_file_behind_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = write(tmp_path / "real" / "job.yml", SOUND.replace("minimize", "max"))
    link = tmp_path / "sweep.yml"
    link.symlink_to(real)

    azsweep("validate", "--fix", link)

    assert (link.is_symlink(), real.read_text()) == (True, SOUND.replace("minimize", "maximize"))


def test_the_library_for_fixes_is_loaded_for_fixes_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "sweep.yml", SOUND.replace("minimize", "max"))
    program = f"""
import sys
from azsweep_core.cli._main import commands
commands(["validate", {str(file)!r}], standalone_mode=False)
print(*[name for name in sys.modules if name.startswith(("ruamel", "numpy", "optuna", "hydra"))], file=sys.stderr)
"""

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stderr.split() == []
