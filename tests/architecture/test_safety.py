"""Nothing that a sweep reads is run: no shell, no code made of text, and no pickles but those of its own processes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("azsweep_core", "hydra_plugins") for path in sorted((ROOT / folder).rglob("*.py"))]

NEVER = {
    "eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "marshal.loads",
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "shelve.open", "cloudpickle.load",
    "cloudpickle.loads",
}  # fmt: skip
PICKLES = {
    "processes.py": "a request that the helper has sent through a pipe to its own child",
    "_spawned.py": "the same, through a file without a name",
    "_compose.py": "a config of this process's own memory",
    "_submitit.py": "in a job: what the job was given; submitit has read it from the file that it made for the job",
    "_submitit_job.py": "in a job: the same",
    "_ray_job.py": "beside a worker: what Ray has brought, through a pipe",
    "_ray_worker.py": "in a worker: the answer of its supervisor, through a pipe",
}
"""Who unpickles, and what. None of them reads a file of the sweep's directory."""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_text_becomes_code(path: Path) -> None:
    for name, call in calls(path):
        assert name not in NEVER, f"{path}:{call.lineno}"
        assert all(each.arg != "shell" for each in call.keywords), f"{path}:{call.lineno}"


def test_pickles_are_read_where_they_are_known_to_come_from() -> None:
    readers = {path.name for path in SOURCES if any(name in ("pickle.load", "pickle.loads") for name, _ in calls(path))}

    assert readers == set(PICKLES)
