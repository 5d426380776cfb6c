"""How a whole configuration is written down."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.distributions import (
    Branch,
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
)
from azsweep_core.early_termination import (
    BanditPolicy,
    MedianStoppingPolicy,
    Policy,
    TruncationSelectionPolicy,
)
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm, SamplingRule, Surrogate
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, read_sweep, to_mapping

numbers = st.one_of(st.integers(-1000, 1000), st.floats(-1e3, 1e3))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=2)
)
positive = st.floats(0.01, 100)
distributions: st.SearchStrategy[Distribution] = st.one_of(
    st.builds(Choice, st.lists(values, min_size=1, max_size=3)),
    st.builds(Choice, st.builds(range, st.integers(1, 10**12))),
    st.builds(Randint, st.integers(1, 10**6)),
    st.builds(Uniform, numbers, numbers),
    st.builds(QUniform, numbers, numbers, positive),
    st.builds(LogUniform, numbers, numbers),
    st.builds(QLogUniform, numbers, numbers, positive),
    st.builds(Normal, numbers, positive),
    st.builds(QNormal, numbers, positive, positive),
    st.builds(LogNormal, numbers, positive),
    st.builds(QLogNormal, numbers, positive, positive),
)
nested = st.builds(
    lambda drawn, fixed: Choice([Branch(None, {"x": drawn, "y": fixed}), Branch("sgd", {}), 1]), distributions, scalars
)
keys = st.sampled_from(["lr", "+opt.wd", "model", "db@backup", "a.b"])
counts = st.one_of(st.none(), st.integers(-5, 2000))
seconds = st.one_of(st.none(), numbers)
cadence = {"evaluation_interval": st.integers(-1, 100), "delay_evaluation": st.integers(-1, 100)}
policies: st.SearchStrategy[Policy | None] = st.one_of(
    st.none(),
    st.builds(
        BanditPolicy, slack_factor=st.none() | st.floats(-1, 9), slack_amount=st.none() | st.floats(-1, 9), **cadence
    ),
    st.builds(MedianStoppingPolicy, **cadence),
    st.builds(
        TruncationSelectionPolicy,
        truncation_percentage=st.integers(0, 100),
        exclude_finished_jobs=st.booleans(),
        **cadence,
    ),
)
algorithms = st.one_of(
    st.builds(
        SamplingAlgorithm,
        st.just(SamplerType.RANDOM),
        seed=st.none() | st.integers(),
        rule=st.sampled_from(SamplingRule),
        logbase=st.none() | st.floats(-2, 9),
    ),
    st.just(SamplingAlgorithm(SamplerType.GRID)),
    st.builds(
        SamplingAlgorithm,
        st.just(SamplerType.BAYESIAN),
        seed=st.none() | st.integers(),
        n_startup_trials=st.none() | st.integers(-1, 50),
        surrogate=st.sampled_from(Surrogate),
    ),
)
zipped = st.lists(st.tuples(scalars, scalars), min_size=1, max_size=3).map(
    lambda rows: SearchSpace(
        {"zip.a": Choice([a for a, _ in rows]), "n": Randint(9), "+zip.b": Choice([b for _, b in rows])},
        zipped=(("zip.a", "+zip.b"),),
    )
)
specs = st.builds(
    SweepSpec,
    search_space=st.builds(SearchSpace, st.dictionaries(keys, distributions | nested, max_size=4)),
    sampling_algorithm=algorithms,
    objective=st.builds(Objective, st.text(max_size=8), st.sampled_from(Goal)),
    limits=st.builds(
        Limits,
        max_total_trials=counts,
        max_concurrent_trials=counts,
        timeout_s=seconds,
        trial_timeout_s=seconds,
        max_retries=st.integers(0, 5),
        max_failed_trials=counts,
        max_failure_rate=st.floats(-1, 2),
        fail_fast=st.integers(0, 5),
    ),
    early_termination=policies,
)
with_points = st.builds(
    lambda spec, space, points: replace(spec, search_space=space, initial_points=points),
    specs,
    zipped,
    st.lists(st.dictionaries(st.sampled_from(["zip.a", "n", "+zip.b"]), values, max_size=3), max_size=3).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(specs | with_points)
def test_what_is_written_is_read_back(spec: SweepSpec) -> None:
    """Every spec, sound or not, survives its mapping, and the mapping survives JSON."""
    written = to_mapping(spec)

    assert read_sweep(written) == spec
    assert read_sweep(json.loads(json.dumps(written))) == spec


def test_what_is_written_has_azuremls_keys_and_no_nulls() -> None:
    uniform = {"type": "uniform", "min_value": 0.1, "max_value": 1}
    objective = {"primary_metric": "loss", "goal": "minimize"}
    limits = {"max_total_trials": 5, "timeout": 60}

    written = to_mapping(read_sweep({"search_space": {"lr": uniform}, "objective": objective, "limits": limits}))

    assert written == {
        "search_space": {"lr": uniform},
        "sampling_algorithm": {"type": "random"},
        "objective": objective,
        "limits": {"max_total_trials": 5, "timeout": 60, "max_retries": 1, "max_failure_rate": 1.0, "fail_fast": 3},
    }
