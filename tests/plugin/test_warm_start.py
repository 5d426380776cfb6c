"""`hydra.sweeper.warm_start`: sweeps of real apps that learn from earlier ones, and everything that is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from azsweep_core.events import Event, SweepStarted, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.ledger import Ledger
from azsweep_core.trial import Measurement, TrialState
from tests.plugin.conftest import App, Run
from tests.plugin.in_process import HYDRAS_HINT, read_settings_of, refuse, refused, write_app

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")  # MLflow's own, of SQLAlchemy

UNKNOWN = "0123456789abcdef0123456789abcdef"
FIT = "warm_start: an earlier sweep must have a trial with a value that fits this search space; got "
MUST_BE = "warm_start: must be directories or MLflow run ids of earlier sweeps; got "
NAMED = "warm_start: must name directories of sweeps, which hold a sweep.jsonl; got "
SPACE = ("x=uniform(-10,10)", "y=uniform(0,10)")


def leave(directory: Path, points: Sequence[dict[str, Any]], metric: str = "loss", goal: str = "minimize") -> None:
    """A sweep directory with the ledger of completed trials, whose values are (x - 3)² + y; without x 100."""
    events: list[Event] = [SweepStarted(time_s=0.0, spec={"objective": {"primary_metric": metric, "goal": goal}})]
    for number, point in enumerate(points):
        value = (point["x"] - 3) ** 2 + point.get("y", 0) if "x" in point else 100.0
        events += [
            TrialSubmitted(time_s=0.0, number=number, attempt=1, parameters=point),
            TrialMeasured(number=number, measurements=(Measurement(None, value, 0.0),)),
            TrialEnded(time_s=1.0, number=number, state=TrialState.COMPLETED),
        ]
    directory.mkdir(parents=True)
    ledger = Ledger(directory / "sweep.jsonl")
    for event in events:
        ledger.append(event)
    ledger.close()


def spread(count: int = 30) -> list[dict[str, Any]]:
    """Points all over the space."""
    return [{"x": 20 * (n * 7 % count) / count - 10, "y": 10 * (n * 11 % count) / count} for n in range(count)]


def bayesian(app: App, **sweeper: Any) -> None:
    algorithm = {"type": "bayesian", "seed": 1}
    app.write(
        "return (cfg.x - 3) ** 2 + cfg.y",
        {"x": 1.0, "y": 0.0, "rate": 0.1},
        preamble="import mlflow" if "tracking" in sweeper else "",  # once, instead of in two processes
        sweeper={"sampling_algorithm": algorithm, "limits": {"max_total_trials": 8}, **sweeper},
    )


def events(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.sweep / "sweep.jsonl").read_text(encoding="utf-8").splitlines()]


def notes(run: Run) -> list[str]:
    return [line.partition("warm start: ")[2] for line in run.text.splitlines() if "warm start: " in line]


class TestDirectories:
    """Earlier sweeps in directories."""

    def test_a_sweep_learns_from_earlier_ones_and_keeps_what_it_learnt(self, app: App) -> None:
        """One from the config's experiment, by a relative path; its trials are no trials of this sweep."""
        bayesian(app, warm_start="old/first")
        leave(app.directory / "old" / "first", [*spread(), {"x": 11, "y": 0}, {"y": 1}])

        run = app.sweep(*SPACE)

        (note,) = notes(run)
        assert note == (
            f"30 of 32 trials of {app.directory}/old/first; left out: "
            "1 with other parameters (without x), 1 outside the search space (x=11)"
        )
        started, warm, first = events(run)[:3]
        assert (started["event"], warm["event"], first["event"]) == ("sweep_started", "warm_started", "trial_submitted")
        assert [trial["number"] for trial in warm["trials"]] == list(range(30))
        assert {trial["source"] for trial in warm["trials"]} == {f"{app.directory}/old/first"}
        assert [row["number"] for row in run.trials] == [str(number) for number in range(8)]
        assert run.results["trials"] == {"completed": 8}
        assert sum(abs(float(row["x"]) - 3) < 4 for row in run.trials) >= 6

    def test_several_on_the_command_line_are_reported_one_by_one(self, app: App) -> None:
        bayesian(app, limits={"max_total_trials": 1})
        leave(app.directory / "multirun" / "2026-11-20" / "10-00-00", spread(12))
        leave(app.directory / "other", spread(3))
        shutil.copytree(app.directory / "other", app.directory / "going on")
        ledger = app.directory / "going on" / "sweep.jsonl"
        ledger.write_text(ledger.read_text().rpartition('{"event": "trial_ended"')[0] + '{"event": "tri')

        names = f"[multirun/2026-11-20/10-00-00,{app.directory}/other,going on]"
        run = app.sweep(*SPACE, f"hydra.sweeper.warm_start={names}")

        assert notes(run) == [
            f"12 of 12 trials of {app.directory}/multirun/2026-11-20/10-00-00",
            f"3 of 3 trials of {app.directory}/other",
            f"2 of 3 trials of {app.directory}/going on; left out: 1 not over",
        ]
        assert len(events(run)[1]["trials"]) == 17

    def test_a_finished_sweep_is_shown_again_when_the_earlier_one_is_gone(self, app: App) -> None:
        bayesian(app, warm_start="old")
        leave(app.directory / "old", spread(12))
        app.sweep(*SPACE)
        shutil.rmtree(app.directory / "old")

        again = app.sweep(*SPACE)

        assert "this sweep is over" in again.text
        assert notes(again) == []

    @pytest.mark.parametrize("algorithm", ["random", "{type: random, rule: sobol, seed: 1}"])
    def test_sampling_that_does_not_learn_warns_and_looks_for_nothing(self, app: App, algorithm: str) -> None:
        bayesian(app, warm_start=["nowhere", UNKNOWN], limits={"max_total_trials": 1})

        run = app.sweep(*SPACE, f"hydra.sweeper.sampling_algorithm={algorithm}")

        warning = "Warning: warm_start: only bayesian sampling learns from earlier trials; got random."
        assert f"{warning} It has no effect here." in run.text
        assert [event["event"] for event in events(run)[:2]] == ["sweep_started", "trial_submitted"]


