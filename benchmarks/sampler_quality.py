"""Sampler quality: how low our samplers and others' come in 100 trials, on tables and functions. Prints one page."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path

from benchmarks._sampler_quality.contenders import CONTENDERS
from benchmarks._sampler_quality.page import page
from benchmarks._sampler_quality.runs import MODES, SETS, Job, Run, append, load, measure, rewrite
from benchmarks._sampler_quality.tables import TABLES, tables_directory
from benchmarks._sweeps import say

_RESULTS = Path(__file__).parent / "results" / "sampler_quality.csv"
_TASKS = tuple(task for tasks in SETS.values() for task in tasks)


def main() -> None:
    options = _options()
    usual = [name for name, contender in CONTENDERS.items() if contender.by_default]
    tasks = options.tasks or (["branin", "noisy_mixed6"] if options.quick else _TASKS)
    contenders = options.contenders or (["random", "sobol", "tpe"] if options.quick else usual)
    seeds = range(options.seeds or (2 if options.quick else 20))
    trials = 20 if options.quick else 100
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "runs.csv") if options.quick else _RESULTS
        found = load(path)
        if options.again:
            found = {job: run for job, run in found.items() if job.contender not in contenders or job.task not in tasks}
            rewrite(path, found.values())
        # Seed by seed: whenever it is stopped, what there is can be compared.
        wanted = (Job(who, mode, task, seed) for seed, who, mode, task in product(seeds, contenders, MODES, tasks))
        missing = [] if options.report else [job for job in wanted if job not in found]
        for number, run in enumerate(_measured(missing, trials, options.workers), 1):
            append(path, run)
            found[run.job] = run
            if number % 200 == 0 or number == len(missing):
                say(f"{number} of {len(missing)} runs")
        if missing:
            rewrite(path, found.values())
    print(page([run for run in found.values() if run.job.contender in contenders]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two tasks, ours alone, to see that everything runs")
    parser.add_argument("--seeds", type=int, help="seeds from 0, for each task, mode and contender (20)")
    parser.add_argument("--tasks", type=_names(_TASKS), help="only these, with commas between them")
    parser.add_argument("--contenders", type=_names(CONTENDERS), help=f"only these: {','.join(CONTENDERS)}")
    parser.add_argument("--workers", type=int, default=1, help="processes at once (1)")
    parser.add_argument("--again", action="store_true", help="measure them again, although the file has them")
    parser.add_argument("--report", action="store_true", help="measure nothing: the page of what the file has")
    return parser.parse_args()


def _names(known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads names with commas between them; refuses what is not known."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return names

    return read


def _measured(jobs: Sequence[Job], trials: int, workers: int) -> Iterator[Run]:
    """The runs in the order in which they are done."""
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # for the processes that are started here
    if any(job.task in TABLES for job in jobs):
        tables_directory()
    for name in dict.fromkeys(job.contender for job in jobs):
        CONTENDERS[name].prepare()
    if not jobs:
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process is left behind
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        for done in as_completed([pool.submit(measure, job, trials) for job in jobs]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    main()
