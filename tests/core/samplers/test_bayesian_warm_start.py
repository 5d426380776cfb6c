"""Bayesian sampling with a head start: earlier trials are learnt from as if they were the sweep's own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import Branch, Choice, LogUniform, QNormal, Uniform
from azsweep_core.events import Event, SweepStarted, TrialEnded, TrialMeasured, TrialSubmitted, WarmStarted
from azsweep_core.history import History
from azsweep_core.ledger import Ledger, read_ledger
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import Sampler, make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, Surrogate
from azsweep_core.search_space import SearchSpace, identity
from azsweep_core.trial import Measurement, Parameters, TrialState
from azsweep_core.warm_start import head_start, sweep_of_events

LOSS = Objective("loss", Goal.MINIMIZE)
STARTED = SweepStarted(time_s=0.0, spec={"objective": {"primary_metric": "loss", "goal": "minimize"}})
MIXED = SearchSpace(
    {
        "lr": LogUniform(-9, 0),
        "n": QNormal(0, 3, 0.5),
        "model": Choice([Branch(None, {"name": "a", "x": Uniform(0, 1)}), Branch(None, {"name": "b"})]),
    }
)
PLANE = SearchSpace({"x": Uniform(0, 1), "y": Uniform(0, 1)})


def bayesian(space: SearchSpace, seed: int = 1, surrogate: Surrogate = Surrogate.TPE) -> Sampler:
    return make_sampler(SamplingAlgorithm(SamplerType.BAYESIAN, seed, surrogate=surrogate), space, LOSS)


def history_of(events: Sequence[Event]) -> History:
    history = History(LOSS)
    for event in events:
        history.apply(event)
    return history


def run(
    number: int, point: Parameters, values: Sequence[float], state: TrialState = TrialState.COMPLETED
) -> list[Event]:
    return [
        TrialSubmitted(time_s=1.0, number=number, attempt=1, parameters=point),
        TrialMeasured(number=number, measurements=tuple(Measurement(None, value, 0.0) for value in values)),
        TrialEnded(time_s=2.0, number=number, state=state),
    ]


def quadratic(point: Parameters) -> float:
    return float((point["x"] - 0.3) ** 2 + (point["y"] - 0.7) ** 2)


def sweep(
    asked: Sampler, trials: int, before: Sequence[Event] = (STARTED,), loss: Callable[[Parameters], float] = quadratic
) -> list[Event]:
    events = list(before)
    history = history_of(events)
    for number in range(trials):
        point = asked.ask(number, history)
        assert point is not None
        for event in run(number, point, [loss(point)]):
            history.apply(event)
            events.append(event)
    return events


def warm(events: Sequence[Event], space: SearchSpace) -> list[Event]:
    """The beginning of a sweep that learns from the one of these events."""
    head = head_start(sweep_of_events("old", events), space, LOSS)
    assert head.problem is None
    return [STARTED, WarmStarted(time_s=0.0, trials=head.trials)]


STATES = [state for state in TrialState if state.is_final]


@st.composite
def earlier_sweeps(draw: st.DrawFn) -> list[Event]:
    """A sweep of MIXED whose trials ended in every way, with values."""
    chance = random.Random(draw(st.integers(0, 10**6)))
    events: list[Event] = [STARTED]
    for number in range(draw(st.integers(1, 25))):
        point = MIXED.point([chance.random() for _ in MIXED.dimensions])
        values = [chance.random() for _ in range(chance.randint(1, 4))]
        events += run(number, point, values, draw(st.sampled_from(STATES)))
    return events


@settings(max_examples=30, deadline=None)
@given(events=earlier_sweeps(), seed=st.integers(0, 99), surrogate=st.sampled_from(Surrogate))
def test_a_sweep_warm_started_from_another_proposes_what_that_one_would_have_gone_on_with(
    events: list[Event], seed: int, surrogate: Surrogate
) -> None:
    number = len(history_of(events))
    goes_on = bayesian(MIXED, seed, surrogate).ask(number, history_of(events))

    starts = bayesian(MIXED, seed, surrogate).ask(number, history_of(warm(events, MIXED)))

    assert starts == goes_on


def test_earlier_results_count_toward_the_random_start() -> None:
    """With ten of them the first trial is the model's, with nine it is not."""
    ten = sweep(bayesian(PLANE), 10)
    nine = ten[:-3]

    cold = bayesian(PLANE).ask(0, history_of([STARTED]))

    assert bayesian(PLANE).ask(0, history_of(warm(nine, PLANE))) == cold
    assert bayesian(PLANE).ask(0, history_of(warm(ten, PLANE))) != cold


