"""The command of a job: values arrive as they are, a shell runs it if need be, a Hydra app's names keys."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azsweep_core.job_command import HydraCommand, JobCommand

ARGUMENTS = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(chr(0).join(sys.argv[1:]).encode())"]
VALUES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
HOSTILE = [
    "a b",
    "",
    "'",
    '"',
    "a'b\"c",
    "$HOME",
    "$(touch x)",
    "`touch x`",
    "a;b",
    "a\nb",
    "-x",
    "--",
    "*",
    "~",
    "\\",
    "\\n",
    "#",
    "&&",
    "${{inputs.a}}",
    "{a,b}",
    "😀",
    "!!",
]


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("python t.py --lr ${{search_space.lr}}", False),
        ("python t.py 'a b' \"c d\" x=[1,2] y={a} z={a:1} --opt=$[[${{inputs.a}}]]", False),
        ("python t.py '$HOME' '`x`' 'a|b' \"a|b\" a#b a~b", False),
        ("python t.py\n", False),
        ("python t.py --a {search_space.a}", False),
        ("python t.py | tee log", True),
        ("cd src && python t.py", True),
        ("python a.py; python b.py", True),
        ("python t.py > log", True),
        ("python t.py < data", True),
        ("python t.py &", True),
        ("python t.py $HOME", True),
        ('python t.py "$HOME"', True),
        ('python t.py "`pwd`"', True),
        ("python t.py ${HOME}", True),
        ("python t.py $(pwd)", True),
        ("python t.py *.csv", True),
        ("python t.py data?.csv", True),
        ("python t.py ~/data", True),
        ("python t.py {a,b}.csv", True),
        ("python t.py {1..3}", True),
        ("OMP_NUM_THREADS=1 python t.py", True),
        ("python t.py # the first", True),
        ("exit 3", True),
        ("source env.sh", True),
        ("for_all.sh", False),
        ("pip install x\npython t.py", True),
        ("python t.py \\\n --a 1", True),
        ('python t.py "\\$HOME"', True),
        ('python t.py "\\n"', False),
    ],
)
def test_a_shell_is_used_if_one_is_needed(text: str, needs: bool) -> None:
    assert JobCommand(text).needs_shell is needs


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        pytest.param("a ${{inputs.x}} b", {"inputs.x": "1 2"}, ["a", "1 2", "b"], id="one-word"),
        pytest.param("a --x=${{ inputs.x }}", {"inputs.x": "1 2"}, ["a", "--x=1 2"], id="part-of-a-word"),
        pytest.param("a '${{inputs.x}}'", {"inputs.x": "'"}, ["a", "'"], id="in-quotes"),
        pytest.param("a {inputs.x}", {"inputs.x": "1"}, ["a", "1"], id="older-notation"),
        pytest.param("a $[[--x ${{inputs.x}}]] b", {"inputs.x": "1"}, ["a", "--x", "1", "b"], id="optional-with"),
        pytest.param("a $[[--x ${{inputs.x}}]] b", {}, ["a", "b"], id="optional-without"),
        pytest.param("a $[[--x ${{inputs.x}} ${{inputs.y}}]]", {"inputs.x": "1"}, ["a"], id="optional-half"),
        pytest.param("a $[[--x]]", {}, ["a", "--x"], id="optional-without-placeholders"),
        pytest.param("a ${{inputs.x}}${{inputs.y}}", {"inputs.x": "1", "inputs.y": "2"}, ["a", "12"], id="two-in-one"),
        pytest.param("a ${{inputs.x}}", {"inputs.x": "${{inputs.x}}"}, ["a", "${{inputs.x}}"], id="never-twice"),
        pytest.param("a ${{inputs.x}}", {"inputs.x": ""}, ["a", ""], id="empty"),
    ],
)
def test_values_take_the_places_of_placeholders(text: str, values: Mapping[str, str], words: list[str]) -> None:
    rendered = JobCommand(text).render(values)

    assert (list(rendered.words), rendered.environment) == (words, {})


@given(
    st.sampled_from(["a ${{inputs.x}} b", "a 'q ${{inputs.x}}' b", 'a "${{inputs.x}} q" b', "a p${{inputs.x}}s b"]),
    VALUES,
)
def test_without_a_shell_a_value_is_in_one_argument_whatever_it_holds(text: str, value: str) -> None:
    expected = [word.replace("VALUE", value) for word in shlex.split(text.replace("${{inputs.x}}", "VALUE"))]

    assert list(JobCommand(text).render({"inputs.x": value}).words) == expected


def run_in_shell(text: str, value: str) -> list[str]:
    """The arguments of the program `args` in a command that a shell runs."""
    rendered = JobCommand(text).render({"inputs.x": value})
    bash, option, script = rendered.words
    environment = {"PATH": os.environ["PATH"], **rendered.environment}
    prelude = f'args() {{ {shlex.join(ARGUMENTS)} "$@"; }}\n'
    done = subprocess.run([bash, option, prelude + script], env=environment, capture_output=True, check=True)
    return done.stdout.decode().split("\0")


SHELL_TEMPLATES = [
    ("true && args ${{inputs.x}} b", ["{}", "b"]),
    ("true && args 'q ${{inputs.x}}' b", ["q {}", "b"]),
    ('true && args "${{inputs.x}} q" b', ["{} q", "b"]),
    ("true && args --x=${{inputs.x}}", ["--x={}"]),
    ("args ${{inputs.x}} \\\n b", ["{}", "b"]),
    ("X=1 args \\' ${{inputs.x}}", ["'", "{}"]),
]


@pytest.mark.parametrize("value", HOSTILE)
def test_in_a_shell_a_value_is_in_one_argument_whatever_it_holds(value: str) -> None:
    text = "; printf '\\0' ; ".join(template for template, _ in SHELL_TEMPLATES)
    expected = [word.replace("{}", value) for _, words in SHELL_TEMPLATES for word in words]

    assert run_in_shell(text, value) == expected


@settings(max_examples=25, deadline=None)
@given(VALUES)
def test_no_value_is_ever_shell_code(value: str) -> None:
    assert run_in_shell("true && args ${{inputs.x}} \"$(printf '%s' ${{inputs.x}}x)\"", value)[0] == value


def test_a_value_that_is_missing_is_named() -> None:
    for text in ("a ${{inputs.x}}", "a | b ${{inputs.x}}"):
        with pytest.raises(KeyError, match=r"^'inputs\.x'$"):
            JobCommand(text).render({})


def test_placeholders_are_named_once_and_those_outside_of_optional_parts_are_required() -> None:
    command = JobCommand("a ${{search_space.lr}} {inputs.b} $[[--o ${{outputs.c}} ${{search_space.lr}}]] ${{x}} {y}")

    assert command.placeholders == ("search_space.lr", "inputs.b", "outputs.c", "x")
    assert command.required == ("search_space.lr", "inputs.b", "x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "trial.command: must not be empty."),
        (" \n", "trial.command: must not be empty."),
        ("python t.py 'a", "trial.command: must close its quotes; got python t.py 'a."),
        (
            "python t.py $[[--a ${{inputs.a}} b",
            (
                "trial.command: must close its optional parts; got $[[--a ${{inputs.a}} b. "
                "Write it as $[[--name ${{inputs.name}}]]."
            ),
        ),
        ("python t.py \\", "trial.command: must close its quotes; got python t.py \\."),
    ],
)
def test_a_command_that_nobody_could_run_is_refused(text: str, problem: str) -> None:
    assert [str(each) for each in JobCommand(text).validate("trial.command")] == [problem]


@pytest.mark.parametrize(
    ("text", "keys", "constants", "options"),
    [
        pytest.param("python t.py lr=${{search_space.lr}}", {"search_space.lr": "lr"}, [], ["t.py"], id="key"),
        pytest.param("p +a.b=${{inputs.x}} c=1", {"inputs.x": "+a.b"}, ["c=1"], [], id="input"),
        pytest.param("A=1 p lr=${{search_space.lr}}", {"search_space.lr": "lr"}, [], [], id="variable"),
        pytest.param(
            "p a=1 && q b=2 lr=${{search_space.lr}} | tee c=3",
            {"search_space.lr": "lr"},
            ["b=2"],
            [],
            id="one-of-several",
        ),
        pytest.param("p 'a=${{search_space.a}}' \"b=${{inputs.b}}\"", {"search_space.a": "a", "inputs.b": "b"}, [], []),
        pytest.param("p a={search_space.a}", {"search_space.a": "a"}, [], [], id="older-notation"),
        pytest.param("p $[[a=${{search_space.a}}]] --x", {"search_space.a": "a"}, [], ["--x"], id="optional"),
    ],
)
def test_a_hydra_apps_command_names_its_keys(
    text: str, keys: Mapping[str, str], constants: list[str], options: list[str]
) -> None:
    assert JobCommand(text).as_hydra() == HydraCommand(keys, tuple(constants), tuple(options), ())


@pytest.mark.parametrize(
    "text",
    [
        "python t.py --lr ${{search_space.lr}}",
        "python t.py --lr=${{search_space.lr}}",
        "python t.py lr=0.1",
        "LR=${{search_space.lr}} python t.py",
        "python t.py 'lr=${{search_space.lr}}",
        "",
    ],
)
def test_other_commands_name_none(text: str) -> None:
    assert JobCommand(text).as_hydra() is None


@settings(max_examples=300)
@given(st.text("ab ='\"\\$[]{}|&;\n.#${{inputs.x}}", max_size=40))
def test_any_command_is_read_without_an_accident(text: str) -> None:
    command = JobCommand(text.replace("X", "${{inputs.x}}"))

    problems = list(command.validate("trial.command"))
    command.as_hydra()

    if not problems:
        values = dict.fromkeys(command.placeholders, "v")
        assert all(not re.search("[\ue000\ue001]", word) for word in command.render(values).words)
