"""How patient the sweep is with a store that is away."""

from __future__ import annotations

import threading

import pytest

from azsweep_core._mlflow_calls import StoreCalls
from azsweep_core.errors import AzsweepError, StoreUnreachable

ADDRESS = "http://tracking:5000"


class Store:
    """Fails so many times, each after a tenth of a second; then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked = 0

    def answer(self) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            threading.Event().wait(0.1)
            raise ConnectionRefusedError("not now")


def test_a_store_that_was_slow_to_fail_is_not_asked_again_at_once() -> None:
    store, calls = Store(failures=1), StoreCalls(ADDRESS)

    for _ in range(3):
        with pytest.raises(StoreUnreachable):
            calls.ask(store.answer)

    assert store.asked == 1


def test_at_the_end_it_is_asked_again_nevertheless() -> None:
    store, calls = Store(failures=1), StoreCalls(ADDRESS)
    calls.write(store.answer)

    calls.finish(patience_s=0.6)  # it was to be left alone for 0.9 s

    assert store.asked == 2


def test_writes_are_made_in_order_once_the_store_is_back() -> None:
    store, calls, written = Store(failures=1), StoreCalls(ADDRESS), list[str]()
    calls.write(store.answer)
    calls.write(lambda: written.append("first"))
    calls.write(lambda: written.append("second"))

    calls.finish(patience_s=30)

    assert written == ["first", "second"]


def test_a_message_names_the_store_and_the_cause() -> None:
    with pytest.raises(AzsweepError) as refusal:
        StoreCalls("http://me:secret@tracking:5000").ask(Store(failures=1).answer)

    assert str(refusal.value) == (
        "tracking: the MLflow store must be reachable; got http://***@tracking:5000 (not now). "
        "Start it, set MLFLOW_TRACKING_URI to another store, or set tracking: none."
    )
