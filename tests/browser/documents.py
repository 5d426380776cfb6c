"""Reports' data, made up: sweeps of any size and state, as the page reads them."""

from __future__ import annotations

import math
import random
from typing import Any

START = 1_795_320_000.0
STATES = ("completed",) * 12 + ("terminated",) * 5 + ("failed", "failed", "timed_out", "cancelled")
REASONS = {
    "failed": "ValueError: batch of 64 does not fit\nTraceback (most recent call last):\n  train.py, line 12",
    "timed_out": "ran longer than trial_timeout (300 s)",
    "terminated": "median stopping at report 12: 0.81 is worse than 0.62, the median of 20 trials",
    "cancelled": "stopped by the user",
}
# fmt: off
PARAMETERS: list[dict[str, Any]] = [
    {"key": "optimizer", "kind": "choice", "scale": "category", "choices": ["adam", "sgd"], "low": None, "high": None},
    {"key": "optimizer.lr", "kind": "loguniform", "scale": "log", "choices": None, "low": 1e-4, "high": 0.3},
    {"key": "optimizer.momentum", "kind": "uniform", "scale": "linear", "choices": None, "low": 0.0, "high": 0.99},
    {"key": "batch_size", "kind": "choice", "scale": "category", "choices": [16, 32, 64], "low": None, "high": None},
    {"key": "dropout", "kind": "uniform", "scale": "linear", "choices": None, "low": 0.0, "high": 0.6},
    {"key": "layers", "kind": "randint", "scale": "linear", "choices": None, "low": 0, "high": 5},
]
# fmt: on

NO_IMPORTANCES = {"evaluator": "", "values": [], "note": "Importances need two completed trials."}


def document(
    trials: int = 200, *, reports: int = 30, parameters: int = 6, slots: int = 4, is_final: bool = True, seed: int = 1
) -> dict[str, Any]:
    """A sweep of a small network whose learning rate matters most. Trials are of every state."""
    rng = random.Random(seed)
    known = (PARAMETERS + [_uniform(f"extra_{i}") for i in range(parameters)])[:parameters]
    ends = [START] * slots
    rows: list[list[dict[str, Any]]] = [[] for _ in range(slots)]
    made = []
    for number in range(trials):
        slot = ends.index(min(ends))
        state = rng.choice(STATES) if is_final or number < trials - slots else "running"
        trial = _trial(rng, number, state, ends[slot], known, reports)
        if number % 23 == 11:  # an attempt of it was lost before
            rows[slot].append(_span(number, 1, ends[slot], ends[slot] + 4.0, "lost"))
            trial = {**_later(trial, 9.0), "attempt": 2}
        rows[slot].append(
            {
                "trial": number,
                "attempt": trial["attempt"],
                "from_s": trial["submitted_s"],
                "began_s": trial["started_s"],
                "to_s": trial["ended_s"],
                "end": None if state == "running" else state,
            }
        )
        ends[slot] = math.inf if state == "running" else trial["ended_s"] + rng.uniform(0.2, 1.5)
        made.append(trial)
    return _around(made, rows, known, is_final=is_final)


def _uniform(key: str) -> dict[str, Any]:
    return {"key": key, "kind": "uniform", "scale": "linear", "choices": None, "low": 0.0, "high": 1.0}


def _span(trial: int, attempt: int, start: float, end: float, how: str) -> dict[str, Any]:
    return {"trial": trial, "attempt": attempt, "from_s": start, "began_s": start + 1.0, "to_s": end, "end": how}


def _later(trial: dict[str, Any], by_s: float) -> dict[str, Any]:
    times = {key: trial[key] + by_s for key in ("submitted_s", "started_s", "ended_s") if trial[key] is not None}
    return {**trial, **times}


