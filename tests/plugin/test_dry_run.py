"""`hydra.sweeper.dry_run`: what would run is shown and checked; nothing runs, and nothing is written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from hydra_plugins.hydra_azsweep_sweeper._result import program
from tests.plugin.conftest import App
from tests.plugin.dry_runs import END, TRIAL, dry, problems, section, shown_trials
from tests.plugin.in_process import write_app

SEED = "hydra.sweeper.sampling_algorithm={type: random, seed: 7}"


def overrides_of(app: App, number: int) -> list[str]:
    """What a trial of the real sweep was given."""
    found: list[str] = yaml.safe_load((app.directory / f"sweep/{number}/.hydra/overrides.yaml").read_text())
    return found


OPTIMIZER = {
    "type": "choice",
    "values": [
        {"_group_": "adam", "lr": {"type": "loguniform", "min_value": -9.2, "max_value": -2.3}},
        {"_group_": "sgd", "momentum": {"type": "uniform", "min_value": 0, "max_value": 0.9}},
    ],
}
GROUPS: dict[str, Any] = {
    "defaults": ({"optimizer": "adam"},),
    "files": {"optimizer/adam": {"lr": 0.1}, "optimizer/sgd": {"momentum": 0.0}},
}


@pytest.mark.parametrize(
    ("algorithm", "space", "count"),
    [
        pytest.param({"type": "random", "seed": 7}, {"x": "randint(2)", "y": "randint(2)"}, 4, id="random"),
        pytest.param(
            {"type": "random", "rule": "sobol", "seed": 3}, {"x": "normal(0, 1)", "optimizer": OPTIMIZER}, 4, id="sobol"
        ),
        pytest.param("grid", {"y": "choice(1, 1)", "optimizer": "choice(adam, sgd)"}, 4, id="grid"),
        pytest.param(
            {"type": "bayesian", "seed": 0, "n_startup_trials": 3},
            {"x": "randint(2)", "y": "randint(2)"},
            3,
            id="bayesian-at-first",
        ),
    ],
)
def test_the_trials_that_are_shown_are_those_that_run(
    app: App, capsys: pytest.CaptureFixture[str], algorithm: Any, space: Mapping[str, Any], count: int
) -> None:
    """Under bayesian sampling only those that no result decides are shown."""
    sweeper = {"sampling_algorithm": algorithm, "search_space": space, "limits": {"max_total_trials": 4}}
    app.write("return cfg.x", {"x": 1.0, "y": 0}, sweeper=sweeper, **GROUPS)

    shown = shown_trials(dry(app, capsys, "+z=1", trials=20))
    app.sweep("+z=1")

    assert list(shown) == list(range(count))
    assert shown == {number: overrides_of(app, number) for number in shown}


def test_a_trial_that_is_shown_can_be_run_by_hand(app: App) -> None:
    """In a shell, whatever its values hold."""
    body = "(out() / 'saw').write_text(json.dumps(OmegaConf.to_container(cfg, resolve=False)))\nreturn 0.0"
    space = {"x": {"type": "choice", "values": ['it\'s $HOME\n"5" `ls` \\', 5]}}
    app.write(body, {"x": 1.0}, sweeper={"sampling_algorithm": "grid", "search_space": space})

    page = app.run("--multirun", "hydra.sweeper.dry_run=true").out
    lines = [match[2] for line in page.splitlines() if (match := TRIAL.fullmatch(line))]
    shell = f"{shlex.join(app.command())} {lines[0]} hydra.run.dir=alone"
    subprocess.run(["bash", "-c", shell], cwd=app.directory, env=app.environment(), check=True)

    assert "  by hand  python train.py, and what stands beside the number\n" in page
    assert json.loads((app.directory / "alone" / "saw").read_text()) == {"x": 'it\'s $HOME\n"5" `ls` \\'}
    assert not (app.directory / "sweep").exists()


PAGE = """\
Search space
  optimizer               one of 2 options of config group optimizer:
    adam
      optimizer.lr        log-uniform between 0.000101 and 0.1
    sgd
      optimizer.momentum  uniform between 0 and 0.9
  net.width               log-uniform over 16, 32, 48, 64, 80, 96, ..., 512 (32 values)
  +tag                    one of <script>, "\\u001b[31mred\\n"
  size                    infinitely many points
  every trial             y=2

