"""Whole sweeps of real Hydra apps, as users run them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from importlib.machinery import ModuleSpec
from typing import Any

import pytest
import yaml

from hydra_plugins.hydra_azsweep_sweeper import _result
from tests.plugin.conftest import App, Run
from tests.plugin.in_process import refuse


def recorded(run: Run) -> list[Any]:
    """What each trial wrote into `seen.json` of its directory, by number."""
    files = sorted(run.sweep.glob("*/seen.json"), key=lambda path: int(path.parent.name))
    return [json.loads(path.read_text(encoding="utf-8")) for path in files]


class TestResults:
    """A sweep ends with the best trial, its files, and everything needed to use it."""

    def test_grid_of_hydra_overrides(self, app: App) -> None:
        run = app.sweep("x=1,3,5", "y=choice(0,1)", "hydra.sweeper.sampling_algorithm=grid")

        assert [(row["x"], row["y"]) for row in run.trials] == [
            ("1", "0"), ("1", "1"), ("3", "0"), ("3", "1"), ("5", "0"), ("5", "1"),
        ]  # fmt: skip
        assert run.results["best_params"] == {"x": 3, "y": 0}
        assert run.results["best_value"] == 0.0
        assert run.results["best_trial"]["number"] == 2
        assert run.results["trials"] == {"completed": 6}
        assert "Best trial" in run.out

    def test_each_trial_has_hydras_own_directory(self, app: App) -> None:
        run = app.sweep("x=1,3", "hydra.sweeper.sampling_algorithm=grid")

        for number in (0, 1):
            directory = run.sweep / str(number)
            assert yaml.safe_load((directory / ".hydra" / "overrides.yaml").read_text()) == [f"x={1 + 2 * number}"]
            assert (directory / "train.log").exists()
            assert (directory / "output.log").resolve() == (
                run.sweep / ".azsweep" / "trials" / str(number) / "1" / "output.log"
            )
            assert run.trials[number]["dir"] == str(directory)
        assert (run.sweep / "multirun.yaml").exists()

    def test_the_best_trial_runs_again_although_the_apps_config_is_called_config(self, app: App) -> None:
        app.write(
            "(out() / 'seen.json').write_text(json.dumps(cfg.x)); return abs(cfg.x)",
            {"x": 1.0},
            sweeper={"limits": {"max_total_trials": 3}},
        )
        run = app.sweep("x=uniform(-1, 1)")
        best = run.results["best_params"]["x"]

        (hint,) = re.findall(r"^Run it again: +python train.py (.*)$", run.out, re.MULTILINE)
        again = app.run(*shlex.split(hint), "hydra.run.dir=again")

        assert again.code == 0, again.text
        assert json.loads((app.directory / "again" / "seen.json").read_text()) == best
        assert (run.sweep / "best" / "overrides.txt").read_text() == f"x={best!r}\n"

    def test_all_sources_make_one_space(self, app: App) -> None:
        app.write(
            "return 0.0",
            {"a": 0, "b": 0, "c": 0, "d": 0},
            sweeper={
                "sampling_algorithm": "grid",
                "search_space": {"a": {"type": "choice", "values": [1, 2]}, "b": "choice(1, 2)"},
                "params": {"b": "3,4", "c": "range(5,7)"},
            },
        )

        run = app.sweep("a=9", "d=choice(7,8)")

        assert [(row["b"], row["c"], row["d"]) for row in run.trials] == [
            (b, c, d) for b in "34" for c in "56" for d in "78"
        ]
        assert "a" not in run.trials[0]
        assert "a is not sampled: override a=9 decides it for every trial." in run.text

    def test_nested_choices_and_config_groups(self, app: App) -> None:
        app.write(
            "(out() / 'seen.json').write_text(json.dumps(OmegaConf.to_container(cfg))); return 0.0",
            {},
            defaults=({"optimizer": "adam"},),
            files={"optimizer/adam": {"name": "adam", "lr": 0.1}, "optimizer/sgd": {"name": "sgd", "momentum": 0.0}},
            sweeper={
                "sampling_algorithm": "grid",
                "search_space": {
                    "optimizer": {
                        "type": "choice",
                        "values": [
                            {"_group_": "adam", "lr": {"type": "choice", "values": [0.1, 0.2]}},
                            {"_group_": "sgd", "momentum": {"type": "choice", "values": [0.9]}},
                        ],
                    }
                },
            },
        )

        run = app.sweep()

        assert recorded(run) == [
            {"optimizer": {"name": "adam", "lr": 0.1}},
            {"optimizer": {"name": "adam", "lr": 0.2}},
            {"optimizer": {"name": "sgd", "momentum": 0.9}},
        ]
        assert run.trials[2]["optimizer.lr"] == ""

    def test_a_finished_sweep_started_again_shows_its_result(self, app: App) -> None:
        first = app.sweep("x=1,3")

        second = app.sweep("x=1,3")

        assert "this sweep is over (all 2 trials are done)" in second.out
        assert second.results == first.results

    def test_a_finished_sweep_is_not_shown_as_the_result_of_another(
        self, app: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first = app.sweep("x=1,3")

        for override, part in (
            ("hydra.sweeper.objective.goal=maximize", "objective.goal: 'minimize' -> 'maximize'"),
            ("y=3,4", "search_space.y: not set -> {'type': 'choice', 'values': [3, 4]}"),
            ("y=3", "y: 0 -> 3"),
        ):
            second = refuse(app, capsys, "x=1,3", override)

            assert second.code == 1
            assert second.err.startswith(
                f"hydra.sweep.dir: must not hold another sweep; got {first.sweep}, which differs:\n  {part}\n"
            )
            assert second.results == first.results

    def test_a_start_that_was_refused_does_not_block_the_directory(self, app: App) -> None:
        app.write("return len(str(LOCK))", {"x": 0}, preamble="import threading\nLOCK = threading.Lock()")
        refused = app.run("--multirun", "x=1,2", "hydra.sweeper.start_method=spawn")
        assert refused.code == 1

        assert app.sweep("x=1,2").results["trials"] == {"completed": 2}

    def test_the_result_counts_although_nobody_reads_it(self, app: App) -> None:
        command = " ".join([*app.command("--multirun", "x=1,3"), ">&-"])

        done = subprocess.run(command, shell=True, cwd=app.directory, env=app.environment(), check=False)

        assert done.returncode == 0
        assert (app.directory / "sweep" / "best" / "overrides.txt").exists()

    def test_trials_that_share_a_directory_are_warned_of(self, app: App) -> None:
        run = app.sweep("x=1,3", "hydra.sweep.subdir=same")

        assert "share the directory" in run.out

    @pytest.mark.parametrize(
        ("subdir", "names"),
        [
            pytest.param("${hydra.job.num}_${hydra.job.override_dirname}", {"0_x=1", "1_x=3"}, id="of-its-number"),
            pytest.param("n${hydra:job.num}", {"n0", "n1"}, id="by-hydras-resolver"),
        ],
    )
    def test_a_trials_directory_is_named_on_the_command_line_by_what_only_a_trial_has(
        self, app: App, subdir: str, names: set[str]
    ) -> None:
        run = app.sweep("x=1,3", f"hydra.sweep.subdir={subdir}", "hydra.sweeper.sampling_algorithm=grid")

        assert names < {path.name for path in run.sweep.iterdir()}

    def test_a_directory_that_cannot_be_written_is_named(self, app: App, capsys: pytest.CaptureFixture[str]) -> None:
        run = refuse(app, capsys, "x=1,3", "hydra.sweep.dir=/proc/nowhere")

        assert run.code == 1
        assert run.err.startswith("hydra.sweep.dir: must be a directory that can be written (")
        assert "got /proc/nowhere" in run.err

    def test_a_ledger_that_cannot_be_read_is_never_overwritten(
        self, app: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ledger = app.directory / "sweep" / "sweep.jsonl"
        ledger.parent.mkdir()
        ledger.write_text('{"event": "sweep_started", "schema": 1, "time_s": 0, "spec": {}}\n')

        run = refuse(app, capsys, "x=1,3")

        assert run.code == 1
        assert run.err.startswith(f"{ledger}:1: must be an event that can follow; got KeyError: 'objective'.")
        assert len(ledger.read_text().splitlines()) == 1


class TestSamplers:
    """All three run; random ones give the same trials whatever the concurrency."""

    @pytest.mark.parametrize("rule", ["random", "sobol"])
    def test_a_seed_makes_the_trials_whatever_the_concurrency(self, app: App, rule: str) -> None:
        arguments = (
            "x=uniform(-5, 5)",
            "y=loguniform(-3, 0)",
            f"hydra.sweeper.sampling_algorithm={{type: random, rule: {rule}, seed: 7}}",
            "hydra.sweeper.limits.max_total_trials=6",
        )
        one = app.sweep(*arguments, "hydra.sweeper.limits.max_concurrent_trials=1", "hydra.sweep.dir=one")
        four = app.sweep(*arguments, "hydra.sweeper.limits.max_concurrent_trials=4", "hydra.sweep.dir=four")

        points = [
            [(row["x"], row["y"], row["value"]) for row in Run(0, "", "", app.directory / name).trials]
            for name in ("one", "four")
        ]
        assert one.code == four.code == 0
        assert points[0] == points[1]
        assert len({x for x, _, _ in points[0]}) == 6

    def test_bayesian_finds_its_way(self, app: App) -> None:
        run = app.sweep(
            "x=uniform(-10, 10)",
            "hydra.sweeper.sampling_algorithm={type: bayesian, seed: 1}",
            "hydra.sweeper.limits={max_total_trials: 30, max_concurrent_trials: 2}",
        )

        assert run.results["best_value"] < 1.0
        assert len(run.trials) == 30

    def test_a_finite_space_is_drawn_without_repetition_and_then_ends(self, app: App) -> None:
        run = app.sweep("x=1,2,3", "y=randint(2)", "hydra.sweeper.sampling_algorithm={type: random, seed: 3}")

        assert sorted((row["x"], row["y"]) for row in run.trials) == [(x, y) for x in "123" for y in "01"]

    def test_a_huge_grid_starts_at_once(self, app: App) -> None:
        run = app.sweep(
            "x=range(1000000000)",
            "y=range(1000)",
            "hydra.sweeper.sampling_algorithm=grid",
            "hydra.sweeper.limits.max_total_trials=2",
        )

        assert [(row["x"], row["y"]) for row in run.trials] == [("0", "0"), ("0", "1")]


VALUES: list[Any] = [
    "a,b", "it's", 'say "x"', "a=b", " padded ", "", "ü ☃ 🎉", "true", "null", "1", "1e3", "back\\slash\\", "{x: 1}",
    "[1]", "a:b", "$x", "~x", "#x", 1, 1.0, 1e-12, True, False, None, [1, "a, b"], {"k": [0.5, None]},
]  # fmt: skip


def test_values_of_every_kind_reach_the_task_as_they_are(app: App) -> None:
    """Through a config file's choice, for an existing key, an added one and a forced one."""
    app.write(
        "seen = OmegaConf.to_container(cfg, resolve=False)\n"
        "(out() / 'seen.json').write_text(json.dumps(seen)); return 0.0",
        {"x": None, "z": 0},
        sweeper={
            "sampling_algorithm": "grid",
            "limits": {"max_concurrent_trials": 4},
            "search_space": {
                "x": {"type": "choice", "values": VALUES},
                "+new.key": {"type": "choice", "values": ["v, w"]},
                "++z": {"type": "choice", "values": [2.5]},
            },
        },
    )

    run = app.sweep()

    seen = recorded(run)
    assert [repr(each["x"]) for each in seen] == [repr(value) for value in VALUES]
    assert all(each["new"] == {"key": "v, w"} and each["z"] == 2.5 for each in seen)


