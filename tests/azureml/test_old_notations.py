"""Earlier notations: AzureML's client refuses them as we do, and takes what `--fix` makes of them."""

from __future__ import annotations

from pathlib import Path

from azsweep_core._yaml_lines import parse_yaml
from azsweep_core.job_fix import fixed
from tests.azureml.client import AzureML
from tests.core.test_job_old import SURE, as_once


def test_the_client_refuses_each_and_takes_what_is_made_of_it(azureml: AzureML) -> None:
    once = {row.id: as_once(str(row.values[0]), str(row.values[1])) for row in SURE}
    today = {name: fixed(parse_yaml(text, Path("job.yml")), text) for name, text in once.items()}

    verdicts = azureml.judge_all([*once.values(), *today.values()])

    assert [verdict.valid for verdict in verdicts] == [False] * len(once) + [True] * len(today)
