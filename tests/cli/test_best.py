"""`azsweep best`: the best trial so far, and all that it takes to run it again."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from azsweep_core.report import write_best
from azsweep_core.trial import TrialState
from tests.cli.sweeps import ROOT, SweepDir, azsweep, azsweep_command
from tests.cli.test_words import lines_on_a_terminal
from tests.plugin.conftest import App

COMMAND = ("/v/bin/python", "train.py", "--multirun", "y=2", "x=uniform(0,9)", "--config-name", "other")


@pytest.fixture
def found(tmp_path: Path) -> SweepDir:
    """A sweep that runs no more: trial 1 is the best, but has failed; trial 0 is the best completed one."""
    sweep = SweepDir(tmp_path / "sweep")
    sweep.start(command=COMMAND, working_dir="/apps")
    for number, (value, state) in enumerate([(0.5, TrialState.COMPLETED), (0.1 + 0.2, TrialState.FAILED)]):
        sweep.begin(number, after_s=1, parameters={"x": number / 3, "+opt.name": "it's"})
        reason = "" if state is TrialState.COMPLETED else "ValueError: no\nat all"
        sweep.end_trial(number, value, after_s=2, state=state, reason=reason)
        composed(sweep, number, ["y=2", f"x={number / 3}", "+opt.name='it\\'s'"])
    return sweep


def composed(sweep: SweepDir, number: int, overrides: list[str]) -> None:
    """What Hydra leaves in a trial's directory."""
    folder = sweep.path / str(number) / ".hydra"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(f"x: {number / 3}\ny: 2\n", encoding="utf-8")
    (folder / "overrides.yaml").write_text(yaml.safe_dump(overrides), encoding="utf-8")


def ended_with_best(sweep: SweepDir) -> None:
    sweep.end()
    write_best(sweep.path, "best: yes\n", ["best=yes"])


def test_it_is_shown_with_all_that_one_may_want_to_copy(found: SweepDir) -> None:
    result = azsweep("best", found.path)

    name = shlex.quote("+opt.name='it\\'s'")
    assert result.exit_code == 0
    assert (
        result.stdout
        == f"""\
Sweep:          {found.path}
State:          interrupted, 2 of 5 trials over
Best trial:     1, failed: ValueError: no
Value:          loss = 0.30000000000000004 (minimize)
Parameters:
  x         0.3333333333333333
  opt.name  it's
Its files:      {found.path}/1
Run it again:   cd /apps && python train.py y=2 x=0.3333333333333333 {name} --config-name other
Best completed: 0, loss = 0.5: azsweep best {found.path} --completed
"""
    )


def test_of_a_sweep_that_has_ended_its_best_configuration_is_run_again(found: SweepDir) -> None:
    ended_with_best(found)

    best = f"--config-dir {found.path}/best --config-name azsweep_best"
    assert f"\nRun it again:   cd /apps && python train.py {best}\n" in azsweep("best", found.path).stdout
    assert "python train.py y=2 x=0.0 " in azsweep("best", found.path, "--completed").stdout


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        pytest.param(("--yaml",), "x: 0.3333333333333333\ny: 2\n", id="yaml"),
        pytest.param(("--yaml", "--completed"), "x: 0.0\ny: 2\n", id="of-the-best-completed"),
        pytest.param(("--overrides",), "y=2\nx=0.3333333333333333\n+opt.name='it\\'s'\n", id="overrides"),
    ],
)
@pytest.mark.parametrize("has_ended", [False, True], ids=["runs", "ended"])
def test_its_own_files_tell_how_it_ran(found: SweepDir, options: tuple[str, ...], shown: str, has_ended: bool) -> None:
    if has_ended:
        ended_with_best(found)

    result = azsweep("best", found.path, *options)

    assert (result.exit_code, result.stdout, result.stderr) == (0, shown, "")


def test_where_they_are_not_the_sweeps_best_directory_does_if_it_is_of_this_trial(found: SweepDir) -> None:
    """That of an earlier end is not, once the sweep goes on."""
    (found.path / "1" / ".hydra").rename(found.path / "hidden")
    write_best(found.path, "an: earlier\n", ["an=earlier"])

    while_it_runs = azsweep("best", found.path, "--yaml")
    ended_with_best(found)
    at_its_end = azsweep("best", found.path, "--yaml")

    assert (while_it_runs.exit_code, while_it_runs.stdout) == (1, "")
    assert while_it_runs.stderr == (
        f"{found.path}/1/.hydra/config.yaml: must be there (hydra.output_subdir can move it, or leave it out). "
        f"When the sweep has ended, {found.path}/best holds it.\n"
    )
    assert at_its_end.stdout == "best: yes\n"
    assert azsweep("best", found.path, "--overrides").stdout == "best=yes\n"
    lock = found.lock()
    assert azsweep("best", found.path, "--yaml").exit_code == 1
    lock.release()


