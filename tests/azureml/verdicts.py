"""What we say about job files, as data: the counterpart of what AzureML's client says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from azsweep_core._job_rules import refused_there_alone
from azsweep_core._yaml_lines import YamlFile
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_file import Job, job_in, shape_problems, sweeps_in
from azsweep_core.spec import judge, read_sweep

_TESTS = Path(__file__).parents[1]
OWN = sorted((_TESTS / "azureml" / "job_files").iterdir())
OTHERS = sorted((_TESTS / "core" / "job_files").iterdir())
_SPECS = Path(os.environ.get("AZSWEEP_SPECS", _TESTS.parents[1] / "shared" / "azureml_specs"))
REAL = sorted(_SPECS.iterdir()) if _SPECS.is_dir() else []
"""AzureML's own, where they are."""


def load(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)


def dump(document: Any) -> str:
    return yaml.dump(document, Dumper=yaml.CSafeDumper)


def refusals(document: Mapping[str, Any]) -> tuple[list[Problem], list[Problem]]:
    """Why we refuse a job file, or a sweep of a pipeline's; and if we do not, why AzureML's client does."""
    file = YamlFile(Path("job.yml"), document)
    try:
        nodes = sweeps_in(file)
        if shape := [problem for node in nodes for problem in shape_problems(file, node)]:
            return shape, []
        jobs = [job_in(file, node) for node in nodes]
        ours = [problem for job in jobs for problem in (*job.validate(), *job.located(_meaning(job)))]
        return ours, [problem for job in jobs for problem in refused_there_alone(job.raw, is_node=job.name is not None)]
    except SpecError as error:
        return [*error.problems], []


def _meaning(job: Job) -> Iterable[Problem]:
    try:
        return judge(read_sweep(job.spec_mapping, absolute_children=True)).errors
    except SpecError as error:
        return error.problems
