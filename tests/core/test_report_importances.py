"""Parameter importances: Optuna's, for any search space, or a sentence that says why there are none."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from azsweep_core.events import SweepStarted, TrialEnded, TrialMeasured, TrialSubmitted
from azsweep_core.history import History
from azsweep_core.objective import Goal, Objective
from azsweep_core.report._importances import importances
from azsweep_core.search_space import SearchSpace, read_space
from azsweep_core.trial import Measurement, Parameters, TrialState

COMPLETED, FAILED = TrialState.COMPLETED, TrialState.FAILED
ODD = {"type": "choice", "values": [None, True, 1, 1.0, "1", [1, 2], {"a": [None]}, "x" * 10_000]}
UNIFORM = {"type": "uniform", "min_value": 0, "max_value": 1}
NESTED = {
    "type": "choice",
    "values": [{"name": "mlp", "units": {"type": "randint", "upper": 8}}, {"name": "linear", "l2": UNIFORM}],
}


def history(
    space: SearchSpace, value: Callable[[Parameters], float], count: int, goal: Goal = Goal.MINIMIZE
) -> History:
    made = History(Objective("loss", goal))
    made.apply(SweepStarted(time_s=0.0, spec={}))
    generator = random.Random(7)
    for _ in range(count):
        add(made, space.point([generator.random() for _dimension in space.dimensions]), value)
    return made


def add(made: History, point: Parameters, value: Callable[[Parameters], float], state: TrialState = COMPLETED) -> None:
    number = len(made)
    made.apply(TrialSubmitted(time_s=0.0, number=number, attempt=1, parameters=point))
    made.apply(TrialMeasured(number=number, measurements=(Measurement(0, value(point), 1.0),)))
    made.apply(TrialEnded(time_s=1.0, number=number, state=state))


@pytest.mark.parametrize("goal", Goal)
def test_the_parameter_that_decides_is_the_most_important(goal: Goal, quiet_optuna: None) -> None:
    space = read_space({"idle": "uniform(0, 1)", "+lr": "loguniform(-7, 0)", "odd": ODD})

    found = importances(space, history(space, lambda point: math.log(point["+lr"]) ** 2, 60, goal))

    shares = dict(found["values"])
    assert next(iter(shares)) == "lr"
    assert shares["lr"] > 0.8
    assert sum(shares.values()) == pytest.approx(1.0)
    assert found["evaluator"] == "PED-ANOVA of 60 trials: what tells the best 10% from the others"
    assert found["note"] == ""


SPACES: Mapping[str, Mapping[str, Any]] = {
    "values-of-every-type": {"odd": ODD, "x": "uniform(0, 1)"},
    "branches": {"model": NESTED, "x": "uniform(0, 1)"},
    "group": {"opt": {"type": "choice", "values": [{"_group_": "adam", "lr": UNIFORM}, {"_group_": "sgd"}]}},
    "one-value": {"only": "choice(3)", "x": "uniform(0, 1)"},
    "a-billion-values": {"seed": "choice(range(1000000000))", "n": "randint(1000000)"},
    "normal-and-quantised": {"a": "normal(0, 1)", "b": "qlognormal(0, 1, 0.5)", "c": "quniform(0, 9, 3)"},
    "a-million-apart": {"a": "loguniform(-700, 700)", "b": "uniform(-1e300, 1e300)"},
}


@pytest.mark.parametrize("name", SPACES)
def test_any_space_has_importances_that_do_not_depend_on_chance(name: str, quiet_optuna: None) -> None:
    space = read_space(SPACES[name])
    made = history(space, lambda point: float(len(str(point)) % 7), 25)

    found = importances(space, made)

    assert found == importances(space, made)
    assert found["values"]
    assert all(math.isfinite(share) and 0 <= share <= 1 for _, share in found["values"])
    assert {key for key, _ in found["values"]} <= {dimension.key for dimension in space.dimensions}


X = read_space({"x": "uniform(0, 1)"})


def test_what_is_left_out_is_said(quiet_optuna: None) -> None:
    made = history(X, lambda point: point["x"], 10)
    add(made, {"x": 5.0}, lambda point: 0.0)
    add(made, {"x": 0.5}, lambda point: math.nan, FAILED)
    add(made, {"x": 0.6}, lambda point: 0.1, FAILED)

    found = importances(X, made)

    assert found["values"] == [["x", 1.0]]
    assert found["evaluator"] == "PED-ANOVA of 10 trials: what tells the best 50% from the others"
    assert found["note"] == "Left out: 1 trial with values outside of the search space, 2 trials that did not complete."


@pytest.mark.parametrize(
    ("space", "made", "note"),
    [
        pytest.param(X, history(X, lambda _: 1.0, 0), "They need 10 completed trials; there are 0.", id="no-trials"),
        pytest.param(X, history(X, lambda each: each["x"], 9), "They need 10 completed trials; there are 9.", id="few"),
        pytest.param(X, history(X, lambda _: 1.0, 12), "All completed trials have the same value.", id="all-equal"),
        pytest.param(
            None,
            history(X, lambda each: each["x"], 12),
            "The search space was recorded by another version, and cannot be read.",
            id="unknown-space",
        ),
    ],
)
def test_why_there_are_none_is_said(space: SearchSpace | None, made: History, note: str) -> None:
    assert importances(space, made) == {"evaluator": None, "values": [], "note": note}


WITHOUT_SKLEARN = """
import sys
from tests.core.test_report_importances import X, history, importances
assert importances(X, history(X, lambda point: point["x"], 10))["values"]
assert "sklearn" not in sys.modules
import optuna
optuna.importance.FanovaImportanceEvaluator()
import optuna.importance
optuna.importance.MeanDecreaseImpurityImportanceEvaluator()
"""


def test_scikit_learn_is_not_imported_for_them_and_is_there_for_others_afterwards() -> None:
    """It takes seconds to import; Optuna's evaluators that need it must work in the same process all the same."""
    pytest.importorskip("sklearn")

    subprocess.run([sys.executable, "-c", WITHOUT_SKLEARN], check=True)
