"""Records a sweep as MLflow runs and reads the trials' metrics back. Never decides anything about the sweep."""

from __future__ import annotations

import importlib
import json
import logging
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azsweep_core._mlflow_artifacts import keep_document, keep_files
from azsweep_core._mlflow_calls import StoreCalls
from azsweep_core._mlflow_names import SWEEP_NAME_CHARACTERS, TAG_CHARACTERS, accepted_name, parameters_tag, shortened
from azsweep_core._mlflow_parent import PARENT_TAG, find_experiment, find_parent, open_children
from azsweep_core._mlflow_store import (
    bounded_requests,
    chosen_uri,
    how_to_open,
    is_bound_to_host,
    is_sql,
    probe_database,
    redacted,
    root_cause,
    unreachable,
)
from azsweep_core._mlflow_writing import best_tags, close_run, write_best, write_end
from azsweep_core._secrets import text_without_secrets
from azsweep_core.errors import AzsweepError
from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.ports import IN_A_CHILD_RUN
from azsweep_core.trial import Measurement, Parameters, Trial, not_held

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["MlflowTracker"]

_LOG = logging.getLogger(__name__)

_PROBE_TIMEOUT_S = 4
_ARTIFACT_PATIENCE_S = 10.0
_READ_AGAIN_EVERY = 10
_RUNS_A_SEARCH = 500


@dataclass(slots=True)
class _Watch:
    """What the last poll saw of a trial: the newest primary metric, and polls since its history was read."""

    latest: tuple[object, ...] | None = None
    polls: int = 0


