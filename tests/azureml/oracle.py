"""What azure-ai-ml itself says about job files: a program that runs where azure-ai-ml is, and nothing of this project.

Reads the text of a file a line, as JSON, and answers it with `{"valid": ..., "reason": ...}`.
A sweep job is loaded and made into the request that would be sent; a pipeline's sweep nodes are held to the schema of
such a node, and components in other files are not looked at. Paths need not exist. Nothing is sent: sockets are off.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

import yaml
from azure.ai.ml._schema.core.fields import LocalPathField
from azure.ai.ml._schema.pipeline.component_job import SweepSchema
from azure.ai.ml.constants._common import BASE_PATH_CONTEXT_KEY
from azure.ai.ml.entities import Environment, Job
from marshmallow import INCLUDE, ValidationError

REMOTE = re.compile(r"azureml:|git\+|https?:|wasbs?:|abfss?:")


def judge(text: str, folder: Path, pipelines: Executor) -> str | None:
    """Why the client refuses it; None if it does not. The folder stands for that of the file."""
    try:
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        return f"no YAML: {error}"
    if not isinstance(document, dict):
        return "no mapping"
    if document.get("type") == "pipeline":
        return pipelines.submit(judge_pipeline, document, folder).result()
    return judge_job(document, folder)


def judge_pipeline(document: dict[str, Any], folder: Path) -> str | None:
    """The same for a pipeline. From then on the client takes pipelines' notations in jobs, too: not in this process."""
    jobs = document.get("jobs")
    nodes = jobs.items() if isinstance(jobs, dict) else ()
    sweeps = {name: node for name, node in nodes if isinstance(node, dict) and node.get("type") == "sweep"}
    refused = [reason for name, node in sweeps.items() for reason in judge_node(f"jobs.{name}", node, folder)]
    return ("; ".join(refused) or None) if sweeps else "no sweep node"


def judge_job(document: dict[str, Any], folder: Path) -> str | None:
    try:
        job = Job._load(data=without_files(document, folder), yaml_path=folder / "job.yml")  # noqa: SLF001 - `load_job`
        if type(job).__name__ != "SweepJob":
            return f"read as {type(job).__name__}"
        job._to_rest_object()  # noqa: SLF001 - what is done to submit it
        if isinstance(job.trial.environment, Environment):
            job.trial.environment.validate()  # before it is made there, which the job then waits for
    except Exception as error:  # noqa: BLE001 - whatever the client raises, it does not take the file
        return f"{type(error).__name__}: {error}"
    return None


def judge_node(where: str, node: dict[str, Any], folder: Path) -> Iterator[str]:
    trial = node.get("trial")
    if isinstance(trial, str):
        node = {**node, "trial": "azureml:elsewhere:1"}
    elif isinstance(trial, dict):
        node = {**node, "trial": {"type": "command", **without_files(node, folder)["trial"]}}
    try:
        SweepSchema(context={BASE_PATH_CONTEXT_KEY: folder}).load(node, unknown=INCLUDE)
    except ValidationError as error:
        yield f"{where}: {json.dumps(error.normalized_messages(), default=str)}"
    except Exception as error:  # noqa: BLE001 - the same
        yield f"{where}: {type(error).__name__}: {error}"


def without_files(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with an environment whose files are there, where it refers to files."""
    trial = document.get("trial")
    environment = trial.get("environment") if isinstance(trial, dict) else None
    if not isinstance(trial, dict) or not isinstance(environment, dict):
        return document
    changed = dict(environment)
    if isinstance(environment.get("conda_file"), str) and environment["conda_file"]:
        changed["conda_file"] = str(folder / "conda.yml")
    build = environment.get("build")
    if isinstance(build, dict) and isinstance(build.get("path"), str) and not REMOTE.match(build["path"]):
        changed["build"] = {**build, "path": str(folder)}
    return {**document, "trial": {**trial, "environment": changed}}


def any_local_path(field: Any, value: str) -> Path:
    """Takes the place of the client's look whether a path exists."""
    if REMOTE.match(str(value)):
        raise field.make_error("path_not_exist", path=value, allow_type="path")
    return Path(value)


def no_network(*_: object, **__: object) -> NoReturn:
    raise OSError("the judge uses no network")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for holder, name in ((socket.socket, "connect"), (socket, "getaddrinfo")):
        setattr(holder, name, no_network)
    LocalPathField._resolve_path = any_local_path  # noqa: SLF001 - there is no other seam
    forked = ProcessPoolExecutor(1, get_context("fork"))
    with tempfile.TemporaryDirectory() as folder, forked as pipelines:
        (Path(folder) / "conda.yml").write_text("dependencies: [python]\n")
        print(json.dumps("ready"), flush=True)
        for line in sys.stdin:
            reason = judge(json.loads(line), Path(folder), pipelines)
            print(json.dumps({"valid": reason is None, "reason": reason or ""}), flush=True)


if __name__ == "__main__":
    main()
