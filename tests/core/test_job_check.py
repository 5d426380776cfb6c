"""What a check of job files finds: each problem once, in its line, as what it is; and it agrees with reading them."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azsweep_core._yaml_lines import read_yaml
from azsweep_core.errors import AzsweepError, SpecError
from azsweep_core.job_check import Kind, check_file
from azsweep_core.job_file import read_job
from azsweep_core.job_fix import fixed
from azsweep_core.job_task import read_task
from azsweep_core.spec import judge, read_sweep
from tests.core.test_damaged_files import directory, dumped, with_another_value

OWN = sorted((Path(__file__).parent / "job_files").glob("*.yml"))
SOUND = """\
type: sweep
sampling_algorithm: random
search_space:
  lr: {type: uniform, min_value: 0, max_value: 1}
  net: {type: choice, values: [a, b]}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 40, timeout: 600}
inputs:
  epochs: 3
trial:
  command: python train.py ${{search_space.lr}} ${{search_space.net}} ${{inputs.epochs}}
  environment: azureml:train:1
"""
CLIENT = "AzureML's client accepts it, its service does not."
UNNOTICED = "AzureML's client does not notice it."
AWAY = "`azsweep run` takes another"


def check(folder: Path, text: str, name: str = "job.yml") -> list[str]:
    """The findings, in words and without the folder."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return [str(each).replace(f"{folder}/", "") for each in check_file(file).findings]


