"""The override grammar knows AzureML's distributions, and nothing else of Hydra changes."""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hydra.core.override_parser import overrides_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import CompactHydraException, HydraException
from omegaconf import OmegaConf

from hydra_plugins.hydra_azsweep_sweeper import _grammar
from hydra_plugins.hydra_azsweep_sweeper._grammar import DistributionSweep

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plain_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra as it is without the plugin."""
    create = overrides_parser.create_functions
    monkeypatch.setattr(overrides_parser, "create_functions", getattr(create, "__wrapped__", create))


@pytest.fixture
def parser(plain_hydra: None) -> OverridesParser:
    _grammar.install()
    return OverridesParser.create()


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        pytest.param("uniform(0, 1)", "uniform(0, 1)", id="ints"),
        pytest.param("uniform(0.01,0.9)", "uniform(0.01, 0.9)", id="floats"),
        pytest.param("uniform(-1, 1e-3)", "uniform(-1, 0.001)", id="signs-and-exponents"),
        pytest.param("uniform(min_value=0, max_value=1)", "uniform(min_value=0, max_value=1)", id="by-keyword"),
        pytest.param("uniform(0, max_value=1)", "uniform(0, max_value=1)", id="mixed"),
        pytest.param("quniform (8, 64, 8)", "quniform(8, 64, 8)", id="space-before-parenthesis"),
        pytest.param("loguniform(-6.9, -2.3)", "loguniform(-6.9, -2.3)", id="loguniform"),
        pytest.param("qloguniform(0, 3, q=1)", "qloguniform(0, 3, q=1)", id="qloguniform"),
        pytest.param("normal(10, 3)", "normal(10, 3)", id="normal"),
        pytest.param("qnormal(10, 3, 2)", "qnormal(10, 3, 2)", id="qnormal"),
        pytest.param("lognormal(mu=0, sigma=1)", "lognormal(mu=0, sigma=1)", id="lognormal"),
        pytest.param("qlognormal(0, 1, 5)", "qlognormal(0, 1, 5)", id="qlognormal"),
        pytest.param("randint(8)", "randint(8)", id="randint"),
    ],
)
def test_every_distribution_can_be_written_in_an_override(parser: OverridesParser, text: str, read_as: str) -> None:
    override = parser.parse_override(f"lr={text}")

    assert repr(override.value()) == read_as
    assert override.is_sweep_override()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("uniform(1, 0)", id="bounds-swapped"),
        pytest.param("uniform(0)", id="an-argument-missing"),
        pytest.param("uniform(0, 1, 2)", id="one-too-many"),
        pytest.param("uniform()", id="none"),
        pytest.param("uniform(low=0, high=1)", id="unknown-names"),
        pytest.param("uniform(a, null)", id="no-numbers"),
        pytest.param("normal(0, inf)", id="infinite"),
        pytest.param("randint([1, 2])", id="a-list"),
    ],
)
def test_wrong_arguments_are_left_for_the_sweep_to_judge(parser: OverridesParser, text: str) -> None:
    """There they are named together with every other problem."""
    assert isinstance(parser.parse_override(f"lr={text}").value(), DistributionSweep)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("int(uniform(0, 1))", id="int"),
        pytest.param("float(uniform(0, 1))", id="float"),
        pytest.param("str(uniform(0, 1))", id="str"),
        pytest.param("bool(uniform(0, 1))", id="bool"),
        pytest.param("tag(log, uniform(0, 1))", id="tag"),
        pytest.param("tag(log, sweep=uniform(0, 1))", id="tag-by-keyword"),
        pytest.param("sort(uniform(0, 1))", id="sort"),
        pytest.param("shuffle(uniform(0, 1))", id="shuffle"),
    ],
)
def test_nothing_can_be_done_to_a_distribution(parser: OverridesParser, text: str) -> None:
    with pytest.raises(HydraException, match=r"uniform\(0, 1\) is a distribution of the azsweep sweeper: it must be"):
        parser.parse_override(f"lr={text}")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("choice(uniform(0, 1))", "nesting choices is not supported", id="choice"),
        pytest.param("sort(uniform(0, 1), 2)", "Invalid arguments: ", id="sort-of-several"),
        pytest.param("range(uniform(0, 1))", "mismatch type argument start: DistributionSweep is ", id="range"),
        pytest.param("interval(0, randint(3))", "mismatch type argument end: DistributionSweep is ", id="interval"),
    ],
)
def test_hydra_itself_refuses_a_distribution_as_an_argument(parser: OverridesParser, text: str, error: str) -> None:
    with pytest.raises(HydraException, match=error):
        parser.parse_override(f"lr={text}")


def _list(override: Override) -> Any:
    return list(override.sweep_string_iterator())


def _bounds(override: Override) -> Any:
    value: Any = override.value()
    return value.start, value.end


def _tags(override: Override) -> Any:
    value: Any = override.value()
    return value.tags


@pytest.mark.parametrize("look_inside", [_list, _bounds, _tags])
def test_another_sweeper_meets_an_error_instead_of_values(parser: OverridesParser, look_inside: Any) -> None:
    with pytest.raises(CompactHydraException, match=r"^uniform\(0, 1\) is .* needs hydra/sweeper=azsweep$"):
        look_inside(parser.parse_override("lr=uniform(0, 1)"))


@pytest.mark.parametrize("text", ["[uniform(0, 1)]", "{a: uniform(0, 1)}"])
def test_a_distribution_inside_a_plain_value_is_refused_by_the_config(parser: OverridesParser, text: str) -> None:
    config = OmegaConf.create({"lr": None})

    with pytest.raises(CompactHydraException, match="must be the whole value of a key"):
        OmegaConf.update(config, "lr", parser.parse_override(f"lr={text}").value())


def test_a_distribution_equals_only_the_same_distribution() -> None:
    one = DistributionSweep("uniform", [0, 1], {})

    assert one == DistributionSweep("uniform", [0, 1], {})
    assert one != DistributionSweep("uniform", [0, 1.0], {})
    assert one != IntervalSweep(start=0.0, end=1.0)
    assert IntervalSweep(start=0.0, end=1.0) != one


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_distribution_survives_copying_and_pickling(clone: Any) -> None:
    sweep = DistributionSweep("uniform", [0], {"max_value": 1})

    assert clone(sweep) == sweep


def test_an_attribute_that_no_sweep_has_is_simply_missing() -> None:
    assert not hasattr(DistributionSweep("uniform", [0, 1], {}), "colour")


def test_an_unknown_function_is_answered_with_all_known_ones(parser: OverridesParser) -> None:
    with pytest.raises(HydraException, match=r"Unknown function 'unifrom'\nAvailable: bool,choice,.*,uniform"):
        parser.parse_override("lr=unifrom(0, 1)")


@pytest.mark.parametrize("text", ["a,b", "choice(1,2)", "range(1,4)", "interval(0,1)", "int(3.7)", "[1,{a:b}]"])
@pytest.mark.usefixtures("plain_hydra")
def test_what_hydra_knew_before_means_the_same(text: str) -> None:
    before = OverridesParser.create().parse_override(f"x={text}")

    _grammar.install()

    assert OverridesParser.create().parse_override(f"x={text}") == before


def _second_copy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("second_copy", _grammar.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("plain_hydra")
def test_installing_again_changes_nothing_even_from_a_second_copy_of_the_module() -> None:
    """Hydra executes a plugin's module that is already imported a second time."""
    _grammar.install()
    installed = overrides_parser.create_functions

    _second_copy().install()

    assert overrides_parser.create_functions is installed


