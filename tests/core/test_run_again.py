"""The command that runs a trial once more keeps of the sweep's command what the trial needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from azsweep_core.run_again import as_a_shell_takes_it, best_config_command, overrides_command

BEST = Path("/sweep/best")
JOB = "/v/bin/python -P -m hydra_plugins.hydra_azsweep_sweeper._command_job --multirun hydra.sweeper.job=/job.yml"


@pytest.mark.parametrize(
    ("recorded", "again"),
    [
        pytest.param("/v/bin/python3.11 train.py --multirun x=1,2", "python train.py {best}", id="a-script"),
        pytest.param("/v/bin/python -X dev -W error a/t.py -m", "python -X dev -W error a/t.py {best}", id="of-python"),
        pytest.param("/v/bin/python -m pkg.train -m x=1,2", "python -m pkg.train {best}", id="a-module"),
        pytest.param("/v/bin/python /v/bin/train -m x=1,2", "train {best}", id="an-installed-command"),
        pytest.param("/v/bin/python train.py -m -cn other", "python train.py {best}", id="another-config"),
        pytest.param(JOB, "azsweep run /sweep/best/azsweep_best.yaml", id="a-job"),
        pytest.param("", "", id="not-known"),
        pytest.param("/v/bin/python -m", "", id="no-app"),
    ],
)
def test_the_best_configuration_is_run_by_the_same_app(recorded: str, again: str) -> None:
    options = f"--config-dir {BEST} --config-name azsweep_best"

    assert best_config_command(recorded.split(), BEST) == again.format(best=options).split()


@pytest.mark.parametrize(
    ("recorded", "again"),
    [
        pytest.param("python t.py -m x=1,2 +y=3", "python t.py {0}", id="values-are-the-trials-own"),
        pytest.param("python t.py --config-name b -m x=1,2", "python t.py {0} --config-name b", id="options-stay"),
        pytest.param("python t.py -cd a=b -m x=1,2", "python t.py {0} -cd a=b", id="an-option-that-looks-like-a-value"),
        pytest.param(
            "python t.py -m hydra.job.chdir=true hydra/job_logging=none hydra.sweep.dir=s hydra.sweep.subdir=t "
            "hydra.sweeper.limits.timeout=9 hydra.launcher.n_jobs=2 hydra.mode=MULTIRUN hydra/sweeper=azsweep",
            "python t.py hydra.job.chdir=true hydra/job_logging=none hydra/sweeper=azsweep {0}",
            id="what-hydra-does-around-a-trial",
        ),
        pytest.param(JOB, "", id="a-job-has-no-overrides"),
        pytest.param("", "", id="not-known"),
    ],
)
def test_a_trials_overrides_are_run_by_the_same_app(recorded: str, again: str) -> None:
    assert overrides_command(recorded.split(), ["x=2", "+y=3"]) == again.format("x=2 +y=3").split()


def test_it_is_typed_where_the_sweep_was_started_or_leads_there() -> None:
    command = ["python", "a.py", "x='it\\'s'"]

    assert as_a_shell_takes_it(command, "/a b", Path("/a b")) == """python a.py 'x='"'"'it\\'"'"'s'"'"''"""
    assert as_a_shell_takes_it(["python", "a.py"], "/a b", Path("/")) == "cd '/a b' && python a.py"
    assert as_a_shell_takes_it(["azsweep", "run", "/b.yaml"], "/a", Path("/")) == "azsweep run /b.yaml"
    assert as_a_shell_takes_it([], "/a") == ""
