"""How much each parameter matters for a good value: Optuna's PED-ANOVA, told the completed trials. Imported late."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from azsweep_core.history import History
from azsweep_core.objective import Objective
from azsweep_core.report._files import plain_key
from azsweep_core.search_space import SearchSpace
from azsweep_core.trial import Trial, TrialState

if TYPE_CHECKING:
    from azsweep_core.samplers._encoding import Encoding

__all__ = ["importances"]

_Point = tuple[dict[int, Any], float | None]
"""What was picked, by the index of the dimension, and the value that came of it."""

_FEWEST_TRIALS = 10
_FEWEST_BEST = 5
_BEST = 0.1
"""What the best tenth have in common, as Optuna has it; but never fewer than five trials."""


def importances(space: SearchSpace | None, history: History) -> dict[str, Any]:
    """Shares of 1 by parameter, the largest first; or why there are none.

    Nested choices count: a parameter of a branch by the trials that have it, the choice between branches by itself.
    """
    completed = [trial for trial in history.trials if trial.state is TrialState.COMPLETED and trial.value is not None]
    known = [] if space is None else [trial for trial in completed if space.contains(trial.parameters)]
    if space is None:
        return _none("The search space was recorded by another version, and cannot be read.")
    if len(known) < _FEWEST_TRIALS:
        return _none(f"They need {_FEWEST_TRIALS} completed trials; there are {len(known)}.")
    if len({trial.value for trial in known}) == 1:
        return _none("All completed trials have the same value.")
    share = max(_BEST, _FEWEST_BEST / len(known))
    found = _by_ped_anova(space, known, history.objective, share)
    total = sum(found.values())
    if not total:
        return _none("The best trials are spread as all others are.")
    rest = [
        (len(completed) - len(known), "with values outside of the search space"),
        (history.finished - len(completed), "that did not complete"),
    ]
    left_out = [f"{count} trial{'s' if count > 1 else ''} {which}" for count, which in rest if count]
    return {
        "evaluator": f"PED-ANOVA of {len(known)} trials: what tells the best {share:.0%} from the others",
        "values": sorted(([key, value / total] for key, value in found.items()), key=lambda each: -each[1]),
        "note": f"Left out: {', '.join(left_out)}." if left_out else "",
    }


def _none(why: str) -> dict[str, Any]:
    return {"evaluator": None, "values": [], "note": why}


def _by_ped_anova(space: SearchSpace, trials: Sequence[Trial], objective: Objective, share: float) -> dict[str, float]:
    """What each parameter tells of a trial's being among the best `share` of all."""
    from azsweep_core.samplers._encoding import encode

    optuna = _importances_of_optuna()
    encodings = [encode(dimension) for dimension in space.dimensions]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of regimes with few trials
        study = _study([(space.read(trial.parameters), trial.value) for trial in trials], encodings, objective)
        asked = {name for trial in study.get_trials(deepcopy=False) for name in trial.params}
        names = [encoding.name for encoding in encodings if encoding.name in asked]
        found = optuna.PedAnovaImportanceEvaluator(target_quantile=share).evaluate(study, params=names)
    keys = {encoding.name: dimension.key for encoding, dimension in zip(encodings, space.dimensions, strict=True)}
    return {plain_key(keys[name]): float(found[name]) for name in names}


def _study(points: Sequence[_Point], encodings: Sequence[Encoding], objective: Objective) -> Any:
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction=objective.goal.value)
    finally:
        optuna.logging.set_verbosity(verbosity)
    study.add_trials(
        optuna.trial.create_trial(
            value=value,
            params={encodings[index].name: encodings[index].internal(picked) for index, picked in picks.items()},
            distributions={encodings[index].name: encodings[index].distribution for index in picks},
        )
        for picks, value in points
    )
    return study


def _importances_of_optuna() -> Any:
    """`optuna.importance` without scikit-learn, of which it imports seconds' worth for evaluators that are not ours.

    Where it is not loaded yet, it is loaded for us alone: whoever imports it after us gets all of it.
    """
    import optuna

    name = "optuna.importance"
    if name in sys.modules or "sklearn" in sys.modules:
        import optuna.importance

        return optuna.importance
    before = optuna.__dict__["importance"]
    hidden: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: not to be found
    hidden["sklearn"] = None
    try:
        import optuna.importance as module
    finally:
        del sys.modules["sklearn"]
        for each in [each for each in sys.modules if f"{each}.".startswith(f"{name}.")]:
            del sys.modules[each]
        optuna.__dict__["importance"] = before
    return module
