"""The owner of a sweep's tasks on a Ray cluster: it outlives the coordinator, and a later one finds it by the sweep.

What is done on other nodes is here, too; as in _ray_worker, nothing of Hydra's is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from azsweep_core.errors import AzsweepError
from azsweep_core.leftovers import clear_leftovers
from hydra_plugins.hydra_azsweep_sweeper._ray_owner import TaskEnd, TaskOwner

__all__ = ["DetachedOwner", "clear_nodes", "cluster_address", "owner_name"]

_NAMESPACE = "azsweep"
_DESERTED_AFTER_S = 600.0
_HEAD = "node:__internal_head__"
"""The resource by which Ray tells the node from all others without which the cluster is no more."""


def owner_name(sweep_dir: Path) -> str:
    """The same for every start of a sweep."""
    return f"azsweep-{hashlib.sha256(str(sweep_dir.resolve()).encode()).hexdigest()[:16]}"


class DetachedOwner:
    """A TaskOwner in a named actor on the cluster's head. Every call raises RayActorError if it is gone."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    @classmethod
    def find(cls, sweep_dir: Path) -> DetachedOwner | None:
        """The one that an earlier start of the sweep has left, if it is still there."""
        import ray

        try:
            return cls(ray.get_actor(owner_name(sweep_dir), namespace=_NAMESPACE))
        except ValueError:
            return None

    @classmethod
    def make(cls, sweep_dir: Path, deserted_after_s: float = _DESERTED_AFTER_S) -> DetachedOwner:
        """A new one."""
        import ray

        options: dict[str, Any] = {
            "name": owner_name(sweep_dir),
            "namespace": _NAMESPACE,
            "lifetime": "detached",
            "num_cpus": 0,
            "max_restarts": 0,  # its tasks would not come back with it
            "max_task_retries": -1,
        }
        if _heads(ray):
            options["resources"] = {_HEAD: 0.001}
        return cls(ray.remote(TaskOwner).options(**options).remote(deserted_after_s))

    def set_options(self, options: Mapping[str, Any]) -> None:
        self._ask("set_options", options)

    def start(self, key: str, sweep: str, job: bytes) -> str:
        return str(self._ask("start", key, sweep, job))

    def keys(self) -> Mapping[str, bool]:
        return dict(self._ask("keys"))

    def ended(self, keys: Collection[str], timeout_s: float) -> Mapping[str, TaskEnd]:
        return dict(self._ask("ended", list(keys), timeout_s))

    def cancel(self, key: str) -> None:
        self._ask("cancel", key)

    def close(self) -> None:
        """End the actor, and with it what it has not ended."""
        import ray

        ray.kill(self._actor)

    def _ask(self, method: str, *arguments: object) -> Any:
        import ray

        return ray.get(getattr(self._actor, method).remote(*arguments))


def cluster_address() -> str:
    """Where the cluster is that this process has joined, whatever address it has joined it by."""
    import ray

    address = str(ray.get_runtime_context().gcs_address)
    heads = _heads(ray)
    return f"{heads[0]['NodeManagerAddress']}:{address.rpartition(':')[2]}" if heads else address


def clear_nodes(sweep_dir: Path) -> None:
    """Wait until nothing of a sweep runs on any node: what has lost its owner is killed by Ray, which takes a moment.

    Raises:
        AzsweepError: if something cannot be killed.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0, max_retries=0)(_clear_here)
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in _alive(ray)]
    for each in [look.options(scheduling_strategy=place).remote(sweep_dir) for place in places]:
        try:
            problem = ray.get(each)
        except ray.exceptions.RayError:
            continue  # the node has gone meanwhile, with all that ran there
        if problem:
            raise AzsweepError(problem)


def _clear_here(sweep_dir: Path) -> str:
    """On a node: what cannot be killed, in words."""
    try:
        clear_leftovers(sweep_dir)
    except AzsweepError as error:
        return str(error)
    return ""


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _heads(ray: Any) -> list[dict[str, Any]]:
    """The head, if Ray says which node that is."""
    return [node for node in _alive(ray) if _HEAD in node["Resources"]]
