"""Decides which MLflow store is meant and whether it can be reached; never reads or writes a run."""

from __future__ import annotations

import logging
import os
import re
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from azsweep_core._secrets import without_credentials
from azsweep_core.errors import AzsweepError, Problem

__all__ = [
    "absolute_uri",
    "bounded_requests",
    "chosen_uri",
    "configured_uri",
    "default_uri",
    "how_to_open",
    "is_absent",
    "is_bound_to_host",
    "is_path",
    "is_same_store",
    "is_sql",
    "is_transient",
    "probe_database",
    "redacted",
    "root_cause",
    "unreachable",
]

_SQL_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "sqlite": 0}
_DATABRICKS = ("databricks", "databricks-uc", "uc")
_CONNECT_TIMEOUT_S = 4.0
_MESSAGE_CHARACTERS = 300
_TRANSIENT = frozenset(
    {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}
)


def configured_uri() -> str | None:
    """What the user set: in code (`mlflow.set_tracking_uri`), else in MLFLOW_TRACKING_URI, else None."""
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and mlflow.tracking.is_tracking_uri_set():
        return str(mlflow.get_tracking_uri())
    return os.environ.get("MLFLOW_TRACKING_URI") or None


def default_uri(directory: Path) -> str:
    """`mlflow.db` in `directory`, as MLflow itself would choose there."""
    return _sqlite_uri(directory / "mlflow.db")


def absolute_uri(uri: str, directory: Path) -> str:
    """`uri` with a relative path in it resolved against `directory`; others as they are.

    >>> absolute_uri("file:mlruns", Path("/data")), absolute_uri("http://host:5000", Path("/data"))
    ('file:///data/mlruns', 'http://host:5000')

    Raises:
        AzsweepError: for an SQLite store in memory, which no other process can see.
    """
    if is_path(uri):
        path = Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri)
        return (directory / path).as_uri()
    if _sql_dialect(uri) != "sqlite":
        return uri
    from sqlalchemy import make_url

    url = make_url(uri)
    if url.database in (None, "", ":memory:"):
        rule = "an SQLite store must be a file, since every trial is a process of its own"
        raise AzsweepError(str(Problem("MLFLOW_TRACKING_URI", rule, uri, "Use sqlite:///mlflow.db.")))
    if Path(str(url.database)).is_absolute() or str(url.database).startswith("file:"):
        return uri
    query = f"?{urlsplit(uri).query}" if url.query else ""
    return _sqlite_uri(directory / str(url.database)) + query


def chosen_uri(given: str | None, directory: Path) -> str:
    """`given`, else what the user set, else `mlflow.db` in `directory`; absolute.

    Raises:
        AzsweepError: if MLflow is needed to tell and not installed, or no other process could see the store.
    """
    try:
        return absolute_uri(given or configured_uri() or default_uri(directory), directory)
    except ImportError as error:
        fix = "Install it with `pip install mlflow`, or set tracking: none."
        raise AzsweepError(str(Problem("tracking", "mlflow must be installed", str(error), fix))) from error


def is_same_store(uri: str, store: str, directory: Path) -> bool:
    """True if `uri` means the absolute `store`.

    A relative path need only be the end of the store's: the process may have changed its directory since.

    >>> is_same_store("sqlite:///mlflow.db", "sqlite:////home/me/mlflow.db", Path("/tmp"))
    True
    """
    if _bare(absolute_uri(uri, directory)) == _bare(store):
        return True
    relative = not is_path(uri) and uri.startswith("sqlite:///") and not uri.startswith("sqlite:////")
    return relative and store.startswith("sqlite:////") and store.endswith("/" + uri.removeprefix("sqlite:///"))


def how_to_open(uri: str, experiment_id: str, run_id: str) -> str:
    """What the user does to see a run; "" if there is no saying.

    >>> how_to_open("http://tracking:5000/", "1", "c0ffee")
    'http://tracking:5000/#/experiments/1/runs/c0ffee'
    """
    if urlsplit(uri).scheme in ("http", "https"):
        return f"{redacted(uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    return f"mlflow ui --backend-store-uri {shlex.quote(uri)}" if _sql_dialect(uri) == "sqlite" else ""


def is_bound_to_host(uri: str) -> bool:
    """True if trials on another machine could not log there.

    >>> is_bound_to_host("sqlite:////a/mlflow.db"), is_bound_to_host("http://tracking:5000")
    (True, False)
    """
    host = urlsplit(uri).hostname or ""
    return is_path(uri) or _sql_dialect(uri) == "sqlite" or host in ("localhost", "::1") or host.startswith("127.")


