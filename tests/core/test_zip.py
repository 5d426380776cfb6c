"""Zipped parameters: which may be zipped, and that a group is one dimension to everything that reads the space."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core._zip import read_zip
from azsweep_core.distributions import Choice, Distribution
from azsweep_core.errors import SpecError
from azsweep_core.expressions import read
from azsweep_core.limits import Limits
from azsweep_core.objective import Goal, Objective
from azsweep_core.samplers import make_sampler
from azsweep_core.sampling_algorithm import SamplerType, SamplingAlgorithm
from azsweep_core.search_space import SearchSpace
from azsweep_core.spec import SweepSpec, judge, read_and_judge, read_sweep
from azsweep_core.testing.samplers import SimulatedSweep

OBJECTIVE = {"primary_metric": "loss", "goal": "minimize"}
PARAMETERS: dict[str, Distribution] = {
    key: read(text, key)
    for key, text in {
        "model": "choice(a, b)",
        "lr": "choice(0.1, 0.2)",
        "+opt.wd": "choice(range(2))",
        "units": "choice(1, 2, 3)",
        "n": "randint(2)",
        "net": "choice({kind: mlp, width: choice(1, 2)}, {kind: cnn})",
        "long": "choice(range(1000000000000))",
        "longer": "choice(range(1, 1000000000001))",
    }.items()
}


def spec_of(
    search_space: dict[str, Any], zipped: list[list[str]], algorithm: Any = "random", **parts: Any
) -> SweepSpec:
    return read_sweep(
        {
            "search_space": search_space,
            "zip": zipped,
            "sampling_algorithm": algorithm,
            "objective": OBJECTIVE,
            **parts,
        }
    )


class TestReading:
    @pytest.mark.parametrize(
        ("written", "groups"),
        [
            pytest.param([], (), id="none"),
            pytest.param([["model", "lr"]], (("model", "lr"),), id="two"),
            pytest.param([["lr", "model"]], (("model", "lr"),), id="in-the-order-of-the-space"),
            pytest.param([["opt.wd", "lr"]], (("lr", "+opt.wd"),), id="without-a-prefix"),
            pytest.param([["++opt.wd", "+lr"]], (("lr", "+opt.wd"),), id="with-another-prefix"),
            pytest.param([("model", "lr")], (("model", "lr"),), id="tuple"),
        ],
    )
    def test_groups_get_the_full_keys_of_the_space(self, written: Any, groups: tuple[tuple[str, ...], ...]) -> None:
        assert read_zip(written, "zip", PARAMETERS) == groups

    @pytest.mark.parametrize(
        ("written", "texts"),
        [
            pytest.param(
                "model", ["zip: must be a list of groups; got model. Write [[model, lr]], for instance."], id="text"
            ),
            pytest.param(
                {"model": "lr"},
                ["zip: must be a list of groups; got {'model': 'lr'}. Write [[model, lr]], for instance."],
                id="mapping",
            ),
            pytest.param(
                ["model", "lr"],
                ["zip: must be a list of groups; got [model, lr]. Did you mean [[model, lr]]?"],
                id="one-flat-group",
            ),
            pytest.param(
                [["model", "lr"], 3, ["units", 3]],
                [
                    "zip[1]: must be a list of parameters; got 3.",
                    "zip[2]: must be a list of parameters; got ['units', 3].",
                ],
                id="no-names",
            ),
            pytest.param(
                [["model"], []],
                [
                    "zip[0]: must name at least two parameters; got [model]. What varies alone needs no group.",
                    "zip[1]: must name at least two parameters; got []. What varies alone needs no group.",
                ],
                id="group-of-one",
            ),
            pytest.param(
                [["model", "lr"], ["lr", "+opt.wd"]],
                ["zip: lr may stand in one group, and once; got 2 times."],
                id="in-two-groups",
            ),
            pytest.param(
                [["lr", "model", "+lr"]],
                ["zip: lr may stand in one group, and once; got 2 times."],
                id="twice-in-a-group",
            ),
            pytest.param(
                [["model", "modle"], ["net.width", "lr"]],
                [
                    "zip[0]: must name parameters of the search space; got modle. Did you mean model?",
                    (
                        "zip[1]: must name parameters of the search space; got net.width. "
                        "Known: model, lr, opt.wd, units, n, net, long, longer."
                    ),
                ],
                id="unknown",
            ),
            pytest.param(
                [["model", "n"]],
                ["zip[0]: takes choices only; got randint for n. List the values in a choice."],
                id="random-expression",
            ),
            pytest.param(
                [["model", "net"]],
                ["zip[0]: takes no nested choice; got net. Its branches say already what is set together."],
                id="nested-choice",
            ),
            pytest.param(
                [["model", "units", "lr"]],
                ["zip[0]: needs equally many values for each parameter; got 2 for model, 3 for units, 2 for lr."],
                id="lengths",
            ),
            pytest.param(
                [["long", "longer"]],
                ["zip[0]: takes at most 10000 values; got 1000000000000."],
                id="too-long-to-write-out",
            ),
        ],
    )
    def test_says_what_is_wrong_with_a_group(self, written: Any, texts: list[str]) -> None:
        with pytest.raises(SpecError) as caught:
            read_zip(written, "zip", PARAMETERS)

        assert [str(problem) for problem in caught.value.problems] == texts

    def test_every_problem_is_reported_at_once_with_those_of_other_parts(self) -> None:
        space, spec, judgement = read_and_judge(
            {
                "search_space": {"a": "uniform(1, 0)", "b": "choice(1, 2)", "c": "choice(1, 2, 3)"},
                "zip": [["a", "b"], ["c", "d"]],
                "objective": OBJECTIVE,
                "limits": {"max_total_trials": 0},
            }
        )

        assert space is not None
        assert spec is None
        assert [problem.where for problem in judgement.errors] == [
            "zip[0]", "zip[1]", "search_space.a", "limits.max_total_trials",
        ]  # fmt: skip

    def test_of_a_space_that_cannot_be_read_only_the_shape_is_judged(self) -> None:
        mapping = {"search_space": {"a": "uniform(1"}, "objective": OBJECTIVE}

        _, _, fine = read_and_judge({**mapping, "zip": [["a", "b"]]})
        _, _, wrong = read_and_judge({**mapping, "zip": [["a"]]})

        assert [problem.where for problem in fine.errors] == ["search_space.a"]
        assert [problem.where for problem in wrong.errors] == ["search_space.a", "zip[0]"]


SPACE = {"model": "choice(a, b, c)", "n": "choice(1, 2)", "lr": "choice(0.1, 0.2, 0.4)"}


class TestOneDimension:
    @pytest.mark.parametrize("algorithm", ["random", {"type": "random", "rule": "sobol"}, "bayesian", "grid"])
    @settings(max_examples=10, deadline=None)
    @given(rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.booleans()), min_size=1, max_size=5))
    def test_members_always_have_the_same_position(self, algorithm: Any, rows: list[tuple[int, str, bool]]) -> None:
        left, middle, right = zip(*rows, strict=True)
        space = SearchSpace(
            {"a": Choice(left), "n": Choice([1, 2]), "+b": Choice(middle), "c": Choice(right)},
            zipped=(("a", "+b", "c"),),
        )
        algorithm = SamplingAlgorithm.read(algorithm).with_seed()
        sampler = make_sampler(algorithm, space, Objective("loss", Goal.MINIMIZE))

        points = SimulatedSweep(sampler, concurrency=2).run(30)

        assert {(point["a"], point["+b"], point["c"]) for point in points} == set(rows)
        repetitions = len(rows) if algorithm.type is SamplerType.GRID else len(set(rows))
        assert len(points) == 2 * repetitions
        assert all(space.contains(point) for point in points)

    def test_a_grid_has_them_where_the_first_of_them_stands(self) -> None:
        spec = spec_of(SPACE, [["lr", "model"]], "grid")

        points = [spec.search_space.grid_point(number) for number in range(spec.search_space.grid_size)]

        assert [(point["model"], point["lr"], point["n"]) for point in points] == [
            ("a", 0.1, 1), ("a", 0.1, 2), ("b", 0.2, 1), ("b", 0.2, 2), ("c", 0.4, 1), ("c", 0.4, 2),
        ]  # fmt: skip

    def test_it_counts_once(self) -> None:
        """In the sizes, in the number of trials and in AzureML's advice of 20 trials for each parameter."""
        spec = spec_of({**SPACE, "x": "uniform(0, 1)"}, [["lr", "model"]], "bayesian")
        finite = spec_of(SPACE, [["lr", "model"]])
        advice = [
            [
                problem.got
                for problem in spec.sampling_algorithm.warnings(spec.search_space, Limits(max_total_trials=trials))
            ]
            for trials in (59, 60)
        ]

        assert [dimension.key for dimension in spec.search_space.dimensions] == ["model", "n", "x"]
        assert advice == [["59"], []]
        assert (finite.search_space.size, finite.search_space.grid_size, finite.max_trials) == (6, 6, 6)

    def test_a_pair_that_is_listed_twice_has_double_weight(self) -> None:
        space = SearchSpace({"a": Choice([1, 1, 1]), "b": Choice(["x", "y", "x"])}, zipped=(("a", "b"),))

        drawn = [space.point([(i + 0.5) / 300])["b"] for i in range(300)]

        assert (drawn.count("x"), space.size, space.grid_size) == (200, 2, 3)

    @pytest.mark.parametrize(
        ("left", "right", "ordered"),
        [
            pytest.param([1, 2, 3], [0.1, 0.2, 0.3], True, id="ascending"),
            pytest.param([1, 2, 3], [0.3, 0.2, 0.1], True, id="one-descends"),
            pytest.param(range(3), range(9, 0, -3), True, id="ranges"),
            pytest.param([1, 2, 3], ["a", "b", "c"], False, id="words"),
            pytest.param([1, 2, 3], [1, 3, 2], False, id="up-and-down"),
            pytest.param([1, 2, 2], [1, 2, 3], False, id="equal-neighbours"),
            pytest.param([0, 1], [False, True], False, id="booleans"),
        ],
    )
    def test_the_model_sees_an_order_only_where_all_values_have_one(self, left: Any, right: Any, ordered: bool) -> None:
        from optuna.distributions import IntDistribution

        from azsweep_core.samplers._encoding import encode

        (dimension,) = SearchSpace({"a": Choice(left), "b": Choice(right)}, zipped=(("a", "b"),)).dimensions

        assert dimension.is_branch is not ordered
        assert isinstance(encode(dimension).distribution, IntDistribution) is ordered

    def test_many_pairs_are_counted_at_once(self) -> None:
        """They are not compared with each other one by one."""
        space = SearchSpace({"a": Choice(range(10000)), "b": Choice(range(10000))}, zipped=(("a", "b"),))

        assert space.size == 10000

    def test_a_group_that_loses_a_member_stays_zipped_and_one_that_loses_all_but_one_is_none(self) -> None:
        space = SearchSpace({key: Choice([1, 2]) for key in "abcd"}, zipped=(("a", "b", "c"),))

        assert space.only(["a", "c", "d"]).zipped == (("a", "c"),)
        assert space.only(["a", "d"]).zipped == ()

    def test_rules_of_the_parameters_hold_as_ever(self) -> None:
        """Two zipped parameters cannot hold each other, unless the upper may be a config group."""
        clashing = SearchSpace({"a": Choice([1, 2]), "a.b": Choice([3, 4])}, zipped=(("a", "a.b"),))
        group = SearchSpace({"a": Choice(["x", "y"]), "a.b": Choice([3, 4])}, zipped=(("a", "a.b"),))

        assert [problem.where for problem in clashing.validate("s")] == ["s.a.b"]
        assert not list(group.validate("s"))

    def test_middle_points_take_every_text(self) -> None:
        """Texts may be options of config groups; among numbers the middle stands for all."""
        names = SearchSpace({"a": Choice(["x", "y", "x"]), "b": Choice([1, 2, 3])}, zipped=(("a", "b"),))
        numbers = SearchSpace({"a": Choice([1, 2, 3]), "b": Choice([4, 5, 6])}, zipped=(("a", "b"),))

        assert [point["a"] for point in names.middle_points()] == ["x", "y"]
        assert len(list(numbers.middle_points())) == 1


def test_an_empty_choice_in_a_group_is_an_error_like_any_other() -> None:
    spec = spec_of({"a": "choice()", "b": "choice()"}, [["a", "b"]], "grid")

    assert {problem.rule for problem in judge(spec).errors} == {"choice needs at least one value"}
