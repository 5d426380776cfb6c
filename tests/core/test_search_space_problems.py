"""Which search spaces are read, and which are refused or warned of, in which words."""

from __future__ import annotations

from typing import Any

import pytest

from azsweep_core.distributions import (
    Branch,
    Choice,
    Distribution,
    LogUniform,
    QUniform,
    Randint,
    Uniform,
)
from azsweep_core.errors import SpecError
from azsweep_core.search_space import SearchSpace, read_space

EMPTY = "must hold at least one parameter; got {}. Give it one with an expression, as in lr: uniform(0.1, 1)."


class TestProblems:
    @pytest.mark.parametrize(
        ("parameters", "messages"),
        [
            pytest.param({}, [f"s: {EMPTY}"], id="empty"),
            pytest.param(
                {"x": Uniform(2, 1), "y": Choice([Branch(None, {"n": Randint(0)})])},
                [
                    "s.x: uniform needs min_value < max_value; got uniform(2, 1). Did you mean uniform(1, 2)?",
                    (
                        "s.y.values[0].n: randint needs upper > 0; got randint(0). "
                        "It draws whole numbers from 0 to upper - 1."
                    ),
                ],
                id="every-expression-is-judged",
            ),
            pytest.param(
                {"lr": Randint(2), "+lr": Randint(2)},
                ["s.+lr: a parameter may stand in the space once; got lr and +lr."],
                id="the-same-key-twice",
            ),
            pytest.param(
                {"model.lr": Randint(2), "model": Randint(2)},
                [
                    (
                        "s.model.lr: cannot be drawn beside model, which holds it; got model and model.lr. "
                        "If model is a config group, nest the choice: "
                        "values: [{_group_: option, key: expression}, ...]."
                    )
                ],
                id="a-key-and-its-ancestor",
            ),
            pytest.param(
                {"m": Choice([Branch(None, {"a": 1})]), "m.a": Randint(2)},
                ["s.m.a: a parameter may stand in the space once; got m.a and m.a."],
                id="a-branch-and-another-parameter",
            ),
            pytest.param(
                {"m": Choice([Branch(None, {"a": 1, "+a": Randint(2)})])},
                ["s.+m.a: a parameter may stand in the space once; got m.a and +m.a."],
                id="twice-in-one-branch",
            ),
            pytest.param(
                {"m": Choice([Branch(None, {"a": Randint(2)}), Branch(None, {"a": Randint(3)})])},
                [
                    (
                        "s.m.a: branches may share a parameter only with equal distributions; "
                        "got randint(2) and randint(3). "
                        "Give both the same, wide enough for each, or the parameters names of their own."
                    )
                ],
                id="branches-that-disagree",
            ),
            pytest.param(
                {"m": Choice([Branch(None, {"a": Choice([inner])}) for inner in (Branch(None, {"b": 1}), 0)])},
                [
                    (
                        "s.m.a: branches may share a parameter only with equal distributions; "
                        "got choice({b: 1}) and choice(0). "
                        "Give both the same, wide enough for each, or the parameters names of their own."
                    )
                ],
                id="branches-that-disagree-on-a-nested-choice",
            ),
            pytest.param(
                {"a b": Randint(2)},
                ["s: keys must be Hydra keys such as lr, +model.lr or db@backup; got 'a b'."],
                id="no-hydra-key",
            ),
        ],
    )
    def test_a_space_that_cannot_be_run_is_told_with_every_problem(
        self, parameters: dict[str, Distribution], messages: list[str]
    ) -> None:
        assert [str(problem) for problem in SearchSpace(parameters).validate("s")] == messages

    @pytest.mark.parametrize(
        "parameters",
        [
            {"optimizer": Choice([Branch("adam", {"lr": Uniform(0, 1)}), Branch("sgd", {"lr": Uniform(0, 1)})])},
            {"m": Choice([Branch(None, {"a": 1}), Branch(None, {"+a": Randint(2)}), 3])},
            {"m": Choice([Branch(None, {"name": "x", "lr": 0.1}), Branch(None, {"name": "y", "lr": Uniform(0, 1)})])},
            {"lr": Randint(2), "lr2": Randint(2), "a.lr": Randint(2)},
            {"db@one": Choice(["x"]), "db@two": Choice(["x"]), "db/engine": Choice(["y"]), "++n": Randint(2)},
        ],
        ids=["group-and-children", "alternatives", "fixed-here-drawn-there", "alike-names", "packages"],
    )
    def test_what_is_unambiguous_is_legal(self, parameters: dict[str, Distribution]) -> None:
        assert list(SearchSpace(parameters).validate("s")) == []

    def test_a_grid_takes_choices_only(self) -> None:
        space = SearchSpace(
            {
                "x": Choice([1]),
                "n": Randint(3),
                "m": Choice([Branch(None, {"q": QUniform(0, 9, 1)}), 1]),
                "r": Choice(range(9)),
            }
        )

        assert [str(problem) for problem in space.validate_grid("s")] == [
            "s.n: grid takes choice only; got randint(3). List the values in a choice, or use random.",
            "s.m.q: grid takes choice only; got quniform(0, 9, 1). List the values in a choice, or use random.",
        ]

    def test_warnings_of_every_parameter_are_told(self) -> None:
        space = SearchSpace({"x": Choice([[1, 2]]), "y": LogUniform(0.1, 1), "z": Randint(2)})

        assert [problem.where for problem in space.warnings("s")] == ["s.x", "s.y"]


class TestReading:
    def test_a_space_is_read_from_any_notation(self) -> None:
        space = read_space(
            {
                "lr": "loguniform(-6.9, -2.3)",
                "+model.units": {"type": "randint", "upper": 8},
                "seed": Choice(range(3)),
                "optimizer": {
                    "type": "choice",
                    "values": [{"_group_": "adam", "beta": {"type": "uniform", "min_value": 0, "max_value": 1}}, "sgd"],
                },
            }
        )

        assert space == SearchSpace(
            {
                "lr": LogUniform(-6.9, -2.3),
                "+model.units": Randint(8),
                "seed": Choice(range(3)),
                "optimizer": Choice([Branch("adam", {"beta": Uniform(0, 1)}), "sgd"]),
            }
        )
        assert space.point([0.0, 0.0, 0.0, 0.9, 0.0])["optimizer"] == "sgd"
        assert list(space.point([0.0] * 5))[-2:] == ["optimizer", "optimizer.beta"]

    def test_with_absolute_children_every_mapping_is_a_branch(self) -> None:
        space = read_space({"x": {"type": "choice", "values": [{"a": 1}]}}, absolute_children=True)

        assert space.point([0.0]) == {"a": 1}

    def test_what_cannot_be_read_is_told_at_once(self) -> None:
        with pytest.raises(SpecError) as caught:
            read_space({"x": 1, 5: "uniform(0, 1)", "y": "unifrom(0, 1)"}, where="s")  # type: ignore[dict-item]

        assert [str(problem) for problem in caught.value.problems] == [
            (
                "s.x: must be an expression; got 1. "
                "Write for example {type: uniform, min_value: 0, max_value: 1} or uniform(0, 1)."
            ),
            "s: keys must be text; got 5. Write '5' in quotes.",
            "s.y: unknown expression; got 'unifrom'. Did you mean uniform?",
        ]

    @pytest.mark.parametrize("thing", [None, [1], "uniform(0, 1)"], ids=str)
    def test_a_space_is_a_mapping(self, thing: Any) -> None:
        with pytest.raises(SpecError, match=r"^s: must be a mapping from key to expression; got "):
            read_space(thing, where="s")
