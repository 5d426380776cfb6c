"""`hydra.sweeper.dry_run`: what would run is shown and checked; nothing runs, and nothing is written."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from azsweep_core.lock import SweepLock
from hydra_plugins.hydra_azsweep_sweeper._result import program
from tests.plugin.conftest import App, Run
from tests.plugin.in_process import HYDRAS_HINT, refuse, write_app

TRIALS = "hydra.sweeper.limits.max_total_trials="
SEED = "hydra.sweeper.sampling_algorithm={type: random, seed: 7}"
END = "Nothing was started, and nothing written. Without dry_run the sweep can start.\n"
TRIAL = re.compile(r"  (\d+) +(.*)")


def tree(directory: Path) -> dict[str, tuple[int, bytes]]:
    """All files and folders, with times and contents."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in directory.rglob("*")
    }


def dry(app: App, capsys: pytest.CaptureFixture[str], *arguments: str, trials: int = 5) -> Run:
    """A dry run in this process, which leaves everything as it is; a task that is called raises."""
    before = tree(app.directory)
    run = refuse(app, capsys, *arguments, f"hydra.sweeper.dry_run={trials}")
    assert tree(app.directory) == before
    assert (run.code == 0) == run.out.endswith(END)
    return run


def section(run: Run, title: str) -> list[str]:
    """The lines of the page below a title that starts so."""
    found = [block.splitlines() for block in run.out.split("\n\n") if block.startswith(title)]
    return found[0][1:] if found else []


def shown_trials(run: Run) -> dict[int, list[str]]:
    """Overrides by number, as a shell takes them."""
    lines = [*section(run, "First"), *section(run, "Next")]
    found = [match for line in lines if (match := TRIAL.fullmatch(line))]
    return {int(match[1]): shlex.split(match[2]) for match in found}


def problems(run: Run) -> list[str]:
    return run.err.removesuffix(HYDRAS_HINT).splitlines()


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
            {"type": "bayesian", "seed": 5, "n_startup_trials": 2}, {"x": "uniform(0, 1)"}, 2, id="bayesian-at-first"
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