def _point(rng: random.Random, known: list[dict[str, Any]]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for one in known:
        if one["key"] == "optimizer.momentum" and point.get("optimizer") == "adam":
            continue
        if one["scale"] == "category":
            point[one["key"]] = rng.choice(one["choices"])
        elif one["scale"] == "log":
            point[one["key"]] = math.exp(rng.uniform(math.log(one["low"]), math.log(one["high"])))
        elif one["kind"] == "randint":
            point[one["key"]] = rng.randrange(one["high"])
        else:
            point[one["key"]] = rng.uniform(one["low"], one["high"])
    return point


def _trial(
    rng: random.Random, number: int, state: str, now: float, known: list[dict[str, Any]], reports: int
) -> dict[str, Any]:
    point = _point(rng, known)
    off = (math.log10(point.get("optimizer.lr", 0.01)) + (2.2 if point.get("optimizer") == "adam" else 1.2)) / 1.1
    floor = 0.05 + 0.12 * off**2 + 0.15 * abs(point.get("dropout", 0.2) - 0.2) + 0.02 * abs(point.get("layers", 3) - 3)
    part = {"completed": 1.0, "running": 0.5, "failed": rng.choice([0.0, 0.3])}.get(state, 0.4)
    count = int(reports * part)
    fallen = [math.exp(-4.8 * (i + 1) / reports) for i in range(count)]
    values = [floor + (2.3 - floor) * part + rng.gauss(0, 0.012) for part in fallen]
    queued, step = rng.uniform(0.2, 3), rng.uniform(0.6, 1.8)
    began = now + queued
    ended = None if state == "running" else began + 2 + step * max(count, 1)
    return {
        "number": number,
        "state": state,
        "reason": REASONS.get(state, ""),
        "value": min(values, default=None),
        "attempt": 1,
        "submitted_s": now,
        "started_s": began,
        "ended_s": ended,
        "duration_s": None if ended is None else ended - began,
        "parameters": point,
        "dir": f"/home/me/digits/multirun/2026-11-22/04-12-15/{number}",
        "href": f"{number}",
        "run_id": f"{rng.getrandbits(128):032x}",
        "run_url": f"http://127.0.0.1:5000/#/experiments/1/runs/{number}",
        "reports": {"steps": list(range(count)), "values": values, "times": [2 + step * (i + 1) for i in range(count)]},
        "reports_total": count,
    }


def _around(
    trials: list[dict[str, Any]], rows: list[list[dict[str, Any]]], known: list[dict[str, Any]], *, is_final: bool
) -> dict[str, Any]:
    """The rest of the document, given its trials."""
    ended = max((trial["ended_s"] or trial["started_s"] + 30 for trial in trials), default=START + 1)
    valued = [trial for trial in trials if trial["value"] is not None]
    best = min(valued, key=lambda trial: trial["value"], default=None)
    completed = min((t for t in valued if t["state"] == "completed"), key=lambda t: t["value"], default=None)
    counts: dict[str, int] = {}
    for trial in trials:
        counts[trial["state"]] = counts.get(trial["state"], 0) + 1
    weights = [0.62, 0.17, 0.09, 0.06, 0.04, 0.02]
    names = ["optimizer.lr", "optimizer", "dropout", "layers", "batch_size"]
    return {
        "title": "multirun/2026-11-22/04-12-15",
        "directory": "/home/me/digits/multirun/2026-11-22/04-12-15",
        "written_s": ended,
        "state": "ended" if is_final else "running",
        "state_in_words": "all trials are done" if is_final else "",
        "is_final": is_final,
        "started_s": START,
        "ended_s": ended if is_final else None,
        "used_s": ended - START,
        "timeout_s": 3600.0,
        "max_trials": len(trials) if is_final else len(trials) + 50,
        "slots": len(rows),
        "objective": {"metric": "val_loss", "goal": "minimize"},
        "counts": counts,
        "parameters": known,
        "trials": trials,
        "timeline": {"rows": rows, "gaps": []},
        "importances": {
            "evaluator": "PED-ANOVA",
            "values": [[name, weight] for name, weight in zip(names, weights, strict=False)],
            "note": "",
        },
        "best": best
        and {
            "number": best["number"],
            "value": best["value"],
            "parameters": best["parameters"],
            "run_again": "python train.py --config-dir multirun/2026-11-22/04-12-15/best --config-name azsweep_best",
            "overrides": f"python train.py {' '.join(f'{key}={value}' for key, value in best['parameters'].items())}",
            "href": best["href"],
            "run_url": best["run_url"],
        },
        "best_completed": completed and completed["number"],
        "spec": SPEC,
        "command": "python train.py --multirun hydra/sweeper=azsweep",
        "mlflow": {
            "how_to_open": "mlflow ui --backend-store-uri sqlite:////home/me/digits/mlflow.db",
            "run_url": None,
        },
    }


SPEC = """\
sampling_algorithm:
  type: bayesian
objective:
  primary_metric: val_loss
  goal: minimize
limits:
  max_total_trials: 200
  max_concurrent_trials: 4
  timeout: 3600
early_termination:
  type: median_stopping
  evaluation_interval: 1
  delay_evaluation: 5
search_space:
  optimizer:
    type: choice
    values:
    - _group_: adam
      lr: {type: loguniform, min_value: -9.21, max_value: -1.2}
    - _group_: sgd
      lr: {type: loguniform, min_value: -9.21, max_value: -1.2}
      momentum: {type: uniform, min_value: 0, max_value: 0.99}
  batch_size: {type: choice, values: [16, 32, 64, 128]}
  dropout: {type: uniform, min_value: 0, max_value: 0.6}
  layers: {type: randint, upper: 5}
"""
