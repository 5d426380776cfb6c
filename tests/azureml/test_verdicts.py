"""We refuse the job files that AzureML's client refuses, and no others, but for the differences listed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from azsweep_core.errors import Problem
from tests.azureml.client import AzureML
from tests.azureml.differences import AZUREML, DIFFERENCES, HERE, Difference
from tests.azureml.mutations import Mutation, mutations
from tests.azureml.verdicts import OTHERS, OWN, REAL, dump, load, refusals

ONE_IN = int(os.environ.get("AZSWEEP_MUTATIONS_ONE_IN") or 16)
PAGE = Path(__file__).parents[2] / "docs" / "azureml-parity.md"
OPTIONAL_OVERRIDE = "sweep.yml"
"""Ours alone takes its `$[[seed=${{inputs.seed}}]]`, so that none of its mutations would tell anything."""


@pytest.fixture(scope="module")
def changed() -> Mapping[str, Mutation]:
    return mutations(load(file) for file in (*OWN, *OTHERS, *REAL) if file.name != OPTIONAL_OVERRIDE)


@pytest.mark.parametrize("file", [*OWN, *OTHERS, *REAL], ids=lambda file: file.name)
def test_files_as_they_are_have_the_same_verdict(azureml: AzureML, file: Path) -> None:
    ours, _ = refusals(load(file))

    verdict = azureml.judge(file.read_text(encoding="utf-8"))

    two_slacks = "early_termination: bandit needs exactly one of slack_factor and slack_amount"
    expected = [two_slacks] if file.name == "sdk-sweep-bandit.yaml" else []
    assert [f"{each.where}: {each.rule}" for each in ours] == expected
    assert verdict.valid == (file.name != OPTIONAL_OVERRIDE), verdict.reason


def test_mutations_have_the_same_verdict_but_for_the_differences_listed(
    azureml: AzureML, changed: Mapping[str, Mutation]
) -> None:
    examples = {difference.example for difference in DIFFERENCES}
    asked = [mutation for name, mutation in changed.items() if name in examples or mutation.is_among(ONE_IN)]
    assert len(asked) > 800

    verdicts = azureml.judge_all(dump(mutation.document) for mutation in asked)

    wrong, shown = [], set()
    for mutation, verdict in zip(asked, verdicts, strict=True):
        ours, theirs = refusals(mutation.document)
        told = ours if verdict.valid else [] if ours else theirs
        reasons = [_reasons(HERE if verdict.valid else AZUREML, problem) for problem in told]
        shown |= {each for found in reasons for each in found if each.example == str(mutation)}
        is_foreseen = bool(ours) or verdict.valid == (not theirs)
        if not (is_foreseen and all(reasons)):
            wrong.append(
                f"{mutation}: {' '.join(map(str, ours)) or 'we take it'}; AzureML: {verdict.reason or 'takes it'}"
            )
    assert wrong == []
    assert [each.example for each in DIFFERENCES if each not in shown] == []


def _reasons(stricter: str, problem: Problem) -> list[Difference]:
    """The differences that explain why that side alone has this problem."""
    return [each for each in DIFFERENCES if each.stricter == stricter and each.explains(problem)]


def test_nothing_crashes_and_all_that_is_told_can_be_read(changed: Mapping[str, Mutation]) -> None:
    told = {
        str(each): name
        for name, mutation in changed.items()
        if mutation.is_among(ONE_IN // 3 + 1)
        for each in refusals(mutation.document)[0]
    }

    assert [f"{name}: {text}" for text, name in told.items() if len(text) > 600] == []


def test_the_page_lists_the_differences() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## What one side alone refuses\n")[2].partition("\n## ")[0]
    rows = [
        tuple(cell.strip() for cell in row.split(" | ")) for row in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    ]

    assert rows[1:] == [(each.what, each.stricter, each.why) for each in DIFFERENCES]