def test_the_page_says_all_there_is_to_know(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """In 80 columns, but for what is to be copied."""
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

    assert run.out.replace(str(app.directory), "/app") == (
        """\
Search space
  optimizer               one of 2 options of config group optimizer:
    adam
      optimizer.lr        log-uniform between 0.000101 and 0.1
    sgd
      optimizer.momentum  uniform between 0 and 0.9
  net.width               log-uniform over 16, 32, 48, 64, 80, 96, ..., 512 (32
                          values)
  +tag                    one of <script>, "\\u001b[31mred\\n"
  size                    infinitely many points
  every trial             y=2

Sampling
  algorithm          random
  seed               7
  objective          minimize loss
  early termination  bandit: stops a trial that is worse than the best by more
                     than 10 %
                     judges a trial at its reports 5, 6, 7, ... of loss; looks
                     no more often than every 1 s

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

""".replace("NAME", app.directory.name).replace("PROGRAM", program())
        + END
    )


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

    run = dry(app, capsys, "x=range(0,501)", "hydra.sweeper.sampling_algorithm=grid")

    assert section(run, "Configurations") == [
        "  composed  500 configurations, with the first 500 values of every choice"
    ]


def test_what_configs_leave_open_is_doubted(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, also if one option alone does; not what Hydra fills in when a trial starts."""
    config = {
        "data": {"path": "???", "root": "${oc.env:NO_SUCH}/a", "out": "${hydra:runtime.output_dir}/${hydra:job.num}"},
        "fine": "${data.out}",
        "list": ["${nowhere}"],
    }
    files = {"optimizer/adam": {"lr": 0.1}, "optimizer/sgd": {"lr": "${gone}"}}
    app.write("return 0.0", config, defaults=({"optimizer": "adam"},), files=files)

    run = dry(app, capsys, "optimizer=adam,sgd", "hydra.sweeper.sampling_algorithm=grid")

    doubts = [line[5:] for line in section(run, "Doubts") if line.startswith("  -  ")]
    assert run.code == 0
    assert [doubt.partition(" ")[0] for doubt in doubts] == [
        "data.path:",
        "data.root:",
        "list[0]:",
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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["hydra/launcher=joblib"], "", id="joblib"),
        pytest.param(["hydra/launcher=submitit_local"], "", id="submitit-local"),
        pytest.param(
            ["hydra/launcher=joblib", "hydra.launcher.backend=nope"],
            "hydra.launcher: must be options that it takes (Invalid backend: nope, ",
            id="joblib-backend",
        ),
        pytest.param(
            ["+hydra.launcher.n_jobs=5"], "hydra.launcher: must be options that it takes (", id="basic-has-none"
        ),
        pytest.param(
            ["hydra/launcher=submitit_slurm", "hydra.sweeper.tracking=none"],
            "hydra/launcher: needs SLURM's commands on this host; got no sbatch, srun, squeue, scancel.",
            id="no-slurm",
        ),
    ],
)
def test_the_launcher_is_asked_for_its_options(
    app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    write_app(app)
    monkeypatch.setenv("PATH", "/nowhere")

    run = dry(app, capsys, "x=uniform(0, 1)", *arguments)

    assert "".join(problems(run)).startswith(told)
    assert (run.code == 0) == (told == "")
    assert (
        f"  hydra/launcher  {arguments[0].partition('=')[2] if len(arguments) > 1 or not told else 'basic'}" in run.out
    )


def test_rays_arguments_are_looked_at_and_ray_is_not(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app)
    ray = "++hydra.launcher.ray"

    good = dry(app, capsys, "x=uniform(0, 1)", "hydra/launcher=azsweep_ray", f"{ray}.remote.num_cpus=2")
    bad = dry(
        app, capsys, "x=uniform(0, 1)", "hydra/launcher=ray", f"{ray}.init.adress=auto", f"{ray}.remote.num_cpus=-1"
    )

    negative = "The quantity of resource num_cpus cannot be negative"
    assert "  Ray             started here for the sweep; a dry run neither starts nor asks" in good.out
    assert problems(bad) == [
        "hydra.launcher.ray.init.adress: ray.init has no such argument. Did you mean address?",
        f"hydra.launcher.ray.remote: must be options of a task of Ray's ({negative}); got {{'num_cpus': -1}}.",
    ]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        pytest.param(2, "problem", id="one-is-missing"),
        pytest.param(3, "nothing", id="all-there"),
        pytest.param(None, "doubt", id="nobody-to-ask"),
    ],
)
def test_devices_are_looked_for(
    app: App,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    listed: int | None,
    told: str,
) -> None:
    write_app(app)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    if listed is not None:
        tool = tmp_path / "bin" / "nvidia-smi"
        tool.parent.mkdir()
        tool.write_text("#!/bin/sh\n" + "".join(f"echo 'GPU {number}: A'\n" for number in range(listed)))
        tool.chmod(0o755)

    run = dry(app, capsys, "x=uniform(0, 1)", "hydra.sweeper.devices=[0,2,2]")

    missing = ["devices: must be there; nvidia-smi lists 2 on this host; got 2."]
    assert problems(run) == (missing if told == "problem" else [])
    doubt = ["  -  devices: cannot be looked for without nvidia-smi; got 0, 2, 2."]
    assert section(run, "Doubts") == (doubt if told == "doubt" else [])


def test_what_a_directory_holds_is_told_with_what_would_become_of_it(
    app: App, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_app(app, {"tracking": "none", "sampling_algorithm": {"type": "random", "seed": 7}})
    space = "x=uniform(0, 1)"
    new = dry(app, capsys, space)
    app.sweep(space, f"{TRIALS}2")

    over = dry(app, capsys, space, f"{TRIALS}2")
    goes_on = dry(app, capsys, space, f"{TRIALS}4")
    another = dry(app, capsys, "x=uniform(0, 2)", f"{TRIALS}4")
    lock = SweepLock(app.directory / "sweep")
    held = dry(app, capsys, space, f"{TRIALS}4")
    lock.release()
    (app.directory / "sweep" / "sweep.jsonl").unlink()
    orphaned = dry(app, capsys, space, f"{TRIALS}4")

    standing = [" ".join(" ".join(section(run, "Where it runs")[1:3]).split()) for run in (new, over, goes_on)]
    assert standing[0].startswith("is made, for a new sweep")
    assert standing[1].startswith("holds a sweep that is over (all 2 trials are done): its result would be shown")
    assert standing[2].startswith("holds an unfinished sweep, which goes on: 2 of 4 trials are over")
    assert shown_trials(over) == {}
    assert shown_trials(goes_on) == {number: shown_trials(new)[number] for number in (2, 3)}
    assert problems(another)[0].startswith("hydra.sweep.dir: must not hold another sweep; got ")
    assert problems(held)[0].startswith("hydra.sweep.dir: must not hold a sweep that is running; got ")
    assert problems(orphaned)[0].startswith("hydra.sweep.dir: must not hold trials whose sweep.jsonl is gone or empty")


def test_what_mlflow_holds_is_told(app: App, capsys: pytest.CaptureFixture[str], empty_store: Path) -> None:
    write_app(app)
    shutil.copy(empty_store, app.directory / "mlflow.db")

    there = dry(app, capsys, "x=uniform(0, 1)")
    default = dry(app, capsys, "x=uniform(0, 1)", "hydra.sweeper.experiment_name=Default")

    place = f"sqlite:///{app.directory}/mlflow.db"
    wanted = [f"  MLflow          {place}", "  experiment      train (is made at the start)"]
    assert section(there, "Where it runs")[2:4] == wanted
    assert section(default, "Where it runs")[3] == "  experiment      Default"


def test_no_trial_is_shown_if_none_is_asked_for(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    write_app(app)

    assert "trials of" not in dry(app, capsys, "x=uniform(0, 1)", trials=0).out
