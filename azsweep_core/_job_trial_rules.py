"""AzureML's rules for what a job runs and where: trial, inputs, outputs, resources. Judges no meaning, and no path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from azsweep_core._job_shapes import (
    Shape,
    anything,
    boolean,
    either,
    ignored,
    list_of,
    literal,
    mapping_of,
    named,
    nullable,
    of_type,
    one_of,
    plain,
    record,
    refused,
    snake_case,
    text,
    whole,
)
from azsweep_core._reading import join, shown
from azsweep_core.errors import Problem

__all__ = [
    "code",
    "environment",
    "identity",
    "inputs",
    "output",
    "outputs",
    "queue_settings",
    "resources",
    "services",
    "trial",
]


def _here(value: Any, where: str) -> Iterator[Problem]:
    """A path, which is nothing that AzureML has."""
    yield from text(value, where)
    if isinstance(value, str) and value.startswith("azureml:"):
        yield refused(value, where, "must be a path")


_MODES = one_of("download", "ro_mount", "direct")
_PATH = {"path": text, "datastore": text}
_DATA: Mapping[str, Shape] = {**_PATH, "mode": _MODES, "path_on_compute": _here}
_MODEL: Mapping[str, Shape] = {**_PATH, "mode": _MODES}
_TABLE_MODES = one_of("download", "ro_mount", "direct", "eval_mount", "eval_download")
_TABLE: Mapping[str, Shape] = {**_PATH, "mode": _TABLE_MODES, "path_on_compute": _here}
_INPUT = of_type(
    {
        "uri_file": _DATA,
        "uri_folder": _DATA,
        "mltable": _TABLE,
        "mlflow_model": _MODEL,
        "custom_model": _MODEL,
        "triton_model": _MODEL,
    }
)


def _input(value: Any, where: str) -> Iterator[Problem]:
    """A value, also as `{value: 3}`, or a mapping that says where data is: a folder, unless it has another type."""
    if not isinstance(value, Mapping):
        rule = "must be a number, a boolean, text or a mapping"
        return iter([Problem(where, rule, shown(value))]) if any(literal(value, where)) else iter(())
    if "value" in value:
        return record({"value": literal})(value, where)
    return (_INPUT if "type" in value else record(_TABLE))(value, where)


_ASSET_TYPES = one_of("uri_folder", "uri_file", "mltable", "mlflow_model", "custom_model", "triton_model")
_OUTPUT_FIELDS: Mapping[str, Shape] = {
    "type": _ASSET_TYPES,
    "mode": one_of("rw_mount", "mount", "upload", "direct"),
    "path": text,
    "name": text,
    "version": plain,
    "$schema": ignored,
}


def output(value: Any, where: str) -> Iterator[Problem]:
    yield from record(_OUTPUT_FIELDS)(value, where)
    name, version = (value.get(key) for key in ("name", "version")) if isinstance(value, Mapping) else (None, None)
    if isinstance(name, str) and not (name.replace("-", "_").isascii() and _is_asset_name(name)):
        rule = "is made of letters, digits, dashes and underscores, at most 255"
        yield Problem(join(where, "name"), rule, shown(name))
    if version and not name:
        yield Problem(join(where, "version"), "is for an output with a name", shown(version), "Give it a name.")


def _is_asset_name(name: str) -> bool:
    return len(name) <= 255 and all(character.isalnum() or character in "-_" for character in name)


inputs = mapping_of(_input, key=named)
outputs = mapping_of(nullable(output), key=named)
_IDENTITY_OF_COMPUTE = {"client_id": text, "object_id": text}
identity = of_type(
    {
        "managed": _IDENTITY_OF_COMPUTE,
        "managed_identity": _IDENTITY_OF_COMPUTE,
        "aml_token": {},
        "user_identity": {},
    },
    fold=snake_case,
)
queue_settings = record(
    {
        "job_tier": one_of("spot", "basic", "standard", "premium", "null"),
        "priority": one_of("low", "medium", "high"),
    }
)
resources = record(
    {
        "instance_count": whole,
        "instance_type": text,
        "max_instance_count": whole,
        "shm_size": text,
        "docker_args": either(list, list_of(text), text),
        "locations": list_of(text),
        "properties": mapping_of(anything),
    }
)


def _all_nodes(value: Any, where: str) -> Iterator[Problem]:
    if value != "all":
        yield refused(value, where, "must be all", "Leave it out for the first node alone.")


_SERVICE: Mapping[str, Shape] = {
    "type": text,
    "port": whole,
    "nodes": _all_nodes,
    "properties": mapping_of(anything, key=anything),
    **dict.fromkeys(("endpoint", "status", "error_message", "$schema"), ignored),
}
_OF_SERVICE = {"tensor_board": "log_dir", "ssh": "ssh_public_keys"}


def _service(value: Any, where: str) -> Iterator[Problem]:
    """A service of a type that AzureML knows, or of any other, which then has no keys of its own."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    own = [key for named, key in _OF_SERVICE.items() if kind is None or str(kind).lower() == named]
    return record({**_SERVICE, **dict.fromkeys(own, text)})(value, where)


