"""One sweep from Hydra's side: reads and judges everything, builds the parts, runs the loop, shows the result."""

from __future__ import annotations

import functools
import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.errors import CompactHydraException
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.events import Ending, EndingKind
from azsweep_core.limits import Limits
from azsweep_core.live_metrics import LiveMetrics
from azsweep_core.lock import SweepLock, current_holder
from azsweep_core.ports import TrialLauncher
from azsweep_core.replay import Recorded, replay
from azsweep_core.report import LogLines, ResultFiles, write_best
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace
from azsweep_core.signals import StopSignals
from azsweep_core.spec import SweepSpec, read_and_judge, to_mapping
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Observer, Origin, Past, Ports, SweepPlan, SweepResult, SystemClock
from azsweep_core.tracking import MlflowTracker, NullTracker, configured_uri, without_credentials
from azsweep_core.trial import EarlierTrial, Parameters
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, log_to_own_run, no_preparation
from hydra_plugins.hydra_azsweep_sweeper._app_values import AppValues
from hydra_plugins.hydra_azsweep_sweeper._check import check_composition, check_points, compose_task_config
from hydra_plugins.hydra_azsweep_sweeper._command_line import as_typed, kept
from hydra_plugins.hydra_azsweep_sweeper._compose import TrialConfigLoader
from hydra_plugins.hydra_azsweep_sweeper._detach import Background, submit
from hydra_plugins.hydra_azsweep_sweeper._launcher import Host, ProcessLauncher, usable_cores
from hydra_plugins.hydra_azsweep_sweeper._occupied import Occupied
from hydra_plugins.hydra_azsweep_sweeper._overrides import check_space, read_overrides, trial_overrides
from hydra_plugins.hydra_azsweep_sweeper._pinned import without_pinned
from hydra_plugins.hydra_azsweep_sweeper._result import hints, show, why_without_result
from hydra_plugins.hydra_azsweep_sweeper._resume import is_done, refuse_another, with_recorded_seed
from hydra_plugins.hydra_azsweep_sweeper._settings import Jobs, Settings, read_settings, store_problems
from hydra_plugins.hydra_azsweep_sweeper._warm_start import WarmStart, no_effect, read_runs, read_warm_start

__all__ = ["run"]

log = logging.getLogger("azsweep")

_MOST_JOBS = 256
"""In the queue at once, if the launcher has no array_parallelism; hydra-submitit-launcher's default."""
_SPACE = ("search_space", "params", "override")
"""How the places begin where a search space is written."""


@dataclass(frozen=True, slots=True)
class _Request:
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


def run(
    hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: Sequence[str]
) -> SweepResult:
    """Run the sweep, go on with the unfinished one that `hydra.sweep.dir` holds, or show the result of a finished one.

    Raises:
        CompactHydraException: for everything a user can mend, in words; and if the sweep has no result.
        SystemExit: with 130 if the user stopped it; with 0 if it goes on in the background.
    """
    loader = TrialConfigLoader(hydra_context.config_loader)  # what is composed to check, trials need not compose again
    hydra_context = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
    try:
        request = _read(hydra_context, config, arguments)
        result = _finished(request)
        if result is None:
            observers = _leave_the_terminal(request)
            result = _sweep(request, hydra_context, task_function, config, observers)
    except AzsweepError as error:
        raise CompactHydraException(str(error)) from None
    except OSError as error:
        rule = f"must be a directory that can be written ({error.strerror or error})"
        fix = (
            "Once it can, the same command with this directory goes on: trials that have ended are in its sweep.jsonl."
        )
        path = error.filename or str(Path(config.hydra.sweep.dir).absolute())
        raise CompactHydraException(str(Problem("hydra.sweep.dir", rule, path, fix))) from error
    if result.exit_code == 130:
        raise SystemExit(130)
    if result.exit_code:
        raise CompactHydraException(why_without_result(result))
    return result


