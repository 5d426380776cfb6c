"""Whatever the app and its overrides: a trial's config is the one that Hydra would compose, or Hydra's own error."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hydra.errors import HydraException
from hypothesis import strategies as st

from tests.plugin.composing import App, registered

Texts = st.SearchStrategy[str]

REFERENCES = (
    *("${x}", "${tree.left}", "v ${x}", "${db.port}", "${net.width}", "${db}", "${.a}", "${..x}", "${nothing}"),
    *("${hydra:job.name}", "${hydra.job.override_dirname}", "${hydra:runtime.choices.db}", "${hydra:job.num}"),
    *("${oc.env:HOME}", "${now:%f}", "${azsweep_test_join:${x},1}"),
)
TREES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from((None, True, 0, -3, 0.5, 1e-7, "", "???", "a, b=c", "'q\" ü", "1", "null", *REFERENCES)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)
CONTENTS = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)
LAWFUL_HYDRAS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "job": st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["me", "${x}", "${a}"]),
                "env_set": st.just({"V": "${x}"}),
                "env_copy": st.sampled_from([["HOME"], []]),
                "config": st.sampled_from(
                    [{"exclude_keys": ["x", "db"]}, {"kv_sep": "${x}", "item_sep": "${tree.b}"}]
                ).map(lambda naming: {"override_dirname": naming}),
            },
        )
    },
    optional={
        "sweep": st.just({"dir": "${now:%f}", "subdir": "${hydra.job.override_dirname}"}),
        "verbose": st.booleans(),
    },
)

VALUES = st.sampled_from(
    (
        *(
            "1",
            "0.5",
            "true",
            "null",
            "abc",
            "'a, b=c'",
            '"q\\"u"',
            "",
            "ü✓",
            "1e-3",
            "nan",
            "small",
            "???",
            "[]",
            "{}",
        ),
        *("[1,{a:2}]", "{a:1}", "{b:{c:${x}}}", "${x}", "v ${tree.left}", "${db}", "${.a}"),
        *("${hydra:job.num}", "${oc.env:HOME}"),
    )
)
COMMON: Texts = st.sampled_from(("x", "tree", "tree.left", "tree.b", "db.port", "net.width", "a", "b", "net.size"))
TYPED: Texts = st.sampled_from(
    ("bounds.low", "bounds", "other", "names", "all", "either", "rate", "layers", "sizes.large")
)
ODD: Texts = st.sampled_from(
    (
        *("db.a", "db.options", "other.port", "fro.number", "net.anything.a", "top.a", "top", "alias.port", "a.b.c"),
        *(
            "nothing",
            "net.x",
            "x.y",
            "a.0",
            "net.layers.0",
            "net.mirror.low",
            "fro",
            "net",
            "db",
            "deep/sub",
            "a@b",
            "hydra.job.name",
        ),
    )
)
KEYS: Texts = COMMON | COMMON | TYPED.map("net.{}".format) | ODD
OPTIONS: Texts = st.sampled_from(
    ("db=mysql", "db=sqlite", "db@other=mysql", "+db@new=sqlite", "deep/sub=two", "~db@other", "db=[]", "db=nosuch")
)
CHANGES: Texts = st.builds("{}={}".format, KEYS, VALUES)
OTHERS: Texts = st.builds("{}{}={}".format, st.sampled_from(("+", "++")), KEYS, VALUES) | KEYS.map("~{}".format)
OVERRIDES: Texts = CHANGES | CHANGES | CHANGES | OTHERS | OPTIONS

DIRECTORIES = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    with registered():
        yield


@hypothesis.settings(max_examples=15, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    defaults=st.permutations(
        ["_self_", {"db": "mysql"}, {"db@other": "sqlite"}, {"net": "small"}, {"deep/sub": "one"}]
    ),
    is_readonly=st.booleans(),
    contents=st.lists(CONTENTS, min_size=5, max_size=5),
    of_hydra=LAWFUL_HYDRAS,
    arguments=st.lists(
        st.sampled_from(["x=5", "+z=1", "hydra.job.id=${x}", "hydra.verbose=true", "db=sqlite"]), unique=True
    ),
    jobs=st.lists(st.lists(OVERRIDES, max_size=4), min_size=1, max_size=5),
)
def test_the_config_of_any_job_of_any_app_is_the_one_that_hydra_composes(
    tmp_path_factory: pytest.TempPathFactory,
    defaults: list[Any],
    is_readonly: bool,
    contents: list[dict[str, Any]],
    of_hydra: Any,
    arguments: list[str],
    jobs: list[list[str]],
) -> None:
    """One job after another by one loader, which remembers more and more."""
    frozen = [{"frozen@fro": "frozen_schema"}] if is_readonly else []
    tree = {"left": 1, "b": contents[0]}
    # Whatever asks for the time finds it in the cache of the master config, which asks for it here.
    main = {"x": 1.5, "tree": tree, "alias": "${db}", "time": "${now:%f}", **contents[1], "hydra": of_hydra}
    files = {
        "config": {"defaults": [*frozen, *defaults], **main},
        "db/mysql": {"port": 3306, "url": "${.port}", "options": {"a": 1, "b": [1, "${x}"]}, **contents[2]},
        "db/sqlite": {"port": 0, "file": "${oc.env:HOME}", "options": {"c": "${..port}"}},
        "net/small": {"defaults": ["net_schema", "_self_"], "width": 3, "anything": contents[3]},
        "deep/sub/one": f"# @package top\n{json.dumps(contents[4])}",
        "deep/sub/two": "# @package _global_\ntop: {a: '${x}'}\nb: 1\n",
    }
    try:
        app = App.of(tmp_path_factory.getbasetemp() / f"any{next(DIRECTORIES)}", files, *arguments)
    except HydraException:  # no app at all
        hypothesis.reject()

    for job in jobs:
        app.assert_same(*job)
