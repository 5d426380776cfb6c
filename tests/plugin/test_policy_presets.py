"""The early termination policies of `configs/`: chosen by name like other options, with figures that recommend them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from azsweep_core.early_termination import read_policy
from azsweep_core.spec import to_mapping
from tests.plugin.conftest import App
from tests.plugin.in_process import read, refuse

ROOT = Path(__file__).parents[2]
PRESETS = sorted((ROOT / "configs" / "hydra" / "sweeper" / "early_termination").glob("*.yaml"))
GROUP = "hydra/sweeper/early_termination"


def content(path: Path) -> dict[str, Any]:
    mapping: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return mapping


def policy(app: App, *arguments: str) -> Any:
    """The policy of a sweep with these arguments, as its ledger would have it."""
    return to_mapping(read(app, "x=range(2)", *arguments).spec).get("early_termination")


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_sweep_has_the_policy_of_the_preset_it_chooses(app: App, path: Path) -> None:
    found: Mapping[str, Any] = policy(app, f"{GROUP}={path.stem}")

    assert read_policy(found) == read_policy(content(path))
    assert list(read_policy(content(path)).validate()) == []


def test_a_sweep_has_no_policy_until_one_is_chosen(app: App) -> None:
    assert policy(app) is None


def test_a_preset_is_chosen_in_a_defaults_list_and_the_apps_own_value_wins(app: App) -> None:
    preset = {f"override {GROUP}": "azsweep_careful"}
    app.write("return cfg.x", {"x": 1}, defaults=(preset,), sweeper={"early_termination": {"delay_evaluation": 7}})

    found = policy(app)

    assert found == {**read_policy(content(preset_named("careful"))).to_mapping(), "delay_evaluation": 7}


def test_a_value_on_the_command_line_wins_over_the_preset(app: App) -> None:
    found = policy(app, "hydra.sweeper.early_termination.delay_evaluation=9", f"{GROUP}=azsweep_careful")

    assert found["delay_evaluation"] == 9


def test_for_another_sweeper_a_preset_is_refused(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    run = refuse(app, capsys, "x=1,2", "hydra/sweeper=basic", f"{GROUP}=azsweep_careful")

    assert run.code == 1
    assert run.err.startswith(f"Could not override '{GROUP}'. No match in the defaults list.\n")


def test_a_name_that_does_not_exist_is_answered_with_those_that_do(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    run = refuse(app, capsys, "x=1,2", f"{GROUP}=azsweep_carful")

    assert run.code == 1
    assert all(f"\n\t{path.stem}\n" in run.err for path in PRESETS)


def preset_named(name: str) -> Path:
    (path,) = [each for each in PRESETS if each.stem == f"azsweep_{name}"]
    return path


FIGURE = re.compile(r"\d+ %|\d\.\d{4}")


def measured(name: str) -> list[str]:
    """Epochs with 4 and 16 workers, regret, and regret where curves cross, as the page of the benchmark has them."""
    page = (ROOT / "benchmarks" / "results" / "early_termination.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.startswith("|")]
    few, many = [row for row in rows if row[2] == name]
    return [row[column] for column in (3, 5, 9) for row in (few, many)]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_the_figures_that_recommend_a_preset_are_those_of_the_benchmark(path: Path) -> None:
    comments = "".join(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    page = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{path.stem}` |")]

    assert FIGURE.findall(comments) == measured(path.stem)
    assert FIGURE.findall(row) == measured(path.stem)