def test_a_choice_of_targets_stays_data(app: App) -> None:
    app.write(
        "(out() / 'seen.json').write_text(json.dumps(OmegaConf.to_container(cfg))); return 0.0",
        {"x": {"_target_": "builtins.print"}},
        sweeper={"search_space": {"x": {"type": "choice", "values": [{"_target_": "os.abort"}]}}},
    )

    assert recorded(app.sweep()) == [{"x": {"_target_": "os.abort"}}]


def test_a_metric_that_never_appears_is_named_with_those_that_did(app: App) -> None:
    app.write("return {'lossy': 1.0, 'acc': 0.5}", {"x": 0})

    run = app.run("--multirun", "x=1,2")

    assert run.code == 1
    reason = "the task never logged the primary metric 'loss'; it logged acc, lossy; did you mean 'lossy'?"
    assert run.trials[0]["reason"] == reason
    assert reason in run.err


@pytest.mark.parametrize(
    ("spec", "program", "command"),
    [
        pytest.param(None, "my app/train.py", "python 'my app/train.py'", id="script"),
        pytest.param("models.train", "/x/models/train.py", "python -m models.train", id="module"),
        pytest.param("models.__main__", "/x/models/__main__.py", "python -m models", id="package"),
        pytest.param(None, "/x/bin/train-model", "train-model", id="installed-command"),
    ],
)
def test_what_started_the_app_is_named_as_a_shell_takes_it(
    monkeypatch: pytest.MonkeyPatch, spec: str | None, program: str, command: str
) -> None:
    loader = None if spec is None else ModuleSpec(spec, None)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", loader)
    monkeypatch.setattr(sys, "argv", [program, "--multirun"])

    assert _result.program() == command
