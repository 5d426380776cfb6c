"""What this project makes of real objects of azure-ai-ml: a program that runs where azure-ai-ml is, and Hydra is not.

Reads a line of JSON for each object, with Python that makes it, and answers with what became of it. A sweep's part is
`{"part": "limits", "source": "SweepJobLimits(max_total_trials=2)"}`; without `part` it is a whole job, which is read
twice: as an object, and from the file that azure-ai-ml writes of it. The first line says whether Hydra was imported.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, Output, command
from azure.ai.ml import entities as azure_entities
from azure.ai.ml import sweep as azure_sweep

from azsweep_core.errors import SpecError
from azsweep_core.job_file import Job, read_job
from azsweep_core.job_object import read_job_object
from azsweep_core.job_task import read_task
from azsweep_core.spec import judge, read_sweep, to_mapping

NAMES = {
    **{name: getattr(azure_sweep, name) for name in dir(azure_sweep)},
    **{name: getattr(azure_entities, name) for name in dir(azure_entities)},
    "Input": Input,
    "Output": Output,
    "command": command,
}


def read_part(part: str, thing: Any) -> Any:
    whole = {
        "search_space": {"x": {"type": "choice", "values": [1, 2]}},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 2},
    }
    spec = read_sweep({**whole, part: {"x": thing} if part == "search_space" else thing})
    return {"spec": to_mapping(spec), "errors": [str(each) for each in judge(spec).errors]}


def read_whole(job: Job) -> Any:
    spec, task = read_sweep(job.spec_mapping, absolute_children=True), read_task(job)
    return {
        "spec": to_mapping(spec),
        "command": task.command.text,
        "code": task.code,
        "variables": task.environment_variables,
        "inputs": {name: [each.type, each.value, each.path] for name, each in task.inputs.items()},
        "outputs": sorted(task.outputs),
        "compute": str(job.raw.get("compute")).removeprefix("azureml:"),
        "count": (job.raw["trial"].get("resources") or {}).get("instance_count"),
    }


def written(thing: Any, folder: Path) -> Job:
    """The job that the file describes which azure-ai-ml writes of the object."""
    job = thing._to_job() if type(thing).__name__ == "Sweep" else thing  # noqa: SLF001 - as it is submitted
    file = folder / "job.yml"
    file.unlink(missing_ok=True)
    job.dump(str(file))
    return read_job(file)


def answer(asked: dict[str, str], folder: Path) -> Any:
    thing = eval(asked["source"], NAMES)
    if "part" in asked:
        return or_refusal(lambda: read_part(asked["part"], thing))
    as_object = or_refusal(lambda: read_whole(read_job_object(thing)))
    return {"object": as_object, "file": or_refusal(lambda: read_whole(written(thing, folder)))}


def or_refusal(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except SpecError as error:
        return {"refused": [str(each) for each in error.problems]}


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("src").mkdir()
        print(json.dumps("hydra" in sys.modules), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line), Path(folder).resolve())), flush=True)


if __name__ == "__main__":
    main()
