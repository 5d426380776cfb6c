"""What the ledger of an earlier sweep leaves to learn from, whatever stands in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import Uniform
from azsweep_core.errors import AzsweepError
from azsweep_core.events import (
    EndingKind,
    Event,
    SweepEnded,
    SweepStarted,
    TrialEnded,
    TrialMeasured,
    TrialSubmitted,
    WarmStarted,
)
from azsweep_core.ledger import Ledger, read_ledger
from azsweep_core.objective import Goal, Objective
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import EarlierTrial, Measurement, TrialState
from azsweep_core.warm_start import head_start, sweep_of_events

LOSS = Objective("loss", Goal.MINIMIZE)
STARTED = SweepStarted(time_s=0.0, spec={"objective": {"primary_metric": "loss", "goal": "minimize"}})
COMPLETED = TrialState.COMPLETED
WARM = WarmStarted(
    time_s=0.0,
    trials=(
        EarlierTrial(
            source="older", number=0, parameters={"x": 0.1}, state=COMPLETED, value=0.5, last_value=0.5, reports=1
        ),
    ),
)


def submitted(number: int, **parameters: Any) -> TrialSubmitted:
    return TrialSubmitted(time_s=1.0, number=number, attempt=1, parameters=parameters)


def measured(number: int, *values: float) -> TrialMeasured:
    return TrialMeasured(number=number, measurements=tuple(Measurement(None, value, 0.0) for value in values))


def ended(number: int, state: TrialState = COMPLETED) -> TrialEnded:
    return TrialEnded(time_s=2.0, number=number, state=state)


class TestLedger:
    """What a ledger's events leave to learn from."""

    @pytest.mark.parametrize("state", [state for state in TrialState if state.is_final])
    def test_a_trial_that_is_over_counts_with_its_best_and_its_last_value(self, state: TrialState) -> None:
        events: list[Event] = [STARTED, submitted(0, x=1), measured(0, 0.5, 0.2, 0.4, math.nan), ended(0, state)]

        found = sweep_of_events("old", events)

        assert list(found.trials) == [
            EarlierTrial(source="old", number=0, parameters={"x": 1}, state=state, value=0.2, last_value=0.4, reports=4)
        ]
        assert (found.source, found.objective, found.without_value, found.unfinished) == ("old", LOSS, 0, 0)

    @pytest.mark.parametrize(
        ("events", "without_value", "unfinished"),
        [
            pytest.param([], 0, 0, id="none-has-begun"),
            pytest.param([submitted(0), ended(0, TrialState.FAILED)], 1, 0, id="failed"),
            pytest.param([submitted(0), measured(0, math.nan, math.inf), ended(0)], 1, 0, id="no-usable-value"),
            pytest.param([submitted(0), measured(0, 0.1)], 0, 1, id="still-running"),
            pytest.param(
                [
                    submitted(0),
                    ended(0, TrialState.CANCELLED),
                    SweepEnded(time_s=9, stop_reason="", kind=EndingKind.FINISHED),
                ],
                1,
                0,
                id="over",
            ),
        ],
    )
    def test_other_trials_are_counted(self, events: list[Event], without_value: int, unfinished: int) -> None:
        everything: list[Event] = [STARTED, *events]

        found = sweep_of_events("old", everything)

        assert (list(found.trials), found.without_value, found.unfinished) == ([], without_value, unfinished)

    def test_trials_that_the_earlier_sweep_learnt_from_itself_are_not_its_own(self) -> None:
        """Whoever wants them too names their sweep too: so none counts twice."""
        events: list[Event] = [STARTED, WARM, submitted(0, x=0.2), measured(0, 0.5), ended(0)]

        found = sweep_of_events("old", events)

        assert [dict(each.parameters) for each in found.trials] == [{"x": 0.2}]

    @pytest.mark.parametrize(
        ("events", "error"),
        [
            pytest.param([], "no sweep has begun", id="empty"),
            pytest.param([submitted(0)], "no sweep has begun", id="without-its-start"),
            pytest.param([SweepStarted(time_s=0, spec={})], "KeyError: 'objective'", id="no-objective"),
            pytest.param(
                [SweepStarted(time_s=0, spec={"objective": {"primary_metric": "loss", "goal": "up"}})],
                "'up' is not a valid Goal",
                id="no-goal",
            ),
            pytest.param([SweepStarted(time_s=0, spec={"objective": 3})], "TypeError: ", id="objective-of-a-number"),
            pytest.param([STARTED, ended(3)], "KeyError: 3", id="an-end-without-a-beginning"),
            pytest.param(
                [STARTED, submitted(0), ended(0), ended(0)], "trial 0 cannot go from completed to", id="two-ends"
            ),
        ],
    )
    def test_events_that_no_sweep_gives_are_an_error(self, events: Sequence[Event], error: str) -> None:
        with pytest.raises(ValueError, match=f"^{error}"):
            sweep_of_events("old", events)

    def test_a_ledger_that_is_being_written_can_be_read(self, tmp_path: Path) -> None:
        ledger = Ledger(tmp_path / "sweep.jsonl")
        for event in (STARTED, submitted(0, x=0.1), measured(0, 0.5), ended(0), submitted(1, x=0.2)):
            ledger.append(event)
        with (tmp_path / "sweep.jsonl").open("a") as torn:
            torn.write('{"event": "trial_meas')

        found = sweep_of_events("old", list(read_ledger(tmp_path / "sweep.jsonl")))

        ledger.close()
        assert (len(found.trials), found.unfinished) == (1, 1)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document with each of its keys or indices."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield node, key
        yield from places(item)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_damaged_ledger_is_read_or_refused_in_words(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "sweep.jsonl"
    ledger = Ledger(path)
    for event in (
        STARTED,
        WARM,
        submitted(0, x=0.1),
        measured(0, 0.5),
        ended(0),
    ):
        ledger.append(event)
    ledger.close()
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    container, key = data.draw(st.sampled_from(list(places(documents))))
    container[key] = data.draw(JSON)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")

    try:
        found = sweep_of_events("old", list(read_ledger(path)))
    except (AzsweepError, ValueError):
        return
    head_start(found, SearchSpace({"x": Uniform(0, 1)}), LOSS)
