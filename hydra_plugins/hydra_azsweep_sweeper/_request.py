"""What the user asked for: every source read and judged together, all problems at once. Starts and writes nothing."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import TaskFunction
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from azsweep_core.errors import Problem, SpecError
from azsweep_core.limits import Limits
from azsweep_core.replay import Recorded, replay
from azsweep_core.sampling_algorithm import SamplingAlgorithm
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, read_and_judge, to_mapping
from azsweep_core.trial import EarlierTrial, Parameters
from hydra_plugins.hydra_azsweep_sweeper._app_values import AppValues
from hydra_plugins.hydra_azsweep_sweeper._check import (
    check_composition,
    check_points,
    compose_task_config,
)
from hydra_plugins.hydra_azsweep_sweeper._command_line import as_typed
from hydra_plugins.hydra_azsweep_sweeper._job import JobSource, merged, read_job_source
from hydra_plugins.hydra_azsweep_sweeper._launcher import usable_cores
from hydra_plugins.hydra_azsweep_sweeper._overrides import SweepOverrides, check_space, read_overrides
from hydra_plugins.hydra_azsweep_sweeper._pinned import without_pinned
from hydra_plugins.hydra_azsweep_sweeper._resume import refuse_another, with_recorded_seed
from hydra_plugins.hydra_azsweep_sweeper._settings import Settings, read_settings
from hydra_plugins.hydra_azsweep_sweeper._warm_start import WarmStart, no_effect, read_runs, read_warm_start

__all__ = ["Request", "SweepHooks", "hooks_of", "learnt", "log_notes", "read_request", "slots_of"]

log = logging.getLogger("azsweep")

_MOST_JOBS = 256
"""In the queue at once, if the launcher has no array_parallelism; hydra-submitit-launcher's default."""
_SPACE = ("search_space", "params", "override", "job")
"""How the places begin where a search space is written."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, read and judged.

    Args:
        fixed: overrides that go with every trial.
        recorded: the sweep that its directory holds already.
        command: as the user typed it.
    """

    settings: Settings
    spec: SweepSpec
    fixed: Sequence[str]
    warm_start: WarmStart
    recorded: Recorded | None
    command: Sequence[str]
    job: JobSource
    hooks: SweepHooks | None


class SweepHooks(Protocol):
    """What an app of our own adds to its sweeps: the attribute `azsweep_hooks` of its task function."""

    def problems(self, config: DictConfig, space: SearchSpace | None, source: JobSource) -> Iterable[Problem]:
        """What keeps a trial with this config, which lacks values of the space only, from running."""

    def prepare(self, config: DictConfig, directory: Path, source: JobSource) -> None:
        """Make ready what trials share in the sweep's directory, at its start and whenever it goes on."""

    def by_hand(self, config: DictConfig) -> Sequence[str]:
        """The words of a command that does what the trial with this config does, for the app's own source folder."""

    def run_again(self, best: str) -> str:
        """The command that runs the best trial once more, from its configuration in this directory, quoted."""


def hooks_of(task_function: TaskFunction) -> SweepHooks | None:
    """The hooks of an app of our own; None for a user's app."""
    return getattr(task_function, "azsweep_hooks", None)


def read_request(
    loader: ConfigLoader, task_function: TaskFunction, config: DictConfig, arguments: Sequence[str]
) -> Request:
    """Everything read and judged.

    Raises:
        SpecError: with all problems.
    """
    settings, problems = read_settings(config, os.environ)
    recorded = replay(settings.directory) if settings.export is None else None  # what is exported does not go on
    hooks = hooks_of(task_function)
    job = read_job_source(settings.job, config.keys(), is_own_app=hooks is not None)
    problems += job.problems
    if problems and job.job is None and settings.job is not None:
        raise SpecError(problems)  # the rest would be judged without what the file says
    settings = replace(settings, experiment_name=_experiment(settings, job, config))
    wanted = merged(settings.spec, job.spec, settings.dropped)
    overrides = read_overrides(
        arguments,
        settings.params,
        settings.search_space,
        loader,
        logbase=_logbase(wanted.get("sampling_algorithm")),
        job_space=job.search_space,
        job_overrides=job.fixed,
    )
    problems += overrides.problems
    problems += _lost_inputs(settings, job, overrides)
    is_space_lost = not overrides.parameters and (
        job.problems or any(each.where.startswith(_SPACE) for each in problems)
    )
    given, unused = without_pinned(wanted, overrides)
    app_values = AppValues(loader, config, overrides.fixed)
    space, spec, judgement = read_and_judge({**given, "search_space": overrides.parameters}, app_values)
    problems += [each for each in judgement.errors if each.where != "search_space" or not is_space_lost]
    if space is not None:
        points = () if spec is None else spec.initial_points
        problems += _check_against_the_app(loader, config, space, overrides.fixed, points, settings)
    if hooks is not None:
        problems += _problems_of_hooks(hooks, loader, config, overrides.fixed, space, job)
    if spec is not None:
        problems += _sharing_problems(spec.limits, settings.devices)
    learns = recorded is None or not (len(recorded.history) or recorded.history.earlier)
    warm_start = WarmStart()
    if learns:
        warm_start = read_warm_start(settings, spec, legal=not judgement.errors, doomed=bool(problems))
    problems += warm_start.problems
    if problems or spec is None:
        raise SpecError(dict.fromkeys(job.in_its_file(problems, settings.spec, overrides.parameters)))
    changes: list[str] = []
    if recorded is not None:
        spec = with_recorded_seed(spec, recorded)
        allow = settings.allow_spec_change
        changes = refuse_another(recorded, to_mapping(spec), config, settings.directory, allow=allow)
    notes = (*settings.notes, *job.notes, *overrides.pinned, *unused, *changes, *warm_start.notes)
    doubts = [*job.warnings, *judgement.warnings, *no_effect(settings, spec.sampling_algorithm)]
    if spec.limits.max_concurrent_trials is None:
        doubts += spec.sampling_algorithm.crowding(spec.search_space, spec.max_trials, slots_of(spec, settings, config))
    log_notes(notes, [*job.in_its_file(doubts, settings.spec, overrides.parameters)])
    return Request(settings, spec, overrides.fixed, warm_start, recorded, as_typed(arguments), job, hooks)


