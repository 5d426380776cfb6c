"""One sweep per launcher holds every fault; each costs its own trial only. No cell is left out: every row applies to
every launcher, because each trial has a process of its own whatever the launcher does in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.launchers.conftest import LAUNCHERS, LauncherApp
from tests.launchers.faults import FAULTS
from tests.plugin.conftest import Run

TIMED_OUT = r"limits\.trial_timeout of 3 s reached"
KILLED = TIMED_OUT + r" \(it did not stop by itself and was killed by SIGKILL\)"
SEGFAULT = r"its process was killed by SIGSEGV; its last output:\n.*Fatal Python error: Segmentation fault\n"
EXPECTED = {
    "nothing": ("completed", ""),
    "raise": ("failed", "ValueError: bad lr"),
    "sys.exit(3)": ("failed", r"the task called sys\.exit\(3\)"),
    "os._exit(1)": ("failed", r"its process exited with code 1.*"),
    "SIGKILL": ("failed", "its process was killed by SIGKILL, as happens when memory runs out.*"),
    "segfault": ("failed", SEGFAULT + r".*in string_at\n.*"),
    "memory limit": ("failed", "MemoryError"),
    "killed by memory limit": ("failed", SEGFAULT + r".*in dies_of_its_memory_limit\n.*"),
    "hangs": ("timed_out", TIMED_OUT),
    "swallows Exception": ("timed_out", TIMED_OUT),
    "swallows BaseException": ("timed_out", KILLED),
    "ignores SIGTERM": ("timed_out", TIMED_OUT),
    "blocks every signal": ("timed_out", KILLED),
    "holds the GIL": ("timed_out", KILLED),
    "NaN": ("failed", "loss was nan whenever it was reported"),
    "inf": ("failed", "loss was inf whenever it was reported"),
    "text": ("failed", r"the task never logged the primary metric 'loss' and returned str, not a number\..*"),
    "returns nothing": (
        "failed",
        r"the task never logged the primary metric 'loss'\. Without MLflow .* return it .*",
    ),
    "50 MB on stdout": ("completed", ""),
    "50 MB on stdout and os._exit(1)": ("failed", r"its process exited with code 1; its last output:\n.*x{300}\.\.\."),
    "grandchild": ("completed", ""),
    "grandchild in its own session": ("completed", ""),
    "unpicklable exception": ("failed", r"raises_what_cannot_be_pickled\.<locals>\.LocalError: it holds a lock"),
    "unpicklable return value": ("completed", ""),
    "cwd and environment": ("completed", ""),
    "atexit": ("completed", ""),
    "atexit and raise": ("failed", "ValueError: after its handler was registered"),
    "non-daemon thread": ("completed", ""),
    "OpenMP after OpenMP at import": ("timed_out", KILLED),
    "nothing again": ("completed", ""),
}
IN_A_THREAD = {
    **EXPECTED,
    # Only a main thread can be woken from a blocking call.
    **dict.fromkeys(("hangs", "swallows Exception", "ignores SIGTERM"), ("timed_out", KILLED)),
    # OpenMP's threads belong to the thread that made them: another one gets its own, also after a fork.
    "OpenMP after OpenMP at import": ("completed", ""),
}

JOBS = ("submitit_local", "ray")
JOB_TIMEOUT_S = 15
# A job imports the app elsewhere and later, so that there is no fork between training and training.
IN_A_JOB = {
    fault: (state, reason.replace("of 3 s", f"of {JOB_TIMEOUT_S} s"))  # which takes time
    for fault, (state, reason) in (EXPECTED | {"OpenMP after OpenMP at import": ("completed", "")}).items()
}

Swept = tuple[LauncherApp, Run]


def swept(app: LauncherApp, faults: Sequence[str], *, trains: bool, trial_timeout: int, start_method: str) -> Swept:
    """The app, which may train a model while it is imported, and one sweep of it over these faults."""
    app.write(
        "return FAULTS[cfg.fault](out())",
        {"fault": ""},
        preamble=f"from tests.launchers.faults import FAULTS, train\nif {trains}: train()",
        sweeper={
            "sampling_algorithm": "grid",
            "stop_grace": 1,
            "start_method": start_method,
            "limits": {"max_concurrent_trials": 8, "trial_timeout": trial_timeout, "fail_fast": 0},
            "search_space": {"fault": {"type": "choice", "values": list(faults)}},
        },
    )
    return app, app.sweep()


@pytest.fixture(scope="module", params=LAUNCHERS)
def matrix(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Swept:
    app = LauncherApp(tmp_path_factory.mktemp(request.param), request.param)
    timeout = JOB_TIMEOUT_S if request.param in JOBS else 3
    return swept(app, list(FAULTS), trains=True, trial_timeout=timeout, start_method="fork")


def check(run: Run, expected: Mapping[str, tuple[str, str]]) -> None:
    assert {row["fault"]: row["state"] for row in run.trials} == {key: state for key, (state, _) in expected.items()}
    for row in run.trials:
        assert re.fullmatch(expected[row["fault"]][1], row["reason"], re.DOTALL), row
    assert {row["attempt"] for row in run.trials} == {"1"}


def directory(run: Run, fault: str) -> Path:
    (row,) = (row for row in run.trials if row["fault"] == fault)
    return Path(row["dir"])


def test_every_row_has_the_right_state_and_a_reason(matrix: Swept) -> None:
    app, run = matrix

    check(run, {"some": IN_A_THREAD, **dict.fromkeys(JOBS, IN_A_JOB)}.get(app.launcher, EXPECTED))


def test_neighbours_are_untouched(matrix: Swept) -> None:
    _, run = matrix

    first, last = (
        json.loads((directory(run, name) / "seen.json").read_text()) for name in ("nothing", "nothing again")
    )

    assert first == last
    assert {row["value"] for row in run.trials if row["fault"].startswith("nothing")} == {"0.25"}


def test_nothing_is_left_running(matrix: Swept) -> None:
    app, _ = matrix

    assert app.processes() == []


def test_a_trial_ends_as_a_script_does(matrix: Swept) -> None:
    _, run = matrix

    assert (directory(run, "atexit") / "handler").read_text() == "ran"
    assert (directory(run, "atexit and raise") / "handler").read_text() == "ran"
    assert (directory(run, "non-daemon thread") / "thread").read_text() == "joined"


def test_output_is_kept_whole(matrix: Swept) -> None:
    _, run = matrix

    assert (directory(run, "50 MB on stdout") / "output.log").stat().st_size >= 50 * 2**20
    assert "ValueError: bad lr" in (directory(run, "raise") / "output.log").read_text()


def test_values_of_trials_that_misbehave_after_the_fact_count(matrix: Swept) -> None:
    _, run = matrix

    values = {row["fault"]: row["value"] for row in run.trials if row["state"] == "completed"}

    healthy = {"nothing", "nothing again", "OpenMP after OpenMP at import"}
    assert {value for fault, value in values.items() if fault not in healthy} == {"0.5"}
    assert run.results["best_value"] == 0.25


def test_a_fresh_interpreter_is_the_remedy_for_threads_that_a_fork_does_not_copy(app: LauncherApp) -> None:
    fault = "OpenMP after OpenMP at import"

    _, run = swept(app, [fault], trains=True, trial_timeout=60, start_method="spawn")

    check(run, {fault: ("completed", "")})


def test_a_fresh_interpreter_isolates_as_a_fork_does(any_app: LauncherApp) -> None:
    faults = ["os._exit(1)", "grandchild in its own session", "atexit and raise"]

    app, run = swept(any_app, faults, trains=False, trial_timeout=60, start_method="spawn")

    check(run, {fault: EXPECTED[fault] for fault in faults})
    assert (directory(run, "atexit and raise") / "handler").read_text() == "ran"
    assert app.processes() == []


def test_a_forked_trial_that_does_nothing_is_pointed_to_the_remedy(app: LauncherApp) -> None:
    """It waits for threads that a fork does not copy. The minute of patience is a second here."""
    hurry = """
