"""The Hydra app that a job's command is: `python -m` this module runs the job that `hydra.sweeper.job` names.

`azsweep run` starts it. With `--config-name azsweep_best` it runs a sweep's best trial again, which needs no job.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from azsweep_core.command_line import is_override, key_of
from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.job_file import read_job
from azsweep_core.job_task import read_task
from hydra_plugins.hydra_azsweep_sweeper._command_config import app_config
from hydra_plugins.hydra_azsweep_sweeper._command_task import run_trial
from hydra_plugins.hydra_azsweep_sweeper._job import named

__all__ = ["main"]

_NAME = "azsweep_job"
_KEY = "hydra.sweeper.job"


def main(arguments: Sequence[str]) -> None:
    """Run the app with the arguments that the process has.

    Raises:
        SystemExit: with 1, after words on stderr, if there is no such job.
    """
    job = _job_of(arguments)
    try:
        if job is not None:
            _register(job)
        elif "--config-name" not in arguments:
            raise SpecError([Problem(_KEY, "must name the job file to run", None, "`azsweep run FILE` does.")])
    except AzsweepError as error:
        sys.exit(str(error))
    hydra.main(version_base="1.3", config_path=None, config_name=_NAME)(run_trial)()


def _job_of(arguments: Sequence[str]) -> Any:
    """What the last override of the job says; None if there is none."""
    given = [word for word in arguments if is_override(word) and key_of(word) == _KEY]
    if not given:
        return None
    try:
        value = OverridesParser.create().parse_override(given[-1]).value()
        plain: Any = OmegaConf.to_container(OmegaConf.create({"job": value}), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(f"{_KEY}: {error}")
    return plain["job"]


def _register(setting: Any) -> None:
    """Make the app's configuration that of the job."""
    job = read_job(*named(setting))
    ConfigStore.instance().store(name=_NAME, node=app_config(job, read_task(job)), provider="hydra_azsweep_sweeper")


if __name__ == "__main__":
    main(sys.argv[1:])
