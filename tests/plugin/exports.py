"""Sweeps that AzureML can express, drawn at random, and the text of the job that each is exported as."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.types import Quote
from hypothesis import strategies as st

from azsweep_core.distributions import (
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
    Value,
)
from azsweep_core.early_termination import BanditPolicy, MedianStoppingPolicy, Policy, TruncationSelectionPolicy
from azsweep_core.job_export import AppCommand, ExportedJob, JobOutline, KeyedInput, export_job, to_yaml
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec
from hydra_plugins.hydra_azsweep_sweeper._override_text import to_text

TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
    | st.text(alphabet="ab1'\"\\ ,=:()[]{}$.~?!`;&|<>*#%\t", max_size=8)
    | st.sampled_from(["true", "null", "1", "1.0", "1e3", "inf", "a,b", "it's", "${x}", "gbdt", "", "$HOME", "a b"])
)
WORDS = st.sampled_from(["adam", "sgd", "b", "c_d"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
KEYS = st.sampled_from(
    ["lr", "a.b", "a_b", "+a-b.c", "++A_b", "optimizer", "+db@backup", "db/engine", "db/model@x.y", "_1"]
)
_LOW, _SPAN = st.integers(-9, 9) | st.floats(-9, 9), st.integers(1, 9) | st.floats(0.01, 9)
_STEP = st.integers(1, 9) | st.floats(0.01, 9)
CHOICES = st.builds(Choice, st.lists(VALUES, min_size=1, max_size=4)) | st.builds(
    Choice, st.builds(range, st.integers(1, 9))
)
OTHERS: st.SearchStrategy[Distribution] = st.one_of(
    st.builds(Randint, st.integers(1, 10**6)),
    st.builds(lambda low, span: Uniform(low, low + span), _LOW, _SPAN),
    st.builds(lambda low, span, q: QUniform(low, low + span, q), _LOW, _SPAN, _STEP),
    st.builds(lambda low, span: LogUniform(low, low + span), _LOW, _SPAN),
    st.builds(lambda low, span, q: QLogUniform(low, low + span, q), _LOW, _SPAN, _STEP),
    st.builds(Normal, _LOW, _SPAN),
    st.builds(QNormal, _LOW, _SPAN, _STEP),
    st.builds(LogNormal, _LOW, st.floats(0.01, 1)),
    st.builds(QLogNormal, _LOW, st.floats(0.01, 1), _STEP),  # with more, numbers become too large for their q
)
_CADENCE = {"evaluation_interval": st.integers(0, 9), "delay_evaluation": st.integers(0, 9)}
POLICIES: st.SearchStrategy[Policy | None] = st.one_of(
    st.none(),
    st.builds(BanditPolicy, slack_factor=st.floats(0, 9), **_CADENCE),
    st.builds(BanditPolicy, slack_amount=st.floats(0, 9), **_CADENCE),
    st.builds(MedianStoppingPolicy, **_CADENCE),
    st.builds(TruncationSelectionPolicy, truncation_percentage=st.integers(1, 99), **_CADENCE),
)
ALGORITHMS = st.one_of(
    st.builds(
        SamplingAlgorithm,
        st.just(SamplerType.RANDOM),
        seed=st.none() | st.integers(0, 2**32),
        rule=st.sampled_from(SamplingRule),
        logbase=st.none() | st.floats(1.5, 9),
    ),
    st.just(SamplingAlgorithm(SamplerType.BAYESIAN)),
)
LIMITS = st.builds(
    Limits,
    max_total_trials=st.integers(1, 2000),
    max_concurrent_trials=st.none() | st.integers(1, 100),
    timeout_s=st.none() | st.integers(1, 10**6),
    trial_timeout_s=st.none() | st.integers(1, 10**6),
)
_METRICS = st.sampled_from(["loss", "test-multi_logloss", "val/acc", "true", "a: b #c"])
_REST = {
    "objective": st.builds(Objective, _METRICS, st.sampled_from(Goal)),
    "limits": LIMITS,
    "early_termination": POLICIES,
}


def _spaces(distributions: st.SearchStrategy[Distribution]) -> st.SearchStrategy[SearchSpace]:
    unlike = lambda key: key.lstrip("+")  # noqa: E731 - one key cannot stand in a space twice
    keys = st.lists(KEYS, min_size=1, max_size=3, unique_by=unlike)
    return keys.flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, distributions))).map(SearchSpace)


SPECS = st.one_of(
    st.builds(SweepSpec, search_space=_spaces(CHOICES | OTHERS), sampling_algorithm=ALGORITHMS, **_REST),
    st.builds(
        SweepSpec,
        search_space=_spaces(CHOICES),
        sampling_algorithm=st.just(SamplingAlgorithm(SamplerType.GRID)),
        **_REST,
    ),
)
FIXED = st.lists(
    st.sampled_from(["model=mlp", "+x=[1,2]", "~y", "++z='a b'", 'q="it\'s; $HOME"', "e=", "d={a:1}", "p=a\\,b"]),
    max_size=3,
    unique=True,
)


def exported(spec: SweepSpec, fixed: Sequence[str] = (), inputs: Sequence[KeyedInput] = ()) -> ExportedJob:
    """The job of an app `train.py`."""
    return export_job(
        spec,
        AppCommand(program=["python", "train.py"], fixed=fixed, inputs=inputs),
        JobOutline(trial={"code": ".", "environment": "azureml:train@latest"}, top={"experiment_name": "train"}),
        lambda value, quote: to_text(value, Quote.single if quote == "'" else Quote.double),
    )


def exported_text(spec: SweepSpec, fixed: Sequence[str] = ()) -> str:
    return to_yaml(exported(spec, fixed).mapping)
