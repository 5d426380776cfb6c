"""Zipped parameters and initial points of real Hydra apps, as users write them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.plugin.conftest import App, Run
from tests.plugin.in_process import refuse

GRID = "hydra.sweeper.sampling_algorithm=grid"


def rows(run: Run, *keys: str) -> list[tuple[str, ...]]:
    """Parameters of the trials, by number."""
    return [tuple(trial[key] for key in keys) for trial in run.trials]


def test_the_readmes_example(app: App) -> None:
    """Groups and points in the config file; trial 0 is the app as it is, trial 1 has one value given."""
    app.write(
        "return cfg.lr",
        {"model": "small", "batch_size": 256, "lr": 0.001},
        sweeper={
            "search_space": {
                "model": {"type": "choice", "values": ["small", "large"]},
                "batch_size": {"type": "choice", "values": [256, 64]},
                "lr": {"type": "loguniform", "min_value": -9.2, "max_value": -2.3},
            },
            "zip": [["model", "batch_size"]],
            "initial_points": ["default", {"lr": 0.01}],
            "limits": {"max_total_trials": 6},
            "sampling_algorithm": {"type": "random", "seed": 1},
        },
    )

    run = app.sweep()

    trials = rows(run, "model", "batch_size", "lr")
    assert trials[0] == ("small", "256", "0.001")
    assert trials[1][2] == "0.01"
    assert {trial[:2] for trial in trials} == {("small", "256"), ("large", "64")}
    assert "Warning" not in run.text


class TestZip:
    def test_on_the_command_line_with_a_config_group(self, app: App) -> None:
        app.write(
            "return cfg.optimizer.rate * cfg.lr",
            {"lr": 1.0, "n": 0},
            defaults=({"optimizer": "adam"},),
            files={"optimizer/adam": {"rate": 1}, "optimizer/sgd": {"rate": 2}},
        )

        run = app.sweep(
            "hydra.sweeper.zip=[[optimizer,lr]]", "optimizer=adam,sgd", "n=range(2)", "lr=choice(0.001,0.1)", GRID
        )

        assert rows(run, "optimizer", "lr", "n", "value") == [
            ("adam", "0.001", "0", "0.001"), ("adam", "0.001", "1", "0.001"),
            ("sgd", "0.1", "0", "0.2"), ("sgd", "0.1", "1", "0.2"),
        ]  # fmt: skip

    def test_groups_join_what_is_given_in_different_places(self, app: App) -> None:
        app.write(
            "return 0.0",
            {"a": 0, "names": []},
            defaults=({"b": "two"},),
            sweeper={
                "search_space": {"a": "choice(1, 2)"},
                "params": {"b": "glob(*)", "+new.key": "3,4"},
                "zip": [["names", "new.key", "a"]],
            },
            files={"b/one": {}, "b/two": {}},
        )

        run = app.sweep("names=[x],[y,z]", GRID)

        assert rows(run, "a", "new.key", "names", "b") == [
            ("1", "3", '["x"]', "one"), ("1", "3", '["x"]', "two"),
            ("2", "4", '["y", "z"]', "one"), ("2", "4", '["y", "z"]', "two"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("argument", "note", "trials"),
        [
            pytest.param("a=7", "zip: of [a, b, c] b, c still vary together.", [("3", "x"), ("4", "y")], id="pinned"),
            pytest.param(
                "+b=7", "zip: of [a, b, c] a, c still vary together.", [("1", "x"), ("2", "y")], id="other-prefix"
            ),
        ],
    )
    def test_a_plain_value_takes_a_member_out_of_its_group(
        self, app: App, argument: str, note: str, trials: list[tuple[str, str]]
    ) -> None:
        app.write(
            "return 0.0",
            {"a": 0, "c": 0},
            sweeper={
                "search_space": {"a": "choice(1, 2)", "+b": "choice(3, 4)", "c": "choice(x, y)"},
                "zip": [["a", "b", "c"]],
            },
        )

        run = app.sweep(argument, GRID)

        assert rows(run, *("bc" if argument == "a=7" else "ac")) == trials
        assert note in run.text

    def test_what_is_left_of_a_pair_varies_alone(self, app: App) -> None:
        run = app.sweep("hydra.sweeper.zip=[[x,y]]", "x=5", "y=1,2,3", GRID)

        assert rows(run, "y") == [("1",), ("2",), ("3",)]
        assert "zip: of [x, y] y varies alone." in run.text

    def test_options_that_the_app_does_not_have_are_found_before_the_start(
        self, app: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In every row, not only in the first."""
        app.write("return 0.0", {"n": 0}, defaults=({"db": "one"},), files={"db/one": {}, "db/two": {}})

        run = refuse(app, capsys, "hydra.sweeper.zip=[[db,n]]", "db=one,tow", "n=1,2", GRID)

        assert run.code == 1
        assert "search_space.db: must name options of the config group db; got tow. Did you mean two?" in run.err
        assert not run.sweep.exists()

    def test_keys_that_some_option_lacks_are_found_before_the_start(
        self, app: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app.write("return 0.0", {}, defaults=({"db": "one"},), files={"db/one": {"port": 1}, "db/two": {}})

        run = refuse(app, capsys, "hydra.sweeper.zip=[[db,db.port]]", "db=one,two", "db.port=1,2", GRID)

        assert run.code == 1
        assert "search_space.db.port: must be a key of the app's config; got db.port." in run.err
        assert not run.sweep.exists()

    @pytest.mark.parametrize(
        ("argument", "text"),
        [
            pytest.param("[x,y]", "zip: must be a list of groups; got [x, y]. Did you mean [[x, y]]?", id="not-nested"),
            pytest.param(
                "[[x,y]]",
                "zip[0]: needs equally many values for each parameter; got 2 for x, 3 for y.",
                id="lengths",
            ),
            pytest.param(
                "[[x,yy]]", "zip[0]: must name parameters of the search space; got yy. Did you mean y?", id="unknown"
            ),
        ],
    )
    def test_mistakes_are_told_without_a_traceback(
        self, app: App, capsys: pytest.CaptureFixture[str], argument: str, text: str
    ) -> None:
        run = refuse(app, capsys, f"hydra.sweeper.zip={argument}", "x=1,2", "y=1,2,3", GRID)

        assert run.code == 1
        assert run.err.splitlines()[0] == text
        assert "Traceback" not in run.text
        assert not run.sweep.exists()

    def test_a_key_that_cannot_be_read_is_complained_of_once(
        self, app: App, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = refuse(
            app,
            capsys,
            "hydra.sweeper.zip=[[x,y]]",
            "hydra.sweeper.initial_points=[{x:1}]",
            "hydra.sweeper.params={x:'chose(1,2)'}",
            "y=1,2",
        )

        assert run.code == 1
        assert run.err.startswith("params.x: ")
        assert "zip" not in run.err
        assert "initial_points" not in run.err


class TestInitialPoints:
    @pytest.mark.parametrize(
        "algorithm", ["{type: random, seed: 1}", "{type: random, rule: sobol, seed: 1}", "{type: bayesian, seed: 1}"]
    )
    def test_come_first_with_every_sampler(self, app: App, algorithm: str) -> None:
        run = app.sweep(
            f"hydra.sweeper.sampling_algorithm={algorithm}", "hydra.sweeper.initial_points=[default,{y:0.5}]",
            "hydra.sweeper.limits.max_total_trials=3", "x=uniform(0,2)", "y=uniform(-1,1)",
        )  # fmt: skip

        (x0, y0), (x1, y1), (x2, y2) = rows(run, "x", "y")
        assert (x0, y0, y1) == ("1.0", "0", "0.5")
        assert len({x0, x1, x2}) == 3
        assert y2 not in (y0, y1)

    def test_a_grid_starts_with_the_default_and_tries_it_once(self, app: App) -> None:
        run = app.sweep(GRID, "hydra.sweeper.initial_points=[default]", "x=choice(0.0,1.0)", "y=-1,0,1")

        assert rows(run, "x", "y") == [
            ("1.0", "0"), ("0.0", "-1"), ("0.0", "0"), ("0.0", "1"), ("1.0", "-1"), ("1.0", "1"),
        ]  # fmt: skip

    def test_a_point_outside_of_the_grid_is_one_trial_more_and_a_warning(self, app: App) -> None:
        run = app.sweep(GRID, "hydra.sweeper.initial_points=[default]", "x=1,2", "y=5,6")

        assert rows(run, "x", "y") == [("1.0", "0"), ("1", "5"), ("1", "6"), ("2", "5"), ("2", "6")]
        assert (
            "Warning: initial_points[0].x: lies outside of choice(1, 2); got 1.0. "
            "Did you mean 1? It is tried all the same."
        ) in run.text
        assert "initial_points[0].y: lies outside of choice(5, 6); got 0. It is tried all the same." in run.text

    def test_default_follows_the_command_line_the_chosen_options_and_interpolations(self, app: App) -> None:
        app.write(
            "return 0.0",
            {
                "base": 2,
                "double": "${base}",
                "left": None,
                "must": "???",
                "net": {"kind": "cnn", "width": 4, "depth": 2},
            },
            defaults=({"optimizer": "adam"}, {"db@backup": "one"}),
            files={
                "optimizer/adam": {"rate": 0.1},
                "optimizer/sgd": {"rate": 0.2, "momentum": 0.9},
                "db/one": {},
                "db/two": {},
            },
            sweeper={
                "search_space": {
                    "optimizer": {
                        "type": "choice",
                        "values": [
                            {"_group_": "adam", "rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
                            {"_group_": "sgd", "momentum": {"type": "uniform", "min_value": 0, "max_value": 1}},
                        ],
                    },
                    "db@backup": "choice(one, two)",
                    "double": "choice(2, 3, 4)",
                    "left": "choice(null, 1)",
                    "must": "choice(8, 9)",
                    "+new": "choice(5)",
                    "net": {
                        "type": "choice",
                        "values": [
                            {"kind": "mlp", "depth": {"type": "choice", "values": [1, 2]}},
                            {"kind": "cnn", "width": {"type": "choice", "values": [4, 8]}},
                        ],
                    },
                },
                "initial_points": ["default"],
                "limits": {"max_total_trials": 1},
            },
        )  # fmt: skip

        run = app.sweep("base=3")

        (trial,) = run.trials
        assert trial.pop("must") in ("8", "9")
        given = {"optimizer": "adam", "optimizer.rate": "0.1", "db@backup": "one", "double": "3", "left": "null"}
        given |= {"new": "5", "net.kind": "cnn", "net.width": "4"}
        assert given.items() <= trial.items()
        assert "net.depth" not in trial
        assert (
            "Warning: initial_points[0]: the app's own config has no value for some parameters; "
            "got none for +new, must. They are drawn."
        ) in run.text

    def test_values_of_a_structured_config_are_what_an_override_would_say(self, app: App) -> None:
        app.write(
            "return 0.0",
            {},
            preamble="""
from dataclasses import dataclass, field
from enum import Enum
from hydra.core.config_store import ConfigStore
class Color(Enum):
    RED = 1
    BLUE = 2
@dataclass
class Net:
    color: Color = Color.BLUE
    where: Path = Path("a/b")
    sizes: list[int] = field(default_factory=lambda: [1, 2])
ConfigStore.instance().store(group="net", name="base", node=Net)
""",
            defaults=({"net": "base"},),
        )

        run = app.sweep(
            GRID, "hydra.sweeper.initial_points=[default]",
            "net.color=RED,BLUE", "net.where=a/b", "net.sizes=[3],[1,2]",
        )  # fmt: skip

        assert rows(run, "net.color", "net.sizes")[0] == ("BLUE", "[1, 2]")
        assert len(run.trials) == 4

    def test_what_a_point_says_of_a_pinned_key_is_not_used(self, app: App) -> None:
        run = app.sweep(GRID, "hydra.sweeper.initial_points=[{x:7,y:2}]", "x=5", "y=1,2")

        assert rows(run, "y") == [("2",), ("1",)]
        assert "initial_points[0]: what it says of x is not used." in run.text

    @pytest.mark.parametrize(
        ("points", "text"),
        [
            pytest.param(
                "default",
                "initial_points: must be a list of points; got default. Write [default, {lr: 0.1}], for instance.",
                id="no-list",
            ),
            pytest.param(
                "[defualt]",
                "initial_points[0]: must be default or a mapping from parameters to values; got defualt. "
                "Write {lr: 0.1}, for instance.",
                id="misspelt",
            ),
            pytest.param(
                "[{z:1}]",
                "initial_points[0]: must name parameters of the search space; got z. Known: x, y.",
                id="unknown",
            ),
        ],
    )
    def test_mistakes_are_told_without_a_traceback(
        self, app: App, capsys: pytest.CaptureFixture[str], points: str, text: str
    ) -> None:
        run = refuse(app, capsys, GRID, f"hydra.sweeper.initial_points={points}", "x=1,2", "y=1,2")

        assert run.code == 1
        assert run.err.splitlines()[0] == text
        assert not run.sweep.exists()

    def test_a_value_that_the_app_cannot_take_is_found_before_the_start(self, app: App) -> None:
        app.write(
            "return 0.0",
            {},
            preamble="""
from dataclasses import dataclass
from hydra.core.config_store import ConfigStore
@dataclass
class Net:
    width: int = 4
ConfigStore.instance().store(group="net", name="base", node=Net)
""",
            defaults=({"net": "base"},),
        )

        run = app.run("--multirun", GRID, "hydra.sweeper.initial_points=[{net.width: wide}]", "net.width=1,2")

        assert run.code == 1
        assert run.err.startswith("initial_points[0].net.width: must compose with the app's config")
        assert not run.sweep.exists()


def test_a_finished_sweep_is_shown_again_for_the_same_groups_and_points_only(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    """`default` is compared by what it stood for."""
    arguments = ["x=1,2", "y=3,4", GRID, "hydra.sweeper.zip=[[x,y]]", "hydra.sweeper.initial_points=[default]"]
    app.sweep(*arguments)

    again = app.sweep(*arguments)
    others = [refuse(app, capsys, *arguments[:3], arguments[4]), refuse(app, capsys, *arguments[:4])]
    app.write("return 0.0", {"x": 8.0, "y": 0})
    others.append(refuse(app, capsys, *arguments))

    assert "this sweep is over" in again.text
    assert [run.code for run in others] == [1, 1, 1]
    for run, part in zip(others, ["zip", "initial_points", "initial_points"], strict=True):
        assert "must not hold another sweep" in run.text
        assert f"\n  {part}" in run.text
    recorded: dict[str, Any] = yaml.safe_load((again.sweep / "sweep.jsonl").read_text().splitlines()[0])
    assert recorded["spec"]["zip"] == [["x", "y"]]
    assert recorded["spec"]["initial_points"] == [{"x": 1.0, "y": 0}]
