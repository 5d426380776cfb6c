"""The laws of every sampler as a test class to inherit; it knows no sampler, only what `Sampler` promises."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar

import pytest

from azsweep_core.events import Event, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import Sampler
from azsweep_core.search_space import SearchSpace, identity, read_space
from azsweep_core.trial import Measurement, Parameters, TrialState

__all__ = ["SPACES", "SamplerContract", "SimulatedSweep"]

SPACES: Mapping[str, Mapping[str, Any]] = {
    "numbers": {
        "uniform": {"type": "uniform", "min_value": -1, "max_value": 2},
        "quniform": {"type": "quniform", "min_value": 0.05, "max_value": 0.75, "q": 0.1},
        "loguniform": {"type": "loguniform", "min_value": -6.9, "max_value": -2.3},
        "qloguniform": {"type": "qloguniform", "min_value": 0, "max_value": 5, "q": 2},
        "normal": {"type": "normal", "mu": 5, "sigma": 2},
        "qnormal": {"type": "qnormal", "mu": 0, "sigma": 3, "q": 0.5},
        "lognormal": {"type": "lognormal", "mu": 0, "sigma": 1},
        "qlognormal": {"type": "qlognormal", "mu": 1, "sigma": 1, "q": 1},
    },
    "finite": {
        "seed": {"type": "randint", "upper": 3},
        "width": {"type": "quniform", "min_value": 1, "max_value": 4, "q": 1},
        "flag": {"type": "choice", "values": [True, False]},
    },
    "choices": {
        "batch_size": {"type": "choice", "values": [16, 32, 64]},
        "any": {"type": "choice", "values": [1, 1.0, True, "1", None, [1, 2], {"a": {"b": 1}}]},
        "+twice": {"type": "choice", "values": ["a", "a", "b"]},
    },
    "nested choices": {
        "model": {
            "type": "choice",
            "values": [
                {"name": "mlp", "units": {"type": "choice", "values": [8, 16]}},
                {"name": "linear", "l1": {"type": "choice", "values": [0, 1, 2]}},
                {"name": "mean", "units": {"type": "choice", "values": [8, 16]}},
            ],
        },
        "scale": {"type": "choice", "values": [True, False]},
    },
    "nested": {
        "optimizer": {
            "type": "choice",
            "values": [
                {"_group_": "adam", "lr": {"type": "loguniform", "min_value": -9, "max_value": -3}},
                {
                    "_group_": "sgd",
                    "momentum": {"type": "uniform", "min_value": 0, "max_value": 1},
                    "schedule": {
                        "type": "choice",
                        "values": [{"kind": "step", "every": {"type": "randint", "upper": 9}}, {"kind": "flat"}],
                    },
                },
            ],
        },
        "depth": {"type": "choice", "values": [1, 2, 4, 8]},
    },
}
"""Search spaces as a user writes them: every expression, every type of value, finite, infinite and conditional."""

OBJECTIVE = Objective("loss", Goal.MINIMIZE)


@dataclass
class SimulatedSweep:
    """A sweep in which `concurrency` trials run at a time and end in an order drawn from `order`.

    Several kinds of ending occur; how a trial ends depends on its number and point only.
    """

    sampler: Sampler
    concurrency: int = 1
    order: random.Random = field(default_factory=lambda: random.Random(0))
    history: History = field(default_factory=lambda: History(OBJECTIVE))
    events: list[Event] = field(default_factory=list)

    def run(self, trials: int) -> list[Parameters]:
        """Points of the first `trials` trials by number; fewer if the sampler has no more."""
        return list(islice(iter(self.step, None), trials))

    def step(self) -> Parameters | None:
        """Ask for the next trial and start it; if all slots are taken then, one trial ends."""
        number = len(self.history)
        point = self.sampler.ask(number, self.history)
        if point is not None:
            self.apply(TrialSubmitted(time_s=number, number=number, attempt=1, parameters=point))
        active = [trial.number for trial in self.history.active]
        if len(active) >= self.concurrency:
            self.end(self.order.choice(active))
        return point

    def end(self, number: int) -> None:
        """The trial measures a few values and ends, completed or else."""
        loss = random.Random(repr(dict(self.history[number].parameters))).random()
        losses = () if number % 7 == 3 else (Measurement(1, loss + 1, number), Measurement(2, loss, number))
        state = {3: TrialState.FAILED, 4: TrialState.TERMINATED}.get(number % 7, TrialState.COMPLETED)
        self.apply(TrialMeasured(number=number, measurements=losses))
        self.apply(TrialEnded(time_s=number + 1, number=number, state=state))

    def apply(self, event: Event) -> None:
        self.events.append(event)
        self.history.apply(event)


def replayed(events: list[Event]) -> History:
    """The history as a later process reads it: parameters have been through JSON."""
    history = History(OBJECTIVE)
    for event in events:
        if isinstance(event, TrialSubmitted):
            parameters = json.loads(json.dumps(dict(event.parameters)))
            history.apply(replace(event, parameters=parameters))
        else:
            history.apply(event)
    return history


def is_plain(value: object) -> bool:
    """True for what YAML and JSON know, and no subclass of it (such as numpy's floats)."""
    if type(value) is dict:
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    if type(value) is list:
        return all(is_plain(item) for item in value)
    return type(value) in (type(None), bool, int, float, str)


class SamplerContract:
    """Inherit, say how the sampler is made, and every law is a test.

    A sampler that takes some spaces only names them in `spaces`; one that looks at results sets `reads_results`.
    """

    spaces: ClassVar[Mapping[str, Mapping[str, Any]]] = SPACES
    reads_results: ClassVar[bool] = False
    trials: ClassVar[int] = 30

    def make(self, space: SearchSpace, seed: int) -> Sampler:
        """A new sampler."""
        raise NotImplementedError

    def number_of_points(self, space: SearchSpace) -> int | None:
        """How many trials a sweep of this space has; None if it never ends."""
        return space.size

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        spaces = {name: read_space(mapping) for name, mapping in self.spaces.items()}
        finite = {name: space for name, space in spaces.items() if self.number_of_points(space) is not None}
        for argument, chosen in (("space", spaces), ("finite_space", finite)):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, chosen.values(), ids=chosen.keys())

    def sweep(self, space: SearchSpace, *, concurrency: int = 1, order: int = 0) -> SimulatedSweep:
        return SimulatedSweep(self.make(space, seed=1), concurrency, random.Random(order))

    def test_every_point_is_in_the_space(self, space: SearchSpace) -> None:
        """Those of nested choices have just the keys of the branches that were drawn."""
        points = self.sweep(space, concurrency=4).run(self.trials)

        assert points
        assert all(space.contains(point) for point in points)

    def test_values_are_plain_python(self, space: SearchSpace) -> None:
        """No numpy scalar, no tuple, no mapping of another kind."""
        points = self.sweep(space, concurrency=4).run(self.trials)

        assert all(is_plain(value) for point in points for value in point.values())

    def test_a_seed_reproduces_the_sweep(self, space: SearchSpace) -> None:
        """Two sweeps of one seed in which the same happens are the same."""
        first, second = (self.sweep(space, concurrency=3).run(self.trials) for _ in range(2))

        assert list(map(identity, first)) == list(map(identity, second))

    def test_the_order_in_which_trials_end_changes_nothing(self, space: SearchSpace) -> None:
        """Without a look at results the concurrency neither; else the next point is the same for the same results."""
        if self.reads_results:
            outcomes = {identity(self._next_point(space, order)) for order in range(3)}
        else:
            outcomes = {
                tuple(map(identity, self.sweep(space, concurrency=concurrency, order=order).run(self.trials)))
                for concurrency, order in ((1, 0), (4, 1), (4, 2), (self.trials, 3))
            }

        assert len(outcomes) == 1

    def _next_point(self, space: SearchSpace, order: int) -> Parameters:
        """What follows trials that all were at work at once and ended, but for the last three, in some order."""
        sweep = self.sweep(space, concurrency=self.trials)
        asked = len(sweep.run(self.trials - 1))
        for number in random.Random(order).sample(range(asked - 3), asked - 3):
            sweep.end(number)
        return sweep.step() or {}

    def test_a_resumed_sweep_goes_on_as_if_never_interrupted(self, space: SearchSpace) -> None:
        """A fresh sampler whose first question is trial n, after the replayed history, answers the same."""
        sweep = self.sweep(space, concurrency=4)
        for number in range(self.trials):
            before = replayed(sweep.events)

            point = sweep.step()

            if point is not None and number % 3 == 2:
                resumed = self.make(space, seed=1).ask(number, before)
                assert resumed is not None
                assert identity(resumed) == identity(point)

    def test_a_finite_space_is_tried_out_and_then_exhausted(self, finite_space: SearchSpace) -> None:
        """Every point has its turn before any comes again, and after the last the answer stays None."""
        size = self.number_of_points(finite_space)
        assert size is not None
        sweep = self.sweep(finite_space, concurrency=4)

        points = sweep.run(size)

        assert len(points) == size
        assert len(set(map(identity, points))) == finite_space.size
        assert [sweep.step() for _ in range(3)] == [None] * 3
        assert self.make(finite_space, seed=1).ask(size, replayed(sweep.events)) is None

    def test_keys_of_branches_that_were_not_drawn_are_absent(self) -> None:
        """A conditional parameter appears with its branch and with no other."""
        space = read_space(SPACES["nested choices"])

        points = self.sweep(space, concurrency=2).run(self.trials)

        branches = {point["model.name"]: {key for key in point if key != "scale"} for point in points}
        with_units = {"model.name", "model.units"}
        assert branches == {"mlp": with_units, "linear": {"model.name", "model.l1"}, "mean": with_units}