services = mapping_of(_service)

_ROUTE = record({"port": whole, "path": text}, ["port", "path"])
_ROUTES = ("liveness_route", "readiness_route", "scoring_route")
_DELETION = record({"condition": one_of("created_greater_than", "last_accessed_greater_than"), "value": text})
_ENVIRONMENT_FIELDS: Mapping[str, Shape] = {
    "image": text,
    "build": record({"path": _here, "dockerfile_path": text}),
    "conda_file": either(Mapping, anything, text),
    "inference_config": record(dict.fromkeys(_ROUTES, _ROUTE), _ROUTES),
    "os_type": one_of("linux", "windows"),
    "name": anything,
    "version": anything,
    "description": text,
    "tags": mapping_of(anything),
    "datastore": text,
    "auto_delete_setting": _DELETION,
    **dict.fromkeys(("id", "creation_context", "latest_version", "intellectual_property", "$schema"), ignored),
}
_ELSEWHERE = ("azureml:", "file:")


def environment(value: Any, where: str) -> Iterator[Problem]:
    """What the trials need: the name of what AzureML has, a file, or a mapping."""
    if isinstance(value, str):
        if not (value.startswith(_ELSEWHERE) or value.endswith((".yml", ".yaml"))):
            fix = "Write azureml:NAME:VERSION or azureml:NAME@latest."
            yield Problem(where, "must say where it comes from", shown(value), fix)
        return
    if not isinstance(value, Mapping):
        yield refused(value, where, "must be text or a mapping")
        return
    conda = [key for key in ("channels", "dependencies") if key in value]
    for key in conda:
        fix = "Put it into a file of its own, and name that in conda_file."
        yield Problem(join(where, key), "belongs to conda", None, fix)
    yield from record({**_ENVIRONMENT_FIELDS, **dict.fromkeys(conda, anything)})(value, where)
    given = [key for key in ("image", "build") if value.get(key) not in (None, "", {})]
    if len(given) != 1:
        yield Problem(where, "needs one of image and build", " and ".join(given) or "none of them")


def code(value: Any, where: str) -> Iterator[Problem]:
    """A folder, or what has a version where it is."""
    yield from text(value, where)
    asset = value.removeprefix("azureml:") if isinstance(value, str) else ""
    is_known = asset == value or asset.startswith("//") or not asset.strip("/:")
    if not (is_known or any(asset.partition(mark)[2] for mark in "@:") or "/versions/" in asset):
        yield Problem(where, "needs a version", shown(value), "Write azureml:NAME:VERSION.")


_PROCESSES: Mapping[str, Shape] = {"process_count_per_instance": whole}
_DISTRIBUTION = of_type(
    {
        "pytorch": _PROCESSES,
        "tensorflow": {"parameter_server_count": whole, "worker_count": whole},
        "mpi": _PROCESSES,
        "ray": {
            "port": whole,
            "address": text,
            "include_dashboard": boolean,
            "dashboard_port": whole,
            "head_node_additional_args": text,
            "worker_node_additional_args": text,
        },
    }
)
_MISPLACED = ("compute", "inputs", "outputs", "limits")
_TRIAL_FIELDS: Mapping[str, Shape] = {
    "command": text,
    "environment": environment,
    "code": code,
    "environment_variables": mapping_of(anything, key=anything),
    "distribution": _DISTRIBUTION,
    "resources": resources,
    "queue_settings": queue_settings,
    "$schema": ignored,
}


def trial(value: Any, where: str) -> Iterator[Problem]:
    """The trial of a sweep job; in a pipeline it is a component, which is another matter."""
    if isinstance(value, str):
        yield Problem(where, "must be a mapping", shown(value), "Only in a pipeline can it name a component.")
        return
    misplaced = [key for key in _MISPLACED if isinstance(value, Mapping) and key in value]
    for key in misplaced:
        yield Problem(join(where, key), "does not belong to trial", None, f"Put {key} beside trial, not below it.")
    yield from record({**_TRIAL_FIELDS, **dict.fromkeys(misplaced, anything)}, ["command", "environment"])(value, where)
