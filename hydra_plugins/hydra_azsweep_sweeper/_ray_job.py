"""What runs beside a Ray worker: the supervisor that forks trials, and Hydra's run of the app in a trial's process."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import select
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from omegaconf import open_dict

from azsweep_core.control import ControlDir
from azsweep_core.processes import ChildRequest, ProcessHelper
from hydra_plugins.hydra_azsweep_sweeper._app import note_launch_error
from hydra_plugins.hydra_azsweep_sweeper._watch import KEY, wait_for_end

__all__ = ["RayJob", "serve"]


@dataclass(frozen=True, slots=True)
class RayJob:
    """What a trial's process is told.

    Args:
        path: where the app's modules are found.
        directory: the sweep's own working directory.
        environment: variables of the trial's process.
        spawn: give it a fresh interpreter instead of a fork of one that has imported what the app imports.
        run: Hydra's context, the trial's config, the task and Hydra's global state, pickled.
        task_id: Ray's, once it is known.
    """

    path: tuple[str, ...]
    directory: Path
    control: ControlDir
    environment: Mapping[str, str]
    spawn: bool
    run: bytes
    task_id: str = ""


def serve() -> None:
    """Run the trials that come from standard input, one at a time, until it ends."""
    replies = os.dup(1)
    os.dup2(2, 1)  # what is printed here is no reply
    helper: ProcessHelper[RayJob] | None = None
    try:
        while (request := _next_request()) is not None:
            data, environment, task_id = request
            job: RayJob = replace(pickle.loads(data), task_id=task_id)
            if helper is None:
                preload = () if job.spawn else (functools.partial(_load, job),)
                helper = ProcessHelper(_run, preload, spawn=job.spawn)
            environment |= job.environment
            if _input_has_come():
                return  # the worker has gone meanwhile, and another attempt may have followed
            if job.control.stop_request() is not None:
                os.write(replies, pickle.dumps(0))
                continue
            helper.start(ChildRequest(key=KEY, output=job.control.output_file, environment=environment, payload=job))
            status = wait_for_end(helper, job.control, is_abandoned=_input_has_come)
            if status is None:
                return
            if job.control.result() is None:
                with contextlib.suppress(OSError):  # for a sweep that was killed, and is not told by Ray
                    job.control.note_exit(status)
            os.write(replies, pickle.dumps(status))
    finally:
        if helper is not None:
            helper.close()


def _next_request() -> tuple[bytes, dict[str, str], str] | None:
    try:
        request: tuple[bytes, dict[str, str], str] = pickle.load(sys.stdin.buffer)
    except EOFError:
        return None
    return request


def _input_has_come() -> bool:
    """True at the end of standard input: no request comes while another is at work."""
    return bool(select.select([0], [], [], 0)[0])


def _load(job: RayJob) -> tuple[Any, ...]:
    sys.path[:] = [*job.path, *(each for each in sys.path if each not in job.path)]
    loaded: tuple[Any, ...] = pickle.loads(job.run)
    return loaded


def _run(job: RayJob) -> None:
    """In the trial's process: what hydra-ray-launcher has its workers do."""
    try:
        if job.directory.is_dir():  # it may be another host's
            os.chdir(job.directory)
        context, config, task, singletons = _load(job)
        setup_globals()
        Singleton.set_state(singletons)
        with open_dict(config.hydra.job):
            config.hydra.job.id = job.task_id
        HydraConfig.instance().set_config(config)
        returned = run_job(
            hydra_context=context,
            task_function=task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    except Exception as error:
        note_launch_error(job.control, error)
        raise
    _ = returned.return_value
