"""`azsweep run JOB.yml`: what a command is given, where it runs, and how its end is told."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import JobApp, choice
from tests.launchers.conftest import processes_with

SHOW = """
import json, os, sys
from azsweep_core import log_metric

variables = {name: value for name, value in os.environ.items() if name.startswith(("AZUREML_SWEEP_", "MINE"))}
with open("outputs/seen.json", "w", encoding="utf-8") as file:
    json.dump({"arguments": sys.argv[1:], "variables": variables, "executable": sys.executable}, file)
log_metric("loss", 1.0)
"""
HOSTILE = ["a b", "it's", '"', "$(touch x)", "`touch x`", "${HOME}", "-x", "a\n b", "❤️ =,;&|*", "\\", "'; touch x; '"]


def seen(job: JobApp, trial: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.work(trial) / "outputs" / "seen.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("python show.py --text ${{search_space.text}}", id="without-a-shell"),
        pytest.param("true && python3 show.py --text ${{search_space.text}} | cat", id="through-a-shell"),
    ],
)
def test_a_value_arrives_unchanged_whatever_it_holds(job: JobApp, command: str) -> None:
    job.write_job(command, {"text": choice(*HOSTILE)}, {"show.py": SHOW})

    job.sweep("hydra.sweeper.limits.max_concurrent_trials=4")

    for number, text in enumerate(HOSTILE):
        found = seen(job, number)
        assert found["arguments"] == ["--text", text]
        assert found["variables"]["AZUREML_SWEEP_text"] == text
        assert Path(found["executable"]).parent == Path(sys.executable).parent
    assert list(job.directory.rglob("x")) == []


def test_what_stands_for_each_placeholder(job: JobApp) -> None:
    """Values, paths of inputs, directories for outputs, and of a nested choice what was drawn."""
    (job.directory / "data.csv").write_text("")
    job.write_job(
        "python show.py ${{inputs.data}} ${{inputs.rate}} ${{inputs.is_on}} ${{outputs.model}} ${{outputs.log}} "
        "${{search_space.net}} $[[--units ${{search_space.units}}]] $[[--depth ${{search_space.depth}}]]",
        {"net": choice({"units": choice(8)}, {"depth": choice(2), "bias": "yes"})},
        {"show.py": SHOW},
        trial={"environment_variables": {"MINE": 1, "MINE_TOO": "${x} ${{y}}"}},
        inputs={"data": {"type": "uri_file", "path": "data.csv"}, "rate": 0.5, "is_on": True},
        outputs={"model": {"type": "uri_folder"}, "log": {"type": "uri_file"}},
    )

    job.sweep("--input", "rate=1e-3")

    expected: list[tuple[dict[str, Any], list[str]]]
    expected = [({"units": 8}, ["--units", "8"]), ({"depth": 2, "bias": "yes"}, ["--depth", "2"])]
    for number, (net, rest) in enumerate(expected):
        data, rate, is_on, model, log, drawn, *others = seen(job, number)["arguments"]
        assert (data, rate, is_on) == (str(job.directory / "data.csv"), "1e-3", "True")
        assert Path(model).is_dir()
        assert Path(log).parent.is_dir()
        assert not Path(log).exists()
        assert Path(model).is_relative_to(job.work(number).parent)
        assert (json.loads(drawn), others) == (net, rest)
        variables = seen(job, number)["variables"]
        assert (variables.pop("MINE"), variables.pop("MINE_TOO")) == ("1", "${x} ${{y}}")
        named = {"data": data, "rate": rate, "is_on": is_on, "model": model, "log": log, "net": drawn, **net}
        assert variables == {f"AZUREML_SWEEP_{name}": str(value) for name, value in named.items()}


def test_a_python_that_is_not_called_so_is_python_to_the_command(job: JobApp) -> None:
    """As on systems that have a `python3` alone, or a `python3.12`."""
    venv.create(job.directory / "env", with_pip=False, symlinks=True)
    bin_ = job.directory / "env" / "bin"
    real = (bin_ / "python").resolve()
    for path in bin_.glob("python*"):
        path.unlink()
    (bin_ / "snake").symlink_to(real)
    (site,) = (job.directory / "env").glob("lib/python*/site-packages")
    (site / "all.pth").write_text("\n".join(path for path in sys.path if path), encoding="utf-8")
    job.write_job("true; python show.py a && python3 show.py ${{search_space.x}}", {"x": choice(1)}, {"show.py": SHOW})
    _, *command = job.command()

    done = subprocess.run([str(bin_ / "snake"), *command], cwd=job.directory, env=job.environment(), check=False)

    assert done.returncode == 0
    assert seen(job, 0)["executable"] == str(bin_ / "snake")


CHANGES_ITS_CODE = """
import sys
from pathlib import Path
from azsweep_core import log_metric

