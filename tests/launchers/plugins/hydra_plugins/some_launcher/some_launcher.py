"""Runs its jobs in threads of its own process, and changes that process as launchers do; can refuse to run them."""

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


class SomeLauncher(Launcher):
    """Refuses a job until it has been launched more than `refusals` times."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        log = Path(f"launches-{initial_job_idx}")
        launches = len(log.read_text(encoding="utf-8")) if log.exists() else 0
        log.write_text("." * (launches + 1), encoding="utf-8")
        if launches < self.refusals:
            raise RuntimeError("no node is free")
        os.environ["SOME_LAUNCHER"] = str(initial_job_idx)
        logging.getLogger().setLevel(logging.CRITICAL)
        with ThreadPoolExecutor() as pool:
            numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
            jobs = [pool.submit(self._run, *job) for job in zip(numbers, job_overrides, strict=True)]
        os.chdir("/")
        return [job.result() for job in jobs]

    def _run(self, number: int, overrides: Sequence[str]) -> JobReturn:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = f"some-{number}"
            config.hydra.job.num = number
        return run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


@dataclass
class SomeLauncherConf:
    """What `hydra/launcher=some` instantiates."""

    _target_: str = "hydra_plugins.some_launcher.some_launcher.SomeLauncher"
    refusals: int = 0


ConfigStore.instance().store(group="hydra/launcher", name="some", node=SomeLauncherConf)
