"""Looks whether a sweep could record its runs in an MLflow store. Writes nothing there, and makes no store."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from azsweep_core._mlflow_parent import refuse_deleted
from azsweep_core._mlflow_store import (
    bounded_requests,
    is_absent,
    is_path,
    is_sql,
    probe_database,
    redacted,
    root_cause,
    unreachable,
)
from azsweep_core.errors import AzsweepError, Problem

__all__ = ["StoreLook", "look_at_store"]

_TIMEOUT_S = 4


@dataclass(frozen=True, slots=True)
class StoreLook:
    """What there is.

    Args:
        is_there: else it is made at the start.
        has_experiment: None if that cannot be told without being written to.
    """

    is_there: bool
    has_experiment: bool | None


def look_at_store(tracking_uri: str, experiment: str) -> StoreLook:
    """What a sweep would find.

    Args:
        tracking_uri: absolute.
    Raises:
        AzsweepError: if the sweep could not start: the store is away, cannot be written to, or is of another MLflow;
            or the experiment was deleted.
    """
    try:
        if is_absent(tracking_uri):
            _refuse_read_only(_file_of(tracking_uri), tracking_uri)
            return StoreLook(is_there=False, has_experiment=False)
        with bounded_requests(_TIMEOUT_S):
            if is_path(tracking_uri):
                _refuse_read_only(_file_of(tracking_uri), tracking_uri)
                return StoreLook(is_there=True, has_experiment=None)
            stage = (
                _stage_in_database(tracking_uri, experiment)
                if is_sql(tracking_uri)
                else _stage(tracking_uri, experiment)
            )
    except AzsweepError:
        raise
    except Exception as error:  # whatever a store, a driver or a plug-in of MLflow raises
        raise AzsweepError(unreachable(tracking_uri, root_cause(error))) from error
    if stage is not None:
        refuse_deleted(experiment, stage)
    return StoreLook(is_there=True, has_experiment=stage is not None)


def _stage(tracking_uri: str, experiment: str) -> str | None:
    """Lifecycle stage of the experiment, from a server."""
    from mlflow import MlflowClient

    found = MlflowClient(tracking_uri=tracking_uri).get_experiment_by_name(experiment)
    return None if found is None else str(found.lifecycle_stage)


def _stage_in_database(tracking_uri: str, experiment: str) -> str | None:
    """The same from a database, which MLflow itself would write to as soon as it is asked."""
    import sqlalchemy
    from mlflow.store.db import utils

    verify: Any = utils._verify_schema  # noqa: SLF001 - what MLflow itself asks before all else
    url = sqlalchemy.make_url(tracking_uri)
    if url.get_backend_name() == "sqlite":
        if not str(url.database).startswith("file:"):
            file = _file_of(tracking_uri)
            _refuse_read_only(file, tracking_uri)
            url = url.set(database=f"file:{quote(str(file))}", query={"mode": "ro", "uri": "true"})
    else:
        probe_database(tracking_uri)
    engine = sqlalchemy.create_engine(url)
    try:
        if not sqlalchemy.inspect(engine).has_table("experiments"):
            return None  # an empty database, which gets its tables at the start
        verify(engine)
        query = sqlalchemy.text("SELECT lifecycle_stage FROM experiments WHERE name = :name")
        with engine.connect() as connection:
            row: Any = connection.execute(query, {"name": experiment}).first()
    finally:
        engine.dispose()
    return None if row is None else str(row[0])


def _file_of(tracking_uri: str) -> Path:
    """The file or folder of a store that is one."""
    if is_path(tracking_uri):
        return Path(unquote(urlsplit(tracking_uri).path) if tracking_uri.startswith("file:") else tracking_uri)
    from sqlalchemy import make_url

    return Path(str(make_url(tracking_uri).database))


def _refuse_read_only(path: Path, tracking_uri: str) -> None:
    """See to it that a file, or a folder that may not be there yet, could be written to."""
    there = next(each for each in (path, *path.parents) if each.exists())
    is_folder_needed = there != path
    if not os.access(there, os.W_OK) or (is_folder_needed and not there.is_dir()):
        rule = "the MLflow store must be one that can be written to"
        raise AzsweepError(str(Problem("tracking", rule, f"{redacted(tracking_uri)} ({there})")))
