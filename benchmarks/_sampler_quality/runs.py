"""One run of one contender on one task, and the file that keeps what runs gave."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks._sampler_quality.contenders import CONTENDERS
from benchmarks._sampler_quality.drivers import asynchronous, batches, incumbent_regrets
from benchmarks._sampler_quality.expression_tasks import EXPRESSIONS
from benchmarks._sampler_quality.plain_tasks import FUNCTIONS, KEPT_APART
from benchmarks._sampler_quality.tables import TABLES, table_task
from benchmarks._sampler_quality.task import Task

__all__ = ["MODES", "SETS", "Job", "Run", "append", "load", "measure", "rewrite"]

SETS: Mapping[str, tuple[str, ...]] = {
    "tables and functions": (*TABLES, *FUNCTIONS),
    "kept apart": tuple(KEPT_APART),
    "log, normal and conditional parameters": tuple(EXPRESSIONS),
}
"""Tasks by what they are for."""

MODES: Mapping[str, int] = {"sequential": 1, "8 in flight": 8}
"""How many trials run at once."""

_MAKERS: Mapping[str, Callable[[], Task]] = {**FUNCTIONS, **KEPT_APART, **EXPRESSIONS}
_COLUMNS = ("contender", "slots", "task", "seed", "trials", "cpu_ms_per_trial", "regrets")
_MODES = {str(slots): mode for mode, slots in MODES.items()}


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """What a run is of."""

    contender: str
    mode: str
    task: str
    seed: int


@dataclass(frozen=True, slots=True)
class Run:
    """What it gave.

    Args:
        cpu_ms: CPU milliseconds of the sampler for a trial's ask and tell, the mean.
        regrets: of the incumbent after each trial.
    """

    job: Job
    cpu_ms: float
    regrets: tuple[float, ...]

    def trials_to(self, regret: float) -> int:
        """How many trials it took to come so low; one more than there were, if it never did."""
        return next((at for at, each in enumerate(self.regrets, 1) if each <= regret), len(self.regrets) + 1)


@cache
def task(name: str) -> Task:
    return table_task(name) if name in TABLES else _MAKERS[name]()


def measure(job: Job, trials: int) -> Run:
    """Run it, in this process and maybe a peer's."""
    contender, slots, problem = CONTENDERS[job.contender], MODES[job.mode], task(job.task)
    asker = contender.start(problem.space, job.seed)
    drive = batches if contender.in_batches else asynchronous
    outcomes = list(drive(problem, asker, job.seed, trials, slots))
    return _rounded(Run(job, asker.cpu_s * 1000 / len(outcomes), tuple(incumbent_regrets(problem, outcomes))))


def _rounded(run: Run) -> Run:
    """As the file keeps it, so that a table is the same whether its runs were read or just made."""
    return _parse(dict(zip(_COLUMNS, _row(run), strict=True)))


def load(path: Path) -> dict[Job, Run]:
    """Every run in the file; none if there is no file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        runs = map(_parse, csv.DictReader(file))
        return {run.job: run for run in runs}


def append(path: Path, run: Run) -> None:
    """Add a run to the file, which begins with the names of its columns."""
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(_COLUMNS)
        writer.writerow(_row(run))


def rewrite(path: Path, runs: Iterable[Run]) -> None:
    """Make the file hold these runs, in their order, and no others."""
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    for run in sorted(runs, key=lambda each: each.job):
        append(temporary, run)
    if temporary.exists():
        temporary.replace(path)
    else:
        path.unlink(missing_ok=True)


def _row(run: Run) -> list[str]:
    """Regrets to three digits, and only where the incumbent changed: `1:.81 4:.302`."""
    digits = [f"{regret:.3g}".removeprefix("0") or "0" for regret in run.regrets]
    changes = [
        f"{at}:{now}" for at, (before, now) in enumerate(zip(["", *digits], digits, strict=False), 1) if now != before
    ]
    job = run.job
    what = [job.contender, str(MODES[job.mode]), job.task, str(job.seed)]
    return [*what, str(len(digits)), f"{run.cpu_ms:.2f}", " ".join(changes)]


def _parse(row: Mapping[str, str]) -> Run:
    regrets: list[float] = []
    changes = [change.split(":") for change in row["regrets"].split()]
    ends = [int(at) - 1 for at, _ in changes[1:]] + [int(row["trials"])]
    for (_, regret), end in zip(changes, ends, strict=True):
        regrets += [float(regret)] * (end - len(regrets))
    job = Job(row["contender"], _MODES[row["slots"]], row["task"], int(row["seed"]))
    return Run(job, float(row["cpu_ms_per_trial"]), tuple(regrets))