def _read(hydra_context: HydraContext, config: DictConfig, arguments: Sequence[str]) -> _Request:
    """Everything read and judged; all problems in one SpecError."""
    loader = hydra_context.config_loader
    settings, problems = read_settings(config, os.environ)
    recorded = replay(settings.directory)
    base = _logbase(settings.spec.get("sampling_algorithm"))
    overrides = read_overrides(arguments, settings.params, settings.search_space, loader, logbase=base)
    problems += overrides.problems
    is_space_lost = not overrides.parameters and any(each.where.startswith(_SPACE) for each in problems)
    given, unused = without_pinned(settings.spec, overrides)
    app_values = AppValues(loader, config, overrides.fixed)
    space, spec, judgement = read_and_judge({**given, "search_space": overrides.parameters}, app_values)
    problems += [each for each in judgement.errors if each.where != "search_space" or not is_space_lost]
    if space is not None:
        points = () if spec is None else spec.initial_points
        problems += _check_against_the_app(loader, config, space, overrides.fixed, points)
    if spec is not None:
        problems += _sharing_problems(spec.limits, settings.devices)
    learns = recorded is None or not (len(recorded.history) or recorded.history.earlier)
    warm_start = WarmStart()
    if learns:
        warm_start = read_warm_start(settings, spec, legal=not judgement.errors, doomed=bool(problems))
    problems += warm_start.problems
    if problems or spec is None:
        raise SpecError(dict.fromkeys(problems))
    changes: list[str] = []
    if recorded is not None:
        spec = with_recorded_seed(spec, recorded)
        allow = settings.allow_spec_change
        changes = refuse_another(recorded, to_mapping(spec), config, settings.directory, allow=allow)
    notes = (*settings.notes, *overrides.pinned, *unused, *changes, *warm_start.notes)
    doubts = [*judgement.warnings, *no_effect(settings, spec.sampling_algorithm)]
    if spec.limits.max_concurrent_trials is None:
        doubts += spec.sampling_algorithm.crowding(spec.search_space, spec.max_trials, _slots(spec, settings, config))
    _log_notes(notes, doubts)
    return _Request(settings, spec, overrides.fixed, warm_start, recorded, as_typed(arguments))


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
) -> Iterator[Problem]:
    """What the app has against the parameters that are legal in themselves, and against the initial points."""
    probe = space.only([key for key, each in space.parameters.items() if not any(each.validate(key))])
    if any(probe.validate("search_space")):
        return
    unpassable = list(check_space(probe, fixed))
    misfits = unpassable or list(check_composition(loader, config, probe, fixed))
    if not misfits and probe == space:
        misfits = list(check_points(loader, config, space, initial_points, fixed))
    yield from misfits


def _log_notes(notes: Sequence[str], warnings: Sequence[Problem] = ()) -> None:
    for note in notes:
        log.info(note)
    for warning in warnings:
        log.warning("Warning: %s", warning)  # Hydra's format does not show the level


def _finished(request: _Request) -> SweepResult | None:
    """The result of the finished sweep that lives in the directory, shown again; None if something is left to do."""
    recorded, spec = request.recorded, request.spec
    if recorded is None or not is_done(recorded, to_mapping(spec), spec.max_trials):
        return None
    holder = current_holder(request.settings.directory)
    if holder is not None and holder.is_alive is False and not holder.released:
        return None  # it was killed before all that follows the end was done
    history = recorded.history
    reason = str(history.stop_reason)
    log.info("this sweep is over (%s); this is its result. For a new one choose another hydra.sweep.dir", reason)
    show(history, request.settings.directory)
    return SweepResult(history, Ending(EndingKind.FINISHED, reason))


def _leave_the_terminal(request: _Request) -> list[Observer]:
    """Go on in the background if the user wants that; what the loop is to tell of its start then.

    Raises:
        SystemExit: in the process that does not go on.
    """
    settings = request.settings
    if settings.coordinator_job is not None:
        SweepLock(settings.directory, break_lock=settings.break_lock).release()  # refused here rather than in the job
        submit(request.command, settings.directory, settings.coordinator_job)
        raise SystemExit(0)
    return [Background.enter(settings.directory)] if settings.detach else []