def test_a_sound_job_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text(SOUND)

    checked = check_file(tmp_path / "job.yml")

    assert (checked.is_valid, checked.findings) == (True, ())
    assert checked.sweeps == ("sweep job: 2 parameters, 40 trials, random",)


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        pytest.param(
            "max_value: 1",
            "max_value: -1",
            "4: error: search_space.lr: uniform needs min_value < max_value; got uniform(0, -1). "
            f"Did you mean uniform(-1, 0)? {CLIENT}",
            id="meaning",
        ),
        pytest.param(
            "limits: {max_total_trials: 40, timeout: 600}",
            "limits: {max_total_trials: 40, timeout: 2h}",
            "7: error: limits.timeout: ",
            id="type-of-a-value",
        ),
        pytest.param(
            "timeout: 600",
            "timeout: -5",
            "7: error: limits.timeout: must be greater than 0 seconds; got -5. Leave it out for no limit. "
            "AzureML's client makes 60 seconds of it, and no limit of 0.",
            id="what-the-client-repairs",
        ),
        pytest.param(
            "max_total_trials: 40",
            "max_total_trials: 4000",
            "7: only here: limits.max_total_trials: AzureML takes at most 1000 trials; got 4000. "
            "It runs here, but not on AzureML.",
            id="only-here",
        ),
        pytest.param(
            "inputs:\n",
            "early_termination: {type: truncation_selection, truncation_percentage: 20, exclude_finished_jobs: false}\n"
            "inputs:\n",
            "8: only here: early_termination.exclude_finished_jobs: AzureML's client does not know it, "
            "though its documents do. It runs here, but not on AzureML.",
            id="in-the-documents-alone",
        ),
        pytest.param(
            "environment: azureml:train:1",
            "environment: ./train.yml",
            "12: only here: trial.environment: AzureML's client wants file: before the name of a file; "
            "got ./train.yml. Write file:./train.yml.",
            id="file-as-environment",
        ),
        pytest.param(
            "${{inputs.epochs}}",
            "epochs=${{inputs.epochs}} $[[seed=${{inputs.seed}}]]",
            "11: only here: trial.command: AzureML's client requires the input of an optional part, "
            "unless it ends a part of plain words; got $[[seed=${{inputs.seed}}]]. Give seed a value there.",
            id="optional-override",
        ),
        pytest.param(
            "sampling_algorithm: random\n",
            "",
            f"1: only here: sampling_algorithm: is missing, which means random. {CLIENT}",
            id="no-algorithm",
        ),
        pytest.param(
            "random\n", "grid\n", "4: error: search_space.lr: grid takes choice only; got uniform(0, 1). ", id="grid"
        ),
        pytest.param(
            "  epochs: 3",
            "  epochs: 3\n  epochs: 4",
            "10: error: inputs.epochs: is written twice, in lines 9 and 10. "
            "AzureML's client takes the last one without a word. Remove one.",
            id="twice",
        ),
        pytest.param(
            "${{inputs.epochs}}",
            "${{search_space.nte}}",
            "11: error: trial.command: unknown placeholder; got ${{search_space.nte}}. "
            f"Did you mean search_space.net? {UNNOTICED}",
            id="placeholder",
        ),
        pytest.param(
            "${{inputs.epochs}}",
            "${{inputs.epoch}}",
            "11: error: trial.command: unknown placeholder; got ${{inputs.epoch}}. Did you mean inputs.epochs?",
            id="input",
        ),
        pytest.param(
            " ${{inputs.epochs}}",
            " 'a",
            "11: error: trial.command: must close its quotes; got python train.py ${{search_space.lr}} "
            f"${{{{search_space.net}}}} 'a. {UNNOTICED}",
            id="quotes",
        ),
        pytest.param(
            " ${{search_space.net}}",
            "",
            "5: warning: search_space.net: the command does not use it. Pass it on with ${{search_space.net}}.",
            id="idle",
        ),
        pytest.param(
            "${{search_space.lr}} ${{search_space.net}}",
            "{search_space.lr} {search_space.net}",
            "11: note: trial.command: has placeholders of an old notation, which AzureML still takes; "
            "got {search_space.lr}, {search_space.net}. Write ${{search_space.lr}}, and so on.",
            id="old-placeholder",
        ),
        pytest.param(
            "trial:\n",
            "trial:\n  code: ./nowhere\n",
            f"11: warning: trial.code: must be a folder; got ./nowhere. {AWAY} folder with --code DIR.",
            id="code-that-is-not-there",
        ),
        pytest.param(
            "trial:\n",
            "trial:\n  code: azureml:train:1\n",
            f"11: note: trial.code: is not on this machine; got azureml:train:1. {AWAY} folder with --code DIR.",
            id="code-that-azureml-has",
        ),
        pytest.param(
            "trial:\n",
            "trial:\n  code: .\n",
            "12: warning: trial.command: its script must be in the folder of the code; got train.py.",
            id="script-that-is-not-there",
        ),
        pytest.param(
            "  epochs: 3",
            "  epochs: {type: uri_file, path: ./no.csv}",
            f"9: warning: inputs.epochs: must be there; got ./no.csv. {AWAY} path with --input epochs=PATH.",
            id="input-that-is-not-there",
        ),
        pytest.param(
            "  epochs: 3",
            "  epochs: {type: uri_file, path: .}",
            f"9: warning: inputs.epochs: must be a file; got .. {AWAY} path with --input epochs=PATH.",
            id="folder-in-the-place-of-a-file",
        ),
        pytest.param(
            "trial:\n",
            "trial:\n  distribution: {type: ray}\n",
            "11: note: trial.distribution: only a single process can be started here; got {'type': 'ray'}. ",
            id="several-processes",
        ),
        pytest.param(
            "  epochs: 3",
            "  epochs: {type: uri_file, path: https://example.com/a.csv}",
            "9: note: inputs.epochs: is not on this machine; got https://example.com/a.csv. "
            f"{AWAY} path with --input epochs=PATH.",
            id="input-of-the-network",
        ),
    ],
)
def test_every_kind_of_problem_is_told_as_what_it_is(tmp_path: Path, was: str, now: str, found: str) -> None:
    assert was in SOUND

    told = check(tmp_path, SOUND.replace(was, now))

    assert len(told) == 1
    assert told[0].startswith(f"job.yml:{found}") if found.endswith(" ") else told[0] == f"job.yml:{found}"


def test_what_can_be_read_is_judged_although_other_parts_cannot(tmp_path: Path) -> None:
    text = SOUND.replace("max_value: 1", "max_value: -1").replace("timeout: 600", "timeout: soon")
    text = text.replace("values: [a, b]", "values: []").replace("loss, goal: minimize", "'', goal: max")

    wheres = [line.split(": ")[2] for line in check(tmp_path, text)]

    assert sorted(wheres) == [
        "limits.timeout",
        "objective.goal",
        "objective.primary_metric",
        "search_space.lr",
        "search_space.net",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", "job.yml: error: is empty. It must hold a mapping.", id="empty"),
        pytest.param("- 1", "job.yml: error: must hold a mapping; got [1].", id="list"),
        pytest.param("a: [\nb: 1", "job.yml:2: error: must be YAML: while parsing a flow sequence", id="no-yaml"),
        pytest.param("type: command", "job.yml:1: error: type: must be sweep, or pipeline; got command.", id="command"),
        pytest.param("{type: pipeline, jobs: {}}", "job.yml:1: error: jobs: the pipeline must have", id="pipeline"),
    ],
)
def test_what_is_no_sweep_is_told_in_one_line(tmp_path: Path, text: str, found: str) -> None:
    (line,) = check(tmp_path, text)

    assert line.startswith(found)


