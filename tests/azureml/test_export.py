"""AzureML's client takes every job that is exported."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from azsweep_core.errors import SpecError
from azsweep_core.spec import SweepSpec
from tests.azureml.client import AzureML
from tests.cli.sweeps import ROOT, azsweep, azsweep_command, environment
from tests.plugin.exports import FIXED, SPECS, exported_text

JOBS = 200


def test_every_exported_job_is_valid(azureml: AzureML) -> None:
    texts: list[str] = []

    @settings(max_examples=JOBS + 50, deadline=None, database=None, phases=[Phase.generate])
    @given(spec=SPECS, fixed=FIXED)
    def collect(spec: SweepSpec, fixed: list[str]) -> None:
        try:
            texts.append(exported_text(spec, fixed))
        except SpecError:  # for the quotes in its values
            return

    collect()
    verdicts = dict(zip(texts, azureml.judge_all(texts), strict=True))

    assert len(verdicts) >= JOBS * 0.8
    assert {text: verdict.reason for text, verdict in verdicts.items() if not verdict.valid} == {}


def test_an_exported_example_is_valid(azureml: AzureML, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    file = tmp_path / "sweep.yml"
    overrides = ["+experiment=sweep", "num_leaves=15", "+table=azureml"]
    options = [
        "--environment",
        "azureml:lightgbm@latest",
        "--compute",
        "cpu-cluster",
        "--input",
        "table=azureml:iris:1",
    ]

    subprocess.run(
        azsweep_command("export", "train.py", *overrides, *options, "-o", file),
        cwd=ROOT / "examples" / "lightgbm_iris",
        env=environment(),
        check=True,
        capture_output=True,
    )

    assert azureml.judge(file.read_text(encoding="utf-8")).reason == ""
    assert azsweep("validate", file).exit_code == 0
