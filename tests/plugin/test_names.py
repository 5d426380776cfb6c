"""Names of trials' directories may hold values of parameters; they never lead out of the sweep's directory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.conftest import App
from tests.plugin.in_process import refuse

OUTSIDE = "must name a directory in that of the sweep, and not in its .azsweep"
IMPOSSIBLE = "must hold names that a file system can have (at most 255 bytes, no NUL)"
FIX = "Set hydra.sweep.subdir=${hydra.job.num}."


def said(app: App, capsys: pytest.CaptureFixture[str], values: list[Any], *arguments: str) -> list[str]:
    """What a sweep over these texts, in which the app has a NUL itself, is refused for."""
    app.write(
        "return 0.0", {"x": "", "nul": "a\0b"}, sweeper={"search_space": {"x": {"type": "choice", "values": values}}}
    )

    run = refuse(app, capsys, *arguments)

    assert run.code == 1, run.text
    assert "Traceback" not in run.text
    assert {path.name for path in app.directory.iterdir()} == {"train.py", "conf"}
    return [line for line in run.err.splitlines() if line.startswith("hydra.")]


def test_all_values_of_choices_are_looked_at_before_the_first_trial(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    values = ["fine", "a/b", "a/../b", "../../evil", "/etc/x", ".azsweep/x", "é" * 128, "é" * 127, 1]

    lines = said(app, capsys, values, "hydra.sweep.subdir='${x}'")

    too_long, *outside = sorted(lines)
    assert too_long.startswith(f"hydra.sweep.subdir: {IMPOSSIBLE}; got 'ééé")
    assert outside == [
        f"hydra.sweep.subdir: {OUTSIDE}; got ../../evil. {FIX}",
        f"hydra.sweep.subdir: {OUTSIDE}; got .azsweep/x. {FIX}",
        f"hydra.sweep.subdir: {OUTSIDE}; got /etc/x. {FIX}",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(("hydra.sweep.subdir=../elsewhere",), f"hydra.sweep.subdir: {OUTSIDE}", id="without-a-value"),
        pytest.param(("hydra.sweep.dir='${x}sweep'",), f"hydra.sweep.subdir: {OUTSIDE}", id="the-sweeps-own"),
        pytest.param(("hydra.sweep.subdir='${nul}'",), f"hydra.sweep.subdir: {IMPOSSIBLE}", id="nul"),
        pytest.param(("hydra.output_subdir='../../${x}'",), f"hydra.output_subdir: {OUTSIDE}", id="of-the-config"),
        pytest.param(
            (
                "hydra.sweep.subdir='${hydra:job.override_dirname}'",
                f"y=choice({'a' * 120},c)",
                f"z=choice({'b' * 140},c)",
            ),
            f"hydra.sweep.subdir: {IMPOSSIBLE}",
            id="long-ones-together",
        ),
    ],
)
def test_so_is_every_other_name(
    app: App, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], problem: str
) -> None:
    lines = said(app, capsys, ["a", "b"], *(f"+{each}" if each[0] in "yz" else each for each in arguments))

    assert lines
    assert all(line.startswith(f"{problem}; got ") for line in lines)
