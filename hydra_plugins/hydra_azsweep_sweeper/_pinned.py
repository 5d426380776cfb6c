"""What is left of `zip` and `initial_points` without the keys that have a plain value and are not sampled."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from hydra_plugins.hydra_azsweep_sweeper._overrides import SweepOverrides

__all__ = ["without_pinned"]


class _Fate(Enum):
    SAMPLED = "sampled"
    DECIDED = "decided"
    LOST = "lost"


def without_pinned(spec: Mapping[str, Any], overrides: SweepOverrides) -> tuple[dict[str, Any], list[str]]:
    """The settings with what `zip` and `initial_points` say of sampled keys only, and lines for the log about the rest.

    What has another shape stays, to be judged with everything else. Keys whose expression cannot be read are left out
    too: they have a problem of their own.
    """
    fates = {key.lstrip("+"): _Fate.SAMPLED for key in overrides.parameters}
    fates = dict.fromkeys(overrides.lost, _Fate.LOST) | dict.fromkeys(overrides.decided, _Fate.DECIDED) | fates
    left: dict[str, Any] = dict(spec)
    notes: list[str] = []
    if isinstance(spec.get("zip"), list):
        left["zip"] = [rest for group in spec["zip"] for rest in _groups(group, fates, notes)]
    if isinstance(spec.get("initial_points"), list):
        points = enumerate(spec["initial_points"])
        left["initial_points"] = [_point(point, f"initial_points[{number}]", fates, notes) for number, point in points]
    return left, notes


def _groups(group: Any, fates: Mapping[str, _Fate], notes: list[str]) -> list[Any]:
    """The group that is left, if any is."""
    if not isinstance(group, list):
        return [group]
    rest = [name for name in group if _fate(name, fates) is not _Fate.DECIDED]
    is_whole = len(rest) == len(group)
    if rest and not is_whole:
        together = "still vary together" if len(rest) > 1 else "varies alone"
        notes.append(f"zip: of [{', '.join(map(str, group))}] {', '.join(map(str, rest))} {together}.")
    is_lost = any(_fate(name, fates) is _Fate.LOST for name in rest)
    return [rest] if (is_whole or len(rest) > 1) and not is_lost else []


def _point(point: Any, where: str, fates: Mapping[str, _Fate], notes: list[str]) -> Any:
    if not isinstance(point, dict):
        return point
    unused = [key for key in point if _fate(key, fates) is _Fate.DECIDED]
    if unused:
        notes.append(f"{where}: what it says of {', '.join(unused)} is not used.")
    return {key: value for key, value in point.items() if _fate(key, fates) is _Fate.SAMPLED}


def _fate(name: Any, fates: Mapping[str, _Fate]) -> _Fate:
    """What became of the key or else of what holds it; sampled, until judged, if nobody knows it."""
    path = name.lstrip("+") if isinstance(name, str) else ""
    while path and path not in fates:
        path = path.rpartition(".")[0]
    return fates.get(path, _Fate.SAMPLED)