COMPONENT = """\
type: command
inputs:
  lr: {type: number}
command: >-
  python train.py ${{inputs.lr}}
  ${{inputs.rl}}
"""
PIPELINE = """\
type: pipeline
jobs:
  first:
    type: sweep
    trial: ./train.yml
    sampling_algorithm: random
    search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
    objective: {primary_metric: loss, goal: minimize}
    limits: {max_total_trials: 0}
  second:
    type: sweep
    trial: azureml:train:1
    sampling_algorithm: random
    search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
    objective: {primary_metric: loss, goal: minimize}
    limits: {max_total_trials: 4}
"""
NO_COMPONENT = "must be a component of this machine; got azureml:train:1. Name its file, or write it out below trial."


def test_all_sweeps_of_a_pipeline_are_checked_and_their_components_in_their_own_files(tmp_path: Path) -> None:
    (tmp_path / "train.yml").write_text(COMPONENT)

    assert check(tmp_path, PIPELINE, "pipeline.yml") == [
        f"pipeline.yml:9: error: jobs.first.limits.max_total_trials: must be at least 1; got 0. {CLIENT}",
        f"pipeline.yml:12: note: jobs.second.trial: {NO_COMPONENT}",
        "train.yml:4: error: command: unknown placeholder; got ${{inputs.rl}}. Did you mean inputs.lr?",
    ]


def test_a_component_that_is_not_there_is_a_doubt(tmp_path: Path) -> None:
    text = PIPELINE.replace("max_total_trials: 0", "max_total_trials: 3")

    assert check(tmp_path, text, "pipeline.yml")[0] == (
        "pipeline.yml:5: warning: jobs.first.trial: cannot be read: No such file or directory; got ./train.yml. "
        "So its command is not checked."
    )


def test_one_sweep_of_a_pipeline_can_be_checked_alone(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text(PIPELINE)

    assert [check_file(file, node).is_valid for node in ("second", "first", "third")] == [True, False, False]


LEAVES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2000)
    | st.floats()
    | st.dates()
    | st.text("ab.-${}[]: #'\"\\", max_size=9)
)
WORDS = st.sampled_from(
    [
        "type",
        "sweep",
        "search_space",
        "policy",
        "sampling",
        "properties",
        "trial",
        "inputs",
        "compute",
        "limits",
        "values",
    ]
)
DOCUMENTS = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text("ab.-", max_size=4), inner, max_size=4),
    max_leaves=12,
)


def is_sound(path: Path) -> bool:
    """Whether reading and judging, as a sweep does, find no error."""
    try:
        job = read_job(path)
        errors = [*job.validate(), *judge(read_sweep(job.spec_mapping, absolute_children=True)).errors]
        errors += read_task(job).command.validate("command") if job.command is not None else ()
    except SpecError:
        return False
    return not errors


def judge_file(path: Path) -> None:
    """That every problem has a line of the file, that the check agrees with reading, and that no fix goes wrong."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    checked = check_file(path)

    for each in checked.findings:
        place = each.problem.place
        assert place is not None
        assert place.line is None or place.file != str(path) or 1 <= place.line <= max(lines, 1)
        assert re.match(r"[^\n]+: (error|warning|only here|note): ", str(each))
    if yaml.safe_load(path.read_text(encoding="utf-8")) is not None and "pipeline" not in path.read_text():
        assert checked.is_valid == is_sound(path), checked.findings
    try:
        file = read_yaml(path)
        new = fixed(file, path.read_text(encoding="utf-8"))
    except AzsweepError:
        return
    path.write_text(new, encoding="utf-8")
    after = check_file(path)
    errors = [each for each in after.findings if each.kind is Kind.ERROR]
    assert len(errors) <= sum(each.kind is Kind.ERROR for each in checked.findings)
    assert fixed(read_yaml(path), new) == new


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_changed_job_is_checked_as_it_is_read(data: st.DataObject) -> None:
    document = yaml.safe_load(data.draw(st.sampled_from([SOUND, *(path.read_text() for path in OWN)])))
    for _ in range(data.draw(st.integers(1, 2))):
        document = with_another_value(data, copy.deepcopy(document))
    with directory() as place:
        path = place / "job.yml"
        path.write_bytes(dumped(document, levels=50))
        judge_file(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_whatever_a_file_holds_is_checked_in_words(document: Any) -> None:
    with directory() as place:
        path = place / "job.yml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        judge_file(path)
