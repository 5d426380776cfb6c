"""What AzureML's policies share: they are applied at every so many reports, after a delay; never which trial stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from azsweep_core.early_termination._base import Policy
from azsweep_core.early_termination._cadence import due_intervals
from azsweep_core.errors import Problem

__all__ = ["PeriodicPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicPolicy(Policy):
    """Judges a trial at regular intervals.

    Args:
        evaluation_interval: the policy is applied at every multiple of so many reports; 0 means 1.
        delay_evaluation: but not before so many.
    Source: AzureML "Early termination policies" of its sweep job reference.
    """

    timing: ClassVar[tuple[str, ...]] = ("evaluation_interval", "delay_evaluation")

    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def due(self, since: int, reports: int) -> Iterator[int]:
        return iter(
            due_intervals(
                since, reports, evaluation_interval=self.evaluation_interval, delay_evaluation=self.delay_evaluation
            )
        )

    def validate(self, where: str = "early_termination") -> Iterator[Problem]:
        for name, count in (
            ("evaluation_interval", self.evaluation_interval),
            ("delay_evaluation", self.delay_evaluation),
        ):
            if count < 0:
                yield Problem(f"{where}.{name}", "must be at least 0", str(count))

    def warnings(self, where: str = "early_termination") -> Iterator[Problem]:
        if self.evaluation_interval == 0:
            yield Problem(
                f"{where}.evaluation_interval", "0 means 1", "0", "Write 1 to judge a trial at each of its reports."
            )
