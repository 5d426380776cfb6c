"""Hydra apps under every kind of launcher that runs on this machine, and a look at what they leave running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.launchers.faults import MARK
from tests.plugin.conftest import App

ROOT = Path(__file__).parents[2]
LAUNCHERS = ("basic", "joblib", "submitit_local", "ray", "some")  # the last is the one in tests/launchers/plugins


class LauncherApp(App):
    """An app that runs under one launcher, and whose processes can be told from all others."""

    cpus = 8
    """Of the Ray that a sweep starts for itself, however many cores there are."""

    def __init__(self, directory: Path, launcher: str = "basic") -> None:
        super().__init__(directory)
        self.launcher = launcher

    def command(self, *arguments: str) -> list[str]:
        ray = ("address=local", f"num_cpus={self.cpus}", "include_dashboard=false")  # which takes long to start
        options = [f"++hydra.launcher.ray.init.{each}" for each in ray if self.launcher == "ray"]
        return super().command(*arguments, f"hydra/launcher={self.launcher}", *options)

    def environment(self, **more: str) -> dict[str, str]:
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "launchers" / "plugins")))
        return {**super().environment(**more), "PYTHONPATH": path, MARK: str(self.directory)}

    def processes(self) -> list[str]:
        """Command lines of living processes that this app has started, in whatever way they are connected with it."""
        return processes_with(f"{MARK}={self.directory}", output_below=self.directory)


def processes_with(*variables: str, output_below: Path | None = None) -> list[str]:
    """Command lines of living processes that were given all these variables, or write to files in the directory."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                given = {each.decode(errors="replace") for each in (process / "environ").read_bytes().split(b"\0")}
                outputs = [str((process / "fd" / number).readlink()) for number in ("1", "2")]
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if given.issuperset(variables) or (output_below and any(f"{output_below}/" in each for each in outputs)):
                found.append(line)
    return found


@pytest.fixture
def app(tmp_path: Path) -> LauncherApp:
    return LauncherApp(tmp_path)


@pytest.fixture(params=LAUNCHERS)
def any_app(tmp_path: Path, request: pytest.FixtureRequest) -> LauncherApp:
    """The app under each of the launchers."""
    return LauncherApp(tmp_path, request.param)
