"""What of a report a sweep's starts decide, without secrets: axes, specification, limits, commands, links."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from azsweep_core._mlflow_store import how_to_open
from azsweep_core._secrets import data_without_secrets, override_without_secrets, text_without_secrets
from azsweep_core.control import directory_now
from azsweep_core.errors import SpecError
from azsweep_core.events import SweepResumed, SweepStarted
from azsweep_core.limits import recorded_limits
from azsweep_core.report._axes import Axes
from azsweep_core.run_again import as_a_shell_takes_it, best_config_command, overrides_command

__all__ = ["Links", "Setting"]

_MOST_VALUES = 1000


@dataclass(frozen=True, slots=True)
class Links:
    """Where a report links to.

    Args:
        sweep_dir: absolute.
        base: the directory that the report is in.
        tracking_uri: MLflow's store.
    """

    sweep_dir: Path
    base: Path
    tracking_uri: str | None

    def directory(self, path: str | None) -> str | None:
        """What leads from the report to a trial's directory; of a sweep that was moved, to where it is now.

        None if its name holds a secret: Hydra can name directories after overrides.
        """
        if path is None or not Path(path).is_absolute() or text_without_secrets(path) != path:
            return None
        found = Path(path)
        if self.sweep_dir not in found.parents:
            found = directory_now(self.sweep_dir, path) or found
        if self.sweep_dir in found.parents and self.base == self.sweep_dir:
            return quote(bytes(found.relative_to(self.sweep_dir)))
        return found.as_uri()

    def run(self, run_id: str | None) -> str | None:
        """The address of a run where MLflow has one: without its experiment, which its pages find by themselves."""
        address = None if self.tracking_uri is None else urlsplit(self.tracking_uri)
        if run_id is None or address is None or address.scheme not in ("http", "https"):
            return None
        host = address.netloc.rpartition("@")[2]
        return f"{address.scheme}://{host}{address.path.rstrip('/')}/#/runs/{quote(run_id, safe='')}"

    def to_open_mlflow(self) -> str | None:
        """The command that shows runs that have no address yet."""
        uri = self.tracking_uri
        is_address = uri is None or urlsplit(uri).scheme in ("http", "https")
        return None if is_address else how_to_open(str(uri), "", "") or None


class Setting:
    """What is known of a sweep from how it was started, and started again.

    Args:
        origin, latest: its first start and its last one.
    """

    def __init__(self, links: Links, origin: SweepStarted, latest: SweepStarted | SweepResumed) -> None:
        from azsweep_core.spec import read_sweep

        self.links = links
        self._command = [override_without_secrets(word) for word in latest.command]
        self._working_dir = latest.working_dir
        self._run_id = origin.mlflow_run_id
        self._limits = recorded_limits(latest.spec)
        self.max_trials = self._limits.get("max_total_trials")
        try:
            spec = read_sweep(latest.spec)
        except SpecError:  # of another version
            self.axes, self.space = Axes(None), None
        else:
            base = spec.sampling_algorithm.logbase
            self.space = spec.search_space if base is None else spec.search_space.with_logbase(base)
            self.axes = Axes(self.space)
            self.max_trials = spec.max_trials
        self._spec = _yaml(latest.spec)

    def document(self) -> dict[str, Any]:
        """Its part of the report."""
        to_open, run_url = self.links.to_open_mlflow(), self.links.run(self._run_id)
        return {
            "title": _title(self.links.sweep_dir, self._working_dir),
            "directory": str(self.links.sweep_dir),
            "timeout_s": self._limits.get("timeout"),
            "max_trials": self.max_trials,
            "spec": self._spec,
            "command": shlex.join(self._command),
            "mlflow": {"how_to_open": to_open if self._run_id else None, "run_url": run_url},
        }

    def slots(self, rows: int) -> int:
        """How many trials may run at once; where that was left open, how many did."""
        given = self._limits.get("max_concurrent_trials")
        if given is None:
            return max(rows, 1)
        return max(int(given if self.max_trials is None else min(given, self.max_trials)), rows)

    def run_again(self) -> str | None:
        """The command that runs the configuration in `best/`."""
        best = best_config_command(self._command, self.links.sweep_dir / "best")
        return as_a_shell_takes_it(best, self._working_dir) or None

    def with_overrides(self, overrides: Sequence[str] | None) -> str | None:
        """The command that runs the app with a trial's overrides."""
        if overrides is None:
            return None
        shown = [override_without_secrets(override) for override in overrides]
        return as_a_shell_takes_it(overrides_command(self._command, shown), self._working_dir) or None


def _title(directory: Path, working_dir: str) -> str:
    """The sweep's directory as it was named: relative to where it was started, or its end."""
    try:
        parts = directory.relative_to(working_dir or directory).parts
    except ValueError:
        parts = ()
    return "/".join(parts or directory.parts[-3:])


def _yaml(spec: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    text: str = yaml.dump(
        data_without_secrets(_shortened(spec)), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120
    )
    return text


def _shortened(value: Any) -> Any:
    """The value, with long lists cut."""
    if isinstance(value, Mapping):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        rest = [f"... and {len(value) - _MOST_VALUES} more"] if len(value) > _MOST_VALUES else []
        return [*map(_shortened, value[:_MOST_VALUES]), *rest]
    return value
