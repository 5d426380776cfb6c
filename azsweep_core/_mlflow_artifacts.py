"""Makes files of a sweep artifacts of its run in MLflow: within seconds, without secrets. Never fails, only warns."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from azsweep_core._mlflow_store import bounded_requests, redacted, root_cause
from azsweep_core._secrets import data_without_secrets, file_without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["keep_document", "keep_files"]

_LOG = logging.getLogger(__name__)


def keep_document(client: MlflowClient, run_id: str, name: str, document: Mapping[str, Any], patience_s: float) -> None:
    """Plain data as a YAML file among the run's artifacts, without its secrets."""
    import yaml

    text = yaml.safe_dump(data_without_secrets(document), sort_keys=False, allow_unicode=True)
    _keep(client, run_id, {name: text}, patience_s)


def keep_files(client: MlflowClient, run_id: str, directory: Path, names: Sequence[str], patience_s: float) -> None:
    """Those of the files in `directory` that exist; they replace what the run has of these names.

    Text goes without its secrets. A page goes as it is: the report is made without them.
    """
    files: dict[str, str | Path] = {}
    for name in names:
        path = directory / name
        try:
            if path.is_file():
                is_page = path.suffix == ".html"
                files[name] = path if is_page else file_without_secrets(path.suffix, path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            _warn([name], redacted(error))
    _keep(client, run_id, files, patience_s)


def _keep(client: MlflowClient, run_id: str, files: Mapping[str, str | Path], patience_s: float) -> None:
    """Send texts and files, for so long and no longer: what a store does not take by then, it does without."""
    missing, causes = list(files), [f"this took more than {patience_s:g} s"]

    def send() -> None:
        try:
            with TemporaryDirectory(prefix="azsweep-", ignore_cleanup_errors=True) as place:
                for name, file in files.items():
                    folder = PurePosixPath(name).parent
                    client.log_artifact(run_id, _as_file(file, Path(place, name)), str(folder) if folder.name else None)
                    missing.remove(name)
        except Exception as error:  # noqa: BLE001 - artifact stores raise what they like, and a sweep can do without
            causes.append(root_cause(error))

    thread = threading.Thread(target=send, name="azsweep-artifacts", daemon=True)
    with bounded_requests(max(1, int(patience_s))):
        thread.start()
        thread.join(patience_s)
    if missing:
        _warn(missing, causes[-1])


def _as_file(file: str | Path, path: Path) -> str:
    if isinstance(file, Path):
        return str(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file, encoding="utf-8")
    return str(path)


def _warn(names: Sequence[str], cause: str) -> None:
    _LOG.warning("Not kept as artifacts in MLflow: %s (%s)", ", ".join(names), cause)
