"""One sweep from Hydra's side: reads and judges everything, builds the parts, runs the loop, shows the result."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.events import Ending, EndingKind
from azsweep_core.live_metrics import LiveMetrics
from azsweep_core.lock import SweepLock, current_holder
from azsweep_core.ports import TrialLauncher
from azsweep_core.report import RESULTS, HtmlReport, Outlook, ResultFiles, open_console, report_line, write_best
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType
from azsweep_core.signals import StopSignals
from azsweep_core.spec import SweepSpec, to_mapping
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Observer, Origin, Past, Ports, SweepPlan, SweepResult, SystemClock
from azsweep_core.tracking import (
    MlflowTracker,
    NullTracker,
    configured_uri,
    job_name,
    job_tags,
    without_credentials,
)
from azsweep_core.trial import Parameters
from hydra_plugins.hydra_azsweep_sweeper._app import HydraApp, log_to_own_run, no_preparation
from hydra_plugins.hydra_azsweep_sweeper._check import compose_task_config
from hydra_plugins.hydra_azsweep_sweeper._command_line import kept
from hydra_plugins.hydra_azsweep_sweeper._compose import TrialConfigLoader
from hydra_plugins.hydra_azsweep_sweeper._compute import Compute, on_compute
from hydra_plugins.hydra_azsweep_sweeper._detach import Background, submit
from hydra_plugins.hydra_azsweep_sweeper._dry_run import dry_run, with_surroundings
from hydra_plugins.hydra_azsweep_sweeper._export import export
from hydra_plugins.hydra_azsweep_sweeper._launcher import Host, ProcessLauncher
from hydra_plugins.hydra_azsweep_sweeper._occupied import Occupied
from hydra_plugins.hydra_azsweep_sweeper._overrides import trial_overrides
from hydra_plugins.hydra_azsweep_sweeper._request import Request, learnt, log_notes, read_request, slots_of
from hydra_plugins.hydra_azsweep_sweeper._result import hints, show, why_without_result
from hydra_plugins.hydra_azsweep_sweeper._resume import is_done
from hydra_plugins.hydra_azsweep_sweeper._settings import Jobs, Settings, store_problems

__all__ = ["run"]

log = logging.getLogger("azsweep")


def run(
    hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: Sequence[str]
) -> SweepResult:
    """Run the sweep, go on with the unfinished one that `hydra.sweep.dir` holds, or show the result of a finished one.

    Raises:
        CompactHydraException: for everything a user can mend, in words; and if the sweep has no result.
        SystemExit: with 130 if the user stopped it; with 0 if it goes on in the background, or was exported only.
    """
    compute = on_compute(hydra_context.config_loader, config)
    config = compute.config
    loader = TrialConfigLoader(hydra_context.config_loader)  # what is composed to check, trials need not compose again
    hydra_context = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
    try:
        request = _read(compute, hydra_context, task_function, arguments)
        log_notes(compute.notes)
        if request.settings.dry_run is not None:
            dry_run(request, _app(hydra_context, task_function, config, request.settings), _run_name(request))
            raise SystemExit(0)
        if request.settings.export is not None:
            export(request, loader, config)
            raise SystemExit(0)
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


def _read(
    compute: Compute, hydra_context: HydraContext, task_function: TaskFunction, arguments: Sequence[str]
) -> Request:
    """What the user asked for.

    Raises:
        AzsweepError: with all problems; in a dry run also with those around the sweep.
    """
    config = compute.config
    try:
        return compute.judged_with(lambda: read_request(hydra_context.config_loader, task_function, config, arguments))
    except SpecError as error:
        raise with_surroundings(error, _app(hydra_context, task_function, config, None)) from None


def _app(
    hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, settings: Settings | None
) -> HydraApp:
    return HydraApp(
        context=hydra_context,
        task_function=task_function,
        config=config,
        prepare=log_to_own_run if settings is not None and settings.use_mlflow else no_preparation,
    )


def _finished(request: Request) -> SweepResult | None:
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
    if request.settings.console != "none":
        show(history, request.settings.directory)
    return SweepResult(history, Ending(EndingKind.FINISHED, reason))


def _leave_the_terminal(request: Request) -> list[Observer]:
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
    request: Request,
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
    observers: Sequence[Observer],
) -> SweepResult:
    settings, clock = request.settings, SystemClock()
    directory = settings.directory
    spec = replace(request.spec, sampling_algorithm=request.spec.sampling_algorithm.with_seed())
    overrides_of = functools.partial(trial_overrides, fixed=request.fixed)
    app = _app(hydra_context, task_function, config, settings)
    with StopSignals() as signals, Occupied(directory, break_lock=settings.break_lock) as occupied:
        past = None if request.recorded is None else occupied.resume(request.recorded)
        if request.hooks is not None:
            task_config = compose_task_config(hydra_context.config_loader, config, request.fixed)
            request.hooks.prepare(task_config, directory, request.job)
        tracker = _tracker(request, spec, past)
        plan = _plan(request, spec, slots_of(spec, settings, config), past)
        # In this order: nothing is forked once MLflow has threads, and nothing is written before it has answered.
        preload = (
            tracker.preload if request.hooks is None else no_preparation
        )  # a command has an interpreter of its own
        launcher = _launcher(app, plan, settings, overrides_of, preload)
        occupied.callback(launcher.close)
        outlook = Outlook(max_trials=plan.max_trials, timeout_s=plan.limits.timeout_s, slots=plan.slots)
        console = occupied.enter(open_console(settings.console, log, outlook, clock))
        plan = replace(plan, earlier=learnt(request))
        _announce(plan, spec, directory)
        _start_tracker(tracker, plan)
        _say_where(tracker, directory)
        occupied.on_fault(tracker.give_up)
        plan = replace(plan, origin=_origin(request, tracker))
        ledger = occupied.ledger(past)
        if not (directory / "multirun.yaml").exists() or settings.allow_spec_change:
            OmegaConf.save(config, directory / "multirun.yaml")
        live = LiveMetrics(tracker, spec.objective.primary_metric, directory)
        presence, report = occupied.presence(signals), HtmlReport(directory, clock)

        def turn() -> None:
            presence.turn()
            report.turn()
            console.turn()

        ports = Ports(launcher=launcher, tracker=live, ledger=ledger, clock=clock, signals=signals, each_turn=turn)
        result = run_sweep(plan, ports, (*observers, ResultFiles(directory, clock), report, console))
        if result.best is not None:
            overrides = overrides_of(result.best.parameters)
            task_config = compose_task_config(hydra_context.config_loader, config, overrides)
            write_best(directory, OmegaConf.to_yaml(task_config), overrides)
        tracker.keep(directory, RESULTS)
    if settings.console != "none":
        show(result.history, directory, hints(result, directory, tracker.how_to_open, request.hooks))
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


def _plan(request: Request, spec: SweepSpec, slots: int, past: Past | None) -> SweepPlan:
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


def _origin(request: Request, tracker: MlflowTracker | NullTracker) -> Origin:
    """What the ledger is to say of how this sweep was started, and of where its metrics are."""
    return Origin(
        command=kept(request.command),
        working_dir=str(Path.cwd()),
        tracking_uri=without_credentials(tracker.tracking_uri) or None,
        mlflow_run_id=tracker.run_id,
    )


def _announce(plan: SweepPlan, spec: SweepSpec, directory: Path) -> None:
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


def _say_where(tracker: MlflowTracker | NullTracker, directory: Path) -> None:
    """Where the sweep can be watched, besides here."""
    if isinstance(tracker, MlflowTracker):
        log.info("MLflow: %s", tracker.how_to_open or tracker.address)
    log.info("%s", report_line(directory))


def _job_of(request: Request) -> Mapping[str, Any]:
    return {} if request.job.job is None else request.job.job.raw


def _run_name(request: Request) -> str:
    """Name of the sweep's run in MLflow: the job's, else Hydra's date and time, or whatever is in their place."""
    return job_name(_job_of(request)) or "/".join(request.settings.directory.parts[-2:])


def _tracker(request: Request, spec: SweepSpec, past: Past | None) -> MlflowTracker | NullTracker:
    """Where metrics are: in the store that the user sets, else in the one that the sweep began with."""
    if not request.settings.use_mlflow:
        return NullTracker()
    began_with = None if past is None or configured_uri() else past.recorded.origin.tracking_uri
    tags = job_tags(_job_of(request))
    name = _run_name(request)
    return MlflowTracker(spec.objective, request.settings.experiment_name, name, began_with, tags=tags)


def _start_tracker(tracker: MlflowTracker | NullTracker, plan: SweepPlan) -> None:
    """Open the sweep's run in MLflow, or go on with the one that it has."""
    if plan.past is None:
        tracker.start_sweep(plan.spec)
        return
    recorded = plan.past.recorded
    of_a_trial = next((trial.mlflow_run_id for trial in recorded.history.trials if trial.mlflow_run_id), None)
    tracker.start_sweep(plan.spec, run_id=recorded.origin.mlflow_run_id, trial_run_id=of_a_trial)
