"""What an attempt leaves behind when another follows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from azsweep_core.ports import Launch, TrialReport
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp
from hydra_plugins.hydra_azsweep_sweeper._launcher import Host, ProcessLauncher
from tests.plugin.conftest import App


def task(config: DictConfig) -> float:
    import logging

    logging.getLogger("task").info("attempt with x=%s", config.x)
    return float(config.x)


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessLauncher]:
    app = App(tmp_path)
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(app.directory / "conf"), job_name="train", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.compose_config("config", [], RunMode.MULTIRUN, with_log_configuration=False)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        launcher = ProcessLauncher(
            HydraApp(context=context, task_function=task, config=config, prepare=lambda: None),
            Host(slots=1),
            sweep_dir=tmp_path / "sweep",
            overrides_of=lambda parameters: [f"{key}={value}" for key, value in parameters.items()],
            preload=lambda: None,
        )
        yield launcher
        launcher.close()


def end_of(launcher: ProcessLauncher, attempt: int, x: float) -> TrialReport:
    """The report of an attempt's end."""
    launcher.start(Launch(number=0, attempt=attempt, parameters={"x": x}, environment={}))
    while True:
        for report in launcher.poll(1.0):
            if report.ended:
                return report


def test_config_and_log_of_the_attempt_before_are_kept(launcher: ProcessLauncher, tmp_path: Path) -> None:
    """The next one runs in the same directory, where the task finds its checkpoints and Hydra overwrites its files."""
    directory, kept = tmp_path / "sweep" / "0", tmp_path / "sweep" / ".azsweep" / "trials" / "0" / "1"
    end_of(launcher, 1, x=1)
    (directory / "checkpoint").write_text("epoch 3", encoding="utf-8")

    second = end_of(launcher, 2, x=2)

    assert second.returned == {"": 2.0}
    assert (directory / "checkpoint").exists()
    assert (kept / ".hydra" / "overrides.yaml").read_text() == "- x=1\n"
    assert (kept / ".hydra" / "config.yaml").read_text().startswith("x: 1\n")
    assert "attempt with x=1" in (kept / "train.log").read_text()
    assert "attempt with x=2" not in (kept / "train.log").read_text()
    assert (directory / ".hydra" / "overrides.yaml").read_text() == "- x=2\n"
    assert {path.name for path in kept.iterdir()} >= {"output.log", "result.json"}


def test_an_attempt_that_never_began_has_left_nothing_to_keep(launcher: ProcessLauncher, tmp_path: Path) -> None:
    kept = tmp_path / "sweep" / ".azsweep" / "trials" / "0" / "1"
    kept.mkdir(parents=True)

    assert end_of(launcher, 2, x=2).returned == {"": 2.0}
    assert list(kept.iterdir()) == []
