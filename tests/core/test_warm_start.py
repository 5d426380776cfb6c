"""Warm start: which trials of an earlier sweep a new one learns from, and what is said of the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from azsweep_core.distributions import Branch, Choice, LogUniform, QUniform, Randint, Uniform
from azsweep_core.objective import Goal, Objective
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import EarlierTrial, TrialState
from azsweep_core.warm_start import EarlierSweep, HeadStart, head_start

LOSS = Objective("loss", Goal.MINIMIZE)
COMPLETED = TrialState.COMPLETED


def trial(number: int = 0, **parameters: Any) -> EarlierTrial:
    return with_keys(parameters, number)


def with_keys(parameters: Mapping[str, Any], number: int = 0) -> EarlierTrial:
    return EarlierTrial(
        source="old", number=number, parameters=parameters, state=COMPLETED, value=0.5, last_value=0.5, reports=1
    )


def sweep(
    *trials: EarlierTrial, objective: Objective = LOSS, without_value: int = 0, unfinished: int = 0
) -> EarlierSweep:
    return EarlierSweep(
        source="old", objective=objective, trials=trials, without_value=without_value, unfinished=unfinished
    )


def points(head: HeadStart) -> list[dict[str, Any]]:
    return [dict(trial.parameters) for trial in head.trials]


FLAT = SearchSpace({"lr": LogUniform(-9, 0), "width": Choice([16, 32]), "+opt.wd": Uniform(0, 1)})
NESTED = SearchSpace(
    {
        "lr": Uniform(0, 1),
        "+model": Choice([Branch(None, {"name": "mlp", "units": Randint(8)}), Branch(None, {"name": "linear"})]),
    }
)

ZIPPED = SearchSpace({"model": Choice(["a", "b"]), "lr": Choice([0.1, 0.2])}, zipped=(("model", "lr"),))


class TestFitting:
    """A trial fits if its values, under the same names, are a point of the space."""

    @pytest.mark.parametrize(
        ("space", "earlier", "now"),
        [
            pytest.param(
                FLAT,
                {"lr": 0.1, "width": 16, "+opt.wd": 0.5},
                {"lr": 0.1, "width": 16, "+opt.wd": 0.5},
                id="same-keys",
            ),
            pytest.param(
                FLAT,
                {"+lr": 0.1, "++width": 16, "opt.wd": 0.5},
                {"lr": 0.1, "width": 16, "+opt.wd": 0.5},
                id="prefixes-make-no-difference",
            ),
            pytest.param(
                FLAT,
                {"opt.wd": 0.5, "width": 32, "lr": 0.1},
                {"lr": 0.1, "width": 32, "+opt.wd": 0.5},
                id="in-the-order-of-now",
            ),
            pytest.param(
                NESTED,
                {"model.name": "mlp", "model.units": 3, "lr": 0.1},
                {"lr": 0.1, "+model.name": "mlp", "+model.units": 3},
                id="branch",
            ),
            pytest.param(
                NESTED,
                {"lr": 0.1, "+model.name": "linear"},
                {"lr": 0.1, "+model.name": "linear"},
                id="branch-with-fewer-keys",
            ),
            pytest.param(SearchSpace({"n": Uniform(0, 9)}), {"n": 3}, {"n": 3}, id="integer-of-another-expression"),
            pytest.param(ZIPPED, {"lr": 0.2, "+model": "b"}, {"model": "b", "lr": 0.2}, id="zipped"),
            pytest.param(SearchSpace({"n": QUniform(0, 9, 1)}), {"n": 3}, {"n": 3}, id="quantised"),
            pytest.param(
                SearchSpace({"clip": Choice([1.0, math.inf])}), {"clip": "inf"}, {"clip": math.inf}, id="inf-of-mlflow"
            ),
            pytest.param(
                SearchSpace({"clip": Choice(["inf", "no"])}), {"clip": "inf"}, {"clip": "inf"}, id="inf-as-text"
            ),
            pytest.param(
                SearchSpace({"m": Choice([Branch(None, {}), Branch(None, {"a": 1})])}), {}, {}, id="branch-without-keys"
            ),
        ],
    )
    def test_is_taken(self, space: SearchSpace, earlier: dict[str, Any], now: dict[str, Any]) -> None:
        head = head_start(sweep(with_keys(earlier)), space, LOSS)

        assert [list(point.items()) for point in points(head)] == [list(now.items())]
        assert head == HeadStart(head.trials, "warm start: 1 of 1 trials of old")

    @pytest.mark.parametrize(
        ("space", "earlier", "reason"),
        [
            pytest.param(FLAT, {"lr": 0.1, "width": 16}, "1 with other parameters (without opt.wd)", id="missing"),
            pytest.param(
                FLAT,
                {"lr": 0.1, "width": 16, "opt.wd": 0.5, "seed": 1},
                "1 with other parameters (with seed)",
                id="one-more",
            ),
            pytest.param(
                FLAT,
                {"rate": 0.1, "width": 16, "opt.decay": 0.5},
                "1 with other parameters (without lr, opt.wd; with rate, opt.decay)",
                id="other-names",
            ),
            pytest.param(FLAT, {}, "1 with other parameters (without lr, opt.wd, width)", id="none"),
            pytest.param(
                SearchSpace({"a": Uniform(0, 1)}),
                dict.fromkeys("abcdefgh", 0),
                "1 with other parameters (with b, c, d, e, f, ...)",
                id="many-names",
            ),
            pytest.param(
                FLAT, {"lr": 3, "width": 16, "opt.wd": 0.5}, "1 outside the search space (lr=3)", id="outside-a-range"
            ),
            pytest.param(
                FLAT,
                {"lr": 0.1, "width": 64, "opt.wd": 2},
                "1 outside the search space (width=64, +opt.wd=2)",
                id="outside-of-two",
            ),
            pytest.param(
                FLAT,
                {"lr": 0.1, "width": "16", "opt.wd": 0.5},
                "1 outside the search space (width='16')",
                id="a-text-is-no-number",
            ),
            pytest.param(ZIPPED, {"model": "a", "lr": 0.2}, "1 outside the search space", id="not-zipped-then"),
            pytest.param(
                NESTED,
                {"lr": 0.1, "model.name": "linear", "model.units": 3},
                "1 outside the search space",
                id="keys-of-two-branches",
            ),
            pytest.param(
                NESTED, {"lr": 0.1, "model.name": "mlp"}, "1 outside the search space", id="a-branch-without-its-key"
            ),
            pytest.param(
                NESTED,
                {"lr": 0.1, "model.units": 3},
                "1 with other parameters (without model.name)",
                id="without-a-key-of-every-branch",
            ),
        ],
    )
    def test_is_left_out(self, space: SearchSpace, earlier: dict[str, Any], reason: str) -> None:
        middle = next(space.middle_points())

        head = head_start(sweep(with_keys(earlier), with_keys(middle, 1)), space, LOSS)

        assert [trial.number for trial in head.trials] == [1]
        assert head.note == f"warm start: 1 of 2 trials of old; left out: {reason}"

    def test_the_note_counts_every_reason_and_shows_one_value_a_parameter(self) -> None:
        space = SearchSpace({"x": Uniform(0, 1), "y": Uniform(0, 1)})
        trials = [trial(x=0.1, y=0.1), trial(x=2, y=0), trial(x=3, y=0), trial(x=0, y=9), trial(x=0, z=1), trial(y=1)]

        head = head_start(sweep(*trials, without_value=4, unfinished=2), space, LOSS)

        assert head.note == (
            "warm start: 1 of 12 trials of old; left out: 2 with other parameters (without y, x; with z), "
            "3 outside the search space (x=2, y=9), 4 without a value, 2 not over"
        )

    def test_a_trial_keeps_everything_but_its_keys(self) -> None:
        earlier = EarlierTrial(
            source="old",
            number=7,
            parameters={"+x": 0.5},
            state=TrialState.TERMINATED,
            value=0.1,
            last_value=0.3,
            reports=4,
        )

        (taken,) = head_start(sweep(earlier), SearchSpace({"x": Uniform(0, 1)}), LOSS).trials

        assert taken == EarlierTrial(
            source="old",
            number=7,
            parameters={"x": 0.5},
            state=TrialState.TERMINATED,
            value=0.1,
            last_value=0.3,
            reports=4,
        )


class TestProblems:
    """A sweep that nothing can be learnt from is an error."""

    X = SearchSpace({"x": Uniform(0, 1)})

    @pytest.mark.parametrize(
        ("earlier", "text"),
        [
            pytest.param(
                sweep(trial(x=0.5), objective=Objective("loss", Goal.MAXIMIZE)),
                "warm_start: an earlier sweep must have the objective of this one, minimize loss; "
                "got old, which is to maximize loss.",
                id="other-goal",
            ),
            pytest.param(
                sweep(trial(x=0.5), objective=Objective("acc", Goal.MINIMIZE)),
                "warm_start: an earlier sweep must have the objective of this one, minimize loss; "
                "got old, which is to minimize acc.",
                id="other-metric",
            ),
            pytest.param(
                sweep(),
                "warm_start: an earlier sweep must have a trial with a value that fits this search space; "
                "got old with 0 trials.",
                id="no-trial",
            ),
            pytest.param(
                sweep(trial(x=2.5), trial(x=3), without_value=3, unfinished=1),
                "warm_start: an earlier sweep must have a trial with a value that fits this search space; "
                "got old with 6 trials: 2 outside the search space (x=2.5), 3 without a value, 1 not over.",
                id="nothing-fits",
            ),
        ],
    )
    def test_in_words(self, earlier: EarlierSweep, text: str) -> None:
        head = head_start(earlier, self.X, LOSS)

        assert (head.trials, head.note) == ((), "")
        assert str(head.problem) == text

    @pytest.mark.parametrize(
        ("now", "then", "pairs"),
        [
            pytest.param("learning_rate", "lerning_rate", "lerning_rate for learning_rate", id="misspelt"),
            pytest.param("lr", "lrate", "lrate for lr", id="longer"),
            pytest.param("width", "wid", "wid for width", id="shorter"),
            pytest.param("optimizer.lr", "opt.lr", "opt.lr for optimizer.lr", id="moved"),
            pytest.param("+optimizer.lr", "lr", "lr for optimizer.lr", id="moved-to-the-top"),
            pytest.param("x", "momentum", None, id="another"),
        ],
    )
    def test_names_that_may_have_changed_are_paired(self, now: str, then: str, pairs: str | None) -> None:
        problem = head_start(sweep(with_keys({then: 0.5})), SearchSpace({now: Uniform(0, 1)}), LOSS).problem

        assert problem is not None
        assert problem.fix == (pairs and f"Nearest names: {pairs}; only parameters of the same name are compared.")