@pytest.mark.usefixtures("plain_hydra")
def test_a_hydra_without_the_hook_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(overrides_parser, "create_functions")

    grammar = _second_copy()

    with caplog.at_level(logging.WARNING):
        grammar.install()
        grammar.install()

    warning = (
        "azsweep cannot extend the override grammar of this Hydra (it has no create_functions). Put distributions in"
        " quotes, lr='uniform(0.01, 0.9)', or in hydra.sweeper.search_space."
    )
    assert [record.message for record in caplog.records] == [warning]


@pytest.mark.usefixtures("plain_hydra")
def test_functions_of_another_shape_stay_usable_and_cost_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unlike = object()
    monkeypatch.setattr(overrides_parser, "create_functions", lambda: unlike)
    _second_copy().install()

    with caplog.at_level(logging.WARNING):
        created = overrides_parser.create_functions()

    assert created is unlike
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("plain_hydra")
def test_a_name_that_somebody_else_registered_stays_theirs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    create = overrides_parser.create_functions

    def with_their_normal() -> Any:
        functions = create()
        functions.register(name="normal", func=lambda: "theirs")
        return functions

    monkeypatch.setattr(overrides_parser, "create_functions", with_their_normal)
    _second_copy().install()
    parser = OverridesParser.create()

    assert parser.parse_override("x=normal()").value() == "theirs"
    assert repr(parser.parse_override("x=randint(3)").value()) == "randint(3)"
    assert len(caplog.records) == 1


APP = """
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(config: object) -> None:
    print(config)

main()
"""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param(
            ["+lr=uniform(0, 1)"], "Sweep parameters '+lr=uniform(0, 1)' requires --multirun\n", id="single-run"
        ),
        pytest.param(
            ["--multirun", "+lr=uniform(0, 1)", "+wd=1,2", "hydra/sweeper=basic"],
            "uniform(0, 1) is a distribution of the azsweep sweeper: it must be the whole value of a key, with no cast,"
            " tag, list or choice around it, and needs hydra/sweeper=azsweep\n",
            id="basic-sweeper",
        ),
    ],
)
def test_an_app_that_cannot_sample_says_so_in_one_line(tmp_path: Path, arguments: list[str], error: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    command = [sys.executable, "app.py", *arguments]
    run = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert run.returncode == 1
    assert run.stderr.partition("\nSet the environment")[0] == error
