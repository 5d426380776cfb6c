"""The plugin is a guest in every Hydra app of its environment: cheap, silent, harmless in a Hydra it does not know."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.plugin.conftest import App

ROOT = Path(__file__).parents[2]

PLAIN = """
import sys
import hydra
from omegaconf import OmegaConf

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    print(OmegaConf.to_yaml(cfg))
    if cfg.then == "raise": raise ValueError("broken")
    if cfg.then == "exit": sys.exit(3)
    if cfg.then == "modules": print(*sorted(sys.modules))

main()
"""

WITHOUT_PLUGINS = """
import sys

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "hydra_plugins":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden)
"""

PRESETS = f"""\
    - path: {(ROOT / "configs").resolve()}
      schema: file
      provider: hydra-azsweep
"""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d,\d+")

HEAVY = {"azsweep_core", "mlflow", "numpy", "optuna", "pandas", "plotly", "rich", "scipy", "sqlalchemy", "torch"}


@dataclass(frozen=True)
class Done:
    """A finished run of an app; times are made equal."""

    code: int
    out: str
    err: str
    files: tuple[str, ...]


class PlainApp:
    """A Hydra app that knows nothing of azsweep."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "conf" / "db").mkdir(parents=True)
        (directory / "plain.py").write_text(PLAIN)
        (directory / "conf" / "config.yaml").write_text("{defaults: [_self_, db: mysql], then: '', x: 1}")
        for name in ("mysql", "sqlite"):
            (directory / "conf" / "db" / f"{name}.yaml").write_text(f"name: {name}")

    def run(self, *arguments: str, site: str = "", environment: Mapping[str, str] | None = None) -> Done:
        """Run it to its end.

        Args:
            site: a program that the interpreter runs first.
        """
        (self.directory / "site").mkdir(exist_ok=True)
        (self.directory / "site" / "sitecustomize.py").write_text(site)
        path = f"{self.directory / 'site'}{os.pathsep}{ROOT}"
        done = subprocess.run(
            [sys.executable, "plain.py", *arguments, "hydra.run.dir=out", "hydra.sweep.dir=out"],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        written = sorted(str(path.relative_to(self.directory)) for path in (self.directory / "out").rglob("*"))
        out, err = (_TIME.sub("TIME", text) for text in (done.stdout, done.stderr))
        return Done(done.returncode, out, err, tuple(written))


@pytest.fixture
def plain(tmp_path: Path) -> PlainApp:
    return PlainApp(tmp_path)


# Cost


def test_the_plugin_brings_only_its_own_few_modules_into_a_plain_app() -> None:
    """Everything else that they import, Hydra has imported before. What that costs: benchmarks/plugin_import.py."""
    program = f"""{WITHOUT_PLUGINS}
import hydra.main, hydra._internal.hydra
from hydra.core.plugins import Plugins

Plugins.instance()
sys.meta_path.remove(Hidden)
before = set(sys.modules)
import hydra_plugins.hydra_azsweep_sweeper.azsweep_sweeper, hydra_plugins.hydra_azsweep_sweeper.config
print(*sorted(set(sys.modules) - before))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)

    package = "hydra_plugins.hydra_azsweep_sweeper"
    assert run.stdout.split() == [
        "hydra_plugins",
        package,
        *(f"{package}.{name}" for name in ("_grammar", "azsweep_sweeper", "config")),
    ]


@pytest.mark.parametrize("arguments", [[], ["--multirun", "hydra/sweeper=basic"]], ids=["run", "multirun"])
def test_a_plain_app_imports_nothing_heavy(plain: PlainApp, arguments: Sequence[str]) -> None:
    run = plain.run(*arguments, "then=modules")

    modules = set(run.out.split())
    assert run.code == 0, run.err
    assert "hydra_plugins.hydra_azsweep_sweeper.azsweep_sweeper" in modules
    assert {module.partition(".")[0] for module in modules} & HEAVY == set()


# Other apps and sweepers


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["x=2", "db=sqlite"], 0, id="run"),
        pytest.param(["--multirun", "x=1,2", "db=glob(*)"], 0, id="basic-sweeper"),
        pytest.param(["--multirun", "x=1,2", "then=raise"], 1, id="failing-jobs"),
        pytest.param(["then=exit"], 3, id="exit-code"),
        pytest.param(["--cfg", "all"], 0, id="config"),
        pytest.param(["--help"], 0, id="help"),
    ],
)
def test_other_apps_behave_as_without_the_plugin(plain: PlainApp, arguments: Sequence[str], code: int) -> None:
    """Hydra's list of places that it looks for configs in is longer, by the presets; nothing else is different."""
    without = plain.run(*arguments, site=WITHOUT_PLUGINS)
    with_plugin = plain.run(*arguments)

    assert replace(with_plugin, out=with_plugin.out.replace(PRESETS, "")) == without
    assert with_plugin.code == code


# Another Hydra than the one we know

RENAMED = """
from hydra.core.override_parser import overrides_parser as parser

functions = parser.create_functions
del parser.create_functions
parser.OverridesParser.create = classmethod(lambda cls, config_loader=None: cls(functions(), config_loader))
"""
SEALED = """
from hydra.core.override_parser import overrides_parser as parser

class Sealed:
    def __init__(self, functions): self._functions = functions
    def eval(self, func): return self._functions.eval(func)

create = parser.create_functions
parser.create_functions = lambda: Sealed(create())
"""
OTHER_REGISTER = """
from hydra._internal.grammar.functions import Functions

register = Functions.register

def strict(self, name, func):
    if "uniform" in name or "normal" in name or name == "randint":
        raise ValueError(f"{name} is not one of Hydra's")
    register(self, name, func)

Functions.register = strict
"""
MORE_ARGUMENTS = """
from hydra.core.override_parser import overrides_parser as parser

create = parser.create_functions
parser.create_functions = lambda config_loader: create()

@classmethod
def new(cls, config_loader=None):
    return cls(parser.create_functions(config_loader), config_loader)

parser.OverridesParser.create = new
"""
BROKEN = {
    "hook-renamed": (RENAMED, "it has no create_functions"),
    "functions-of-another-shape": (SEALED, "'Sealed' object has no attribute 'register'"),
    "names-refused": (OTHER_REGISTER, "uniform is not one of Hydra's"),
}
WARNING = (
    "azsweep cannot extend the override grammar of this Hydra ({}). Put distributions in quotes,"
    " lr='uniform(0.01, 0.9)', or in hydra.sweeper.search_space.\n"
)


@pytest.mark.parametrize(("site", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_plain_app_works_with_the_hook_broken_and_shows_one_warning(plain: PlainApp, site: str, reason: str) -> None:
    run = plain.run("x=2", site=site)
    multirun = plain.run("--multirun", "x=1,2", site=site)

    assert run == Done(0, "then: ''\nx: 2\ndb:\n  name: mysql\n\n", WARNING.format(reason), run.files)
    assert (multirun.code, multirun.err) == (0, WARNING.format(reason))
    assert "out/1/.hydra/config.yaml" in multirun.files


def test_a_hook_with_more_arguments_is_still_a_hook(plain: PlainApp) -> None:
    run = plain.run("x=uniform(0, 1)", site=MORE_ARGUMENTS)

    assert run.err.startswith("Sweep parameters 'x=uniform(0, 1)' requires --multirun\n")


def test_with_the_hook_broken_distributions_in_quotes_and_in_files_still_work(app: App) -> None:
    app.write(
        "return cfg.x + cfg.y",
        {"x": 0.0, "y": 0},
        sweeper={"limits": {"max_total_trials": 2}, "search_space": {"y": "randint(9)"}},
    )
    (app.directory / "sitecustomize.py").write_text(RENAMED)
    path = {"PYTHONPATH": str(app.directory)}

    run = app.sweep("x='uniform(0, 1)'", environment=path)
    refused = app.run("--multirun", "x=uniform(0, 1)", environment=path)

    assert all(0 <= float(row["x"]) <= 1 for row in run.trials)
    assert len(run.trials) == 2
    assert (refused.code, "Unknown function 'uniform'" in refused.err) == (1, True)


def test_modules_that_are_executed_twice_do_no_harm(app: App) -> None:
    """Hydra executes a plugin's module once more if it has been imported before."""
    modules = ("config", "azsweep_sweeper", "_grammar")
    imports = "\n".join(f"import hydra_plugins.hydra_azsweep_sweeper.{module}" for module in modules)
    app.write("return cfg.x", {"x": 0.0}, preamble=imports, sweeper={"limits": {"max_total_trials": 2}})

    run = app.sweep("x=uniform(0, 1)")

    assert len(run.trials) == 2
    assert run.err == ""


# An app that has chosen azsweep


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["x=uniform(0, 1)"], 1, "Sweep parameters 'x=uniform(0, 1)' requires --multirun\n", id="sample"),
        pytest.param(["x=2"], 0, "", id="run"),
        pytest.param(["--hydra-help"], 0, "--multirun,-m : Run multiple jobs", id="hydra-help"),
        pytest.param(["--cfg", "hydra", "-p", "hydra.sweeper"], 0, "start_method: auto\n", id="config"),
        pytest.param(["--info", "all"], 0, "AzsweepSweeper\n", id="info"),
        pytest.param(["--shell-completion", "query=bash"], 0, "hydra.sweeper.limits.max_total_trials=\n", id="keys"),
        pytest.param(["-sc", "query=bash"], 0, "hydra/sweeper=azsweep\n", id="groups"),
    ],
)
def test_hydras_own_commands_work_with_the_sweeper_chosen(
    app: App, arguments: Sequence[str], code: int, said: str
) -> None:
    line = "python train.py " + ("hydra/sweeper=az" if "-sc" in arguments else "hydra.sweeper.limits.max_tot")

    run = app.run(*arguments, environment={"COMP_LINE": line})

    assert run.code == code, run.text
    assert said in run.text
    assert "Traceback" not in run.text
    assert not run.sweep.exists()
