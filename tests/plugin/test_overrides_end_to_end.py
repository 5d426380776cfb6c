"""Every kind of key that Hydra can override, drawn by real sweeps: what the tasks get, and what trials.csv says."""

from __future__ import annotations

import json
from typing import Any

from tests.plugin.conftest import App, Run

SEEN = "(out() / 'seen.json').write_text(json.dumps(OmegaConf.to_container(cfg))); return 0.0"
GRID = {"sampling_algorithm": "grid"}


def seen_by(run: Run) -> list[Any]:
    """The configs of the trials, by number."""
    return [json.loads((run.sweep / row["number"] / "seen.json").read_text(encoding="utf-8")) for row in run.trials]


def columns(run: Run, *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in run.trials]


def choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": [*values]}


def test_groups_in_packages_groups_below_groups_and_added_groups(app: App) -> None:
    app.write(
        SEEN,
        {},
        defaults=({"db@main": "mysql"}, {"db@backup": "mysql"}, {"db/engine": "innodb"}),
        files={
            "db/mysql": {"port": 1},
            "db/sqlite": {"port": 2},
            "db/engine/innodb": {"cache": 8},
            "db/engine/memory": {"cache": 0},
            "log/full": {"level": 9},
        },
        sweeper={**GRID, "search_space": {"db@backup": choice("mysql", "sqlite"), "+log": choice("full")}},
    )

    run = app.sweep("db/engine=innodb,memory", "+db.engine.pages=4", "++db.engine.cache=3,3")

    assert seen_by(run)[::2] == [
        {
            "main": {"port": 1},
            "backup": {"port": port},
            "db": {"engine": {"cache": 3, "pages": 4}},
            "log": {"level": 9},
        }
        for port in (1, 2)
        for _ in ("innodb", "memory")
    ]
    assert columns(run, "db@backup", "log", "db/engine", "db.engine.cache") == [
        (backup, "full", engine, "3")
        for backup in ("mysql", "sqlite")
        for engine in ("innodb", "memory")
        for _ in range(2)  # a value listed twice is two trials
    ]


def test_options_below_options_with_keys_of_their_own(app: App) -> None:
    """`_group_` below `_group_` chooses among the options of `model/act`; cells of what was not drawn are empty."""
    app.write(
        SEEN,
        {},
        defaults=({"model": "linear"},),
        files={
            "model/linear": {"bias": True},
            "model/mlp": {"defaults": ["_self_", {"act": "relu"}], "units": 8},
            "model/act/relu": {"name": "relu"},
            "model/act/elu": {"name": "elu", "alpha": 1.0},
        },
        sweeper={
            **GRID,
            "search_space": {
                "model": choice(
                    {"_group_": "linear", "bias": choice(False)},
                    {
                        "_group_": "mlp",
                        "units": choice(16),
                        "act": choice({"_group_": "relu"}, {"_group_": "elu", "alpha": choice(0.5, 2.0)}),
                    },
                )
            },
        },
    )

    run = app.sweep()

    assert seen_by(run) == [
        {"model": {"bias": False}},
        {"model": {"units": 16, "act": {"name": "relu"}}},
        {"model": {"units": 16, "act": {"name": "elu", "alpha": 0.5}}},
        {"model": {"units": 16, "act": {"name": "elu", "alpha": 2.0}}},
    ]
    assert columns(run, "model", "model.bias", "model.units", "model/act", "model.act.alpha") == [
        ("linear", "false", "", "", ""),
        ("mlp", "", "16", "relu", ""),
        ("mlp", "", "16", "elu", "0.5"),
        ("mlp", "", "16", "elu", "2.0"),
    ]
    assert run.results["best_params"] == {"model": "linear", "model.bias": False}


def test_branches_without_a_group_set_keys_relative_to_the_parameter(app: App) -> None:
    app.write(
        SEEN,
        {"model": {"name": None, "units": None, "act": {"name": None}}},
        sweeper={
            **GRID,
            "search_space": {
                "model": choice(
                    {"name": "mlp", "units": choice(4, 8), "act": choice({"name": choice("elu"), "+alpha": 0.5})},
                    {"name": "linear"},
                )
            },
        },
    )

    run = app.sweep()

    assert seen_by(run) == [
        {"model": {"name": "mlp", "units": 4, "act": {"name": "elu", "alpha": 0.5}}},
        {"model": {"name": "mlp", "units": 8, "act": {"name": "elu", "alpha": 0.5}}},
        {"model": {"name": "linear", "units": None, "act": {"name": None}}},
    ]
    assert columns(run, "model.name", "model.units", "model.act.name", "model.act.alpha") == [
        ("mlp", "4", "elu", "0.5"),
        ("mlp", "8", "elu", "0.5"),
        ("linear", "", "", ""),
    ]


def test_mappings_without_an_expression_are_values_in_every_notation(app: App) -> None:
    """One override and one JSON cell each, wherever they are given."""
    app.write(
        SEEN,
        {key: {"k": 0, "type": "y"} for key in "abc"},
        sweeper={
            **GRID,
            "search_space": {"a": choice({"k": 1, "type": "x"}), "b": "choice({k: 1, type: x})"},
            "params": {"c": "{k: 1, type: x},{k: 2}"},
        },
    )

    run = app.sweep()

    given = {"k": 1, "type": "x"}
    assert seen_by(run) == [
        {"a": given, "b": given, "c": given},
        {"a": given, "b": given, "c": {"k": 2, "type": "y"}},  # Hydra merges a mapping into the one that is there
    ]
    assert [[json.loads(cell) for cell in row] for row in columns(run, "a", "b", "c")] == [
        [given, given, given],
        [given, given, {"k": 2}],
    ]