def test_a_copy_of_a_sweep_does_not_lead_back_to_its_source(found: SweepDir) -> None:
    copied = found.path.parent / "copied"
    shutil.copytree(found.path, copied)

    for command in ("best", "status"):
        assert f"\nIts files:      {copied}/1\n" in azsweep(command, copied).stdout


def test_a_sweep_that_was_moved_still_has_its_trials(found: SweepDir) -> None:
    moved = found.path.rename(found.path.parent / "from the cluster")

    assert f"\nIts files:      {moved}/1\n" in azsweep("best", moved).stdout
    assert azsweep("best", moved, "--yaml").stdout == "x: 0.3333333333333333\ny: 2\n"
    assert azsweep("best", moved, "--copy", moved.parent / "to").exit_code == 0


def test_json_is_one_document(found: SweepDir) -> None:
    document = json.loads(azsweep("best", found.path, "--json").stdout)

    assert document["trial"]["number"] == 1
    assert document["trial"]["parameters"] == {"x": 1 / 3, "opt.name": "it's"}
    assert document["overrides"] == ["y=2", "x=0.3333333333333333", "+opt.name='it\\'s'"]
    assert document["run_again"].startswith("cd /apps && python train.py y=2 ")
    assert document["objective"] == {"primary_metric": "loss", "goal": "minimize"}


@pytest.mark.parametrize("value", ["a b", "a\tb", "a\nb", "a\u2028b"])
def test_blanks_at_which_a_shell_would_tear_an_override_apart_are_told(found: SweepDir, value: str) -> None:
    composed(found, 1, [f"x='{value}'"])

    result = azsweep("best", found.path, "--overrides")

    assert result.stdout_bytes.decode() == f"x='{value}'\n"
    assert result.stderr.startswith("A shell's $(...) tears this apart: x='a")
    assert " This does not: cd /apps && python train.py 'x='" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param(("--yaml", "--json"), 2, "--yaml, --overrides, --json and --copy exclude each other.", id="two"),
        pytest.param((), 1, "DIR: must hold a trial with a value; got {0}, where 1 trial is over.", id="no-value"),
        pytest.param(("--completed",), 1, "DIR: must hold a completed trial with a value; got {0}, ", id="completed"),
    ],
)
def test_where_there_is_none_it_says_so(sweep: SweepDir, options: tuple[str, ...], code: int, message: str) -> None:
    sweep.begin(0, after_s=1)
    sweep.end_trial(0, None, after_s=2, state=TrialState.FAILED, reason="no")

    result = azsweep("best", sweep.path, *options)

    assert (result.exit_code, result.stdout) == (code, "")
    assert message.format(sweep.path) in result.stderr


def test_nothing_that_it_holds_steers_a_terminal(found: SweepDir) -> None:
    composed(found, 1, ["x='\x1b[2J\x07'"])
    (found.path / "1" / ".hydra" / "config.yaml").write_text("x: \x1b[2J\r\x07\n", encoding="utf-8")

    for option in ("--yaml", "--overrides"):
        shown = "\n".join(lines_on_a_terminal(80, "best", found.path, option))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", shown)
        assert "\\x07" in shown
        assert b"\x1b[2J" in azsweep("best", found.path, option).stdout_bytes