def _sweep(
    request: _Request,
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
    observers: Sequence[Observer],
) -> SweepResult:
    settings, clock = request.settings, SystemClock()
    directory = settings.directory
    spec = replace(request.spec, sampling_algorithm=request.spec.sampling_algorithm.with_seed())
    overrides_of = functools.partial(trial_overrides, fixed=request.fixed)
    app = HydraApp(
        context=hydra_context,
        task_function=task_function,
        config=config,
        prepare=log_to_own_run if settings.use_mlflow else no_preparation,
    )
    with StopSignals() as signals, Occupied(directory, break_lock=settings.break_lock) as occupied:
        past = None if request.recorded is None else occupied.resume(request.recorded)
        tracker = _tracker(settings, spec, directory, past)
        plan = _plan(request, spec, _slots(spec, settings, config), past)
        # In this order: nothing is forked once MLflow has threads, and nothing is written before it has answered.
        launcher = _launcher(app, plan, settings, overrides_of, tracker.preload)
        occupied.callback(launcher.close)
        plan = replace(plan, earlier=_learnt(request))
        _announce(plan, spec, directory, tracker)
        _start_tracker(tracker, plan)
        plan = replace(plan, origin=_origin(request, tracker))
        ledger = occupied.ledger(past)
        if not (directory / "multirun.yaml").exists() or settings.allow_spec_change:
            OmegaConf.save(config, directory / "multirun.yaml")
        lines = LogLines(log, plan.max_trials)
        live = LiveMetrics(tracker, spec.objective.primary_metric, directory)
        turn = occupied.presence(signals).turn
        ports = Ports(launcher=launcher, tracker=live, ledger=ledger, clock=clock, signals=signals, each_turn=turn)
        result = run_sweep(plan, ports, (*observers, ResultFiles(directory, clock), lines))
        if result.best is not None:
            overrides = overrides_of(result.best.parameters)
            task_config = compose_task_config(hydra_context.config_loader, config, overrides)
            write_best(directory, OmegaConf.to_yaml(task_config), overrides)
    show(result.history, directory, hints(result, directory, tracker.how_to_open))
    return result


def _launcher(
    app: HydraApp,
    plan: SweepPlan,
    settings: Settings,
    overrides_of: Callable[[Parameters], Sequence[str]],
    preload: Callable[[], object],
) -> TrialLauncher:
    """Where trials run: as jobs of a cluster, or as processes here."""
    if settings.jobs is Jobs.SLURM:
        from hydra_plugins.hydra_azsweep_sweeper._slurm import SlurmLauncher

        return SlurmLauncher(
            app,
            sweep_dir=settings.directory,
            overrides_of=overrides_of,
            trial_timeout_s=plan.limits.trial_timeout_s,
            grace_s=plan.stop_grace_s,
        )
    if settings.jobs is Jobs.RAY:
        return _ray_launcher(app, settings, overrides_of)
    host = Host(
        slots=plan.slots,
        devices=settings.devices,
        spawn=settings.spawn,
        jobs=settings.jobs is Jobs.LOCAL,
        trial_timeout_s=plan.limits.trial_timeout_s,
        grace_s=plan.stop_grace_s,
    )
    return ProcessLauncher(app, host, sweep_dir=settings.directory, overrides_of=overrides_of, preload=preload)


def _ray_launcher(
    app: HydraApp, settings: Settings, overrides_of: Callable[[Parameters], Sequence[str]]
) -> TrialLauncher:
    """Ray, once it runs and has turned out to have no nodes that could not log."""
    from hydra_plugins.hydra_azsweep_sweeper._ray import RayLauncher

    launcher = RayLauncher(app, sweep_dir=settings.directory, overrides_of=overrides_of, spawn=settings.spawn)
    problems = list(store_problems(settings)) if launcher.leaves_this_host else []
    if problems:
        launcher.close()
        raise SpecError(problems)
    return launcher


