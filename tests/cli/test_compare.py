"""`azsweep compare`: sweeps side by side, and the better one marked where one is better."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from azsweep_core.cli._comparison import names_of
from azsweep_core.trial import TrialState
from tests.cli.sweeps import SPEC, SweepDir, azsweep
from tests.cli.test_words import lines_on_a_terminal

GRID = {"search_space": {"x": {"type": "choice", "values": [0, 1]}}, "sampling_algorithm": {"type": "grid"}}


def made(path: Path, values: list[float | None], spec: Mapping[str, Any] = SPEC) -> SweepDir:
    """A sweep whose trials ended one after the other with these values; those without one failed."""
    sweep = SweepDir(path)
    sweep.start(spec=spec)
    for number, value in enumerate(values):
        sweep.begin(number, after_s=number, parameters={"x": number})
        state = TrialState.COMPLETED if value is not None else TrialState.FAILED
        sweep.end_trial(number, value, after_s=number + 1, state=state)
    return sweep


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """The first found the best value late, the second a good one early, with another space and other limits."""
    spec = {**SPEC, **GRID, "early_termination": {"type": "bandit", "slack_factor": 0.1}}
    spec["limits"] = {name: limit for name, limit in SPEC["limits"].items() if name != "timeout"}
    sweeps = [made(tmp_path / "a" / "1", [0.75, None, 0.5, 0.25]), made(tmp_path / "a" / "2", [0.375, 0.5], spec)]
    sweeps[0].end(after_s=100)
    return [sweep.path for sweep in sweeps]


def test_sweeps_stand_side_by_side(two: list[Path]) -> None:
    result = azsweep("compare", *two)

    assert result.exit_code == 0
    assert (
        result.stdout
        == f"""\
                                  1              2
state                             ended          interrupted
objective                         minimize loss  minimize loss
algorithm                         random         grid
time used                         1 min 40 s     2 s
trials over                       4 of 5         2 of 5
  completed                       3              2
  failed                          1              0
best value                        0.25 *         0.375
  trial                           3              0
  x                               3              0
  found after                     4 trials       1 trial
after 2 trials                    0.75           0.375

What differs:
  search_space.x                  uniform(0, 9)  choice(0, 1)
  sampling_algorithm.type         random         grid
  sampling_algorithm.seed         1              -
  limits.timeout                  7200.0         -
  early_termination.type          -              bandit
  early_termination.slack_factor  -              0.1

Best: {two[0]}, trial 3: loss = 0.25
"""
    )


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param({"primary_metric": "loss", "goal": "maximize"}, id="goal"),
        pytest.param({"primary_metric": "error", "goal": "minimize"}, id="metric"),
    ],
)
def test_sweeps_with_different_objectives_are_shown_and_not_ranked(
    tmp_path: Path, objective: Mapping[str, str]
) -> None:
    paths = [made(tmp_path / "1", [0.5]).path, made(tmp_path / "2", [0.25], {**SPEC, "objective": objective}).path]

    result = azsweep("compare", *paths)
    document = json.loads(azsweep("compare", "--json", *paths).stdout)

    assert result.exit_code == 0
    assert "best value" in result.stdout
    assert "*" not in result.stdout
    assert result.stdout.endswith("\nThey are not ranked: their objectives differ.\n")
    assert (document["is_ranked"], document["best"]) == (False, [])


@pytest.mark.parametrize(
    ("goal", "values", "best"),
    [
        pytest.param("minimize", [[0.5], [0.25]], ["2"], id="the-lower"),
        pytest.param("maximize", [[0.5], [0.25]], ["1"], id="the-higher"),
        pytest.param("minimize", [[0.5], [0.5]], ["1", "2"], id="both"),
        pytest.param("minimize", [[None], [0.5]], ["2"], id="the-only-one"),
        pytest.param("minimize", [[None], []], [], id="none"),
    ],
)
def test_the_objective_says_which_is_best(
    tmp_path: Path, goal: str, values: list[list[float | None]], best: list[str]
) -> None:
    spec = {**SPEC, "objective": {"primary_metric": "loss", "goal": goal}}
    paths = [made(tmp_path / str(index), each, spec).path for index, each in enumerate(values, start=1)]

    document = json.loads(azsweep("compare", "--json", *paths).stdout)

    assert document["best"] == [str(tmp_path / name) for name in best]


def test_json_has_what_each_had_found_after_as_many_trials(two: list[Path]) -> None:
    document = json.loads(azsweep("compare", "--json", *two).stdout)

    assert document["trials_in_common"] == 2
    assert [sweep["value_after_trials_in_common"] for sweep in document["sweeps"]] == [0.75, 0.375]
    assert [sweep["trials_to_best"] for sweep in document["sweeps"]] == [4, 1]
    assert document["differences"]["early_termination.slack_factor"] == [None, "0.1"]
    assert document["sweeps"][1]["spec"]["search_space"] == GRID["search_space"]


def test_on_a_terminal_sweeps_that_do_not_fit_beside_stand_below(two: list[Path], tmp_path: Path) -> None:
    three = made(tmp_path / "a" / "a name that is rather long", [1.0]).path

    lines = lines_on_a_terminal(60, "compare", *two, three)

    headers = [line.split() for line in lines if line.startswith("    ")]
    assert headers == [["1", "2"], ["a", "name", "that", "is", "rather", "long"]]
    assert max(map(len, (line for line in lines if not line.startswith("Best: ")))) <= 60


def test_one_that_has_not_begun_is_shown(two: list[Path], tmp_path: Path) -> None:
    waiting = SweepDir(tmp_path / "waiting")
    lock = waiting.lock()

    result = azsweep("compare", two[0], waiting.path)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["state", "ended", "starting"]
    lock.release()


def test_one_sweep_is_no_comparison(two: list[Path]) -> None:
    result = azsweep("compare", two[0], f"{two[0]}/")

    assert (result.exit_code, "Needs two sweeps at least." in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        pytest.param("/m/1 /m/2", "1 2", id="the-last-part"),
        pytest.param("/m/a/1 /m/b/1", "a/1 b/1", id="as-much-as-it-takes"),
        pytest.param("/1 /a/1", "//1 a/1", id="up-to-the-root"),
    ],
)
def test_names_are_as_short_as_they_can_be_told_apart(paths: str, names: str) -> None:
    assert names_of([Path(path) for path in paths.split()]) == names.split()


def test_one_that_cannot_be_read_is_left_out_with_a_word(two: list[Path], tmp_path: Path) -> None:
    """As among what a shell makes of `day/*`."""
    (tmp_path / "notes").mkdir()
    damaged = made(tmp_path / "damaged", [0.5]).path
    (damaged / "sweep.jsonl").write_bytes(b"{}\n{}\n")

    result = azsweep("compare", damaged, two[0], tmp_path / "notes", two[1])
    alone = azsweep("compare", two[0], tmp_path / "notes")

    assert (result.exit_code, result.stdout) == (1, azsweep("compare", *two).stdout)
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["left out", "left out"]
    assert (alone.exit_code, alone.stdout) == (1, "")
    assert alone.stderr.endswith("\nDIR DIR...: must be two sweeps that can be read, at least.\n")
