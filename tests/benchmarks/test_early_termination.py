"""The benchmark of policies measures what it says: the same curves and orders for all, epochs used, and regret."""

from __future__ import annotations

import re
import signal
from typing import Any

import numpy as np
import optuna
import pytest

from azsweep_core.early_termination import read_policy
from azsweep_core.objective import Goal
from azsweep_core.testing.simulation import FakeClock
from benchmarks._early_termination import replay
from benchmarks._early_termination.contenders import OURS, PRESETS, THEIRS
from benchmarks._early_termination.curves import EPOCHS, TASKS, Task, load
from benchmarks._early_termination.page import preset
from benchmarks._early_termination.replay import order, ours, theirs
from tests.benchmarks.test_benchmarks import run

pytestmark = pytest.mark.usefixtures("quiet_optuna")

LOSSES = [[4.0, 3.0, 2.0], [5.0, 5.0, 5.0], [6.0, 1.0, 1.5], [9.0, 9.0, 8.0]]
TOY = Task("toy", Goal.MINIMIZE, LOSSES, [0.5, 1.0, 1.5, 1.0])


def stops_at_once(**settings: Any) -> dict[str, Any]:
    """A policy that stops whatever is not the best at its interval."""
    return {"type": "bandit", "slack_amount": 0.0, **settings}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_80_finite_curves_of_50_epochs(name: str) -> None:
    task = load(name)

    assert np.shape(task.curves) == (80, EPOCHS)
    assert np.isfinite(task.curves).all()
    assert np.mean(task.seconds) == pytest.approx(1.0)
    assert min(task.seconds) > 0


@pytest.mark.parametrize("goal", Goal)
def test_regret_is_0_for_the_best_configuration_and_1_for_the_median_one(goal: Goal) -> None:
    sign = 1 if goal is Goal.MINIMIZE else -1
    task = Task("toy", goal, [[sign * value for value in curve] for curve in LOSSES], TOY.seconds)

    assert [task.regret(sign * value) for value in (1.0, 3.5, 6.0)] == [0.0, 1.0, 2.0]


def test_foresight_is_the_rank_correlation_over_the_better_half() -> None:
    assert TOY.foresight(3) == pytest.approx(1.0)
    assert TOY.foresight(1) == pytest.approx(-1.0)  # of the better two, the winner begins worse


def test_an_order_is_every_configuration_once_and_another_one_for_another_seed() -> None:
    task = load("linear_cancer")

    assert sorted(order(task, 0)) == list(range(80))
    assert order(task, 0) == order(task, 0) != order(task, 1)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_without_a_policy_both_train_every_epoch_and_end_together(workers: int) -> None:
    """Which is to say: trials start, report and end in the same order and at the same times."""
    mine, other = ours(TOY, 0, workers, None), theirs(TOY, 0, workers, optuna.pruners.NopPruner())

    assert [other.epochs, other.time_s] == pytest.approx([mine.epochs, mine.time_s]) == [1.0, other.time_s]
    assert mine.regret == other.regret == 0.0


def test_a_stopped_trial_counts_for_the_epochs_that_it_had_begun_and_for_its_best() -> None:
    """With one worker each is compared with all before it."""
    found = ours(TOY, 0, 1, stops_at_once())

    best, whole, stopped = np.inf, 0, 0
    firsts: list[list[float]] = []
    for configuration in order(TOY, 0):
        curve = np.minimum.accumulate(LOSSES[configuration]).tolist()
        reached = next((at for at in range(3) if any(other[at] < curve[at] for other in firsts)), 2)
        firsts.append(curve[: reached + 1] + [np.inf] * (2 - reached))
        best = min(best, curve[reached])
        whole, stopped = whole + reached + 1, stopped + (reached < 2)
    assert found.regret == TOY.regret(best)
    assert whole <= found.epochs * 12 <= whole + 0.4 * stopped  # a look every 0.2 s, at the least of 0.5 s an epoch


class Interrupting(FakeClock):
    """One Ctrl-C after two seconds of a sweep."""

    pressed = False

    def now(self) -> float:
        if self.now_s >= 2.0 and not self.pressed:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)
        return self.now_s


def test_an_interrupted_sweep_is_not_taken_for_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "FakeClock", Interrupting)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it puts aside without it

    try:
        with pytest.raises(KeyboardInterrupt):
            ours(TOY, 0, 1, None)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_pruned_trial_counts_for_the_epochs_until_then() -> None:
    """What begins above the threshold ends after one epoch: two of the four."""
    found = theirs(TOY, 0, 2, optuna.pruners.ThresholdPruner(upper=5.5))

    assert found.epochs == (3 + 3 + 1 + 1) / 12
    assert found.regret == TOY.regret(2.0)


@pytest.mark.parametrize("title", OURS)
def test_every_policy_can_be_run(title: str) -> None:
    policy = OURS[title]

    assert policy is None or list(read_policy(policy).validate()) == []


def test_every_preset_is_among_the_policies() -> None:
    assert sorted(filter(None, map(preset, OURS))) == sorted(PRESETS)


def test_a_quick_run_prints_a_table_a_number_of_workers_and_one_of_tasks() -> None:
    page = run("early_termination.py", "--quick")

    titles = re.findall(r"^\*\*(.*)\*\*$", page, re.MULTILINE)
    firsts = re.findall(r"^\| ([^:|]+?) +\|", page, re.MULTILINE)
    assert titles == ["Early termination, 4 workers", "Early termination, 16 workers", "By task: regret (epochs)"]
    assert firsts == [*2 * ["policy", *OURS, *THEIRS], "task", "linear_cancer", "scheduled_digits"]