class MlflowTracker:
    """A parent run for the sweep and a child run a trial; the primary metric is polled from the children.

    Fluent MLflow state of this process is neither used nor changed. While the store is away, reading finds nothing
    and what was to be written waits; a store that is slow to fail is asked less often.

    Args:
        tracking_uri: None for what the user set, else `mlflow.db` here; made absolute now.
        tags: for the sweep's own run, beside ours.
        patience_s: how long `end_sweep` waits for a store that is away; artifacts wait 10 s at most.
    """

    how_to_log = "Log it with mlflow.log_metric, or return it from the task"

    def __init__(
        self,
        objective: Objective,
        experiment_name: str,
        sweep_name: str,
        tracking_uri: str | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self.tracking_uri = chosen_uri(tracking_uri, Path.cwd())
        self.how_to_open = ""
        self._objective = objective
        self._experiment_name = experiment_name
        self._sweep_name = shortened(sweep_name, SWEEP_NAME_CHARACTERS)
        self._tags = tags or {}
        self._patience_s = patience_s
        self._artifact_patience_s = min(patience_s, _ARTIFACT_PATIENCE_S)
        self._client: MlflowClient
        self._experiment_id = ""
        self._parent_id = ""
        self._context: dict[str, str] = {}
        self._best_step = 0
        self._has_ended = False
        self._best_value: float | None = None
        self._open_runs: list[str] = []
        self._watches: dict[int, _Watch] = {}
        self._store = StoreCalls(self.tracking_uri)

    @property
    def run_id(self) -> str | None:
        """The sweep's own run, once the sweep has started."""
        return self._parent_id or None

    @property
    def address(self) -> str:
        """The store, without its password."""
        return redacted(self.tracking_uri)

    @property
    def is_bound_to_host(self) -> bool:
        """True if trials on another machine could not log to this store."""
        return is_bound_to_host(self.tracking_uri)

    def preload(self) -> None:
        """Import what a trial needs to log: trials forked after that save a second each. Opens nothing."""
        store = "mlflow.store.tracking.sqlalchemy_store" if is_sql(self.tracking_uri) else "mlflow"
        importlib.import_module(store)

    def start_sweep(
        self, spec: Mapping[str, Any], *, run_id: str | None = None, trial_run_id: str | None = None
    ) -> None:
        """Connect to the store and open the sweep's own run.

        Args:
            spec: plain data, kept as the run's artifact `sweep_spec.yaml`.
            run_id: the sweep's own run, at an earlier start of this sweep, which then goes on.
            trial_run_id: if that is not known, the run of any of its trials.
        Raises:
            AzsweepError: if the store cannot be reached within seconds, or trials could not log there.
        """
        try:
            with bounded_requests(_PROBE_TIMEOUT_S):
                probe_database(self.tracking_uri)
                self._open(run_id, trial_run_id)
        except AzsweepError:
            raise
        except Exception as error:  # whatever a store, a driver or a plug-in of MLflow raises
            raise AzsweepError(unreachable(self.tracking_uri, root_cause(error))) from error
        self.how_to_open = how_to_open(self.tracking_uri, self._experiment_id, self._parent_id)
        keep_document(self._client, self._parent_id, "sweep_spec.yaml", spec, self._artifact_patience_s)

    def start_trial(
        self, number: int, parameters: Parameters, lost_run_id: str | None = None
    ) -> tuple[str | None, Mapping[str, str]]:
        """Open the trial's run; gives its id and the environment with which the trial's process logs there.

        Args:
            lost_run_id: run of the attempt before, which is then closed.
        Raises:
            StoreUnreachable: if the store is away, so that the trial should start later.
            AzsweepError: if the store refuses.
        """
        name = f"{self._sweep_name.rpartition('/')[2]}_{number}"  # MLflow's tables show a dozen letters
        tags = {
            **self._context,
            PARENT_TAG: self._parent_id,
            "azsweep.trial": str(number),
            "azsweep.params": parameters_tag(parameters),
        }
        run = self._store.ask(lambda: self._client.create_run(self._experiment_id, tags=tags, run_name=name))
        run_id = str(run.info.run_id)
        if lost_run_id is not None:
            why = {"azsweep.reason": "lost; another attempt followed"}
            self._store.write(lambda: close_run(self._client, lost_run_id, "KILLED", why))
        is_secret = self.address != self.tracking_uri
        return run_id, {
            **({"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"} if is_secret else {}),  # else it is in output.log
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "MLFLOW_EXPERIMENT_ID": self._experiment_id,
            "MLFLOW_EXPERIMENT_NAME": self._experiment_name,  # the user's own would contradict the id
            "MLFLOW_RUN_ID": run_id,
        }

    def left_open(self, history: History) -> Sequence[int]:
        """Trials that are over and whose runs do not say so, at an earlier start of this sweep.

        What was opened there for no trial that it wrote down is closed.
        """
        trials = {trial.mlflow_run_id: trial for trial in history.trials}
        for run_id in self._open_runs:
            if run_id not in trials:
                why = {"azsweep.reason": "the sweep was killed"}
                self._store.write(partial(close_run, self._client, run_id, "KILLED", why))
        open_ = [trials[run_id] for run_id in self._open_runs if run_id in trials]
        return [trial.number for trial in open_ if trial.state.is_final]

    def new_measurements(self, trials: Sequence[Trial]) -> Mapping[int, tuple[Measurement, ...]]:
        """Reports of the primary metric that these running trials made and their `measurements` do not hold yet.

        One search for all; then the history of each whose newest value changed, and of every one at least each
        tenth time: a report at an earlier step does not show in the newest value. Empty while the store is away.
        """
        found: dict[int, tuple[Measurement, ...]] = {}
        by_run = {trial.mlflow_run_id: trial for trial in trials if trial.mlflow_run_id is not None}
        try:
            self._store.write_waiting()
            for run in self._search(list(by_run)):
                trial = by_run[run.info.run_id]
                if self._has_news(trial.number, run) and (news := self.final_measurements(trial)):
                    found[trial.number] = news
        except AzsweepError as error:
            _LOG.debug("Metrics are read at a later turn: %s", error)
            self._watches.clear()  # what was seen may not have been read
        return found

    def final_measurements(self, trial: Trial) -> tuple[Measurement, ...]:
        """The same for one trial, from its whole history: for its end.

        Raises:
            StoreUnreachable: if the store is away, so that the trial's end should wait.
            AzsweepError: if the store refuses.
        """
        run_id = trial.mlflow_run_id
        if run_id is None:
            return ()
        logged = self._store.ask(lambda: self._client.get_metric_history(run_id, self._objective.primary_metric))
        found = [
            Measurement(metric.step, _as_logged(metric.value), metric.timestamp / 1000)
            for metric in sorted(logged, key=lambda metric: (metric.timestamp, metric.step))
        ]
        return not_held(found, trial.measurements)

    def metric_names(self, trial: Trial) -> Sequence[str]:
        """Names of all metrics in the trial's run, then of those in child runs, marked as such."""
        run_id = trial.mlflow_run_id
        if run_id is None:
            return ()
        try:
            return self._store.ask(lambda: self._metric_names(run_id))
        except AzsweepError as error:
            _LOG.debug("The names of trial %d's metrics were not read: %s", trial.number, error)
            return ()

    def note_best(self, trial: Trial) -> None:
        """Record that `trial` is the best now: a point in the parent run's chart, and its tags."""
        if trial.value is None or trial.mlflow_run_id is None:
            return
        step, now_ms = self._best_step, int(time.time() * 1000)
        self._best_step, self._best_value = step + 1, trial.value
        write = partial(write_best, self._client, self._parent_id, self._best_metric, trial, step, now_ms)
        self._store.write(write)

    def end_trial(
        self, trial: Trial, returned: Mapping[str, float], reported: Sequence[tuple[str, Measurement]] = ()
    ) -> None:
        """Record the final state of a trial, with the parameters and returned numbers its task did not log itself.

        Args:
            reported: metrics that came another way, which the run has not seen.
        """
        self._watches.pop(trial.number, None)
        if trial.mlflow_run_id is not None:
            name = self._objective.primary_metric
            self._store.write(lambda: write_end(self._client, trial, name, returned, reported))

    def end_sweep(self, best: Trial | None, *, failed: bool, reason: str) -> None:
        """Record the end of the sweep, why, and its best trial; says so if the store stays away for too long."""
        if best is not None and best.value != self._best_value:
            self.note_best(best)  # an earlier start of this sweep could not
        tags = {**best_tags(best), "azsweep.reason": shortened(text_without_secrets(reason), TAG_CHARACTERS)}
        status = "FAILED" if failed else "FINISHED"
        self._has_ended = True
        self._store.write(lambda: close_run(self._client, self._parent_id, status, tags))
        self._store.finish(self._patience_s)

    def give_up(self, reason: str) -> None:
        """Record that the sweep could not go on, if that can be done at once; a later start makes good for it.

        What fails after its end was recorded does not undo that.
        """
        if self._has_ended:
            return
        tags = {"azsweep.reason": redacted(reason)}
        with suppress(AzsweepError):
            self._store.ask(lambda: close_run(self._client, self._parent_id, "FAILED", tags))

    def keep(self, directory: Path, names: Sequence[str]) -> None:
        """Make artifacts of the sweep's run of those of the files in `directory` that exist, within seconds."""
        if not self._store.is_behind:
            keep_files(self._client, self._parent_id, directory, names, self._artifact_patience_s)

    # Opening

    def _open(self, run_id: str | None, trial_run_id: str | None) -> None:
        """Find or make the experiment and the parent run."""
        from mlflow import MlflowClient
        from mlflow.tracking.context.registry import resolve_tags

        self._client = MlflowClient(tracking_uri=self.tracking_uri)
        self._context = {name: str(value) for name, value in resolve_tags().items()}
        if run_id is not None or trial_run_id is not None:
            self._reopen(find_parent(self._client, self.tracking_uri, run_id, trial_run_id or ""))
            return
        self._experiment_id = find_experiment(self._client, self._experiment_name)
        goal = {"name": self._objective.primary_metric, "goal": self._objective.goal.value}
        tags = {**self._tags, **self._context, "primary_metric_config": json.dumps(goal)}
        run = self._client.create_run(self._experiment_id, tags=tags, run_name=self._sweep_name)
        self._parent_id = str(run.info.run_id)

    def _reopen(self, parent: Run) -> None:
        """Go on with the parent run of an earlier start."""
        self._parent_id = str(parent.info.run_id)
        self._experiment_id = parent.info.experiment_id
        self._experiment_name = self._client.get_experiment(self._experiment_id).name
        points = self._client.get_metric_history(self._parent_id, self._best_metric)
        newest = max(points, key=lambda point: int(point.step), default=None)
        if newest is not None:
            self._best_step, self._best_value = newest.step + 1, _as_logged(newest.value)
        self._client.update_run(self._parent_id, status="RUNNING")
        if "azsweep.reason" in parent.data.tags:
            self._client.delete_tag(self._parent_id, "azsweep.reason")
        self._open_runs = open_children(self._client, parent)

    # Reading

    def _search(self, run_ids: list[str]) -> Iterator[Run]:
        """These runs as they are now."""
        for first in range(0, len(run_ids), _RUNS_A_SEARCH):
            some = run_ids[first : first + _RUNS_A_SEARCH]
            wanted = f"attributes.run_id IN ({', '.join(repr(run_id) for run_id in some)})"
            search = partial(self._client.search_runs, [self._experiment_id], wanted, max_results=len(some))
            yield from self._store.ask(search)

    def _has_news(self, number: int, run: Run) -> bool:
        """True if the trial's history is worth reading now."""
        name = self._objective.primary_metric
        if name not in run.data.metrics:
            return False
        newest = next(metric for metric in run.data.to_proto().metrics if metric.key == name)
        latest = (newest.step, newest.timestamp, repr(newest.value))
        watch = self._watches.setdefault(number, _Watch())
        watch.polls += 1
        if latest == watch.latest and watch.polls < _READ_AGAIN_EVERY:
            return False
        watch.latest, watch.polls = latest, 0
        return True

    def _metric_names(self, run_id: str) -> list[str]:
        """Child runs may be in any experiment: loggers of training frameworks open their own."""
        own = sorted(self._client.get_run(run_id).data.metrics)
        experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
        children = self._client.search_runs(experiments, f"tags.`{PARENT_TAG}` = '{run_id}'")
        nested = {name for child in children for name in child.data.metrics}
        return own + [f"{name}{IN_A_CHILD_RUN}" for name in sorted(nested)]

    @property
    def _best_metric(self) -> str:
        return accepted_name(f"best_{self._objective.primary_metric}")


def _as_logged(value: float) -> float:
    """SQL stores give an infinity back as the largest number."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else float(value)