def test_a_warm_started_sweep_is_near_the_optimum_from_its_first_trials() -> None:
    """Under each of five seeds its 15 trials are better than the 15 of a cold one; a random point's mean is 0.25."""
    earlier = sweep(bayesian(PLANE, 100), 40)
    firsts = []

    for seed in range(5):
        cold = history_of(sweep(bayesian(PLANE, seed), 15))
        started = history_of(sweep(bayesian(PLANE, seed), 15, warm(earlier, PLANE)))
        firsts.append(quadratic(started[0].parameters))
        assert median(started) < median(cold) / 2

    assert np.mean(firsts) < 0.1


def median(history: History) -> float:
    return float(np.median([quadratic(trial.parameters) for trial in history.trials]))


def test_the_next_point_is_the_same_after_the_ledger_is_read_again(tmp_path: Path) -> None:
    """Whatever has become of the earlier sweep: its trials are in the ledger, to the last bit."""
    earlier: list[Event] = [STARTED]
    for number in range(20):
        point = MIXED.point([random.Random(f"{number} {index}").random() for index in range(len(MIXED.dimensions))])
        earlier += run(number, point, [math.sin(number), math.cos(number)], STATES[number % len(STATES)])
    asked = bayesian(MIXED)
    events = sweep(asked, 6, warm(earlier, MIXED), loss=lambda point: point["lr"])
    ledger = Ledger(tmp_path / "sweep.jsonl")
    for event in events:
        ledger.append(event)
    ledger.close()

    replayed = history_of(list(read_ledger(ledger.path)))

    assert replayed.earlier == history_of(events).earlier
    assert bayesian(MIXED).ask(6, replayed) == asked.ask(6, history_of(events))


@pytest.mark.parametrize("surrogate", Surrogate)
def test_points_of_an_earlier_sweep_come_again_when_no_others_are_left(surrogate: Surrogate) -> None:
    """And each once, so that the sweep neither wastes trials nor is over before it began."""
    space = SearchSpace({"x": Choice([1, 2, 3, 5, 8]), "y": Choice(["a", "b", "c", "d"])})
    tried = [space.point_at(number) for number in random.Random(1).sample(range(20), 12)]
    earlier: list[Event] = [STARTED]
    for number, point in enumerate(tried):
        earlier += run(number, point, [float(point["x"])])

    new = history_of(sweep(bayesian(space, 1, surrogate), 20, warm(earlier, space), lambda point: float(point["x"])))

    points = [trial.parameters for trial in new.trials]
    assert all(point not in tried for point in points[:8])
    assert all(point in tried for point in points[8:])
    assert len({identity(point) for point in points}) == 20
    assert bayesian(space).ask(20, new) is None


def test_what_lies_outside_of_the_space_by_now_says_nothing() -> None:
    """A ledger may be gone on with under another specification."""
    inside = warm(sweep(bayesian(PLANE), 12), PLANE)
    wide = SearchSpace({"x": Uniform(0, 9), "y": Uniform(0, 9)})
    both = warm(sweep(bayesian(wide), 12), wide)
    assert isinstance(inside[1], WarmStarted)
    assert isinstance(both[1], WarmStarted)
    foreign = tuple(trial for trial in both[1].trials if not PLANE.contains(trial.parameters))
    assert foreign
    more = WarmStarted(time_s=0.0, trials=(*foreign, *inside[1].trials))

    assert bayesian(PLANE).ask(0, history_of([STARTED, more])) == bayesian(PLANE).ask(0, history_of(inside))


def test_earlier_trials_are_told_to_the_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they cost a sweep nothing but its start."""
    earlier = warm(sweep(bayesian(PLANE), 12), PLANE)
    enqueued: list[dict[str, Any]] = []
    enqueue = optuna.Study.enqueue_trial

    def count(study: optuna.Study, params: dict[str, Any], **options: Any) -> None:
        enqueued.append(params)
        enqueue(study, params, **options)

    monkeypatch.setattr(optuna.Study, "enqueue_trial", count)

    sweep(bayesian(PLANE), 5, earlier)

    assert len(enqueued) == 12 + 4  # the fifth is asked for, and nobody is told of it afterwards
