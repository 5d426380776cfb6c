"""Real objects of azure-ai-ml are read as the file that azure-ai-ml writes of them. tests/core has stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.errors import SpecError
from azsweep_core.spec import judge, read_sweep, to_mapping
from tests.azureml.client import DIRECTORY, AzureML

PROGRAM = Path(__file__).with_name("objects.py")
ROOT = PROGRAM.parents[2]
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(azureml: AzureML) -> Iterator[Ask]:
    """Has Python make an object where azure-ai-ml is, and this checkout read it there."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [str(DIRECTORY / "bin" / "python"), str(PROGRAM)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        reader, writer = process.stdout, process.stdin
        assert reader.readline() == "false\n", "core has imported Hydra, or cannot be imported"

        def answer(source: str, part: str | None = None) -> Any:
            asked = {"source": source} if part is None else {"source": source, "part": part}
            writer.write(json.dumps(asked) + "\n")
            writer.flush()
            return json.loads(reader.readline())

        yield answer
        writer.close()


def job(**changed: str) -> str:
    """Python for a job that names a part as it is given here."""
    parts = {
        "trial": "CommandJob(command='python t.py ${{search_space.lr}}', environment='azureml:e:1', code='./src')",
        "search_space": "{'lr': Uniform(0, 1)}",
        "objective": "Objective('Minimize', 'loss')",
        "limits": "SweepJobLimits(max_total_trials=3)",
        "sampling_algorithm": "'random'",
        **changed,
    }
    return f"SweepJob({', '.join(f'{name}={source}' for name, source in parts.items())})"


SWEPT = (
    "command(command='python t.py --lr ${{inputs.lr}} --n ${{inputs.n}} --out ${{outputs.m}}', "
    "code='./src', environment='azureml:e:1', environment_variables={'A': '1'}, instance_count=2, compute='cpu', "
    "inputs={'lr': 0.1, 'n': 3, 'd': Input(type='uri_folder', path='azureml:d:1')}, "
    "outputs={'m': Output(type='uri_folder')})"
)
JOBS = {
    "plain": job(),
    "range": job(search_space="{'lr': Choice(range(5))}"),
    "tuple": job(search_space="{'lr': Choice((1, 'a', 2.5))}"),
    "nested": job(
        search_space="{'lr': Choice([{'a': Uniform(0, 1), 'b': Choice([{'c': Normal(0, 1), 'd': 1}])}, {'e': 2}])}"
    ),
    "bandit": job(early_termination="BanditPolicy(slack_factor=0.1, evaluation_interval=1)"),
    "bandit-amount": job(early_termination="BanditPolicy(slack_amount=2, evaluation_interval=2, delay_evaluation=5)"),
    "median": job(early_termination="MedianStoppingPolicy(delay_evaluation=5)"),
    "truncation": job(early_termination="TruncationSelectionPolicy(truncation_percentage=20, evaluation_interval=1)"),
    "seed": job(sampling_algorithm="RandomSamplingAlgorithm(seed=3, rule='sobol', logbase=10)"),
    "bayesian": job(sampling_algorithm="BayesianSamplingAlgorithm()"),
    "grid": job(sampling_algorithm="GridSamplingAlgorithm()", search_space="{'lr': Choice([1, 2])}"),
    "inputs": job(inputs="{'a': 3, 'b': 'x', 'c': Input(type='uri_file', path='azureml:x:1')}", compute="'azureml:c'"),
    "resources": job(
        resources="JobResourceConfiguration(instance_count=2)", queue_settings="QueueSettings(job_tier='spot')"
    ),
    "swept": f"{SWEPT}(lr=LogUniform(-6, -2), n=Choice([1, 2])).sweep("
    "primary_metric='acc', goal='Maximize', sampling_algorithm='bayesian', max_total_trials=9, "
    "max_concurrent_trials=2, timeout=7200, trial_timeout=600, "
    "early_termination_policy=BanditPolicy(slack_factor=0.1, evaluation_interval=1))",
}


@pytest.mark.parametrize("source", JOBS.values(), ids=JOBS)
def test_a_job_is_what_azure_ai_ml_writes_of_it(ask: Ask, source: str) -> None:
    answer = ask(source)

    assert "refused" not in answer["object"]
    assert answer["object"] == answer["file"]


def test_a_command_keeps_defaults_that_its_sweep_does_not_vary(ask: Ask) -> None:
    """azure-ai-ml itself loses them, and writes a file without a value for such an input."""
    answer = ask(f"{SWEPT}(lr=Uniform(0, 1)).sweep(primary_metric='acc', goal='minimize', max_total_trials=2)")

    assert answer["object"]["inputs"] == {"d": ["uri_folder", None, "azureml:d:1"], "n": ["literal", 3, None]}


