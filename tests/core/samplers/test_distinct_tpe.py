"""How often TPE is asked for a point that was not tried, and what happens when it has none."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from azsweep_core.samplers import _distinct_tpe
from azsweep_core.samplers._distinct_tpe import DRAWS, DistinctTPESampler

SPACE = {"a": CategoricalDistribution(list("uvwxyz")), "b": CategoricalDistribution(list("uvwxyz"))}


pytestmark = pytest.mark.usefixtures("quiet_optuna")


class Stubborn(DistinctTPESampler):
    """TPE that has settled on one point."""

    draws = 0

    def _by_tpe(self, *_: object) -> dict[str, Any]:
        self.draws += 1
        return {"a": "u", "b": "u"}


def study_of(results: int, running: int) -> tuple[optuna.Study, Stubborn]:
    """A study in which that point was tried, besides random ones."""
    sampler = Stubborn(seed=1, space=SPACE)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.enqueue_trial({"a": "u", "b": "u"})
    for number in range(results):
        study.tell(study.ask(SPACE), float(number))  # type: ignore[arg-type]
    for _ in range(running):
        study.ask(SPACE)  # type: ignore[arg-type]
    study.sampler = sampler
    return study, sampler


@pytest.mark.parametrize(
    ("results", "running", "draws"),
    [
        pytest.param(12, 0, 1, id="alone"),
        pytest.param(12, 3, DRAWS, id="beside-others"),
        pytest.param(60, 3, DRAWS // 2, id="among-many"),
        pytest.param(400, 3, 1, id="among-very-many"),
    ],
)
def test_tpe_is_asked_again_while_others_run_and_it_costs_little(
    monkeypatch: pytest.MonkeyPatch, results: int, running: int, draws: int
) -> None:
    """The point that comes then is another one all the same, as long as there is one."""
    study, sampler = study_of(results, running)
    tried = {tuple(trial.params.values()) for trial in study.trials}
    monkeypatch.setattr(_distinct_tpe, "DRAWS_TIMES_TRIALS", len(tried) * draws if draws < DRAWS else 10_000)

    point = tuple(study.ask(SPACE).params.values())  # type: ignore[arg-type]

    assert sampler.draws == draws
    assert point not in tried or len(tried) == 36
