"""Who is compared: our samplers as a sweep drives them, and others' in environments of their own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from azsweep_core.distributions import Branch, Choice, Distribution, Randint, Value
from azsweep_core.events import TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplingAlgorithm
from azsweep_core.search_space import Dimension, SearchSpace
from azsweep_core.trial import Measurement, Parameters, TrialState
from benchmarks._sampler_quality.drivers import Asker
from benchmarks._sweeps import optuna_sweeper_environment, peer_environment

__all__ = ["CONTENDERS", "Contender", "Ours", "TimedAsker", "describe"]

_OBJECTIVE = Objective("loss", Goal.MINIMIZE)


class TimedAsker(Asker, Protocol):
    """A sampler at work, with the CPU time that it has taken so far."""

    cpu_s: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A sampler to compare.

    Args:
        title: what tables call it.
        start: sets it to work on a space, with a seed.
        prepare: installs what it needs.
        in_batches: True if it can only ask for the next trials when all are over.
        by_default: False if it must be asked for by name.
    """

    title: str
    start: Callable[[SearchSpace, int], TimedAsker]
    prepare: Callable[[], object] = lambda: None
    in_batches: bool = False
    by_default: bool = True


class Ours:
    """A sampler of ours, with the history that a sweep would keep for it."""

    def __init__(self, space: SearchSpace, algorithm: Mapping[str, Any]) -> None:
        self._sampler = make_sampler(SamplingAlgorithm.read(algorithm), space, _OBJECTIVE)
        self._history = History(_OBJECTIVE)
        self.cpu_s = 0.0

    def ask(self, number: int) -> Parameters | None:
        with self._timed():
            point = self._sampler.ask(number, self._history)
        if point is not None:
            self.submit(number, point)
        return point

    def submit(self, number: int, point: Parameters) -> None:
        """Trial `number` runs at this point, whoever chose it."""
        self._history.apply(TrialSubmitted(time_s=number, number=number, attempt=1, parameters=point))

    def tell(self, number: int, value: float) -> None:
        with self._timed():
            self._history.apply(TrialMeasured(number=number, measurements=(Measurement(None, value, number),)))
            self._history.apply(TrialEnded(time_s=number, number=number, state=TrialState.COMPLETED))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began_s = time.process_time()
        yield
        self.cpu_s += time.process_time() - began_s


class _Theirs:
    """A study in a peer's process; one at a time."""

    def __init__(self, space: SearchSpace, process: subprocess.Popen[str], seed: int) -> None:
        self._space = space
        self._process = process
        self.cpu_s = 0.0
        self._request(parameters=describe(space), seed=seed)
        self.cpu_s = 0.0  # imports and making the study are not asks

    def ask(self, number: int) -> Parameters | None:
        values = self._request(number=number)["values"]
        return self._space.draw(lambda dimension: _picked(dimension, values[dimension.key]))

    def tell(self, number: int, value: float) -> None:
        self._request(number=number, value=value)

    def _request(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self._process.args))} ended unexpectedly")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        self.cpu_s += answer["cpu_s"]
        return answer


def _picked(dimension: Dimension, value: Value) -> Value:
    """What a space's `draw` takes: for a choice peers answer with a position."""
    if isinstance(dimension.distribution, (Choice, Randint)):
        return dimension.distribution.support[int(value)]
    return value


def describe(space: SearchSpace) -> list[dict[str, Any]]:
    """The space as peers read it; what hangs on a branch is among the options of its choice."""
    return _describe(space.parameters, "")


def _describe(parameters: Mapping[str, Distribution | Value], prefix: str) -> list[dict[str, Any]]:
    return [_described(f"{prefix}{key}", each) for key, each in parameters.items() if isinstance(each, Distribution)]


def _described(key: str, distribution: Distribution) -> dict[str, Any]:
    if not isinstance(distribution, Choice):
        arguments = [getattr(distribution, field.name) for field in fields(distribution) if field.name != "base"]  # type: ignore[arg-type]
        return {"key": key, "kind": distribution.kind, "arguments": arguments}
    values = distribution.support
    described: dict[str, Any] = {
        "key": key,
        "kind": "positions" if _is_ascending(values) else "categories",
        "arguments": [len(values)],
    }
    if any(isinstance(value, Branch) for value in values):
        children = [value.children if isinstance(value, Branch) else {} for value in values]
        described["options"] = [_describe(each, f"{key}.") for each in children]
    return described


def _is_ascending(values: Sequence[Value]) -> bool:
    are_numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return are_numbers and all(left < right for left, right in pairwise(values))


def _ours(title: str, **algorithm: Any) -> Contender:
    return Contender(title, lambda space, seed: Ours(space, {**algorithm, "seed": seed}))


def _theirs(name: str, title: str, environment: Callable[[], Path], **more: Any) -> Contender:
    @cache
    def process() -> subprocess.Popen[str]:
        command = [str(environment()), str(Path(__file__).with_name("peer.py")), name]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return Contender(title, lambda space, seed: _Theirs(space, process(), seed), prepare=environment, **more)


CONTENDERS: Mapping[str, Contender] = {
    "random": _ours("random", type="random"),
    "sobol": _ours("random, Sobol", type="random", rule="sobol"),
    "tpe": _ours("**bayesian, tpe**", type="bayesian"),
    "mixed": _ours("**bayesian, mixed**", type="bayesian", surrogate="mixed"),
    "optuna5": _theirs("optuna5", "Optuna 5.0 TPE", lambda: peer_environment("optuna5", "optuna==5.0.0", "scipy")),
    "hyperopt": _theirs("hyperopt", "hyperopt 0.3 TPE", lambda: peer_environment("hyperopt", "hyperopt==0.3.0")),
    "hydra-optuna": _theirs("hydra-optuna", "hydra-optuna-sweeper's TPE", optuna_sweeper_environment, in_batches=True),
    "optuna-gp": _theirs(
        "optuna-gp",
        "Optuna 5.0 GPSampler",
        lambda: peer_environment("optuna-gp", "optuna==5.0.0", "scipy", "torch"),
        by_default=False,
    ),
}
"""By the name that the command line takes."""
