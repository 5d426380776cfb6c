"""The `sitecustomize` that comes first in every Python of a trial's command: cheap, and in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import azsweep_core

OURS = Path(azsweep_core.__file__).parent / "_in_commands"
IN_A_TRIAL = {
    "AZSWEEP_TRIAL_DIR": "/x/.azsweep/trials/0/1",
    "MLFLOW_TRACKING_URI": "sqlite:////x/mlflow.db",
    "MLFLOW_EXPERIMENT_ID": "1",
    "AZSWEEP_MLFLOW_RUN_ID": "abc",
}
CORE = "sorted({'azsweep_core', 'dataclasses', 'importlib.util', 'mlflow'} & set(sys.modules))"


def run(program: str, *path: Path, python: str = sys.executable, **variables: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AZSWEEP_"))}
    environment = {**clean, **variables, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [python, "-c", program], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with a module `mlflow` that is none."""
    return write(tmp_path / "library", "mlflow.py", "print('imported')")


def test_it_imports_nothing_until_mlflow_is() -> None:
    bare = run(f"import sys; print({CORE})")

    assert run(f"import sys; print({CORE})", OURS, **IN_A_TRIAL) == bare


@pytest.mark.parametrize("variables", [{}, IN_A_TRIAL], ids=["outside-of-a-trial", "in-a-trial"])
def test_the_users_own_is_imported_as_it_would_be_without(tmp_path: Path, variables: dict[str, str]) -> None:
    theirs = write(tmp_path / "theirs", "sitecustomize.py", "print('theirs')\nanswer = 42")

    said = run("import sitecustomize; print(sitecustomize.answer)", OURS, theirs, **variables)

    assert said == "theirs\n42"


def test_a_python_without_azsweep_imports_its_mlflow_as_it_is(tmp_path: Path, stand_in: Path) -> None:
    venv.create(tmp_path / "other", with_pip=False, symlinks=True)

    said = run(
        "import mlflow, sys; print('azsweep_core' in sys.modules)",
        OURS,
        stand_in,
        python=str(tmp_path / "other" / "bin" / "python"),
        **IN_A_TRIAL,
    )

    assert said == "imported\nFalse"


def test_outside_of_a_trial_mlflow_is_as_it_is(stand_in: Path) -> None:
    said = run("import mlflow, sys; print('azsweep_core' in sys.modules)", OURS, stand_in, MLFLOW_TRACKING_URI="x")

    assert said == "imported\nFalse"