Sampling
  algorithm          random
  seed               7
  objective          minimize loss
  early termination  bandit: stops a trial that is worse than the best by more than 10 %
                     judges a trial at its reports 5, 6, 7, ... of loss; looks no more often than every 1 s

Limits
  max_total_trials       1,200 (config)
  max_concurrent_trials  3 (command line)
  timeout                7200 s = 2 h (config)
  trial_timeout          none (default)
  max_retries            1 (default)
  max_failed_trials      9 (config)
  max_failure_rate       1 (default)
  fail_fast              3 (default)

Where it runs
  directory       /app/sweep
                  is made, for a new sweep
  MLflow          sqlite:////app/mlflow.db (is made at the start)
  experiment      train (is made at the start)
  parent run      NAME/sweep, new
  hydra/launcher  basic: a process each on this machine, forked
  devices         not shared out

First trial of 1,200: exactly these
  0        y=2 optimizer=sgd optimizer.momentum=0.532216005686907 net.width=320 $'+tag=\\'\\x1b[31mred\\x0a\\''
  by hand  PROGRAM, and what stands beside the number

Configurations
  composed  6 configurations, with every value of every choice

"""


def test_the_page_says_all_there_is_to_know(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """In whole lines, as there is no terminal."""
    write_app(
        app,
        {
            "search_space": {
                "optimizer": OPTIMIZER,
                "net.width": "qloguniform(2.77, 6.24, 16)",
                "+tag": {"type": "choice", "values": ["<script>", "\x1b[31mred\n"]},
            },
            "early_termination": {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 5},
            "limits": {"max_total_trials": 1200, "timeout": 7200, "max_failed_trials": 9},
        },
        groups=True,
    )

    run = dry(app, capsys, SEED, "y=2", "hydra.sweeper.limits.max_concurrent_trials=3", trials=1)

    page = PAGE.replace("NAME", app.directory.name).replace("PROGRAM", program())
    assert run.out.replace(str(app.directory), "/app") == page + END


@pytest.mark.parametrize(("terminal", "broken_at"), [(60, 60), (300, 100)])
def test_on_a_terminal_lines_fit_it_but_for_what_is_to_be_copied(
    app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: int, broken_at: int
) -> None:
    policy = {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 5}
    write_app(app, {"early_termination": policy})
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(terminal))

    widths = [len(line) for line in section(dry(app, capsys, "x=uniform(0, 1)"), "Sampling")]

    assert broken_at - 20 < max(widths) <= broken_at


def test_without_a_seed_they_are_examples_of_a_seed_that_can_be_given(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    write_app(app)

    first = dry(app, capsys, "x=uniform(0, 1)")
    seed = re.search(r"^  seed     (\d+), drawn now", first.out, re.MULTILINE)
    assert seed is not None
    again = dry(app, capsys, "x=uniform(0, 1)", f"hydra.sweeper.sampling_algorithm={{type: random, seed: {seed[1]}}}")

    assert "\nFirst 5 trials of 5: examples\n" in first.out
    assert "\nFirst 5 trials of 5: exactly these\n" in again.out
    assert shown_trials(first) == shown_trials(again)


@pytest.mark.parametrize(
    ("files", "arguments", "told"),
    [
        pytest.param(
            {},
            ["x=1,2,3,null", "net.width=choice(1,2,3,4)"],
            [],
            id="all-fit",
        ),
        pytest.param(
            {"optimizer/b": {"defaults": ["nowhere"]}},
            ["optimizer=adam,sgd,b"],
            ["search_space.optimizer: must compose with the app's config (In 'optimizer/b': Could not load"],
            id="an-option-that-does-not-compose",
        ),
        pytest.param(
            {},
            ["net=choice({width: 1}, {width: 2}, {depth: 3}, {width: 4}, {length: 5})"],
            ["search_space.net: mappings may hold only keys", "search_space.net: mappings may hold only keys"],
            id="values-that-do-not-fit",
        ),
    ],
)
def test_every_value_of_every_choice_is_composed(
    app: App,
    capsys: pytest.CaptureFixture[str],
    files: Mapping[str, Any],
    arguments: list[str],
    told: list[str],
) -> None:
    groups = {"optimizer/adam": {"lr": 0.1}, "optimizer/sgd": {"lr": 0.2}, **files}
    body = {"x": 1, "net": {"width": 8}}
    app.write("return 0.0", body, defaults=({"optimizer": "adam"},), files=groups)

    run = dry(app, capsys, *arguments, "hydra.sweeper.sampling_algorithm=grid")

    assert [line[: len(start)] for line, start in zip(problems(run), told, strict=True)] == told


def test_how_much_was_composed_is_said(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app)

    run = dry(app, capsys, "x=range(0,301)", "hydra.sweeper.sampling_algorithm=grid")

    assert section(run, "Configurations") == [
        "  composed  300 configurations, with the first 300 values of every choice"
    ]


def test_what_configs_leave_open_is_doubted(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, also if one option alone does; and what is Hydra's alone."""
    config = {
        "data": {"path": "???", "root": "${oc.env:NO_SUCH}/a", "out": "${hydra:runtime.output_dir}/${hydra:job.num}"},
        "fine": "${data.out}",
        "list": ["${nowhere}"],
        "gone": "${hydra.job.name}",
    }
    files: dict[str, dict[str, Any]] = {"optimizer/adam": {"lr": 0.1}, "optimizer/sgd": {"lr": "${gone}"}}
    app.write("return 0.0", config, defaults=({"optimizer": "adam"},), files=files)

    run = dry(app, capsys, "optimizer=adam,sgd", "hydra.sweeper.sampling_algorithm=grid")

    doubts = [line[5:] for line in section(run, "Doubts") if line.startswith("  -  ")]
    assert run.code == 0
    assert [doubt.partition(" ")[0] for doubt in doubts] == [
        "data.path:",
        "data.root:",
        "list[0]:",
        "gone:",
        "optimizer.lr:",
    ]


def test_all_problems_are_told_at_once_those_around_the_sweep_too(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app)
    file = app.directory / "file"
    file.touch()

    run = dry(
        app,
        capsys,
        "x=uniform(1, 0)",
        "hydra.sweep.dir=file/sweep",
        "hydra/launcher=submitit_local",
        "+hydra.launcher.timout_min=5",
    )

    assert run.out == ""
    assert problems(run) == [
        "search_space.x: uniform needs min_value < max_value; got uniform(1, 0). Did you mean uniform(0, 1)?",
        f"hydra.sweep.dir: must be a directory that can be written; got {file}/sweep ({file}).",
        "hydra.launcher.timout_min: the launcher has no such option. Did you mean timeout_min?",
    ]


def test_limits_that_are_given_as_a_mapping_are_those_it_names(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app, {"limits": {"timeout": 50}})

    run = dry(app, capsys, "x=uniform(0, 1)", "hydra.sweeper.limits={trial_timeout: 30, max_total_trials: 2}", trials=0)

    said = dict(line.split(maxsplit=1) for line in section(run, "Limits"))
    assert said["trial_timeout"] == "30 s (command line)"
    assert said["max_total_trials"] == "2 (command line)"
    assert said["timeout"] == "50 s (config)"
    assert said["max_retries"] == "1 (default)"


def test_no_trial_is_shown_if_none_is_asked_for(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app)

    assert "trials of" not in dry(app, capsys, "x=uniform(0, 1)", trials=0).out
