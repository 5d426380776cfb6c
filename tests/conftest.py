"""What all tests share: stores of MLflow, the tests' own SLURM, a silent Optuna; and which files hold no doctests."""

from __future__ import annotations

import gc
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.clusters.slurm import REQUIRED, Slurm, find

settings.register_profile("azsweep", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("azsweep")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Keep programs that tests run from being searched for doctests, which would import them here."""
    is_program = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return is_program or None


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what thousands of tests have been collected into: it stays to the end."""
    gc.freeze()


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
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make: tests copy it."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # MLflow's own, of SQLAlchemy
        MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture(scope="session")
def server(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real `mlflow server`."""
    from tests.core.tracking.conftest import free_port, running_server

    directory = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, directory / "mlflow.db")
    with running_server(directory, free_port()) as address:
        yield address


@pytest.fixture(scope="session")
def slurm() -> Slurm:
    """The SLURM that `.ci/slurm up` has started; the test is skipped if there is none."""
    found = find()
    if isinstance(found, Slurm):
        return found
    if REQUIRED:
        pytest.fail(found)
    pytest.skip(found)
