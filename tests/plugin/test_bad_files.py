"""Search spaces and params of config files that cannot be run: refused before anything is written, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.plugin.conftest import App
from tests.plugin.in_process import assert_refused, refuse, refused, write_app

UNIFORM = {"type": "uniform", "min_value": 0, "max_value": 1}


def choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": [*values]}


def of_x(expression: Any) -> dict[str, Any]:
    return {"search_space": {"x": expression}}


def branches(*values: Any) -> dict[str, Any]:
    return {"search_space": {"optimizer": choice(*values)}}


REFUSED = [
    refused(
        "unknown-type",
        of_x({"type": "unifrom", "min_value": 0, "max_value": 1}),
        "search_space.x.type: unknown expression; got 'unifrom'. Did you mean uniform?",
    ),
    refused(
        "unknown-type-in-text",
        of_x("unifrom(0, 1)"),
        "search_space.x: unknown expression; got 'unifrom'. Did you mean uniform?",
    ),
    refused(
        "hydras-interval",
        of_x("interval(0, 1)"),
        "search_space.x: unknown expression; "
        "got 'interval'. It can be choice, randint, uniform, quniform, loguniform, qloguniform, normal, "
        "qnormal, lognormal, qlognormal.",
    ),
    refused(
        "no-type",
        of_x({"values": [1, 2]}),
        "search_space.x: an expression needs a type; got {'values': [1, 2]}. Write for example type: choice.",
    ),
    refused(
        "type-misspelt",
        of_x({"typ": "choice", "values": [1]}),
        "search_space.x: an expression needs a type; "
        "got {'typ': 'choice', 'values': [1]}. Did you mean type instead of typ?",
    ),
    refused(
        "argument-name",
        of_x({"type": "uniform", "min": 0, "max_value": 1}),
        "search_space.x.min: uniform has no such argument; got min=0. It can be min_value, max_value.",
        "search_space.x: uniform needs min_value, as in uniform(min_value, max_value); "
        "got {'type': 'uniform', 'min': 0, 'max_value': 1}.",
    ),
    refused(
        "argument-misspelt",
        of_x({"type": "choice", "valeus": [1]}),
        "search_space.x.valeus: choice has no such argument; got valeus=[1]. Did you mean values?",
        "search_space.x: choice needs values, as in choice(value, ...); got {'type': 'choice', 'valeus': [1]}.",
    ),
    refused(
        "argument-missing",
        of_x({"type": "normal", "mu": 0}),
        "search_space.x: normal needs sigma, as in normal(mu, sigma); got {'type': 'normal', 'mu': 0}.",
    ),
    refused(
        "argument-text",
        of_x({"type": "uniform", "min_value": "low", "max_value": 1}),
        "search_space.x.min_value: must be a finite number; got 'low'.",
    ),
    refused(
        "randint-with-a-lower-bound",
        of_x({"type": "randint", "lower": 1, "upper": 3}),
        "search_space.x.lower: randint has no such argument; "
        "got lower=1. It has no lower bound: randint(n) draws from 0 to n - 1. "
        "Use a choice of a range, or quniform.",
    ),
    refused("values-no-list", of_x({"type": "choice", "values": 3}), "search_space.x.values: must be a list; got 3."),
    refused(
        "values-in-text",
        of_x({"type": "choice", "values": "a, b"}),
        "search_space.x.values: must be a list; got 'a, b'. Did you mean [a, b]?",
    ),
    refused("empty-choice", of_x(choice()), "search_space.x: choice needs at least one value; got choice()."),
    refused("empty-choice-in-text", of_x("choice()"), "search_space.x: choice needs at least one value; got choice()."),
    refused(
        "list",
        of_x([1, 2]),
        "search_space.x: must be an expression; got [1, 2]. Did you mean {type: choice, values: [1, 2]}?",
    ),
    refused(
        "number",
        of_x(3),
        "search_space.x: must be an expression; "
        "got 3. Write for example {type: uniform, min_value: 0, max_value: 1} or uniform(0, 1).",
    ),
    refused(
        "nothing",
        of_x(None),
        "search_space.x: must be an expression; "
        "got null. Write for example {type: uniform, min_value: 0, max_value: 1} or uniform(0, 1).",
    ),
    refused(
        "hydras-choice",
        of_x("1,2"),
        "search_space.x: expected an expression such as uniform(0, 1) at character 1; "
        "got '1,2'. Did you mean choice(1,2)?",
    ),
    refused(
        "range", of_x("range(3)"), "search_space.x: must be an expression; got range(3). Did you mean choice(range(3))?"
    ),
    refused(
        "unclosed",
        of_x("uniform(0, 1"),
        "search_space.x: expected ',' or ')' (text with spaces or marks needs quotes) at character 13; "
        "got 'uniform(0, 1'.",
    ),
    refused("missing-value", of_x(choice("???")), "hydra.sweeper.search_space.x.values[0]: must be given; got ???."),
    refused(
        "mapping-key",
        of_x(choice({"a:b": 1, "c": {"'": 2}})),
        "search_space.x: a mapping's key must be writable in a Hydra override; "
        'got "\'". Use letters, digits and _, not only digits.',
    ),
    refused(
        "mapping-with-another-key",
        {"search_space": {"net": choice({"width": 1, "depth": 2})}},
        "search_space.net: mappings may hold only keys of the app's config; got net.depth."
        " To add keys to net, write ++net.",
    ),
    refused(
        "branch-option",
        branches({"_group_": "adm", "lr": UNIFORM}),
        "search_space.optimizer: must name options of the config group optimizer; got adm. Did you mean adam?",
    ),
    refused(
        "branch-option-no-text",
        branches({"_group_": 3}),
        "search_space.optimizer.values[0]._group_: must be the name of a config group's option; got 3.",
    ),
    refused(
        "branch-keys",
        branches({"_group_": "adam", "lrr": UNIFORM}, {"_group_": "sgd", "momentm": UNIFORM}),
        "search_space.optimizer.lrr: must be a key of the app's config; "
        "got optimizer.lrr. Did you mean optimizer.lr? To add it, write +optimizer.lrr.",
        "search_space.optimizer.momentm: must be a key of the app's config; "
        "got optimizer.momentm. Did you mean optimizer.momentum? To add it, write +optimizer.momentm.",
    ),
    refused(
        "keys-of-branches-of-branches",
        {"search_space": {"net": choice({"in": choice({"b": UNIFORM}, {"c": UNIFORM})}, {"width": UNIFORM})}},
        "search_space.net.in.b: must be a key of the app's config; got net.in.b. To add it, write +net.in.b.",
        "search_space.net.in.c: must be a key of the app's config; got net.in.c. To add it, write +net.in.c.",
    ),
    refused(
        "branches-unlike",
        branches({"_group_": "adam", "lr": UNIFORM}, {"_group_": "adam", "lr": {"type": "randint", "upper": 3}}),
        "search_space.optimizer.lr: branches may share a parameter only with equal distributions; "
        "got uniform(0, 1) and randint(3). "
        "Give both the same, wide enough for each, or the parameters names of their own.",
    ),
    refused(
        "key-of-one-option-only",
        {"search_space": {"optimizer": {"type": "choice", "values": ["adam", "sgd"]}, "optimizer.momentum": UNIFORM}},
        "search_space.optimizer.momentum: must be a key of the app's config with every option of optimizer, "
        "so with adam too; got optimizer.momentum. "
        "Nest it in the choice of optimizer, beside the option that has it: {_group_: option, ...}.",
    ),
    refused(
        "branch-argument",
        branches({"_group_": "adam", "lr": {"type": "randint", "upper": 0}}),
        "search_space.optimizer.values[0].lr: randint needs upper > 0; "
        "got randint(0). It draws whole numbers from 0 to upper - 1.",
    ),
    refused(
        "given-twice",
        {"search_space": {"x": "choice(1, 2)", "++x": "choice(3, 4)"}},
        "search_space.++x: x is given twice, here and in search_space.x. Keep one.",
    ),
    refused(
        "a-key-and-what-holds-it",
        {"search_space": {"net": "choice({width: 1})", "net.width": "choice(3, 4)"}},
        "search_space.net.width: net.width is a part of net, which is given in search_space.net. Keep one of the two.",
    ),
    refused(
        "hydras-own",
        {"search_space": {"hydra.job.name": "choice(a, b)"}},
        "search_space.hydra.job.name: Hydra's own configuration cannot be swept over.",
    ),
    refused(
        "no-keys",
        {"search_space": {"~x": UNIFORM, "a b": UNIFORM, 7: UNIFORM}},
        "search_space.~x: must be a key that Hydra can override; "
        "got '~x'. Write it as a.b, +a.b, group or group@package.",
        "search_space.a b: must be a key that Hydra can override; "
        "got 'a b'. Write it as a.b, +a.b, group or group@package.",
        "search_space.7: must be a key that Hydra can override; "
        "got '7'. Write it as a.b, +a.b, group or group@package.",
    ),
    refused(
        "params-function",
        {"params": {"x": "unifrom(0, 1)"}},
        "params.x: must be an override that Hydra can read (HydraException while evaluating 'unifrom(0, 1)': "
        "Unknown function 'unifrom'); got unifrom(0, 1). Did you mean uniform?",
    ),
    refused(
        "params-text",
        {"params": {"x": "1 = 2"}},
        "params.x: must be an override that Hydra can read (mismatched input ' = ' expecting <EOF>); got 1 = 2.",
    ),
    refused(
        "params-argument",
        {"params": {"x": "uniform(1)"}},
        "params.x: uniform needs max_value, as in uniform(min_value, max_value); got uniform(1).",
    ),
    refused(
        "params-distribution-in-a-choice",
        {"params": {"x": "choice(uniform(0, 1), 2)"}},
        "params.x: a sweep or distribution must be the whole value of a key; got choice(uniform(0, 1), 2).",
    ),
    refused(
        "params-log-of-zero",
        {"params": {"x": "tag(log, interval(0, 1))"}},
        "params.x: interval tagged log needs start > 0; "
        "got tag(log, interval(0, 1)). Its bounds are those of the value.",
    ),
    refused(
        "params-given-twice",
        {"params": {"x": "1,2", "+x": "3,4"}},
        "params.+x: x is given twice, here and in params.x. Keep one.",
    ),
    refused(
        "params-hydras-own",
        {"params": {"hydra.job.name": "a,b"}},
        "params.hydra.job.name: Hydra's own configuration cannot be swept over.",
    ),
    refused(
        "params-no-key",
        {"params": {"x=1": 1, "y": "1,2"}},
        "params.x=1: must be a key that Hydra can override; got 'x=1'. Write it as a.b, +a.b, group or group@package.",
    ),
    refused(
        "params-unknown-keys",
        {"params": {"y": "1,2", "seed": 1, "colour": "red"}},
        "override seed=1: must be a key of the app's config; got seed. To add it, write +seed.",
        "override colour=red: must be a key of the app's config; got colour. To add it, write +colour.",
    ),
]


@pytest.mark.parametrize(("sweeper", "error"), REFUSED)
def test_what_a_config_file_holds_is_refused_in_words(
    app: App, capsys: pytest.CaptureFixture[str], sweeper: Mapping[str, Any], error: str
) -> None:
    write_app(app, sweeper, groups="optimizer" in str(sweeper))

    run = refuse(app, capsys)

    assert_refused(app, run, error)