from tests.launchers.faults import train
from azsweep_core import trial_process
from hydra_plugins.hydra_azsweep_sweeper import _launcher
trial_process._BEAT_EVERY_S = 0.2
_launcher._IDLE_S = _launcher._LOOK_EVERY_S = 1.0
train()
"""
    limits = {"max_total_trials": 2, "max_concurrent_trials": 2, "trial_timeout": 4}
    app.write("return train()", {"x": 0}, preamble=hurry, sweeper={"stop_grace": 1, "limits": limits})

    run = app.run("--multirun", "x=1,2")

    remedy = r".*trains with OpenMP .* while it is imported needs hydra\.sweeper\.start_method=spawn"
    assert len(re.findall(r"trial \d has used no CPU for 1 s\. If it hangs: " + remedy, run.text)) == 1
    for row in run.trials:
        assert row["state"] == "timed_out"
        assert re.fullmatch(r"limits\.trial_timeout of 4 s .*; it had used no CPU for 1 s: " + remedy, row["reason"])


def test_a_trial_that_works_is_not_taken_for_one_that_hangs(app: LauncherApp) -> None:
    hurry = """
from azsweep_core import trial_process
from hydra_plugins.hydra_azsweep_sweeper import _launcher
trial_process._BEAT_EVERY_S = 0.2
_launcher._IDLE_S = _launcher._LOOK_EVERY_S = 0.5
"""
    work = "end = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nreturn 1.0"
    app.write(work, {"x": 0}, preamble=hurry)

    assert "has used no CPU" not in app.sweep("x=choice(1)").text


def test_a_long_silence_alone_kills_nobody(app: LauncherApp) -> None:
    """No thread of the process runs for ten heartbeats; without a limit it may take its time."""
    hurry = """
from azsweep_core import trial_process
from hydra_plugins.hydra_azsweep_sweeper import _launcher
trial_process._BEAT_EVERY_S = _launcher._LOOK_EVERY_S = 0.2
"""
    app.write("import ctypes; ctypes.PyDLL(None).sleep(2); return 0.5", {"x": 0}, preamble=hurry)

    run = app.sweep("x=choice(1)")

    assert [(row["state"], row["value"]) for row in run.trials] == [("completed", "0.5")]
