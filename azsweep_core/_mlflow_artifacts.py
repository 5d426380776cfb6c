"""Makes files of a sweep artifacts of its run in MLflow: within seconds, without secrets. Never fails, only warns."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from azsweep_core._mlflow_store import bounded_requests, root_cause, without_credentials

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["keep_document", "keep_files", "without_secrets"]

_LOG = logging.getLogger(__name__)
_SETTING = re.compile(r"(?P<indent> *)(?P<dashes>(?:- )*)(?P<key>[+'\"]{0,2}[\w./@-]+['\"]?)\s*[:=]\s*(?P<value>.*)")
_SECRET = re.compile(
    r"""(?ix) (?: passw(?:or)?d | passphrase | pwd | secret | credentials? | (?:api|access|private|secret)_?key
    | \b token | (?:access|api|auth|bearer|bot|hf|hub|refresh|session)_?token ) ['"]? $"""
)
_IS_NONE = re.compile(r"null|(?P<quote>['\"]?)(?:\?\?\?|\$\{.*\})(?P=quote)")


def keep_document(client: MlflowClient, run_id: str, name: str, document: Mapping[str, Any], patience_s: float) -> None:
    """Plain data as a YAML file among the run's artifacts."""
    import yaml

    text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    _keep(client, run_id, {name: without_credentials(text)}, patience_s)


def keep_files(client: MlflowClient, run_id: str, directory: Path, names: Sequence[str], patience_s: float) -> None:
    """Those of the files in `directory` that exist; they replace what the run has of these names.

    Text goes without its secrets. A page goes as it is: whoever makes it sees to that.
    """
    try:
        there = {name: directory / name for name in names if (directory / name).is_file()}
        pages = {name: path for name, path in there.items() if path.suffix == ".html"}
        texts = {name: path.read_text(encoding="utf-8") for name, path in there.items() if name not in pages}
    except (OSError, UnicodeError) as error:
        _warn(names, root_cause(error))
        return
    _keep(client, run_id, {**{name: without_secrets(text) for name, text in texts.items()}, **pages}, patience_s)


def without_secrets(text: str) -> str:
    r"""YAML, or overrides one a line, with `***` in the place of passwords and the like, and of those in addresses.

    >>> print(without_secrets("db.password=abc\nurl=http://me:abc@host\napi_key=${oc.env:KEY}\neos_token=x"))
    db.password='***'
    url=http://***@host
    api_key=${oc.env:KEY}
    eos_token=x
    """
    return "".join(_without_secrets(without_credentials(text).splitlines(keepends=True)))


def _without_secrets(lines: Sequence[str]) -> Iterator[str]:
    hidden: re.Match[str] | None = None
    for line in lines:
        if hidden is not None and _is_below(line, hidden):
            continue
        hidden = None
        found = _SETTING.fullmatch(line.rstrip("\n"))
        if found is None or not _SECRET.search(found["key"]) or _IS_NONE.fullmatch(found["value"]):
            yield line
            continue
        hidden = found
        before = line[: found.start("value")].rstrip()
        yield f"{before}'***'\n" if before.endswith("=") else f"{before} '***'\n"


def _is_below(line: str, setting: re.Match[str]) -> bool:
    """True if the line is part of the setting's value: further to the right, blank, or an item of its list."""
    indent = len(line) - len(line.lstrip(" "))
    column = len(setting["indent"] + setting["dashes"])
    return not line.strip() or indent > column or (indent == column and line.lstrip(" ").startswith("- "))


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
