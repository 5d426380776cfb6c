"""Decides which trials of an earlier sweep a new one learns from, and says why not from the others; reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from azsweep_core._values import shown
from azsweep_core.errors import Problem
from azsweep_core.events import Event
from azsweep_core.objective import Objective
from azsweep_core.replay import history_of
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import EarlierTrial, Parameters, Trial

__all__ = ["EarlierSweep", "HeadStart", "head_start", "sweep_of_events"]

_MOST_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierSweep:
    """What is left of an earlier sweep.

    Args:
        source: its directory, or its run in MLflow.
        trials: those that are over and have a value, by number, with the keys of then.
        without_value: how many are over and have none.
        unfinished: how many are not over.
    """

    source: str
    objective: Objective
    trials: Sequence[EarlierTrial]
    without_value: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class HeadStart:
    """What comes of an earlier sweep: trials to learn from and a line for the log, or a problem.

    Args:
        trials: with the keys of the search space of now.
    """

    trials: tuple[EarlierTrial, ...] = ()
    note: str = ""
    problem: Problem | None = None


def sweep_of_events(source: str, events: Sequence[Event]) -> EarlierSweep:
    """The sweep of which a ledger holds these events; it may be going on. What it had learnt from others is left out.

    Raises:
        ValueError: in words, if no sweep can have given these events.
    """
    history = history_of(events)
    over = [trial for trial in history.trials if trial.state.is_final]
    trials = [earlier for trial in over if (earlier := _earlier(source, trial)) is not None]
    return EarlierSweep(
        source=source,
        objective=history.objective,
        trials=trials,
        without_value=len(over) - len(trials),
        unfinished=len(history) - len(over),
    )


def _earlier(source: str, trial: Trial) -> EarlierTrial | None:
    if trial.value is None or trial.last_value is None:
        return None
    return EarlierTrial(
        source=source,
        number=trial.number,
        parameters=trial.parameters,
        state=trial.state,
        value=trial.value,
        last_value=trial.last_value,
        reports=trial.reports,
    )


def head_start(sweep: EarlierSweep, space: SearchSpace, objective: Objective) -> HeadStart:
    """What a sweep of `space` for `objective`, both legal, can learn from an earlier one.

    A trial fits if it has the same parameters as some point of the space (a leading + makes no difference) and values
    that the space can give.
    """
    if sweep.objective != objective:
        rule = f"an earlier sweep must have the objective of this one, {_words(objective)}"
        return HeadStart(problem=Problem("warm_start", rule, f"{sweep.source}, which is to {_words(sweep.objective)}"))
    sorting = _Sorting(space)
    points = [sorting.fitting(trial.parameters) for trial in sweep.trials]
    pairs = zip(sweep.trials, points, strict=True)
    taken = tuple(replace(trial, parameters=point) for trial, point in pairs if point is not None)
    reasons = [*sorting.reasons(), *_nothing_to_learn_from(sweep)]
    total = len(sweep.trials) + sweep.without_value + sweep.unfinished
    if not taken:
        rule = "an earlier sweep must have a trial with a value that fits this search space"
        got = f"{sweep.source} with {total} trials{': ' if reasons else ''}{', '.join(reasons)}"
        return HeadStart(problem=Problem("warm_start", rule, got, sorting.nearest()))
    note = f"warm start: {len(taken)} of {total} trials of {sweep.source}"
    return HeadStart(taken, f"{note}; left out: {', '.join(reasons)}" if reasons else note)


def _words(objective: Objective) -> str:
    return f"{objective.goal.value} {objective.primary_metric}"


def _nothing_to_learn_from(sweep: EarlierSweep) -> Iterator[str]:
    """How many have no value to learn from."""
    if sweep.without_value:
        yield f"{sweep.without_value} without a value"
    if sweep.unfinished:
        yield f"{sweep.unfinished} not over"


class _Sorting:
    """Puts points into the space's own keys, and remembers why others do not fit."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._keys = {key.lstrip("+"): key for key in space.keys}
        self._names_always = {key.lstrip("+") for key in space.keys_always}
        self._with_other_parameters = 0
        self._unknown: dict[str, None] = {}
        self._missing: dict[str, None] = {}
        self._outside = 0
        self._examples: dict[str, str] = {}

    def fitting(self, parameters: Parameters) -> Parameters | None:
        """The point as the space draws it, or None."""
        given = {key.lstrip("+"): value for key, value in parameters.items()}
        unknown = [name for name in given if name not in self._keys]
        missing = sorted(self._names_always - given.keys())
        if unknown or missing:
            self._with_other_parameters += 1
            self._unknown.update(dict.fromkeys(unknown))
            self._missing.update(dict.fromkeys(missing))
            return None
        point = {self._keys[name]: value for name, value in given.items()}
        for candidate in (point, _with_floats(point)):
            if self._space.contains(candidate):
                return self._as_drawn(candidate)
        self._outside += 1
        self._note_outside(point)
        return None

    def _as_drawn(self, point: Parameters) -> Parameters:
        picked = self._space.read(point)
        return self._space.draw(lambda dimension: picked[dimension.index])

    def _note_outside(self, point: Parameters) -> None:
        """Remember one value of each parameter that alone would have kept a point out."""
        for key, distribution in self._space.parameters.items():
            if key in point and key in self._space.keys_always and not distribution.contains(point[key]):
                self._examples.setdefault(key, f"{key}={shown(point[key])}")

    def reasons(self) -> Iterator[str]:
        """How many did not fit, and why."""
        if self._with_other_parameters:
            both = (("without", self._missing), ("with", self._unknown))
            names = "; ".join(f"{word} {_some(found)}" for word, found in both if found)
            yield f"{self._with_other_parameters} with other parameters ({names})"
        if self._outside:
            examples = f" ({_some(self._examples.values())})" if self._examples else ""
            yield f"{self._outside} outside the search space{examples}"

    def nearest(self) -> str | None:
        """The sentence that helps if parameters have changed their names."""
        near = {name: _near(name, list(self._unknown)) for name in self._missing}
        pairs = [f"{names[0]} for {name}" for name, names in near.items() if names]
        return f"Nearest names: {_some(pairs)}; only parameters of the same name are compared." if pairs else None


def _near(name: str, others: Sequence[str]) -> list[str]:
    """Those of the others that may be `name`: longer, shorter, elsewhere in the config, or misspelt."""
    last = name.rpartition(".")[2]
    alike = [one for one in others if one.startswith(last) or name.startswith(one) or one.rpartition(".")[2] == last]
    return alike or get_close_matches(name, others, n=1)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")


def _with_floats(point: Parameters) -> Parameters:
    """The point with the floats for which MLflow's tag, being JSON, has a text only."""
    return {key: float(value) if value in ("nan", "inf", "-inf") else value for key, value in point.items()}
