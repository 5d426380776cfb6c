"""What happens in a sweep, as values: the only things that change a history, and all that a ledger holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from azsweep_core.trial import EarlierTrial, Measurement, Parameters, StopRequest, TrialState

__all__ = [
    "AttemptLost",
    "Ending",
    "EndingKind",
    "Event",
    "StopRequested",
    "SweepEnded",
    "SweepResumed",
    "SweepStarted",
    "TrialBegan",
    "TrialEnded",
    "TrialMeasured",
    "TrialSubmitted",
    "WarmStarted",
]


class EndingKind(Enum):
    """What brought the sweep to its end."""

    FINISHED = "finished"
    TIMEOUT = "timeout"
    FAILURES = "failures"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Ending:
    """That no further trial starts, and why in words; from then on the sweep only waits for what still runs."""

    kind: EndingKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStarted:
    """The first event: when, with which configuration, and what it takes to go on with it.

    Args:
        command: what the user typed, as a list of arguments with the interpreter first; empty if it is not known.
        working_dir: where.
        tracking_uri: MLflow's store, without user and password; None if there is none.
        mlflow_run_id: the parent run there.
    """

    time_s: float
    spec: Mapping[str, object]
    command: tuple[str, ...] = ()
    working_dir: str = ""
    tracking_uri: str | None = None
    mlflow_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResumed:
    """The sweep goes on, whether it was killed, stopped or had ended.

    Args:
        spec, command, working_dir: as those of SweepStarted, and from now on in their place.
        used_s: seconds of `limits.timeout` that were used before; those between the two do not count.
    """

    time_s: float
    used_s: float
    spec: Mapping[str, object]
    command: tuple[str, ...] = ()
    working_dir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStarted:
    """The trials of earlier sweeps that the sampler learns from; written before any trial of this one.

    One event for all of them: a ledger holds the head start whole or, torn, not at all.
    """

    time_s: float
    trials: tuple[EarlierTrial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSubmitted:
    """An attempt is about to be handed to the launcher; written before that happens."""

    time_s: float
    number: int
    attempt: int
    parameters: Parameters
    mlflow_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBegan:
    """The attempt's task has begun, in this directory."""

    time_s: float
    number: int
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMeasured:
    """New reports of the primary metric, in order.

    Args:
        returned: it is what the task returned at its end.
    """

    number: int
    measurements: tuple[Measurement, ...]
    returned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """The trial was told to stop."""

    time_s: float
    number: int
    request: StopRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLost:
    """The attempt was lost; the trial waits for another, and has no value meanwhile.

    Args:
        with_sweep: the sweep itself was killed or stopped; such a loss counts toward no limit.
    """

    time_s: float
    number: int
    reason: str
    with_sweep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded:
    """The trial is over.

    Args:
        by_user: cancelled because the user ended the sweep; it runs again when that is resumed.
    """

    time_s: float
    number: int
    state: TrialState
    reason: str = ""
    failure: str | None = None
    directory: str | None = None
    by_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEnded:
    """The last event unless the sweep is resumed, with the reason in words."""

    time_s: float
    stop_reason: str
    kind: EndingKind


Event = (
    SweepStarted
    | SweepResumed
    | WarmStarted
    | TrialSubmitted
    | TrialBegan
    | TrialMeasured
    | StopRequested
    | AttemptLost
    | TrialEnded
    | SweepEnded
)
