"""A launcher of SLURM jobs with stand-ins for SLURM's commands and for the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.types import HydraContext, RunMode

from benchmarks._slurm import Cluster
from hydra_plugins.hydra_azsweep_sweeper import _slurm
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp
from hydra_plugins.hydra_azsweep_sweeper._slurm import SlurmLauncher
from tests.clusters.stand_ins import Clock
from tests.plugin.conftest import App


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", cluster.path)
    return cluster


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_slurm, "time", clock)
    return clock


@pytest.fixture
def launcher(
    tmp_path: Path, cluster: Cluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SlurmLauncher]:
    app = App(tmp_path)
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(app.directory / "conf"), job_name="train", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        overrides = ["hydra/launcher=submitit_slurm"]
        config = hydra.compose_config("config", overrides, RunMode.MULTIRUN, with_log_configuration=False)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        yield SlurmLauncher(
            HydraApp(context=context, task_function=lambda _: 0.0, config=config, prepare=lambda: None),
            sweep_dir=tmp_path / "sweep",
            overrides_of=lambda parameters: [f"{key}={value}" for key, value in parameters.items()],
            trial_timeout_s=600.0,
            grace_s=10.0,
        )
