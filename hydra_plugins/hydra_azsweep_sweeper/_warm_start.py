"""Finds the earlier sweeps that the user named, in directories and in MLflow; what fits is decided elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from azsweep_core.errors import AzsweepError, Problem, SpecError
from azsweep_core.ledger import read_ledger
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.spec import SweepSpec
from azsweep_core.tracking import chosen_uri, read_parent_run
from azsweep_core.trial import EarlierTrial
from azsweep_core.warm_start import EarlierSweep, head_start, sweep_of_events
from hydra_plugins.hydra_azsweep_sweeper._settings import Settings

__all__ = ["WarmStart", "no_effect", "read_runs", "read_warm_start"]

_RUN_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LEDGER = "sweep.jsonl"


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What the sweep can learn from others.

    Args:
        trials: those found so far.
        notes: lines for the log.
        runs: MLflow runs that were not read yet.
    """

    trials: tuple[EarlierTrial, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    runs: tuple[str, ...] = ()


def no_effect(settings: Settings, algorithm: SamplingAlgorithm) -> Iterator[Problem]:
    """The warning if nobody will learn from the earlier sweeps; they are not even looked for."""
    if settings.warm_start and algorithm.type is not SamplerType.BAYESIAN:
        rule = "only bayesian sampling learns from earlier trials"
        yield Problem("warm_start", rule, algorithm.type.value, "It has no effect here.")


def read_warm_start(settings: Settings, spec: SweepSpec | None, *, legal: bool, doomed: bool) -> WarmStart:
    """What the directories hold. MLflow is asked later, by `read_runs`, unless the sweep will not start anyway.

    Args:
        legal: the spec can be run, so that one can say what fits.
        doomed: there are problems that keep the sweep from starting, so that nothing will be forked.
    """
    if not _may_learn(settings.spec.get("sampling_algorithm", "random")):
        return WarmStart()
    judged = spec if legal else None
    runs = tuple(name for name in settings.warm_start if _RUN_ID.fullmatch(name))
    directories = [name for name in settings.warm_start if name not in runs]
    found = _gather(directories, judged)
    found = replace(found, problems=(*found.problems, *_repeated(directories)))
    if runs and not settings.use_mlflow:
        fix = "Name the earlier sweep's directory instead."
        wrong = [Problem("warm_start", "needs tracking: mlflow to find an MLflow run", run, fix) for run in runs]
        return replace(found, problems=(*found.problems, *wrong))
    if doomed or found.problems:
        with suppress(AzsweepError):  # a store that is away is told of when nothing else is wrong
            found = replace(found, problems=(*found.problems, *_gather(runs, judged).problems))
        return found
    return replace(found, runs=runs)


def read_runs(warm_start: WarmStart, spec: SweepSpec) -> WarmStart:
    """The same with what MLflow has, to be asked once nothing is forked any more.

    Raises:
        SpecError: with what is wrong with the runs.
        AzsweepError: if the store cannot be reached.
    """
    found = _gather(warm_start.runs, spec)
    if found.problems:
        raise SpecError(found.problems)
    return replace(found, trials=(*warm_start.trials, *found.trials))


def _may_learn(algorithm: object) -> bool:
    """True for bayesian, and for what cannot be read and may have been meant as that."""
    try:
        return SamplingAlgorithm.read(algorithm).type is SamplerType.BAYESIAN
    except SpecError:
        return True


def _repeated(directories: Sequence[str]) -> Iterator[Problem]:
    """What is one directory, written in two ways: its trials would count twice."""
    seen: set[Path] = set()
    for name in directories:
        directory = Path(name).resolve()
        if directory in seen:
            yield Problem("warm_start", "may name an earlier sweep once", name)
        seen.add(directory)


def _gather(names: Sequence[str], spec: SweepSpec | None) -> WarmStart:
    """What these sweeps have for a sweep of this spec; None is one of which not enough is known."""
    trials: list[EarlierTrial] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for name in names:
        try:
            sweep = _from_mlflow(name) if _RUN_ID.fullmatch(name) else _from_directory(name)
        except SpecError as error:
            problems += error.problems
            continue
        if spec is not None:
            head = head_start(sweep, spec.search_space, spec.objective)
            trials += head.trials
            notes.append(head.note)
            problems += [] if head.problem is None else [head.problem]
    return WarmStart(tuple(trials), tuple(notes), tuple(problems))


def _from_mlflow(run_id: str) -> EarlierSweep:
    return read_parent_run(chosen_uri(None, Path.cwd()), run_id)


def _from_directory(name: str) -> EarlierSweep:
    """The sweep in a directory; a relative one is relative to where the command was started."""
    directory = Path(name).absolute()
    try:
        return sweep_of_events(str(directory), list(read_ledger(directory / _LEDGER)))
    except (FileNotFoundError, NotADirectoryError):
        problem = Problem(
            "warm_start", f"must name directories of sweeps, which hold a {_LEDGER}", name, _hint(directory)
        )
    except OSError as error:
        problem = Problem("warm_start", f"must name directories that can be read ({error.strerror or error})", name)
    except (AzsweepError, ValueError) as error:
        problem = Problem(
            "warm_start", f"the ledger of an earlier sweep must be whole ({str(error).rstrip('.')})", name
        )
    raise SpecError([problem])


def _hint(directory: Path) -> str | None:
    """The newest sweep below a directory that holds sweeps itself; or the sweep of which it is a part."""
    for parent in directory.parents:
        if (parent / _LEDGER).is_file():
            return f"Did you mean {parent}?"
    below = [found.parent for depth in ("*", "*/*") for found in directory.glob(f"{depth}/{_LEDGER}")]
    return f"Did you mean {max(below)}?" if below else None
