"""Python imports this at its start in every process of a trial's command; it waits for mlflow, and costs nothing else.

Its folder comes first on the command's PYTHONPATH. A `sitecustomize` of the user's is imported as it would be without.
"""

from __future__ import annotations

import os
import sys

_STORE, _EXPERIMENT, _RUN = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "AZSWEEP_MLFLOW_RUN_ID"
"""The run has a name of ours, for MLflow takes its own out of the environment once it has resumed the run."""


class _BeforeMlflow:
    """Binds the process to the trial's run right before mlflow is imported; a Python without azsweep stays as it is."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """The spec of mlflow, which whoever finds it next gives; nothing else is found here."""
        if name != "mlflow":
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)  # type: ignore[arg-type]  # it has all that Python needs of a finder
        try:
            from azsweep_core._mlflow_guard import install
        except ImportError:
            return find_spec(name)
        install(*(os.environ[each] for each in (_STORE, _EXPERIMENT, _RUN)))
        return find_spec(name)


def _import_the_next() -> None:
    """Import the `sitecustomize` that Python would have found without this one."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib takes longer than all of this
    on_path = list(sys.path)
    ours = sys.modules.pop(__name__)
    sys.path[:] = [each for each in on_path if os.path.abspath(each) != here]  # noqa: PTH100
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        if error.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, ours)


if __name__ == "sitecustomize":
    if all(each in os.environ for each in ("AZSWEEP_TRIAL_DIR", _STORE, _EXPERIMENT, _RUN)):
        sys.meta_path.insert(0, _BeforeMlflow())  # type: ignore[arg-type]
    _import_the_next()
