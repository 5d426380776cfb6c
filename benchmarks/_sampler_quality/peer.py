"""Another library's sampler behind a pipe: a line of JSON asks or tells, a line answers. Run by its interpreter.

Parameters come as `{key, kind, arguments, options}`; here they become what someone who knows the library would write.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

Parameter = Mapping[str, Any]
Values = dict[str, Any]

SIGMAS = 3
"""Optuna has no normal distribution: a range of so many sigmas to either side stands for it."""


class Study(Protocol):
    def ask(self, number: int) -> Values: ...

    def tell(self, number: int, value: float) -> None: ...


class OptunaStudy:
    """Define-by-run, with log=True for what is loguniform or lognormal, and `if` for what is conditional."""

    def __init__(self, parameters: Sequence[Parameter], sampler: Any, ordinal: bool) -> None:
        optuna = import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._parameters = parameters
        self._ordinal = ordinal
        self._study = optuna.create_study(sampler=sampler(optuna.samplers))
        self._trials: dict[int, Any] = {}

    def ask(self, number: int) -> Values:
        self._trials[number] = trial = self._study.ask()
        values: Values = {}
        self._suggest(trial, self._parameters, values)
        return values

    def tell(self, number: int, value: float) -> None:
        self._study.tell(self._trials.pop(number), value)

    def _suggest(self, trial: Any, parameters: Sequence[Parameter], values: Values) -> None:
        for each in parameters:
            key, options = each["key"], each.get("options")
            values[key] = optuna_value(trial, key, each["kind"], each["arguments"], ordinal=self._ordinal)
            if options is not None:
                self._suggest(trial, options[values[key]], values)


def optuna_value(trial: Any, key: str, kind: str, arguments: Sequence[float], *, ordinal: bool) -> Any:
    """What the trial suggests; with `ordinal`, the place of a number in an ordered choice is a whole number."""
    if kind == "positions" and ordinal:
        return trial.suggest_int(key, 0, arguments[0] - 1)
    if kind in ("positions", "categories", "randint"):
        return trial.suggest_categorical(key, list(range(int(arguments[0]))))
    low, high = arguments[:2]
    if "normal" in kind:
        low, high = low - SIGMAS * high, low + SIGMAS * high
    if "log" in kind:
        low, high = math.exp(low), math.exp(high)
    if not kind.startswith("q"):
        return trial.suggest_float(key, low, high, log="log" in kind)
    q = arguments[2]
    first, last = round(low / q), round(high / q)
    if "log" in kind:
        return q * trial.suggest_int(key, max(1, first), last, log=True)
    return q * trial.suggest_int(key, first, last)


class HyperoptStudy:
    """Its own expressions, which ours are named after; a number of an ordered choice is a uniformint."""

    def __init__(self, parameters: Sequence[Parameter], seed: int) -> None:
        self._hyperopt, self._base = import_module("hyperopt"), import_module("hyperopt.base")
        logging.disable(logging.CRITICAL)
        numpy = import_module("numpy")
        self._ordinals = _ordinals(parameters)
        self._domain = self._base.Domain(lambda _: 0.0, self._space(parameters))
        self._trials = self._hyperopt.Trials()
        self._seeds = numpy.random.default_rng(seed)
        self._documents: dict[int, Any] = {}

    def ask(self, number: int) -> Values:
        trials = self._trials
        (new,) = trials.new_trial_ids(1)
        trials.refresh()
        trials.insert_trial_docs(
            self._hyperopt.tpe.suggest([new], self._domain, trials, int(self._seeds.integers(2**31)))
        )
        trials.refresh()
        self._documents[number] = document = trials._dynamic_trials[-1]  # noqa: SLF001
        document["state"] = self._base.JOB_STATE_RUNNING
        found = {key: value[0] for key, value in document["misc"]["vals"].items() if value}
        return {key: round(float(value)) if key in self._ordinals else float(value) for key, value in found.items()}

    def tell(self, number: int, value: float) -> None:
        document = self._documents.pop(number)
        document["state"] = self._base.JOB_STATE_DONE
        document["result"] = {"loss": value, "status": "ok"}
        self._trials.refresh()

    def _space(self, parameters: Sequence[Parameter]) -> dict[str, Any]:
        return {each["key"]: self._expression(each) for each in parameters}

    def _expression(self, parameter: Parameter) -> Any:
        hp = self._hyperopt.hp
        key, kind, arguments = parameter["key"], parameter["kind"], parameter["arguments"]
        if "options" in parameter:
            # An option of its own number, so that no two look alike.
            return hp.choice(key, [[number, self._space(each)] for number, each in enumerate(parameter["options"])])
        if kind == "categories":
            return hp.choice(key, list(range(arguments[0])))
        if kind == "positions":
            return hp.uniformint(key, 0, arguments[0] - 1)
        return getattr(hp, kind)(key, *arguments)


def _ordinals(parameters: Sequence[Parameter]) -> set[str]:
    """Keys whose values are whole numbers."""
    keys = {each["key"] for each in parameters if each["kind"] in ("positions", "categories", "randint")}
    return keys.union(*(_ordinals(option) for each in parameters for option in each.get("options", ())))


def _optuna5(parameters: Sequence[Parameter], seed: int) -> Study:
    """Optuna's default sampler with its defaults."""
    return OptunaStudy(parameters, lambda samplers: samplers.TPESampler(seed=seed), ordinal=True)


def _optuna_gp(parameters: Sequence[Parameter], seed: int) -> Study:
    return OptunaStudy(parameters, lambda samplers: samplers.GPSampler(seed=seed), ordinal=True)


def _hydra_optuna(parameters: Sequence[Parameter], seed: int) -> Study:
    """What hydra-optuna-sweeper makes of `choice(...)` is a categorical, of numbers too; TPE as it configures it."""
    return OptunaStudy(parameters, lambda samplers: samplers.TPESampler(seed=seed, multivariate=False), ordinal=False)


STUDIES: Mapping[str, Callable[[Sequence[Parameter], int], Study]] = {
    "optuna5": _optuna5,
    "optuna-gp": _optuna_gp,
    "hydra-optuna": _hydra_optuna,
    "hyperopt": HyperoptStudy,
}


def main(name: str) -> None:
    warnings.simplefilter("ignore")
    study: Study | None = None
    for line in sys.stdin:
        request = json.loads(line)
        began_s = time.process_time()
        answer: dict[str, Any] = {}
        if "parameters" in request:
            study = STUDIES[name](request["parameters"], request["seed"])
        elif study is not None and "value" in request:
            study.tell(request["number"], request["value"])
        elif study is not None:
            answer["values"] = study.ask(request["number"])
        answer["cpu_s"] = time.process_time() - began_s
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
