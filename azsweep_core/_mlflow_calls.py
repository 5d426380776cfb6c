"""Decides how patient to be with an MLflow store: what is asked now, and what is written later. Knows no run."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from azsweep_core._mlflow_store import bounded_requests, is_transient, root_cause, unreachable
from azsweep_core.errors import AzsweepError, Problem, StoreUnreachable

__all__ = ["StoreCalls"]

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)
_CALL_TIMEOUT_S = 10
_LONGEST_PAUSE_S = 15.0
_RETRY_EVERY_S = 0.2


class StoreCalls:
    """Calls to one store. While it is away it is asked less often the longer it takes to fail, and writes wait."""

    def __init__(self, tracking_uri: str) -> None:
        self._tracking_uri = tracking_uri
        self._unwritten: deque[Callable[[], None]] = deque()
        self._is_away = False
        self._ask_again_s = 0.0

    def ask(self, call: Callable[[], _T]) -> _T:
        """Result of `call`, within seconds.

        Raises:
            StoreUnreachable: if the store is away, or was a moment ago: little of the time is to be spent waiting.
            AzsweepError: if it refuses.
        """
        from mlflow.exceptions import MlflowException

        began_s = time.monotonic()
        if began_s < self._ask_again_s:
            raise StoreUnreachable(unreachable(self._tracking_uri, "it was away a moment ago"))
        try:
            with bounded_requests(_CALL_TIMEOUT_S):
                result = call()
        except (MlflowException, OSError) as error:
            if not is_transient(error):
                rule = f"MLflow must accept what a sweep records ({root_cause(error)})"
                raise AzsweepError(str(Problem("tracking", rule))) from error
            if not self._is_away:
                _LOG.warning("The MLflow store does not answer; the sweep goes on meanwhile: %s", root_cause(error))
            self._is_away = True
            waited_s = time.monotonic() - began_s
            self._ask_again_s = time.monotonic() + min(9 * waited_s, _LONGEST_PAUSE_S)
            raise StoreUnreachable(unreachable(self._tracking_uri, root_cause(error))) from error
        if self._is_away:
            _LOG.info("The MLflow store answers again.")
            self._is_away = False
        return result

    @property
    def is_behind(self) -> bool:
        """True if calls wait."""
        return bool(self._unwritten)

    def write(self, call: Callable[[], None]) -> None:
        """Make the call now if possible, else in a later turn, in order; it must be safe to repeat."""
        self._unwritten.append(call)
        self.write_waiting()

    def write_waiting(self) -> None:
        """Make the calls that wait, oldest first. What the store refuses is dropped with a warning."""
        while self._unwritten:
            try:
                self.ask(self._unwritten[0])
            except StoreUnreachable:
                return
            except AzsweepError as error:
                _LOG.warning("%s", error)
            self._unwritten.popleft()

    def finish(self, patience_s: float) -> None:
        """Make the calls that wait, trying for so long; warns about those that could not be made."""
        give_up_s = time.monotonic() + patience_s
        while self._unwritten and time.monotonic() < give_up_s:
            time.sleep(_RETRY_EVERY_S)
            self._ask_again_s = 0.0
            self.write_waiting()
        if self._unwritten:
            _LOG.warning("MLflow stayed away: %d entries of this sweep are missing there.", len(self._unwritten))
