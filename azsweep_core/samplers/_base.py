"""What every sampler is: a function from a trial's number and the history to a point of the search space."""

from __future__ import annotations

from typing import Protocol

from azsweep_core.history import History
from azsweep_core.trial import Parameters

__all__ = ["Sampler"]


class Sampler(Protocol):
    """Chooses the parameters of trials. It asks nothing of the world and keeps nothing a history cannot rebuild."""

    def ask(self, number: int, history: History) -> Parameters | None:
        """Parameters of trial `number`, or None if the search space has no point left.

        Numbers are asked in ascending order, each once in a process; after a resume the first number asked can be any,
        and the answer is the same as if those before had been asked here. The history holds every trial before
        `number`, those still running included.
        """
        ...
