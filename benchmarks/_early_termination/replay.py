"""Sweeps over recorded curves in virtual time: ours by the loop itself, Optuna's pruners by workers just like it."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import TrialState

from azsweep_core.early_termination import read_policy
from azsweep_core.history import History
from azsweep_core.ledger import Ledger
from azsweep_core.limits import Limits
from azsweep_core.objective import Objective
from azsweep_core.ports import Launch
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import read_space
from azsweep_core.signals import StopSignals
from azsweep_core.sweep import run_sweep
from azsweep_core.sweep_plan import Ports, SweepPlan
from azsweep_core.testing.simulation import FakeClock, FakeLauncher, FakeTracker, Script
from benchmarks._early_termination.curves import Task

__all__ = ["Outcome", "order", "ours", "theirs"]

_LOOKS_EVERY_S = 0.2
"""How often our loop looks at the metrics, where an epoch takes a second on average."""
_KEY = "configuration"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sweep came to.

    Args:
        epochs: trained in all, as a share of those that all configurations have; what was begun counts.
        regret: of the best value that any trial had reported (`Task.regret`).
        time_s: virtual seconds from the start to the end of the last trial.
    """

    epochs: float
    regret: float
    time_s: float


def order(task: Task, seed: int) -> list[int]:
    """The configurations in the order in which both are given them: that of our random sampler."""
    sampler, history = _sampler(task, seed), History(_objective(task))
    points = (sampler.ask(number, history) for number in range(len(task.curves)))
    return [point[_KEY] for point in points if point is not None]


def ours(task: Task, seed: int, workers: int, policy: Mapping[str, Any] | None) -> Outcome:
    """A sweep by our own loop: sampler, scheduler, policy and ledger are real, trials and metrics follow the curves."""
    clock, scripts = FakeClock(), _scripts(task)

    def script(launch: Launch) -> Script:
        return scripts[launch.parameters[_KEY]]

    launcher = FakeLauncher(clock, script)
    plan = SweepPlan(
        spec={},
        objective=_objective(task),
        limits=Limits(),
        sampler=_sampler(task, seed),
        policy=None if policy is None else read_policy(policy),
        max_trials=len(scripts),
        slots=workers,
        poll_interval_s=_LOOKS_EVERY_S,
    )
    with (
        tempfile.TemporaryDirectory(prefix="azsweep-curves-", dir=_memory()) as directory,
        closing(Ledger(Path(directory, "sweep.jsonl"))) as ledger,
    ):
        signals = StopSignals()  # not listening: who stops the benchmark wants no figures of half a sweep
        tracker = FakeTracker(clock, launcher, script)
        ports = Ports(launcher=launcher, tracker=tracker, ledger=ledger, clock=clock, signals=signals)
        history = run_sweep(plan, ports).history
    epochs = sum((trial.duration_s or 0.0) / task.seconds[trial.parameters[_KEY]] for trial in history.trials)
    return _outcome(task, epochs, None if history.best is None else history.best.value, clock.now())


def theirs(task: Task, seed: int, workers: int, pruner: optuna.pruners.BasePruner) -> Outcome:
    """The same sweep with Optuna, which is asked after every epoch, at once."""
    objective = _objective(task)
    study = optuna.create_study(
        study_name=f"{task.name}-{seed}",  # Hyperband makes a trial's bracket of it
        direction=task.goal.value,
        sampler=optuna.samplers.RandomSampler(seed=seed),
        pruner=pruner,
    )
    waiting = iter(order(task, seed))
    agenda: list[_Due] = []
    best: float | None = None
    epochs = 0
    now_s = 0.0
    while True:
        for configuration in islice(waiting, workers - len(agenda)):
            trial = study.ask()
            heapq.heappush(agenda, _Due(now_s + task.seconds[configuration], trial.number, 1, configuration, trial))
        if not agenda:
            break
        due = heapq.heappop(agenda)
        now_s, epochs = due.time_s, epochs + 1
        curve = task.curves[due.configuration]
        value = curve[due.epoch - 1]
        due.trial.report(value, due.epoch)
        best = value if objective.is_better(value, best) else best
        if due.epoch == len(curve):
            study.tell(due.trial, value)
        elif due.trial.should_prune():
            study.tell(due.trial, state=TrialState.PRUNED)
        else:
            later_s = now_s + task.seconds[due.configuration]
            heapq.heappush(agenda, due._replace(time_s=later_s, epoch=due.epoch + 1))
    return _outcome(task, epochs, best, now_s)


class _Due(NamedTuple):
    """That a trial of Optuna's reports after so many epochs; the number decides between equal times."""

    time_s: float
    number: int
    epoch: int
    configuration: int
    trial: optuna.Trial


def _outcome(task: Task, epochs: float, best: float | None, time_s: float) -> Outcome:
    assert best is not None
    return Outcome(epochs / sum(map(len, task.curves)), task.regret(best), time_s)


def _objective(task: Task) -> Objective:
    return Objective("metric", task.goal)


def _sampler(task: Task, seed: int) -> Sampler:
    """Random without repetition, for the space is finite."""
    space = read_space({_KEY: {"type": "choice", "values": list(range(len(task.curves)))}})
    return make_sampler(SamplingAlgorithm(SamplerType.RANDOM, seed=seed), space, _objective(task))


def _scripts(task: Task) -> list[Script]:
    return [
        Script(
            duration_s=len(curve) * epoch_s,
            curve=[((index + 1) * epoch_s, value) for index, value in enumerate(curve)],
        )
        for curve, epoch_s in zip(task.curves, task.seconds, strict=True)
    ]


def _memory() -> Path | None:
    """A file system in memory, if there is one: nobody waits for a disk."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None