def _lost_inputs(settings: Settings, job: JobSource, overrides: SweepOverrides) -> Iterator[Problem]:
    """Inputs of a job that nothing here gives a value; a sweep that is exported needs none here."""
    decided = overrides.decided | set(overrides.parameters)
    return (each for key, each in job.unmapped.items() if key not in decided and settings.export is None)


def _experiment(settings: Settings, job: JobSource, config: DictConfig) -> str:
    """The MLflow experiment: as it is set, as the job has it, as the environment has it, or the app's name."""
    of_job = "" if job.job is None else str(job.job.raw.get("experiment_name") or "")
    of_environment = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    return settings.experiment_name or of_job or of_environment or str(config.hydra.job.name)


def _problems_of_hooks(
    hooks: SweepHooks,
    loader: ConfigLoader,
    config: DictConfig,
    fixed: Sequence[str],
    space: SearchSpace | None,
    source: JobSource,
) -> Iterable[Problem]:
    try:
        return list(hooks.problems(compose_task_config(loader, config, fixed), space, source))
    except (HydraException, OmegaConfBaseException):  # told by `check_composition`
        return ()


def _logbase(algorithm: object) -> float:
    """Base of the log expressions, as far as it is legal; what is not is judged with everything else."""
    try:
        base = SamplingAlgorithm.read(algorithm).logbase
    except SpecError:
        return math.e
    return math.e if base is None or base <= 0 or base == 1 else base


def _sharing_problems(limits: Limits, devices: Sequence[str]) -> Iterator[Problem]:
    """That every trial that may run at once has a device."""
    if devices and limits.max_concurrent_trials is not None and limits.max_concurrent_trials > len(devices):
        rule = f"must not be more than the {len(devices)} devices"
        fix = "List a device twice in devices to let two trials share it."
        yield Problem("limits.max_concurrent_trials", rule, str(limits.max_concurrent_trials), fix)


def _check_against_the_app(
    loader: ConfigLoader,
    config: DictConfig,
    space: SearchSpace,
    fixed: Sequence[str],
    initial_points: Sequence[Parameters],
    settings: Settings,
) -> Iterator[Problem]:
    """What the app has against the parameters that are legal in themselves, and against the initial points."""
    probe = space.only([key for key, each in space.parameters.items() if not any(each.validate(key))])
    if any(probe.validate("search_space")):
        return
    unpassable = list(check_space(probe, fixed))
    is_dry = settings.dry_run is not None
    misfits = unpassable or list(check_composition(loader, config, probe, fixed, every_value=is_dry))
    if not misfits and probe == space:
        misfits = list(check_points(loader, config, space, initial_points, fixed))
    yield from misfits


def log_notes(notes: Sequence[str], warnings: Sequence[Problem] = ()) -> None:
    for note in notes:
        log.info(note)
    for warning in warnings:
        log.warning("Warning: %s", warning)  # Hydra's format does not show the level


def learnt(request: Request) -> tuple[EarlierTrial, ...]:
    """The trials of earlier sweeps that the sampler learns from."""
    warm_start = read_runs(request.warm_start, request.spec)
    log_notes(warm_start.notes)
    return warm_start.trials


def slots_of(spec: SweepSpec, settings: Settings, config: DictConfig) -> int:
    """How many trials run at once: as the user set it, else one a device, else one a core; a cluster decides itself."""
    if settings.jobs.is_shared:
        most = int(config.hydra.launcher.get("array_parallelism") or _MOST_JOBS)
        return min(most, spec.limits.max_concurrent_trials or spec.max_trials or most)
    return spec.limits.max_concurrent_trials or len(settings.devices) or usable_cores()
