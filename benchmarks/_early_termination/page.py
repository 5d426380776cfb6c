"""The benchmark's page: a table for each number of workers, and the presets task by task. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from statistics import fmean

from benchmarks._early_termination.contenders import OURS, PRESETS, THEIRS, UNTOUCHED
from benchmarks._early_termination.curves import CROSSING, Task
from benchmarks._early_termination.replay import Outcome
from benchmarks._table import table

__all__ = ["Job", "page", "preset"]

_NOTE = (
    "Means over {tasks} tasks and {orders} orders of their {configurations} configurations of up to {epochs} epochs. "
    "Epochs: trained, as a share of what no policy trains. Time: to the end of the last trial, likewise. Regret: (best "
    "value that any trial had reported - best of all configurations) / (median configuration's - best): 0 is the best "
    "configuration, 1 no more than the median one. Kept: sweeps that found the best. The columns with a star are of "
    "{crossing} further tasks, whose curves cross. Ours are judged by the sweep's own loop, which looks every 0.2 mean "
    "epochs; theirs after every epoch, at once. Where nothing else is said, our policies judge from the 5th epoch on. "
    "Everything is virtual time, and the same on every machine. Optuna {optuna}."
)
_BY_TASK = (
    "Regret, and epochs trained, with {workers} workers. Foresight: rank correlation of the configurations' best after "
    "5 epochs with their best of all, over the better half. The last {crossing} cross."
)
_SHOWN = (
    "bandit, slack_factor 0.1",
    "Optuna MedianPruner",
    "Optuna HyperbandPruner",
    "Optuna SuccessiveHalvingPruner, min 1",
)


@dataclass(frozen=True, slots=True)
class Job:
    """One sweep: whose, of which task, with how many workers, in which order."""

    title: str
    task: str
    workers: int
    seed: int


def page(found: Mapping[Job, Outcome], tasks: Sequence[Task]) -> str:
    """Everything, as Markdown."""
    workers = sorted({job.workers for job in found})
    crossing = sum(task.name in CROSSING for task in tasks)
    note = _NOTE.format(
        tasks=len(tasks) - crossing,
        crossing=crossing,
        orders=len({job.seed for job in found}),
        configurations=max(len(task.curves) for task in tasks),
        epochs=max(len(task.curves[0]) for task in tasks),
        optuna=version("optuna"),
    )
    parts = [_comparison(found, count, note if count == workers[0] else "") for count in workers]
    below = _BY_TASK.format(workers=workers[0], crossing=crossing)
    return "\n\n".join([*parts, _by_task(found, tasks, workers[0], below)])


def _comparison(found: Mapping[Job, Outcome], workers: int, note: str) -> str:
    rows = []
    for title in (*OURS, *THEIRS):
        mine = [job for job in found if (job.title, job.workers) == (title, workers)]
        plain = _cells(found, [job for job in mine if job.task not in CROSSING])
        crossing = _cells(found, [job for job in mine if job.task in CROSSING])
        rows.append([title, preset(title), *plain, *crossing])
    names = ("epochs", "time", "regret", "kept")
    columns = ["policy", "preset", *names, *(f"{name}*" for name in names)]
    return table(f"Early termination, {workers} workers", columns, rows, note).rstrip()


def _cells(found: Mapping[Job, Outcome], jobs: Sequence[Job]) -> list[str]:
    outcomes = [found[job] for job in jobs]
    times = [found[job].time_s / found[replace(job, title=UNTOUCHED)].time_s for job in jobs]
    return [
        _percent(fmean(each.epochs for each in outcomes)),
        _percent(fmean(times)),
        f"{fmean(each.regret for each in outcomes):.4f}",
        _percent(fmean(each.regret == 0 for each in outcomes)),
    ]


def _by_task(found: Mapping[Job, Outcome], tasks: Sequence[Task], workers: int, note: str) -> str:
    titles = [*(title for title in OURS if preset(title)), *_SHOWN]
    rows = []
    for task in tasks:
        row = [task.name, f"{task.foresight(5):.2f}"]
        for title in titles:
            outcomes = [each for job, each in found.items() if job == Job(title, task.name, workers, job.seed)]
            epochs, regret = (fmean(getattr(each, name) for each in outcomes) for name in ("epochs", "regret"))
            row.append(f"{regret:.3f} ({_percent(epochs)})")
        rows.append(row)
    columns = ["task", "foresight", *(preset(title) or title for title in titles)]
    return table("By task: regret (epochs)", columns, rows, note)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def preset(title: str) -> str:
    """The preset that has these settings, if one has."""
    return next((name for name, policy in PRESETS.items() if policy == OURS.get(title)), "")