class TestCopy:
    """`--copy` leaves the whole directory, or nothing."""

    @pytest.fixture
    def trial(self, found: SweepDir) -> Path:
        """The best trial's directory, with links of every kind."""
        found.output(1, 1, "printed\n")
        trial = found.path / "1"
        (trial / "a" / "b").mkdir(parents=True)
        (trial / "a" / "model.bin").write_bytes(b"m" * 2000)
        (trial / "a" / "model.bin").chmod(0o640)
        (found.path.parent / "data").mkdir()
        links = {
            "output.log": "../.azsweep/trials/1/1/output.log",
            "last": "a/model.bin",
            "a/b/up": str(trial / "a"),
            "data": "../../data",
            "sweep": "..",
            "gone": "not/there",
            "circle": "circle",
        }
        for name, target in links.items():
            (trial / name).symlink_to(target)
        return trial

    def test_links_into_it_stay_and_files_of_the_sweep_come_along(self, found: SweepDir, trial: Path) -> None:
        to = found.path.parent / "models" / "best"
        before = {path: path.stat().st_mtime_ns for path in trial.rglob("*.bin")}

        result = azsweep("best", found.path, "--copy", to)

        assert result.exit_code == 0, result.stderr
        assert re.fullmatch(rf"trial 1 is copied to {re.escape(str(to))}: 4 files, 2\.\d kB\n", result.stdout)
        assert {
            path.relative_to(to).as_posix(): str(path.readlink()) for path in to.rglob("*") if path.is_symlink()
        } == {
            "last": "a/model.bin",
            "a/b/up": "..",
            "data": str(trial / "../../data"),
            "sweep": str(trial / ".."),
            "gone": "not/there",
            "circle": "circle",
        }
        assert (to / "output.log").read_text(encoding="utf-8") == "printed\n"
        model = (to / "a" / "model.bin").stat()
        assert (model.st_mode & 0o777, model.st_mtime_ns) == (0o640, before[trial / "a" / "model.bin"])
        assert (to / ".hydra" / "config.yaml").exists()
        assert [path.name for path in to.parent.iterdir()] == ["best"]
        assert to.stat().st_mode == trial.stat().st_mode

    def test_an_empty_directory_is_filled(self, found: SweepDir, trial: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()

        assert azsweep("best", found.path, "--copy", tmp_path / "empty").exit_code == 0
        assert (tmp_path / "empty" / "last").read_bytes() == b"m" * 2000

    def test_what_is_no_file_is_left_out_and_told(self, found: SweepDir, trial: Path, tmp_path: Path) -> None:
        os.mkfifo(trial / "a" / "pipe")

        result = azsweep("best", found.path, "--copy", tmp_path / "to")

        assert (result.exit_code, result.stderr) == (0, "left out, for it is no file: a/pipe\n")

    @pytest.mark.parametrize(
        ("to", "rule"),
        [
            pytest.param("full", "must be a new directory, or an empty one", id="holds-something"),
            pytest.param("full/file", "must be a new directory, or an empty one", id="a-file"),
            pytest.param("link", "must be a new directory, or an empty one", id="a-link"),
            pytest.param("sweep/1/a/copy", "must not be within what is copied", id="within-itself"),
            pytest.param("full/file/x", "must be a place that can be written", id="below-a-file"),
        ],
    )
    def test_where_it_cannot_be_nothing_is_changed(
        self, found: SweepDir, trial: Path, tmp_path: Path, to: str, rule: str
    ) -> None:
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").touch()
        (tmp_path / "empty").mkdir()
        (tmp_path / "link").symlink_to("empty")
        before = sorted(tmp_path.rglob("*"))

        result = azsweep("best", found.path, "--copy", tmp_path / to)

        assert result.exit_code == 1
        assert result.stderr.startswith(f"--copy: {rule}")
        assert f"; got {tmp_path / to}." in result.stderr
        assert sorted(tmp_path.rglob("*")) == before

    def test_what_fails_midway_leaves_nothing(
        self, found: SweepDir, trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that is full, for instance."""

        def full(source: Path, to: Path) -> None:
            raise OSError(28, "No space left on device", str(to))

        monkeypatch.setattr("shutil.copy2", full)
        before = sorted(tmp_path.rglob("*"))

        result = azsweep("best", found.path, "--copy", tmp_path / "to")

        assert result.exit_code == 1
        assert "must be a copy of the whole directory; " in result.stderr
        assert "No space left on device" in result.stderr
        assert sorted(tmp_path.rglob("*")) == before

    def test_without_a_directory_there_is_no_copy(self, sweep: SweepDir, tmp_path: Path) -> None:
        sweep.begin(0, after_s=1)
        sweep.end_trial(0, 1.0, after_s=2)

        result = azsweep("best", sweep.path, "--copy", tmp_path / "to")

        assert result.stderr == f"trial 0: must have its directory here; got {sweep.path}/0.\n"


def test_the_overrides_of_the_best_trial_run_the_app_again_with_the_same_value(app: App) -> None:
    """So does the command that is shown; through a shell that knows nothing of them."""
    config = {"x": 0.0, "y": 0, "name": "", "layers": []}
    space = {
        "x": {"type": "uniform", "min_value": 0, "max_value": 9},
        "name": {"type": "choice", "values": ["it's", "10", "$HOME"]},
        "layers": {"type": "choice", "values": [[3, None], [1.5]]},
        "+new.key": {"type": "choice", "values": [True]},
    }
    settings = {"search_space": space, "limits": {"max_total_trials": 3}}
    body = 'print("value", repr((cfg.x, cfg.y, cfg.name, list(cfg.layers), cfg.new.key)))\nreturn cfg.x'
    app.write(body, config, sweeper=settings)
    run = app.sweep("y=2")
    best = str(run.sweep / str(run.results["best_trial"]["number"]) / "output.log")
    value = re.findall("value .*", Path(best).read_text(encoding="utf-8"))

    azsweep_words = subprocess.list2cmdline(azsweep_command("best", "sweep"))
    python, *_ = app.command()
    shown = azsweep("best", run.sweep, "--json").stdout
    again = json.loads(shown)["run_again"].replace("python ", f"{python} ", 1)
    for command in (f"{python} train.py $({azsweep_words} --overrides)", again):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=app.directory,
            env=app.environment(PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert re.findall("value .*", done.stdout) == value, done.stderr
    assert len(value) == 1
