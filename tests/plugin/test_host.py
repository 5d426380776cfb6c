"""How this machine runs trials: start method, devices, threads; and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.conftest import App, Run
from tests.plugin.in_process import refuse

RECORD = """
names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
(out() / "seen.json").write_text(json.dumps({name: os.environ.get(name) for name in names}))
(out() / "started").write_text("")
time.sleep(cfg.seconds)
return cfg.x
"""


def seen(run: Run, name: str) -> list[Any]:
    files = sorted(run.sweep.glob("*/seen.json"), key=lambda path: int(path.parent.name))
    return [json.loads(path.read_text())[name] for path in files]


@pytest.fixture
def recorder(app: App) -> App:
    app.write(RECORD, {"x": 0, "seconds": 0.3}, sweeper={"sampling_algorithm": "grid"})
    return app


class TestSpawn:
    """A fresh interpreter a trial: nothing of the parent's memory, and the same results."""

    def test_trials_run_fail_and_return_as_forked_ones_do(self, app: App) -> None:
        app.write("print('hello'); return 1 / cfg.x", {"x": 1}, sweeper={"sampling_algorithm": "grid"})

        run = app.sweep("x=2,0,4", "hydra.sweeper.start_method=spawn", "hydra.sweeper.limits.fail_fast=0")

        assert [(row["state"], row["value"]) for row in run.trials] == [
            ("completed", "0.5"),
            ("failed", ""),
            ("completed", "0.25"),
        ]
        assert run.trials[1]["reason"] == "ZeroDivisionError: division by zero"
        assert "hello" in (run.sweep / "0" / "output.log").read_text()
        assert "ZeroDivisionError" in (run.sweep / "1" / "output.log").read_text()

    def test_what_happened_while_the_app_was_imported_is_not_inherited(self, app: App) -> None:
        """An import in the parent, for instance; so too a pool of threads that a fork copies without its threads."""
        app.write("return float('colorsys' in sys.modules)", {"x": 0}, preamble="__import__('colorsys')")

        forked = app.sweep("x=choice(1)", "hydra.sweeper.start_method=fork", "hydra.sweep.dir=forked")
        run = app.sweep("x=choice(1)", "hydra.sweeper.start_method=spawn")

        assert forked.code == 0
        assert Run(0, "", "", app.directory / "forked").trials[0]["value"] == "1.0"
        assert run.trials[0]["value"] == "0.0"

    def test_an_app_that_cannot_be_pickled_is_told_so(self, app: App) -> None:
        app.write("return len(str(LOCK))", {"x": 0}, preamble="import threading\nLOCK = threading.Lock()")

        run = app.run("--multirun", "x=1,2", "hydra.sweeper.start_method=spawn")

        assert run.code == 1
        assert run.err.startswith("start_method: spawn needs an app that can be pickled; got TypeError")
        assert "Traceback" not in run.text


class TestShares:
    """Trials that run at once share out devices and cores."""

    def test_trials_at_once_have_devices_of_their_own(self, recorder: App) -> None:
        run = recorder.sweep("x=1,2,3,4", "hydra.sweeper.devices=[3,7]")

        devices = seen(run, "CUDA_VISIBLE_DEVICES")
        assert sorted(devices[:2]) == ["3", "7"]
        assert set(devices) == {"3", "7"}

    def test_without_devices_the_variable_is_left_alone(self, recorder: App) -> None:
        run = recorder.sweep("x=1,2", environment={"CUDA_VISIBLE_DEVICES": "5"})

        assert seen(run, "CUDA_VISIBLE_DEVICES") == ["5", "5"]

    def test_auto_takes_the_devices_of_the_environment(self, recorder: App) -> None:
        run = recorder.sweep("x=1,2", "hydra.sweeper.devices=auto", environment={"CUDA_VISIBLE_DEVICES": "5,6"})

        assert sorted(seen(run, "CUDA_VISIBLE_DEVICES")) == ["5", "6"]

    def test_threads_are_a_share_of_the_cores_unless_the_user_says_so(self, recorder: App) -> None:
        many = recorder.sweep("x=choice(1)", "hydra.sweeper.limits.max_concurrent_trials=1000", "hydra.sweep.dir=many")
        own = recorder.sweep("x=choice(1)", "hydra.sweep.dir=own", environment={"OMP_NUM_THREADS": "13"})

        assert many.code == own.code == 0
        for name, threads in (("many", "1"), ("own", "13")):
            document = json.loads((recorder.directory / name / "0" / "seen.json").read_text())
            assert document["OMP_NUM_THREADS"] == threads

    def test_libraries_that_the_app_has_loaded_take_their_share_too(self, app: App) -> None:
        """They read OMP_NUM_THREADS when they are loaded, which was before the fork."""
        app.write(
            "return max(pool['num_threads'] for pool in threadpool_info())",
            {"x": 0},
            preamble="import numpy, sklearn.cluster\nfrom threadpoolctl import threadpool_info",
        )

        run = app.sweep("x=choice(1)", "hydra.sweeper.limits.max_concurrent_trials=1000")

        assert run.trials[0]["value"] == "1.0"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            ["start_method=thread"], "start_method: must be auto, fork or spawn; got thread.", id="start-method"
        ),
        pytest.param(["execution=fast"], "execution: must be auto, process or native; got fast.", id="execution"),
        pytest.param(
            ["execution=native"],
            "execution: native is not there for this launcher; "
            "got hydra._internal.core_plugins.basic_launcher.BasicLauncher. Use auto or process.",
            id="native",
        ),
        pytest.param(
            ["devices=[]"],
            "devices: must be auto, null or a list of device numbers or names; got []. "
            "List a device twice to let two trials share it.",
            id="no-devices",
        ),
        pytest.param(
            ["devices=[0,1]", "limits.max_concurrent_trials=3"],
            "limits.max_concurrent_trials: must not be more than the 2 devices; got 3. "
            "List a device twice in devices to let two trials share it.",
            id="too-few-devices",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    app: App, capsys: pytest.CaptureFixture[str], settings: list[str], message: str
) -> None:
    run = refuse(app, capsys, "x=1,2", *(f"hydra.sweeper.{setting}" for setting in settings))

    assert run.code == 1
    assert run.err.splitlines()[0] == message
    assert not run.sweep.exists()
