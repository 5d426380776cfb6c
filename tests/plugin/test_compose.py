"""A trial's config is the one that Hydra would compose, and no work of Hydra's where that is promised."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.hydra_azsweep_sweeper._compose import TrialConfigLoader
from tests.plugin.composing import App, anatomy, registered

MYSQL = {"kind": "mysql", "port": 3306, "url": "${.kind}:${.port}", "options": {"a": 1, "b": [1, 2]}}
SQLITE = {"kind": "sqlite", "port": 0, "file": "${oc.env:HOME}/x.db", "options": {"c": "${..port}"}}

FILES: Mapping[str, Any] = {
    "config": {
        "defaults": [
            "_self_",
            {"db": "mysql"},
            {"db@other": "sqlite"},
            {"deep/sub": "one"},
            {"net": "net_schema"},
            {"frozen": "frozen_schema"},
        ],
        "x": 1.5,
        "y": None,
        "text": 'it\'s "odd", é = ${x}',
        "missing": "???",
        "layers": [1, {"a": "${x}"}],
        "tree": {"left": {"n": 1}, "right": "${x}", "list": [1, 2]},
        "alias": "${db}",
        "name": "${hydra:job.name}-${hydra:job.override_dirname}",
        "master_time": "${now:%H:%M:%S.%f}",
        "job": "${hydra.job}",
        "sum": "${azsweep_test_join:${x},${tree.left.n}}",
        "hydra": {
            "sweep": {"dir": "s/${now:%f}", "subdir": "${hydra.job.override_dirname}"},
            "job": {"config": {"override_dirname": {"exclude_keys": ["y"], "kv_sep": "${tree.left.n}"}}},
        },
    },
    "db/mysql": MYSQL,
    "db/sqlite": SQLITE,
    "deep/sub/one": "# @package _global_\ntop: {a: 1, b: 2}\n",
    "deep/sub/two": "# @package deep.er\nq: {a: '${x}'}\n",
    "deep/extra/e": {"z": 1},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with registered():
        yield App.of(tmp_path_factory.mktemp("rich"), FILES, "x=2", "hydra.job.chdir=true", "hydra.job.id=a${x}")


SHORT = [
    pytest.param([], ["x=3"], id="number"),
    pytest.param([], ["x=null"], id="null"),
    pytest.param([], ["y=true"], id="over-null"),
    pytest.param([], ["tree.left.n=2"], id="nested"),
    pytest.param([], ["text='a,b = \"c\" ${y}'"], id="quoted-text"),
    pytest.param([], ["text=${x}"], id="interpolation"),
    pytest.param([], ["text=${now:%Y}"], id="resolver"),
    pytest.param([], ["tree.right=1"], id="over-an-interpolation"),
    pytest.param([], ["layers=[3,{b:1}]"], id="list"),
    pytest.param([], ["tree.left={n:2}"], id="mapping"),
    pytest.param([], ["missing=1"], id="over-missing"),
    pytest.param([], ["net.size=large", "net.width=9"], id="typed"),
    pytest.param([], ["net.bounds={low:1}"], id="typed-mapping"),
    pytest.param([], ["net.sizes.large=3"], id="enum-as-key"),
    pytest.param([], ["+new=1"], id="plus"),
    pytest.param([], ["+tree.left.new=1", "+tree.left.m={a:1}"], id="plus-nested"),
    pytest.param([], ["+a.b.c=1", "+a.b.d=2"], id="plus-new-tree"),
    pytest.param([], ["++new=1", "++x=3"], id="plus-plus"),
    pytest.param([], ["db.port=1", "x=1", "db.port=2"], id="key-given-twice"),
    pytest.param(["db=sqlite"], ["db=sqlite"], id="option-seen-before"),
    pytest.param(["db=sqlite"], ["x=3", "db=sqlite", "db.port=5"], id="values-around-an-option"),
    pytest.param(["db@other=mysql"], ["x=3", "db@other=mysql"], id="option-with-a-package"),
    pytest.param(["deep/sub=two"], ["x=3", "deep/sub=two", "deep.er.q.a=1"], id="option-of-a-nested-group"),
    pytest.param(["+deep/extra=e"], ["x=3", "+deep/extra=e"], id="added-option"),
    pytest.param(["db=[mysql,sqlite]"], ["x=3", "db=[mysql,sqlite]"], id="list-of-options"),
    pytest.param(["~db@other"], ["x=3", "~db@other"], id="option-taken-away"),
    pytest.param(["~tree.list"], ["~tree.list", "+tree.list=1", "x=3"], id="after-a-deletion"),
    pytest.param(["db={port:1}"], ["db={port:1}", "db.port=2"], id="after-a-mapping-for-a-group"),
]

LONG = [
    pytest.param([], ["db=sqlite"], id="option-not-seen-before"),
    pytest.param(["~tree.list"], ["x=3", "~tree.list"], id="before-a-deletion"),
    pytest.param(["db={port:1}"], ["db.port=2", "db={port:1}"], id="before-a-mapping-for-a-group"),
    pytest.param([], ["layers.0=2"], id="element-of-a-list"),
    pytest.param([], ["alias.port=2"], id="through-an-interpolation"),
    pytest.param([], ["net.mirror.low=2"], id="through-a-typed-interpolation"),
    pytest.param([], ["job.name=me"], id="into-hydra-through-an-interpolation"),
    pytest.param([], ["tree={right:{a:1}}"], id="mapping-over-an-interpolation"),
    pytest.param([], ["hydra.job.name=me"], id="hydra"),
]

WRONG = [
    pytest.param(["unknown=1"], id="unknown-key"),
    pytest.param(["tree.unknown=1"], id="unknown-nested-key"),
    pytest.param(["unknown.unknown=1"], id="unknown-holder"),
    pytest.param(["x.y=1"], id="value-as-holder"),
    pytest.param(["net.width=wide"], id="wrong-type"),
    pytest.param(["net.size=huge"], id="wrong-enum"),
    pytest.param(["net.bounds={lower:1}"], id="wrong-mapping"),
    pytest.param(["+x=1"], id="plus-on-what-is-there"),
    pytest.param(["~unknown"], id="deletion-of-nothing"),
    pytest.param(["frozen.number=2"], id="read-only"),
    pytest.param(["db=postgres"], id="unknown-option"),
    pytest.param(["net@pkg=net_schema"], id="unknown-package"),
    pytest.param(["x@pkg=1"], id="package-of-a-value"),
    pytest.param(["++db=mysql"], id="forced-option"),
    pytest.param(["db=1"], id="option-that-is-a-number"),
    pytest.param(["x=1,2"], id="sweep"),
    pytest.param(["x=[1"], id="unreadable"),
    pytest.param(["x"], id="no-value"),
    pytest.param(["hydra.unknown=1"], id="unknown-key-of-hydra"),
]


@pytest.mark.parametrize(("before", "overrides"), SHORT)
def test_values_and_options_seen_before_are_composed_without_hydra(
    app: App, before: list[str], overrides: list[str]
) -> None:
    loader: Any = TrialConfigLoader(app.hydra)  # type: ignore[arg-type]
    loader.load_sweep_config(app.master, before)
    app.hydra.composed.clear()

    config = app.load(loader, *overrides)

    assert app.hydra.composed == []
    assert config == app.load(app.hydra.loader, *overrides)


@pytest.mark.parametrize(("before", "overrides"), LONG)
def test_what_is_not_sure_to_give_the_same_goes_through_hydra(
    app: App, before: list[str], overrides: list[str]
) -> None:
    loader: Any = TrialConfigLoader(app.hydra)  # type: ignore[arg-type]
    loader.load_sweep_config(app.master, before)
    app.hydra.composed.clear()

    config = app.load(loader, *overrides)

    assert app.hydra.composed == [overrides]
    assert config == app.load(app.hydra.loader, *overrides)


@pytest.mark.parametrize("overrides", WRONG)
def test_a_wrong_override_gives_hydras_own_error(app: App, overrides: list[str]) -> None:
    expected = app.load(app.hydra.loader, "y=1", *overrides)

    assert isinstance(expected[0], type)
    assert issubclass(expected[0], Exception)
    assert app.load(app.ours, "y=1", *overrides) == expected


def test_a_config_is_the_callers_own(app: App) -> None:
    first = app.ours.load_sweep_config(app.master, ["x=1"])
    first.tree.left.n = "changed"

    app.assert_same("x=1")


# --- circumstances ----------------------------------------------------------------------------------------------------


def test_a_group_on_a_further_search_path_is_known_as_a_group(tmp_path: Path) -> None:
    (tmp_path / "more" / "extra").mkdir(parents=True)
    for name in ("one", "two"):
        (tmp_path / "more" / "extra" / f"{name}.yaml").write_text(f"is: {name}")
    files = {
        "config": {
            "defaults": ["_self_", {"extra": "one"}],
            "x": 1,
            "hydra": {"searchpath": [f"file://{tmp_path / 'more'}"]},
        }
    }

    app = App.of(tmp_path / "conf", files)
    app.assert_same("extra=two")
    assert app.ours.load_sweep_config(app.master, ["x=2", "extra=two"]).extra == {"is": "two"}


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        pytest.param(["AZSWEEP_TEST"], [], id="of-all-jobs"),
        pytest.param("${names}", [], id="of-this-job"),
        pytest.param("${names}", ["AZSWEEP_TEST"], id="of-the-other-jobs"),
    ],
)
def test_copied_variables_are_those_of_the_jobs_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: Any, names: list[str]
) -> None:
    files = {"config": {"names": names, "hydra": {"job": {"env_copy": variables}}}}
    own = "names=[]" if names else "names=[AZSWEEP_TEST]"
    monkeypatch.setenv("AZSWEEP_TEST", "of the sweep")

    app = App.of(tmp_path, files)
    app.assert_same(own)
    monkeypatch.setenv("AZSWEEP_TEST", "of the job")
    app.assert_same(own)
    monkeypatch.delenv("AZSWEEP_TEST")
    app.assert_same(own)


def test_the_working_directory_is_that_of_the_job(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app.ours.load_sweep_config(app.master, ["x=1"])

    monkeypatch.chdir(tmp_path)

    assert app.ours.load_sweep_config(app.master, ["x=2"]).hydra.runtime.cwd == str(tmp_path)


def test_an_option_that_every_trial_must_choose_need_not_be_chosen_before(tmp_path: Path) -> None:
    files = {"config": {"defaults": ["_self_", {"db": "???"}], "x": 1}, "db/mysql": MYSQL, "db/sqlite": SQLITE}

    app = App.of(tmp_path, files)
    app.assert_same("x=2")
    app.assert_same("db=mysql", "x=2")
    app.hydra.composed.clear()
    app.assert_same("db=mysql", "db.port=2", "x=3")
    assert app.hydra.composed == []


def test_a_schema_that_cannot_be_pickled_goes_through_hydra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Local:
        x: int = 1

    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
    store.store(name="local_schema", node=Local)

    app = App.of(tmp_path, {"config": {"defaults": ["local_schema", "_self_"]}})
    app.assert_same("x=2")


def test_a_pickled_loader_forgets_what_it_composed_and_gives_the_same(app: App) -> None:
    loader = TrialConfigLoader(app.hydra.loader)
    loader.load_sweep_config(app.master, [])

    copied = pickle.loads(pickle.dumps(loader))

    assert len(pickle.dumps(loader)) == len(pickle.dumps(TrialConfigLoader(app.hydra.loader)))
    assert app.load(copied, "x=5") == app.load(app.hydra.loader, "x=5")


def test_everything_else_is_answered_by_hydras_loader(app: App) -> None:
    hydra, ours = app.hydra.loader, app.ours

    composed, expected = (each.load_configuration("config", ["x=7"], RunMode.RUN) for each in (ours, hydra))
    assert anatomy(composed) == anatomy(expected)
    assert ours.get_search_path() is hydra.get_search_path()
    assert ours.get_sources() is hydra.get_sources()
    assert ours.list_groups("deep") == hydra.list_groups("deep") == ["extra", "sub"]
    assert ours.get_group_options("db") == hydra.get_group_options("db") == ["mysql", "sqlite"]
    assert ours.compute_defaults_list("config", ["db=sqlite"], RunMode.RUN) == hydra.compute_defaults_list(
        "config", ["db=sqlite"], RunMode.RUN
    )


class Counting:
    """A loader that takes no time: it makes every job's config the master config."""

    def __init__(self) -> None:
        self.calls = 0

    def get_group_options(self, *_: Any) -> list[str]:
        return ["db"]

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        self.calls += 1
        return copy.deepcopy(master_config)


def test_a_long_lived_process_remembers_a_hundred_choices_of_options() -> None:
    naming = {"kv_sep": "=", "item_sep": ",", "exclude_keys": []}
    job = {"config_name": "config", "env_copy": [], "config": {"override_dirname": naming}}
    of_hydra = {"job": job, "overrides": {"hydra": [], "task": []}, "runtime": {}, "output_subdir": None}
    master = OmegaConf.create({"hydra": {**of_hydra, "sweep": {"dir": "sweep", "subdir": "${hydra.job.num}"}}})
    counting: Any = Counting()
    loader = TrialConfigLoader(counting)

    for option in range(150):
        loader.load_sweep_config(master, [f"db=o{option}"])
    assert counting.calls == 150

    for option in range(150):
        loader.load_sweep_config(master, [f"db=o{option}"])
    assert counting.calls == 200
