"""`hydra.sweeper.export`: the sweep of an app as it is asked for, written as a job file instead of run."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
import yaml

from azsweep_core.command_line import is_override
from tests.plugin.conftest import App
from tests.plugin.in_process import read, refuse

SPACE = {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}}
LIMITS = {"max_total_trials": 4, "max_concurrent_trials": 2}
SWEEPER = {"search_space": SPACE, "limits": LIMITS, "tracking": "mlflow"}
CONFIG = {"lr": 0.1, "epochs": 1, "data": {"path": None}, "optimizer": "adam"}
WISH = "file:out/sweep.yml,environment:'azureml:train@latest',compute:cpu"


class Exporter:
    """Exports the sweep of an app; what is told meanwhile is in `notes`."""

    def __init__(self, app: App, monkeypatch: pytest.MonkeyPatch, caplog: Any, capsys: Any) -> None:
        self.app = app
        self._monkeypatch, self._caplog, self._capsys = monkeypatch, caplog, capsys
        self.notes: list[str] = []
        self.error = ""
        (app.directory / "out").mkdir()
        (app.directory / ".amlignore").touch()

    def __call__(self, *arguments: str, wish: str = WISH, script: str = "train.py") -> dict[str, Any]:
        """The job; an empty one if it was refused, with the words of that in `error`."""
        export = [f"hydra.sweeper.export={{{wish}}}"] if wish else []
        words = [*arguments, *export]
        self._monkeypatch.setattr(sys, "argv", [script, "--multirun", *words])
        self._monkeypatch.setattr(sys, "orig_argv", [sys.executable, *script.split(), "--multirun", *words])
        self._caplog.set_level(logging.INFO)
        self._caplog.clear()
        run = refuse(self.app, self._capsys, *filter(is_override, words))
        self.notes = [record.getMessage() for record in self._caplog.records]
        self.error = run.err.partition("\n\nSet the environment")[0]
        file = self.app.directory / "out" / "sweep.yml"
        assert not (self.app.directory / "sweep").exists()
        assert (run.code == 0) == file.exists()
        return yaml.safe_load(file.read_text(encoding="utf-8")) if run.code == 0 else {}


@pytest.fixture
def export(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Exporter:
    app.write("return cfg.lr", CONFIG, sweeper=SWEEPER)
    return Exporter(app, monkeypatch, caplog, capsys)


def write_experiment(app: App, text: str) -> None:
    file = app.directory / "conf" / "experiment" / "sweep.yaml"
    file.parent.mkdir()
    file.write_text(f"# @package _global_\n{text}\n")


def test_the_sweep_is_written_and_nothing_is_run(export: Exporter) -> None:
    job = export("epochs=3", "optimizer=choice(adam,sgd)", "hydra.sweep.dir=sweep", "hydra.job.chdir=true")

    assert job == {
        "$schema": "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json",
        "type": "sweep",
        "experiment_name": "train",
        "compute": "cpu",
        "sampling_algorithm": "random",
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 4, "max_concurrent_trials": 2},
        "search_space": {**SPACE, "optimizer": {"type": "choice", "values": ["adam", "sgd"]}},
        "trial": {
            "command": "python train.py epochs=3 hydra.job.chdir=true lr=${{search_space.lr}} "
            "optimizer=${{search_space.optimizer}}",
            "code": "..",
            "environment": "azureml:train@latest",
        },
    }
    assert export.notes[-1] == "out/sweep.yml is written. Submit it: az ml job create --file out/sweep.yml"


def test_overrides_of_the_sweep_stay_out_of_the_command(export: Exporter) -> None:
    of_the_sweep = ["hydra.sweeper.limits.timeout=90", "~hydra.sweeper.limits.fail_fast", "hydra/launcher=basic"]
    others = ["hydra.run.dir=outputs/a", "hydra.job.name=iris", "hydra/job_logging=disabled", "+hydra.sweeps=1"]

    command = export("~data", "+model=b", *of_the_sweep, *others, "hydra.sweep.subdir=a")["trial"]["command"]

    kept = f"'~data' +model=b {' '.join(others)}"
    assert command == f"python train.py {kept} lr=${{{{search_space.lr}}}}"


def test_an_experiment_that_sets_the_sweep_alone_is_left_out(export: Exporter) -> None:
    write_experiment(export.app, "hydra: {sweeper: {limits: {max_total_trials: 7}}}")
    (export.app.directory / "conf" / "net").mkdir()
    (export.app.directory / "conf" / "net" / "nothing.yaml").write_text("# @package _global_\n{}")

    job = export("+experiment=sweep", "+net=nothing")

    assert job["limits"]["max_total_trials"] == 7
    assert job["trial"]["command"] == "python train.py +net=nothing lr=${{search_space.lr}}"
    assert "+experiment=sweep is left out: it concerns the sweep here, and nothing of a trial." in export.notes


def test_an_experiment_that_changes_the_app_is_kept_and_what_it_needs_is_told(export: Exporter) -> None:
    write_experiment(export.app, "epochs: 9\nhydra: {sweeper: {limits: {timeout: 90}}}")

    job = export("+experiment=sweep")

    assert job["trial"]["command"] == "python train.py +experiment=sweep lr=${{search_space.lr}}"
    assert [note.partition(".")[0] for note in export.notes if "hydra-azsweep" in note] == [
        "hydra/sweeper: the app chooses azsweep in every run, so trial"
    ]


def test_a_trial_of_an_app_that_is_always_a_sweep_is_none(export: Exporter) -> None:
    config = export.app.directory / "conf" / "config.yaml"
    settings = {**yaml.safe_load(config.read_text()), "key": "${oc.env:KEY}", "home": "${oc.env:HOME, /}"}
    config.write_text(yaml.safe_dump({**settings, "hydra": {**settings["hydra"], "mode": "MULTIRUN"}}, sort_keys=False))

    job = export()

    assert job["trial"]["command"] == "python train.py hydra.mode=RUN lr=${{search_space.lr}}"
    assert [note.partition(",")[0] for note in export.notes if "environment_variables" in note] == [
        "trial.environment_variables: the app's configuration reads KEY"
    ]


def test_a_sweeper_that_the_app_does_not_choose_is_not_needed(export: Exporter) -> None:
    (export.app.directory / "conf" / "config.yaml").write_text("lr: 0.1\n")
    objective = "hydra.sweeper.objective={primary_metric:loss,goal:minimize}"

    job = export("hydra/sweeper=azsweep", objective, "hydra.sweeper.limits.max_total_trials=3", "lr=uniform(0,1)")

    assert job["trial"]["command"] == "python train.py lr=${{search_space.lr}}"
    assert not any("hydra-azsweep" in note for note in export.notes)


def test_a_sweeper_whose_settings_the_app_holds_is_kept(export: Exporter) -> None:
    text = f"hydra: {{sweeper: {{search_space: {SPACE}}}}}\nlr: 0.1\n"
    (export.app.directory / "conf" / "config.yaml").write_text(text)
    objective = "hydra.sweeper.objective={primary_metric:loss,goal:minimize}"

    job = export("hydra/sweeper=azsweep", objective, "hydra.sweeper.limits.max_total_trials=3")

    assert job["trial"]["command"] == "python train.py hydra/sweeper=azsweep lr=${{search_space.lr}}"


def test_settings_of_this_machine_and_paths_of_it_are_told(export: Exporter) -> None:
    (export.app.directory / ".amlignore").unlink()

    path = f"data.path={sys.prefix}"

    export(
        "hydra.sweeper.devices=[0,1]", "hydra.sweeper.start_method=spawn", path, wish=WISH.replace(",compute:cpu", "")
    )

    assert export.notes[1:-2] == [
        "hydra.sweeper: start_method=spawn, devices=[0, 1] is left out: it says how the sweep runs here.",
        "compute: none is named, so AzureML takes its serverless compute. --compute NAME names one.",
        "trial.code: all of .. is uploaded, results of sweeps too. Say in ../.amlignore what is not.",
        f"{path} is a path of this machine: --input {path} brings along what is there.",
    ]


def test_inputs_are_brought_along(export: Exporter) -> None:
    (export.app.directory / "iris.csv").touch()
    wish = WISH + ",inputs:['data.path=./iris.csv','more=azureml:wine:1','+folder=conf']"

    job = export("data.path=iris.csv", "+more=azureml", "epochs=2", wish=wish)

    assert job["inputs"] == {
        "data_path": {"type": "uri_file", "path": "../iris.csv"},
        "more": {"type": "uri_folder", "path": "azureml:wine:1"},
        "folder": {"type": "uri_folder", "path": "../conf"},
    }
    inputs = "data.path=${{inputs.data_path}} +more=${{inputs.more}} +folder=${{inputs.folder}}"
    assert job["trial"]["command"] == f"python train.py epochs=2 {inputs} lr=${{{{search_space.lr}}}}"


@pytest.mark.parametrize(
    ("script", "options", "wish", "program", "code"),
    [
        pytest.param("src/train.py", ["--config-dir=src"], "", "src/train.py --config-dir src", "..", id="below"),
        pytest.param(
            "src/train.py",
            ["--config-dir=src"],
            ",code:src",
            "train.py --config-dir .",
            "../src",
            id="its-own-directory",
        ),
        pytest.param("-m train", ["-cn", "config"], "", "-m train -cn config", "..", id="a-module"),
        pytest.param("train.py", [], ",code:'azureml:src:1'", "train.py", "azureml:src:1", id="code-of-azureml"),
    ],
)
def test_the_app_is_started_as_here(
    export: Exporter, script: str, options: list[str], wish: str, program: str, code: str
) -> None:
    (export.app.directory / "src").mkdir()
    (export.app.directory / "src" / "train.py").touch()

    trial = export("epochs=2", *options, wish=WISH + wish, script=script)["trial"]

    assert trial["command"] == f"python {program} epochs=2 lr=${{{{search_space.lr}}}}"
    assert trial["code"] == code


@pytest.mark.parametrize(
    ("arguments", "wish", "errors"),
    [
        pytest.param(
            [],
            "enviroment:'azureml:e:1'",
            [
                "export.enviroment: unknown key. Did you mean environment?",
                "export.file: must name the file to write. For instance sweep.yml.",
                "export.environment: must say what trials run in. For instance --environment azureml:NAME@latest.",
            ],
            id="nothing-of-what-is-needed",
        ),
        pytest.param(
            [],
            "file:conf/config.yaml,environment:mine,code:nowhere,inputs:['data.path=nowhere.csv',conf,'lr=conf']",
            [
                (
                    "export.file: must not be there yet; got conf/config.yaml. Give it another name, or overwrite it "
                    "with --force (export.force=true)."
                ),
                "export.inputs: must be KEY=PATH, with a key of the app; got conf. For instance data.path=./iris.csv.",
                (
                    "export.inputs.data.path: must be there to be uploaded, or AzureML's (azureml:NAME:VERSION); got "
                    "nowhere.csv."
                ),
                (
                    "export.inputs.lr: is drawn from the search space. Take it out of the search space, or leave the "
                    "input out."
                ),
                "export.code: must be a directory; got nowhere.",
                "export.code: must hold the app, train.py; got ../nowhere. Name a directory that holds it: --code DIR.",
                (
                    "trial.environment: must say where it comes from; got mine. Write azureml:NAME:VERSION or "
                    "azureml:NAME@latest."
                ),
            ],
            id="files-that-are-not-there",
        ),
        pytest.param(
            [],
            "file:nowhere/sweep.yml,environment:'azureml:e:1'",
            ["export.file: must be a file that can be written (No such file or directory); got nowhere/sweep.yml."],
            id="a-file-in-no-directory",
        ),
        pytest.param(
            [],
            WISH + ",inputs:['nope=conf']",
            ["the app's configuration: must compose for a plain run, too (Could not override 'nope'.)."],
            id="an-input-that-the-app-does-not-have",
        ),
        pytest.param(
            ["hydra.sweeper.warm_start=[old]", "hydra.sweeper.early_termination={type: asha}"],
            WISH,
            [
                (
                    "warm_start: AzureML's sweeps learn nothing from earlier ones. Leave it out: "
                    "hydra.sweeper.warm_start=null."
                ),
                "early_termination.type: AzureML has no asha. Take bandit, or leave it out.",
            ],
            id="what-azureml-does-not-have",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused(
    export: Exporter, arguments: list[str], wish: str, errors: list[str]
) -> None:
    export(*arguments, wish=wish)

    assert export.error.splitlines() == errors


def test_a_file_is_overwritten_if_that_is_wanted(export: Exporter) -> None:
    export("epochs=2")

    job = export("epochs=3", wish=WISH + ",force:true")

    assert "epochs=3" in job["trial"]["command"]


def test_the_trials_of_a_sweep_that_is_there_do_not_matter(export: Exporter) -> None:
    old = export.app.directory / "old"
    old.mkdir()
    (old / "sweep.jsonl").write_text("another\nsweep\n")

    assert export("hydra.sweep.dir=old")["limits"]["max_total_trials"] == 4


JOB: dict[str, Any] = {
    "type": "sweep",
    "name": "iris_1",
    "display_name": "Iris",
    "tags": {"team": "a"},
    "compute": "azureml:gpu",
    "sampling_algorithm": "random",
    "search_space": {"rate": SPACE["lr"]},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": LIMITS,
    "inputs": {
        "n": 5,
        "data": {"type": "uri_file", "path": "./iris.csv", "mode": "download"},
        "optimizer": {"type": "uri_folder", "path": "azureml:opt:1"},
    },
    "outputs": {"model": {"type": "uri_folder"}},
    "trial": {
        "code": "..",
        "command": "python train.py lr=${{search_space.rate}} epochs=${{inputs.n}} data.path=${{inputs.data}} "
        "optimizer=${{inputs.optimizer}} +out=${{outputs.model}} +seed=1",
        "environment": {"image": "ubuntu", "conda_file": "conda.yml"},
        "environment_variables": {"A": "1"},
    },
}


@pytest.fixture
def of_job(export: Exporter) -> Exporter:
    """An app whose sweep is that of a job file."""
    export.app.write("return cfg.lr", CONFIG, sweeper={"objective": None, "job": "conf/job.yml", "tracking": "mlflow"})
    (export.app.directory / "conf" / "job.yml").write_text(yaml.safe_dump(JOB, sort_keys=False))
    return export


def test_what_a_job_file_says_besides_its_sweep_is_kept(of_job: Exporter) -> None:
    job = of_job(wish="file:out/sweep.yml")

    kept = ("display_name", "tags", "compute", "outputs")
    assert {key: job.get(key) for key in (*kept, "name")} == {**{key: JOB[key] for key in kept}, "name": None}
    assert job["inputs"] == {
        "n": 5,
        "data": {"type": "uri_file", "path": "../conf/iris.csv", "mode": "download"},
        "optimizer": {"type": "uri_folder", "path": "azureml:opt:1"},
    }
    assert job["trial"] == {
        "command": "python train.py +seed=1 epochs=${{inputs.n}} data.path=${{inputs.data}} "
        "optimizer=${{inputs.optimizer}} +out=${{outputs.model}} lr=${{search_space.lr}}",
        "environment": {"image": "ubuntu", "conda_file": "../conf/conda.yml"},
        "environment_variables": {"A": "1"},
        "code": "..",
    }


def test_an_output_that_the_app_has_no_key_for_is_refused(of_job: Exporter) -> None:
    job = of_job.app.directory / "conf" / "job.yml"
    job.write_text(job.read_text().replace("+out=", "out="))

    of_job(wish="file:out/sweep.yml")

    assert of_job.error == "the app's configuration: must compose for a plain run, too (Could not override 'out'.)."


def test_what_is_set_beside_a_job_file_wins(of_job: Exporter) -> None:
    wish = WISH + ",inputs:['data.path=conf']"

    job = of_job("epochs=7", "optimizer=sgd", wish=wish)

    assert job["inputs"] == {"data": {"type": "uri_folder", "path": "../conf"}}
    assert job["trial"]["command"].startswith(
        "python train.py +seed=1 epochs=7 optimizer=sgd data.path=${{inputs.data}}"
    )
    assert (job["compute"], job["trial"]["environment"]) == ("cpu", "azureml:train@latest")
    assert "inputs.n is left out: epochs=7 takes its place." in of_job.notes


def test_what_was_exported_is_the_same_sweep_of_the_same_app(export: Exporter) -> None:
    """Same search space, same types, same fixed overrides, so the same trials from the same seed."""
    space = ["+a.b='choice(1,\"1\",null,[x,y])'", "lr=loguniform(-3,0)", "~data", "+model='it is'"]
    settings = ["hydra.sweeper.sampling_algorithm={type:random,seed:3,rule:sobol}", "hydra.sweeper.limits.timeout=90"]
    policy = ["hydra.sweeper.early_termination={type:bandit,slack_factor:0.1,delay_evaluation:5}"]
    before = read(export.app, *space, *settings, *policy)

    export(*space, *settings, *policy)
    export.app.write("return cfg.lr", CONFIG, sweeper={"objective": None, "job": "out/sweep.yml"})
    after = read(export.app)

    assert after.spec == before.spec
    assert after.fixed == before.fixed


def test_an_app_that_no_command_has_started_is_refused(export: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    wish = f"hydra.sweeper.export={{{WISH}}}"
    monkeypatch.setattr(sys, "orig_argv", [])

    run = refuse(export.app, export._capsys, wish)  # noqa: SLF001

    assert run.err.startswith("export: must be started by a command, for it is what trials run. Use azsweep export")
    assert not list((export.app.directory / "out").iterdir())