print(Path("lib", "data.txt").read_text())
Path("lib", "data.txt").write_text("spoilt")
Path(sys.argv[2], "lib", "data.txt").write_text("changed while the sweep runs")
Path("outputs", "model.txt").write_text(sys.argv[1])
log_metric("loss", float(sys.argv[1]))
"""


def test_each_trial_has_a_directory_of_its_own_with_the_code_of_the_start(job: JobApp) -> None:
    source = job.directory / "src"
    job.write_job(
        f"python change.py ${{{{search_space.x}}}} {shlex.quote(str(source))}",
        {"x": choice(1, 2, 3)},
        {"change.py": CHANGES_ITS_CODE, "lib/data.txt": "as it was"},
    )

    run = job.sweep("hydra.sweeper.limits.max_concurrent_trials=1")

    for number, row in enumerate(job.rows):
        assert (job.work(number).parent / "output.log").read_text().endswith("as it was\n")
        assert (job.work(number) / "outputs" / "model.txt").read_text() == row["x"] == str(number + 1)
    assert f"code: {source} (2 files, " in run.text
    assert f"azureml:train:1 is not made here; trials run with {sys.executable}" in run.text


ENDS = """
import os, signal, sys
print("before")
how = sys.argv[1]
if how == "raises":
    raise ValueError("no such luck")
if how.isdigit():
    sys.exit(int(how))
os.kill(os.getpid(), getattr(signal, how))
"""


def test_how_a_command_ended_is_told_in_words(job: JobApp) -> None:
    job.write_job(
        "python ends.py ${{search_space.how}}", {"how": choice("raises", "3", "SIGSEGV", "SIGKILL")}, {"ends.py": ENDS}
    )

    job.run("hydra.sweeper.limits.fail_fast=0")

    raised, exited, crashed, killed = (row["reason"] for row in job.rows)
    assert raised.startswith("the command exited with code 1: ValueError: no such luck; its last output:\nbefore")
    assert raised.endswith("ValueError: no such luck")
    assert exited == "the command exited with code 3: before"
    assert crashed.startswith("the command was killed by SIGSEGV; its last output:\nbefore\nFatal Python error: Seg")
    assert crashed.endswith('ends.py", line 9 in <module>')
    assert killed == "the command was killed by SIGKILL, as happens when memory runs out; its last output:\nbefore"
    assert {row["state"] for row in job.rows} == {"failed"}


def test_commands_that_fail_alike_end_the_sweep(job: JobApp) -> None:
    """The trials' own directories, which are in most messages, make no difference."""
    job.write_job(
        "echo ${{search_space.x}} && cat ${{outputs.x}}/no", {"x": choice(*range(9))}, {}, outputs={"x": None}
    )
    (job.directory / "src").mkdir()

    run = job.run()

    assert run.code == 1
    assert len(job.rows) < 9
    assert "the first 3 trials failed alike (the command exited with code 1: cat: ./named-outputs/x/no: No" in run.text