def is_absent(uri: str) -> bool:
    """True for a store in a file or directory that is not there: MLflow would make it when it is asked."""
    if is_path(uri):
        return not Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri).exists()
    if _sql_dialect(uri) != "sqlite":
        return False
    from sqlalchemy import make_url

    database = str(make_url(uri).database)
    return not database.startswith("file:") and not Path(database).exists()


def is_path(uri: str) -> bool:
    """True for a file store: a `file:` URI or a plain path."""
    return uri.startswith("file:") or (":" not in uri.partition("/")[0] and uri not in _DATABRICKS)


def is_sql(uri: str) -> bool:
    """True if MLflow talks to a database by itself."""
    return _sql_dialect(uri) is not None


def redacted(text: object) -> str:
    """`text` without the credentials that an address in it may carry, on one line and not too long.

    >>> redacted("no route to http://me:secret@host/x?password=secret")
    'no route to http://***@host/x?password=***'
    """
    shown = without_credentials(" ".join(str(text).split()))
    shown = re.sub(r"(?i)((?:password|pwd|token|secret)=)[^&\s]+", r"\1***", shown)
    return shown if len(shown) <= _MESSAGE_CHARACTERS else f"{shown[:_MESSAGE_CHARACTERS]}..."


def root_cause(error: BaseException) -> str:
    """What the innermost exception says: those around it repeat the request at length. A KeyError says too little."""
    while (inner := error.__cause__ or error.__context__) is not None and not isinstance(inner, KeyError):
        error = inner
    return redacted(error).rstrip(".") or type(error).__name__


def unreachable(uri: str, cause: str) -> str:
    """The message for a store that does not answer as one."""
    how = "Start it" if urlsplit(uri).scheme in ("http", "https") else "Check it"
    fix = f"{how}, set MLFLOW_TRACKING_URI to another store, or set tracking: none."
    rule = "the MLflow store must be reachable"
    return str(Problem("tracking", rule, f"{redacted(uri)} ({cause})", fix))


def is_transient(error: Exception) -> bool:
    """True if the same call may succeed later: the store is away or busy, rather than refusing."""
    return getattr(error, "error_code", "INTERNAL_ERROR") in _TRANSIENT


def probe_database(uri: str) -> None:
    """Connect to a SQL store once: MLflow itself would go on trying for an hour. Other stores are left alone.

    Raises:
        OSError, sqlalchemy.exc.SQLAlchemyError, ImportError: if that fails.
    """
    dialect = _sql_dialect(uri)
    if dialect is None:
        return
    import sqlalchemy

    url = sqlalchemy.make_url(uri)
    if url.host:
        with socket.create_connection((url.host, url.port or _SQL_PORTS[dialect]), timeout=_CONNECT_TIMEOUT_S):
            pass
    if dialect == "sqlite" and not str(url.database).startswith("file:"):
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(url)
    try:
        sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


@contextmanager
def bounded_requests(timeout_s: int) -> Iterator[None]:
    """Within it, MLflow's HTTP calls try twice for `timeout_s` each, not for minutes; the user's settings win.

    Neither a second try nor the end of a run is announced: what to say, and how often, is the caller's to decide.
    """
    settings = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(timeout_s),
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    mine = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(mine)
    retries = logging.getLogger("urllib3.connectionpool")
    level = retries.level
    retries.setLevel(logging.ERROR)
    try:
        yield
    finally:
        retries.setLevel(level)
        for name in mine:
            os.environ.pop(name, None)


def _sql_dialect(uri: str) -> str | None:
    dialect = uri.partition(":")[0].partition("+")[0]
    return dialect if dialect in _SQL_PORTS else None


def _sqlite_uri(path: Path) -> str:
    """URI of a database file; quoted only where it must be, since MLflow makes directories of the quoted path."""
    from sqlalchemy import URL, make_url

    text = os.path.normpath(path)
    plain = f"sqlite:///{text}"
    if make_url(plain).database == text:
        return plain
    return URL.create("sqlite", database=text).render_as_string(hide_password=False)


def _bare(uri: str) -> SplitResult:
    """`uri` without credentials and closing slashes, for comparison."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2].lower(), path=parts.path.rstrip("/"))
