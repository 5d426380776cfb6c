"""AzureML's rules for the component that is written out in a pipeline's node. Judges no meaning, and no path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from azsweep_core._job_shapes import (
    Shape,
    anything,
    boolean,
    either,
    list_of,
    mapping_of,
    nullable,
    number,
    of_type,
    one_of,
    plain,
    record,
    refused,
    text,
)
from azsweep_core._job_trial_rules import code, environment, output
from azsweep_core._reading import join, shown
from azsweep_core.errors import Problem

__all__ = ["component", "mistaken_paths", "node_outputs"]

_BINDING = re.compile(r"\$\{\{.*\}\}")


def _bound(value: str, where: str) -> Iterator[Problem]:
    if not _BINDING.search(value):
        fix = "Write ${{parent.outputs.NAME}}, or a mapping."
        yield refused(value, where, "must name an output of the pipeline", fix)


node_outputs = mapping_of(nullable(either(str, _bound, output)))


def _truth(value: Any, where: str) -> Iterator[Problem]:
    if str(value).lower() not in ("true", "false"):
        yield refused(value, where, "must be true or false")


def _exactly(word: str) -> str:
    return word


_PORT_TYPES = (
    "uri_folder",
    "uri_file",
    "mltable",
    "mlflow_model",
    "custom_model",
    "triton_model",
    "path",
)
_VALUE_TYPES = ("number", "integer", "boolean", "string")
_MODES = one_of(
    "mount",
    "download",
    "upload",
    "ro_mount",
    "rw_mount",
    "eval_mount",
    "eval_download",
    "direct",
    "link",
    fold=_exactly,
)
_DECLARED: Mapping[str, Shape] = {"description": text, "optional": boolean}
_PORT: Mapping[str, Shape] = {**_DECLARED, "default": text, "mode": _MODES}
_RANGE = ("default", "min", "max")
_VALUE: Mapping[str, Shape] = {**_DECLARED, **dict.fromkeys(_RANGE, plain), "enum": list_of(text)}
_NUMBER: Mapping[str, Shape] = {**_VALUE, **dict.fromkeys(_RANGE, either(str, number, plain))}
_OUTPUT: Mapping[str, Shape] = {"description": text, "mode": _MODES}
_FIELDS: Mapping[str, Shape] = {
    "command": text,
    "environment": environment,
    "code": code,
    "display_name": text,
    "description": text,
    "is_deterministic": boolean,
    "tags": mapping_of(text),
    "inputs": mapping_of(
        of_type(
            {
                **dict.fromkeys(_PORT_TYPES, _PORT),
                "number": _NUMBER,
                "integer": _NUMBER,
                "boolean": {**_VALUE, "default": _truth},
                "string": _VALUE,
            },
            fold=_exactly,
        )
    ),
    "outputs": mapping_of(of_type(dict.fromkeys((*_PORT_TYPES, *_VALUE_TYPES), _OUTPUT), fold=_exactly)),
}


def component(value: Any, where: str) -> Iterator[Problem]:
    """The name of a component, or a component; other keys of it than these are not judged."""
    if isinstance(value, str):
        return
    if not isinstance(value, Mapping):
        yield refused(value, where, "must be a mapping or name a component")
        return
    if "type" in value and value["type"] != "command":
        fix = "Only a component of type command can be swept."
        yield Problem(join(where, "type"), "must be command", shown(value["type"]), fix)
        return
    foreign = dict.fromkeys((key for key in value if isinstance(key, str)), anything)
    yield from record({**foreign, **_FIELDS}, ["command", "environment"])(value, where)


def mistaken_paths(node: Mapping[Any, Any]) -> Iterator[Problem]:
    """Numbers and booleans that a node gives to inputs of which its component says that they are data."""
    trial, given = node.get("trial"), node.get("inputs")
    declared = trial.get("inputs") if isinstance(trial, Mapping) else None
    if not isinstance(declared, Mapping) or not isinstance(given, Mapping):
        return
    for name, value in given.items():
        port = declared.get(name)
        kind = port.get("type") if isinstance(port, Mapping) else None
        if kind in _PORT_TYPES and isinstance(value, (bool, int, float)):
            yield refused(value, join("inputs", name), f"is a {kind} to the component", "Give it a path.")
