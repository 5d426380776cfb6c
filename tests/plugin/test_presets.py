"""The launchers of `configs/`: any app can choose them, and none is touched by those that it does not choose."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from omegaconf import OmegaConf

from hydra_plugins.hydra_azsweep_sweeper import config
from tests.plugin.conftest import App

CONFIGS = Path(__file__).parents[2] / "configs"
SLURM = {"cpus_per_task": 1, "array_parallelism": 64, "signal_delay_s": 60}
GPU = {**SLURM, "gpus_per_node": 1, "cpus_per_task": 4, "array_parallelism": 16}
RAY = {"ray.init.address": "local", "ray.remote.num_cpus": 1, "ray.remote.max_retries": 0}
HIDE_OTHER_PLUGINS = f"import hydra_plugins; hydra_plugins.__path__ = [{str(Path(config.__file__).parents[1])!r}]"


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Path]:
    """The configuration directory of an app that does not choose the sweeper."""
    (tmp_path / "config.yaml").write_text("x: 1\n", encoding="utf-8")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        yield tmp_path


def launcher(name: str) -> dict[str, Any]:
    """What an app gets that chooses this launcher, with keys joined by dots."""
    composed = compose("config", [f"hydra/launcher={name}"], return_hydra_config=True)
    return dict(flat(OmegaConf.to_container(composed.hydra.launcher, resolve=False)))


def flat(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict) and node:
        for name, item in node.items():
            yield from flat(item, f"{key}.{name}" if key else name)
    else:
        yield key, node


@pytest.mark.parametrize(
    ("name", "base", "sets"),
    [
        ("azsweep_slurm", "submitit_slurm", SLURM),
        ("azsweep_slurm_gpu", "submitit_slurm", GPU),
        ("azsweep_ray", "ray", RAY),
        ("azsweep_ray_cluster", "ray", {**RAY, "ray.init.address": "auto", "ray.init.object_store_memory": None}),
    ],
)
def test_a_preset_is_its_packages_launcher_with_a_few_settings(
    plain: Path, name: str, base: str, sets: Mapping[str, Any]
) -> None:
    before, after = launcher(base), launcher(name)

    assert {key: value for key, value in after.items() if before.get(key, "none") != value} == sets


def test_the_page_names_every_preset() -> None:
    page = (CONFIGS / "README.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| `(azsweep_\w+)`", page, flags=re.MULTILINE)

    assert sorted(rows) == sorted(path.stem for path in CONFIGS.rglob("*.yaml"))


def test_an_apps_own_file_of_the_same_name_wins(plain: Path) -> None:
    own = plain / "hydra" / "launcher" / "azsweep_slurm.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("mine: true\n", encoding="utf-8")

    assert launcher("azsweep_slurm") == {"mine": True}


def test_presets_come_last_on_the_search_path(app: App) -> None:
    """Behind all files, that is: Hydra keeps the schemas of plugins behind everything."""
    run = app.run("--info", "searchpath")

    providers = re.findall(r"^\| (\S+) +\| \w+://", run.out, flags=re.MULTILINE)
    assert providers == ["hydra", "main", "hydra-azsweep", "schema"], run.text


def test_a_search_path_of_the_apps_own_brings_no_warning(app: App) -> None:
    run = app.run("--cfg", "job", "hydra.searchpath=[file://conf]")

    assert (run.code, run.err) == (0, "")


def test_a_preset_whose_package_is_missing_is_refused_by_the_name_of_what_it_lacks(app: App) -> None:
    app.write("return 0.0", {"x": 1.0}, preamble=HIDE_OTHER_PLUGINS)

    run = app.run("--multirun", "hydra/launcher=azsweep_slurm", "x=1,2")

    assert run.code == 1
    assert run.text.startswith("In 'hydra/launcher/azsweep_slurm': Could not load 'hydra/launcher/submitit_slurm'.\n")
    assert "Traceback" not in run.text


def test_without_the_folder_hydra_is_told_of_none(tmp_path: Path) -> None:
    alone = tmp_path / "hydra_plugins" / "hydra_azsweep_sweeper" / "config.py"
    alone.parent.mkdir(parents=True)
    shutil.copy(config.__file__, alone)
    spec = importlib.util.spec_from_file_location("alone", alone)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    search_path = ConfigSearchPathImpl()

    module.AzsweepPresets().manipulate_search_path(search_path)

    assert search_path.get_path() == []


def test_a_launcher_of_the_apps_own_can_build_on_a_preset(plain: Path) -> None:
    own = plain / "hydra" / "launcher" / "mine.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("defaults: [azsweep_slurm, _self_]\npartition: debug\n", encoding="utf-8")

    assert launcher("mine") == {**launcher("azsweep_slurm"), "partition": "debug"}
