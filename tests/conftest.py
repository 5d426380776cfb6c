"""What all tests share: the tests' own SLURM, a silent Optuna, and which files are not searched for doctests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.slurm import REQUIRED, Slurm, find


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Keep programs that tests run from being searched for doctests, which would import them here."""
    is_program = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return is_program or None


def pytest_itemcollected(item: pytest.Item) -> None:
    if "slurm" in getattr(item, "fixturenames", ()):
        item.add_marker("slurm")


@pytest.fixture
def quiet_optuna() -> Iterator[None]:
    """Optuna logs warnings only, as it does in a sweep; afterwards as before."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(verbosity)


@pytest.fixture(scope="session")
def slurm() -> Slurm:
    """The SLURM that `.ci/slurm up` has started; the test is skipped if there is none."""
    found = find()
    if isinstance(found, Slurm):
        return found
    if REQUIRED:
        pytest.fail(found)
    pytest.skip(found)
