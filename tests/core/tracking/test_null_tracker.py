"""`tracking: none` records nothing, gives trials nothing, and costs nothing."""

from __future__ import annotations

import subprocess
import sys

from azsweep_core.ports import Tracker
from azsweep_core.tracking import NullTracker

SWEEP = """
import sys
from azsweep_core.tracking import NullTracker
from azsweep_core.trial import Trial, TrialState

tracker = NullTracker()
tracker.preload()
tracker.start_sweep({})
run_id, environment = tracker.start_trial(0, {"lr": 0.1})
trial = Trial(number=0, parameters={}, attempt=1, state=TrialState.COMPLETED, submitted_s=0.0)
print(run_id, dict(environment), dict(tracker.new_measurements([trial])), tracker.final_measurements(trial))
tracker.note_best(trial)
tracker.end_trial(trial, {"": 1.0})
tracker.end_sweep(trial, failed=False, reason="all done")
print(list(tracker.metric_names(trial)), sorted({"mlflow", "numpy", "sqlalchemy"} & set(sys.modules)))
"""


def test_a_sweep_without_tracking_has_no_runs_and_never_imports_mlflow() -> None:
    done = subprocess.run([sys.executable, "-c", SWEEP], capture_output=True, text=True, check=True)

    assert done.stdout == "None {} {} ()\n[] []\n"


def test_it_is_a_tracker() -> None:
    tracker: Tracker = NullTracker()

    assert tracker.how_to_open == ""