def _plan(request: _Request, spec: SweepSpec, slots: int, past: Past | None) -> SweepPlan:
    settings = request.settings
    return SweepPlan(
        spec=to_mapping(spec),
        objective=spec.objective,
        limits=spec.limits,
        sampler=make_sampler(spec.sampling_algorithm, spec.search_space, spec.objective, spec.initial_points),
        policy=spec.early_termination,
        max_trials=spec.max_trials,
        slots=slots,
        stop_grace_s=settings.stop_grace_s,
        poll_interval_s=settings.poll_interval_s,
        past=past,
    )


def _origin(request: _Request, tracker: MlflowTracker | NullTracker) -> Origin:
    """What the ledger is to say of how this sweep was started, and of where its metrics are."""
    return Origin(
        command=kept(request.command),
        working_dir=str(Path.cwd()),
        tracking_uri=without_credentials(tracker.tracking_uri) or None,
        mlflow_run_id=tracker.run_id,
    )


def _learnt(request: _Request) -> tuple[EarlierTrial, ...]:
    """The trials of earlier sweeps that the sampler learns from."""
    warm_start = read_runs(request.warm_start, request.spec)
    _log_notes(warm_start.notes)
    return warm_start.trials


def _announce(plan: SweepPlan, spec: SweepSpec, directory: Path, tracker: MlflowTracker | NullTracker) -> None:
    """Where the sweep is, and what would repeat it."""
    algorithm = spec.sampling_algorithm
    seed = "" if algorithm.type is SamplerType.GRID else f" (seed {algorithm.seed})"
    if plan.past is not None:
        history = plan.past.recorded.history
        done = history.finished - len(history.interrupted)
        log.info("the sweep goes on: %d of %s trials are over", done, plan.max_trials)
    log.info(
        "sweep %s: %s trials, %d at once, %s%s", directory, plan.max_trials, plan.slots, algorithm.type.value, seed
    )
    if isinstance(tracker, MlflowTracker):
        log.info("MLflow: %s", tracker.address)


def _slots(spec: SweepSpec, settings: Settings, config: DictConfig) -> int:
    """How many trials run at once: as the user set it, else one a device, else one a core; a cluster decides itself."""
    if settings.jobs.is_shared:
        most = int(config.hydra.launcher.get("array_parallelism") or _MOST_JOBS)
        return min(most, spec.limits.max_concurrent_trials or spec.max_trials or most)
    return spec.limits.max_concurrent_trials or len(settings.devices) or usable_cores()


def _sweep_name(directory: Path) -> str:
    """Name of the sweep's run in MLflow: Hydra's date and time, or whatever the last two folders are called."""
    return "/".join(directory.parts[-2:])


def _tracker(settings: Settings, spec: SweepSpec, directory: Path, past: Past | None) -> MlflowTracker | NullTracker:
    """Where metrics are: in the store that the user sets, else in the one that the sweep began with."""
    if not settings.use_mlflow:
        return NullTracker()
    began_with = None if past is None or configured_uri() else past.recorded.origin.tracking_uri
    return MlflowTracker(spec.objective, settings.experiment_name, _sweep_name(directory), began_with)


def _start_tracker(tracker: MlflowTracker | NullTracker, plan: SweepPlan) -> None:
    """Open the sweep's run in MLflow, or go on with the one that it has."""
    if plan.past is None:
        tracker.start_sweep(plan.spec)
        return
    recorded = plan.past.recorded
    of_a_trial = next((trial.mlflow_run_id for trial in recorded.history.trials if trial.mlflow_run_id), None)
    tracker.start_sweep(plan.spec, run_id=recorded.origin.mlflow_run_id, trial_run_id=of_a_trial)