@pytest.mark.parametrize(
    ("part", "source", "error"),
    [
        pytest.param(
            "early_termination",
            "BanditPolicy()",
            "early_termination: bandit needs exactly one of slack_factor and slack_amount; got neither.",
            id="bandit-without-slack",
        ),
        pytest.param(
            "objective",
            "Objective('max', 'loss')",
            "objective.goal: must be minimize or maximize; got max. Did you mean maximize?",
            id="goal",
        ),
        pytest.param(
            "objective",
            "Objective(None, 'loss')",
            "objective.goal: must be minimize or maximize; got null.",
            id="no-goal",
        ),
        pytest.param(
            "limits",
            "SweepJobLimits(max_total_trials='many')",
            "limits.max_total_trials: must be a whole number; got many.",
            id="limit",
        ),
        pytest.param(
            "sampling_algorithm",
            "RandomSamplingAlgorithm(rule='halton')",
            "sampling_algorithm.rule: must be one of random, sobol; got halton.",
            id="rule",
        ),
        pytest.param(
            "search_space",
            "Uniform(1)",
            "search_space.x: uniform needs max_value, as in uniform(min_value, max_value); "
            "got uniform object with {'min_value': 1}.",
            id="half-an-expression",
        ),
    ],
)
def test_constructors_check_nothing_and_we_do(ask: Ask, part: str, source: str, error: str) -> None:
    answer = ask(source, part)

    assert (answer.get("refused") or answer["errors"]) == [error]


def test_objects_are_not_held_to_azuremls_rules_for_files(ask: Ask) -> None:
    """A file cannot have booleans, null and lists among the values of a choice."""
    answer = ask("Choice([True, None, [1, 2]])", "search_space")

    assert answer["spec"]["search_space"] == {"x": {"type": "choice", "values": [True, None, [1, 2]]}}
    assert answer["errors"] == []


numbers = st.integers(-9, 9) | st.floats(-9, 9)
counts = st.integers(-2, 9).filter(bool)  # 0 is what constructors have for what is not given
scalars = st.booleans() | numbers | st.sampled_from(["a", "1", ""])


def _described(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.fixed_dictionaries(arguments).map(lambda given: (name, given))


flat = st.one_of(
    *(_described(name, min_value=numbers, max_value=numbers) for name in ("Uniform", "LogUniform")),
    *(_described(name, min_value=numbers, max_value=numbers, q=numbers) for name in ("QUniform", "QLogUniform")),
    *(_described(name, mu=numbers, sigma=numbers) for name in ("Normal", "LogNormal")),
    *(_described(name, mu=numbers, sigma=numbers, q=numbers) for name in ("QNormal", "QLogNormal")),
    _described("Randint", upper=st.integers(-2, 9)),
    _described("Choice", values=st.lists(scalars, max_size=3)),
)
branches = st.dictionaries(st.sampled_from(["a", "b"]), flat | scalars, min_size=1, max_size=2)
parts = st.one_of(
    st.tuples(st.just("search_space"), flat | _described("Choice", values=st.lists(branches | scalars, max_size=3))),
    st.tuples(
        st.just("early_termination"),
        st.one_of(
            _described("BanditPolicy", slack_factor=numbers.filter(bool), evaluation_interval=counts),
            _described("BanditPolicy", slack_amount=numbers.filter(bool), delay_evaluation=counts),
            _described("MedianStoppingPolicy", evaluation_interval=counts),
            _described("TruncationSelectionPolicy", truncation_percentage=st.integers(-2, 101).filter(bool)),
        ),
    ),
    st.tuples(
        st.just("limits"),
        _described("SweepJobLimits", max_total_trials=numbers, timeout=st.integers(60, 999)),
    ),
    st.tuples(
        st.just("sampling_algorithm"),
        _described(
            "RandomSamplingAlgorithm", seed=st.integers() | st.none(), rule=st.sampled_from(["random", "Sobol", "x"])
        ),
    ),
    st.tuples(
        st.just("objective"),
        _described("Objective", primary_metric=st.text("ab", max_size=2), goal=st.just("maximize")),
    ),
)


def as_python(thing: Any) -> str:
    """Python for what is described."""
    if isinstance(thing, tuple):
        return f"{thing[0]}({', '.join(f'{name}={as_python(value)}' for name, value in thing[1].items())})"
    if isinstance(thing, list):
        return f"[{', '.join(map(as_python, thing))}]"
    if isinstance(thing, dict):
        return f"{{{', '.join(f'{key!r}: {as_python(value)}' for key, value in thing.items())}}}"
    return repr(thing)


def as_mapping(thing: Any) -> Any:
    """The mapping notation of what is described."""
    if isinstance(thing, tuple):
        kind = thing[0].lower().removesuffix("policy").removesuffix("samplingalgorithm")
        typed = {} if kind in ("objective", "sweepjoblimits") else {"type": kind.replace("medianstop", "median_stop")}
        return {**typed, **{name: as_mapping(value) for name, value in thing[1].items()}}
    if isinstance(thing, list):
        return [as_mapping(each) for each in thing]
    return {key: as_mapping(value) for key, value in thing.items()} if isinstance(thing, dict) else thing


@settings(max_examples=150, deadline=None)
@given(described=parts)
def test_objects_and_mappings_say_the_same(ask: Ask, described: tuple[str, Any]) -> None:
    """Whatever is given: the same sweep, or the same errors."""
    part, thing = described
    mapping = as_mapping(thing)

    told = ask(as_python(thing), part)

    assert told == as_told(part, {"x": mapping} if part == "search_space" else mapping)


def as_told(part: str, mapping: Any) -> Any:
    whole = {
        "search_space": {"x": {"type": "choice", "values": [1, 2]}},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 2},
    }
    try:
        spec = read_sweep({**whole, part: mapping})
    except SpecError as error:
        return {"refused": [str(each) for each in error.problems]}
    return {"spec": to_mapping(spec), "errors": [str(each) for each in judge(spec).errors]}