STOPPABLE = """
import signal, sys, time
from pathlib import Path
from azsweep_core import log_metric


def save(*_):
    time.sleep(0.2)
    Path("outputs", "checkpoint").write_text("saved")
    sys.exit(3)


signal.signal(signal.SIGTERM, save)
bad = float(sys.argv[1])
for step in range(3 if not bad else 10**6):
    log_metric("loss", bad, step)
    time.sleep(0.05)
"""


def test_a_policy_stops_a_running_command_which_has_time_to_save_its_work(job: JobApp) -> None:
    """Through a shell, too, which would be gone before what it has started."""
    job.write_job(
        "true && python stoppable.py ${{search_space.bad}}; echo and nothing after it",
        {"bad": choice(0, 1)},
        {"stoppable.py": STOPPABLE},
        early_termination={"type": "bandit", "slack_amount": 0.1, "evaluation_interval": 1},
    )

    job.sweep()

    good, bad = job.rows
    assert (good["state"], good["value"]) == ("completed", "0.0")
    assert (bad["state"], bad["value"]) == ("terminated", "1.0")
    assert (job.work(1) / "outputs" / "checkpoint").read_text() == "saved"
    assert "nothing after it" not in (job.work(1).parent / "output.log").read_text()
    assert processes_with(f"AZSWEEP_TRIAL_DIR={job.directory}/sweep/.azsweep/trials/1/1") == []


def test_the_best_trial_is_run_once_more_from_anywhere(job: JobApp, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With the code of then, and as the summary says it."""
    job.write_job("python show.py ${{search_space.x}}", {"x": choice("it's", "a")}, {"show.py": SHOW})
    run = job.sweep("hydra.sweeper.limits.max_total_trials=1")
    (job.directory / "src" / "show.py").unlink()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (line,) = (line for line in run.out.splitlines() if line.startswith("Run it again:"))
    program, *arguments = shlex.split(line.partition(":")[2])

    done = subprocess.run(
        job.azsweep(*arguments, "hydra.run.dir=once"), cwd=elsewhere, env=job.environment(), check=False
    )

    assert (program, done.returncode) == ("azsweep", 0)
    found = json.loads((elsewhere / "once" / "work" / "outputs" / "seen.json").read_text())
    assert found["arguments"] == [job.rows[0]["x"]] == ["it's"]


WAITS = """
import sys, time
from pathlib import Path
from azsweep_core import log_metric

again = Path("started").exists()
Path("started").write_text("")
while sys.argv[1] == "1" and not again:
    time.sleep(0.05)
log_metric("loss", float(sys.argv[1]))
"""


def test_a_killed_sweep_goes_on_with_the_code_of_its_start(job: JobApp) -> None:
    job.write_job("python waits.py ${{search_space.x}}", {"x": choice(0, 1, 2)}, {"waits.py": WAITS})
    with job.started("hydra.sweeper.limits.max_concurrent_trials=1") as process:
        job.wait_for("sweep/1/work/started")
        process.kill()
        process.communicate()
    (job.directory / "src" / "waits.py").write_text("raise SystemExit('another program')")

    resumed = subprocess.run(
        job.azsweep("resume", "sweep"),
        cwd=job.directory,
        env=job.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert [(row["state"], row["attempt"]) for row in job.rows] == [
        ("completed", "1"),
        ("completed", "2"),
        ("completed", "1"),
    ]
    assert "has changed since the sweep was started; trials run what it was then" in resumed.stdout


def test_a_job_runs_under_another_launcher_with_other_values(job: JobApp) -> None:
    """It is an ordinary app underneath: local jobs of submitit's, a pinned parameter, a limit."""
    job.write_job(
        "python show.py ${{search_space.x}} ${{search_space.y}}",
        {"x": choice(1, 2, 3), "y": choice(4)},
        {"show.py": SHOW},
    )

    job.sweep("hydra/launcher=submitit_local", "y=5", "hydra.sweeper.limits.max_total_trials=2")

    assert [seen(job, number)["arguments"] for number in range(2)] == [["1", "5"], ["2", "5"]]
    assert [list(row)[8:] for row in job.rows] == [["x"]] * 2
