"""What is published is complete and nothing more: Hydra finds the plugin in the wheel alone."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONF = "hydra_plugins/hydra_azsweep_sweeper/conf"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", target, cwd=source)
    (built,) = target.iterdir()
    return built


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if ".dist-info/" not in name)


def expected_names() -> list[str]:
    """The packages as they are in the checkout, and the presets of `configs/`, each under the plugin's `conf`."""
    code = [
        path.relative_to(ROOT).as_posix()
        for top in ("azsweep_core", "hydra_plugins/hydra_azsweep_sweeper")
        for path in (ROOT / top).rglob("*")
        if path.suffix in {".py", ".typed", ".html", ".css", ".js"}
    ]
    presets = [f"{CONF}/{path.relative_to(ROOT / 'configs').as_posix()}" for path in (ROOT / "configs").rglob("*.yaml")]
    return sorted(code + presets)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_two_packages_and_the_presets_and_nothing_else(wheel: Path) -> None:
    names = names_in(wheel)

    assert names == expected_names()
    assert "hydra_plugins/__init__.py" not in names  # it is a namespace package, shared with other plugins


def test_a_wheel_built_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    run(sys.executable, "-m", "tarfile", "--extract", sdist, tmp_path / "source", cwd=tmp_path)
    (source,) = (tmp_path / "source").iterdir()

    rebuilt = build("wheel", source, tmp_path / "wheel")

    assert rebuilt.name == wheel.name
    assert names_in(rebuilt) == names_in(wheel)


PROGRAM = """
from hydra import compose, initialize
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

import azsweep_core

(sweeper,) = [found for found in Plugins.instance().discover(Sweeper) if found.__name__ == "AzsweepSweeper"]
with initialize(version_base="1.3", config_path=None):
    config = compose(overrides=["hydra/sweeper=azsweep"], return_hydra_config=True)
target = config.hydra.sweeper._target_
assert target == f"{sweeper.__module__}.{sweeper.__name__}", target
print(azsweep_core.__file__)
print(__import__(sweeper.__module__, fromlist=["_"]).__file__)
"""
PRESETS = """
import sys
from hydra import compose, initialize
from omegaconf import OmegaConf

with initialize(version_base="1.3", config_path=None):
    for choice in sys.argv[1:]:
        config = compose(overrides=["hydra/sweeper=azsweep", choice], return_hydra_config=True)
        print(choice, OmegaConf.select(config, choice.partition("=")[0].replace("/", ".")))
"""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel.

    It sees the packages of this one by a .pth line, which does not follow the editable installs.
    """
    directory = tmp_path_factory.mktemp("installed")
    venv.create(directory / "env", with_pip=False, symlinks=True)
    python = directory / "env" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel, cwd=directory)
    (purelib_of(python) / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def purelib_of(python: Path) -> Path:
    return Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=python.parent).strip())


def test_hydra_finds_the_installed_wheel_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    core, plugin = run(installed, "-I", "-c", PROGRAM, cwd=tmp_path).split()

    assert Path(core).is_relative_to(purelib_of(installed))
    assert Path(plugin).is_relative_to(purelib_of(installed))


def test_the_installed_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    assert run(installed.parent / "azsweep", "--version", cwd=tmp_path).startswith("azsweep ")


def test_an_app_chooses_the_wheels_presets_as_it_does_those_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    presets = [path.relative_to(ROOT / "configs") for path in sorted((ROOT / "configs").rglob("*.yaml"))]
    choices = [f"{path.parent.as_posix()}={path.stem}" for path in presets]

    from_the_wheel = run(installed, "-I", "-c", PRESETS, *choices, cwd=tmp_path)

    assert "hydra/launcher=azsweep_slurm" in choices
    assert from_the_wheel == run(sys.executable, "-c", PRESETS, *choices, cwd=ROOT)