class TestMlflow:
    """Earlier sweeps in MLflow."""

    def test_a_sweep_learns_from_the_run_of_an_earlier_one(
        self, app: App, empty_store: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """That it has gone from the disk does not matter; what failed, and a wrong directory, is told."""
        shutil.copy(empty_store, app.directory / "mlflow.db")
        store = f"sqlite:///{app.directory}/mlflow.db"
        bayesian(app, tracking="mlflow", limits={"max_total_trials": 6, "fail_fast": 0})
        first = app.sweep(*SPACE, "hydra.sweeper.sampling_algorithm={type: random, seed: 1}")
        shutil.rmtree(first.sweep)
        client = MlflowClient(store)
        runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
        (parent,) = (run.info.run_id for run in runs if "mlflow.parentRunId" not in run.data.tags)

        second = app.sweep(*SPACE, f"hydra.sweeper.warm_start=[{parent}]", "hydra.sweeper.limits.max_total_trials=4")

        assert notes(second) == [f"6 of 6 trials of MLflow run {parent}"]
        told = events(second)[1]
        assert {trial["source"] for trial in told["trials"]} == {f"MLflow run {parent}"}
        for trial in told["trials"]:
            x, y = trial["parameters"]["x"], trial["parameters"]["y"]
            assert trial["value"] == trial["last_value"] == (x - 3) ** 2 + y
        assert [row["number"] for row in second.trials] == ["0", "1", "2", "3"]

        named = f"hydra.sweeper.warm_start=[{UNKNOWN},{runs[0].info.run_id}]"
        third = refuse(app, capsys, *SPACE, "hydra.sweep.dir=third", named)

        assert third.code == 1
        assert f"warm_start: must name runs of the MLflow store of this sweep, {store}; got {UNKNOWN}." in third.err
        assert "warm_start: a run must be the parent run of a sweep; got " in third.err
        assert not (app.directory / "third").exists()
        assert len(client.search_runs([each.experiment_id for each in client.search_experiments()])) == 6 + 1 + 4 + 1


class TestRefused:
    """Nothing starts, and every reason is told at once."""

    @pytest.fixture(autouse=True)
    def _app(self, app: App) -> None:
        bayesian(app)
        leave(app.directory / "old", spread(3))

    @pytest.mark.parametrize(
        ("arguments", "errors"),
        [
            refused("no-directory", ["[gone]", *SPACE], f"{NAMED}gone."),
            refused("no-sweep", ["[conf]", *SPACE], f"{NAMED}conf."),
            refused("a-file", ["[train.py]", *SPACE], f"{NAMED}train.py."),
            refused("above-a-sweep", ["[.]", *SPACE], f"{NAMED}.. Did you mean {{app}}/old?"),
            refused("below-a-sweep", ["old/3", *SPACE], f"{NAMED}old/3. Did you mean {{app}}/old?"),
            refused("its-ledger", ["old/sweep.jsonl", *SPACE], f"{NAMED}old/sweep.jsonl. Did you mean {{app}}/old?"),
            refused(
                "a-run-without-mlflow",
                [UNKNOWN, *SPACE],
                f"warm_start: needs tracking: mlflow to find an MLflow run; got {UNKNOWN}. "
                "Name the earlier sweep's directory instead.",
            ),
            refused("one-twice", ["[old,old]", *SPACE], "warm_start: may name an earlier sweep once; got old."),
            refused(
                "one-twice-in-other-words",
                ["[old,conf/../old]", *SPACE],
                "warm_start: may name an earlier sweep once; got conf/../old.",
            ),
            refused(
                "no-names",
                ["[old,12345678901234567890123456789012,'',{a: 1},null]", *SPACE],
                f"{MUST_BE}12345678901234567890123456789012. A number that is meant as a name needs quotes.",
                f"{MUST_BE}''.",
                f"{MUST_BE}{{'a': 1}}.",
                f"{MUST_BE}null.",
            ),
            refused(
                "other-objective",
                ["old", *SPACE, "hydra.sweeper.objective={primary_metric: acc, goal: maximize}"],
                "warm_start: an earlier sweep must have the objective of this one, maximize acc; "
                "got {app}/old, which is to minimize loss.",
            ),
            refused(
                "outside",
                ["old", "x=uniform(20,30)", SPACE[1]],
                f"{FIT}{{app}}/old with 3 trials: 3 outside the search space (x=-10.0).",
            ),
            refused(
                "other-parameters",
                ["old", SPACE[0], "rate=uniform(0,1)", "+yy=uniform(0,1)"],
                f"{FIT}{{app}}/old with 3 trials: 3 with other parameters (without rate, yy; with y). "
                "Nearest names: y for yy; only parameters of the same name are compared.",
            ),
            refused(
                "with-all-else-that-is-wrong",
                ["[gone,old]", "x=uniform(20,30)", SPACE[1], "z=uniform(0,1)", "hydra.sweeper.stop_grace=-1"],
                "stop_grace: must be a number of seconds, at least 0; got -1.",
                "search_space.z: must be a key of the app's config; got z. To add it, write +z.",
                f"{NAMED}gone.",
                f"{FIT}{{app}}/old with 3 trials: 3 with other parameters (without z).",
            ),
            refused(
                "a-sampling-algorithm-that-cannot-be-read",
                ["[gone,old]", *SPACE, "hydra.sweeper.sampling_algorithm={type: bayesian, sede: 1}"],
                "sampling_algorithm.sede: unknown key. Did you mean seed?",
                f"{NAMED}gone.",
            ),
        ],
    )
    def test_with_these_words(
        self, app: App, arguments: list[str], errors: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        name, *others = arguments

        run = refuse(app, capsys, f"hydra.sweeper.warm_start={name}", *others)

        assert run.err.removesuffix(HYDRAS_HINT).rstrip("\n") == errors.replace("{app}", str(app.directory))
        assert (run.code, run.out) == (1, "")
        assert {path.name for path in app.directory.iterdir()} == {"train.py", "conf", "old"}

    @pytest.mark.parametrize(
        ("line", "damage"),
        [
            pytest.param(2, "garbage", id="no-json"),
            pytest.param(1, '{"event": "sweep_started", "schema": 99}', id="another-version"),
            pytest.param(
                3, '{"event": "trial_measured", "number": 5, "measurements": [[0, 1, 2]]}', id="no-such-trial"
            ),
            pytest.param(1, '{"event": "sweep_started", "schema": 1, "time_s": 0, "spec": 7}', id="no-spec"),
            pytest.param(2, '{"event": "trial_submitted", "parameters": "x"}', id="no-parameters"),
        ],
    )
    def test_a_damaged_ledger(self, app: App, line: int, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
        ledger = app.directory / "old" / "sweep.jsonl"
        lines = ledger.read_text(encoding="utf-8").splitlines()
        lines[line - 1] = damage
        ledger.write_text("\n".join(lines) + "\n", encoding="utf-8")

        run = refuse(app, capsys, "hydra.sweeper.warm_start=old", *SPACE)

        (error,) = run.err.removesuffix(HYDRAS_HINT).splitlines()
        assert error.startswith("warm_start: the ledger of an earlier sweep must be whole (")
        assert error.endswith("; got old.")

    @pytest.mark.parametrize("text", ["", '{"event": "sweep_sta'])
    def test_a_sweep_that_never_began(self, app: App, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        (app.directory / "old" / "sweep.jsonl").write_text(text, encoding="utf-8")

        run = refuse(app, capsys, "hydra.sweeper.warm_start=old", *SPACE)

        assert run.err.startswith(
            "warm_start: the ledger of an earlier sweep must be whole (no sweep has begun); got old."
        )

    def test_runs_are_asked_for_too_where_something_else_is_wrong(
        self, app: App, empty_store: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copy(empty_store, app.directory / "mlflow.db")
        bayesian(app, tracking="mlflow")

        run = refuse(app, capsys, f"hydra.sweeper.warm_start=[gone,{UNKNOWN}]", *SPACE)

        gone, unknown = run.err.removesuffix(HYDRAS_HINT).splitlines()
        assert gone == f"{NAMED}gone."
        assert unknown.startswith("warm_start: must name runs of the MLflow store of this sweep, sqlite:///")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param("null", (), id="null"),
        pytest.param("[]", (), id="empty"),
        pytest.param("a/b", ("a/b",), id="text"),
        pytest.param(f"[multirun/2026-11-20/10-00-00,{UNKNOWN}]", ("multirun/2026-11-20/10-00-00", UNKNOWN), id="list"),
        pytest.param("['12345678901234567890123456789012']", ("12345678901234567890123456789012",), id="quoted"),
        pytest.param("['${hydra.runtime.cwd}/old']", None, id="interpolation"),
    ],
)
def test_how_earlier_sweeps_are_named(app: App, given: str, names: tuple[str, ...] | None) -> None:
    write_app(app)

    found = read_settings_of(app, f"hydra.sweeper.warm_start={given}").warm_start

    assert found == ((f"{app.directory}/old",) if names is None else names)
