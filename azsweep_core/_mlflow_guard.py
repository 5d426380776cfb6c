"""Keeps what a task does with MLflow inside its trial's run, from within the trial's process. Never imports mlflow.

MLflow does most of it itself: the first `start_run()` resumes the run that MLFLOW_RUN_ID names. The rest is rerouted
here: another experiment, another store, and further runs, which become children of the trial's run.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from azsweep_core._mlflow_store import is_same_store, redacted
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["install"]

_LOG = logging.getLogger(__name__)
_PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True)
class _TrialRun:
    """Where this process logs."""

    tracking_uri: str
    experiment_id: str
    run_id: str


_bound: list[_TrialRun] = []
"""The one run this process logs to; MLflow's state is one a process, and so is this."""

_mlflows_own: dict[str, FunctionType] = {}
"""MLflow's functions as they were."""


def install(tracking_uri: str, experiment_id: str, run_id: str) -> None:
    """Bind this process to the trial's run. Call it before the task; a later call binds it to another run.

    What the process inherited (a store, an experiment or a run that the app chose when it was imported) gives way.
    """
    os.environ["MLFLOW_TRACKING_URI"] = tracking_uri
    os.environ["MLFLOW_EXPERIMENT_ID"] = experiment_id
    os.environ["MLFLOW_RUN_ID"] = run_id
    is_first = not _bound
    _bound[:] = [_TrialRun(tracking_uri, experiment_id, run_id)]
    if "mlflow" in sys.modules:
        _take_over(sys.modules["mlflow"])
    elif is_first:
        sys.meta_path.insert(0, _AfterImport())


class _AfterImport(importlib.abc.MetaPathFinder):
    """Reroutes mlflow as soon as the task has imported it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The real spec of mlflow, with a loader that calls us once it is done."""
        if fullname != "mlflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module
                execute(module)
                _take_over(module)

            loader.exec_module = exec_module
        return spec


def _take_over(mlflow: Any) -> None:
    """Make the trial's store, experiment and run the current ones, whatever was current before."""
    if not _mlflows_own:
        _reroute(mlflow)
    run = _bound[-1]
    _forget_connections()
    while (active := mlflow.active_run()) is not None and active.info.run_id != run.run_id:
        mlflow.end_run()
        os.environ["MLFLOW_RUN_ID"] = run.run_id
    if active is not None:  # resumed already: the next one is to be a child
        os.environ.pop("MLFLOW_RUN_ID", None)
    _mlflows_own["set_tracking_uri"](run.tracking_uri)
    mlflow.tracking.fluent._active_experiment_id = run.experiment_id  # noqa: SLF001 - the public way asks the store


def _forget_connections() -> None:
    """Database connections must not be used on both sides of a fork; here they are dropped, not closed."""
    stores: Any = sys.modules.get("mlflow.store.tracking.sqlalchemy_store")
    if stores is not None:
        for engine in getattr(stores.SqlAlchemyStore, "_engine_map", {}).values():
            engine.dispose(close=False)


def _reroute(mlflow: Any) -> None:
    """Put our functions between the task and MLflow's."""
    _mlflows_own["set_tracking_uri"] = _replace(mlflow.set_tracking_uri, _set_tracking_uri)
    _mlflows_own["set_experiment"] = _replace(mlflow.set_experiment, _set_experiment)
    create_run = mlflow.MlflowClient.create_run

    @functools.wraps(create_run)
    def create_child(
        self: Any,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Any:
        if self.tracking_uri == _bound[-1].tracking_uri:
            tags = {_PARENT_TAG: _bound[-1].run_id, **(tags or {})}
        return create_run(self, experiment_id, start_time, tags, run_name)

    mlflow.MlflowClient.create_run = create_child


def _replace(function: FunctionType, ours: Callable[..., Any]) -> FunctionType:
    """Make `function` call ours, in place: another module may hold it by name. Gives what it was."""
    original = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    original.__kwdefaults__ = function.__kwdefaults__
    function.__code__ = _detour.__code__
    function.__defaults__ = None
    function.__kwdefaults__ = {"_to": ours}
    return original


def _detour(*given: Any, _to: Callable[..., Any], **named: Any) -> Any:
    return _to(*given, **named)


def _set_tracking_uri(uri: str | Path | None = None) -> None:
    """`mlflow.set_tracking_uri`: accepted if it changes nothing."""
    text = uri.absolute().as_uri() if isinstance(uri, Path) else uri
    store = _bound[-1].tracking_uri
    if text and not is_same_store(text, store, Path.cwd()):
        rule = f"a trial must log to the store of its sweep, {redacted(store)}"
        fix = "Set MLFLOW_TRACKING_URI to your store before the sweep starts, or take the call out of the task."
        raise AzsweepError(str(Problem("mlflow.set_tracking_uri", rule, redacted(text), fix)))


def _set_experiment(experiment_name: str | None = None, experiment_id: str | None = None, **named: Any) -> Any:
    """`mlflow.set_experiment`: always the trial's own, with a warning if another was meant."""
    own: Any = _mlflows_own["set_experiment"](experiment_id=_bound[-1].experiment_id, **named)
    wanted = experiment_name if experiment_id is None else experiment_id
    if wanted not in (own.name, own.experiment_id):
        _warn_of_experiment(wanted, own.name)
    return own


@functools.cache
def _warn_of_experiment(wanted: str | None, own: str) -> None:
    """Once for each name."""
    _LOG.warning(
        "mlflow.set_experiment(%r) has no effect in a trial: its run belongs to the sweep's experiment %r. "
        "Set experiment_name of the sweep to change that.",
        wanted,
        own,
    )
