"""Real Hydra apps in a temporary directory, run as users run them."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf


def out() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)


{preamble}


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig):
    {body}


if __name__ == "__main__":
    main()
"""

QUADRATIC = "return (cfg.x - 3) ** 2 + cfg.y"

SWEEPER = {"tracking": "none", "objective": {"primary_metric": "loss", "goal": "minimize"}}


@dataclass(frozen=True)
class Run:
    """One finished run of an app."""

    code: int
    out: str
    err: str
    sweep: Path

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = yaml.safe_load((self.sweep / "optimization_results.yaml").read_text(encoding="utf-8"))
        return results

    @property
    def trials(self) -> list[dict[str, str]]:
        with (self.sweep / "trials.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))


class App:
    """A Hydra app: `train.py`, `conf/config.yaml` (with the sweeper chosen there) and further config files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write(QUADRATIC, {"x": 1.0, "y": 0})

    def write(
        self,
        body: str,
        config: Mapping[str, Any],
        *,
        preamble: str = "",
        sweeper: Mapping[str, Any] | None = None,
        defaults: tuple[Any, ...] = (),
        files: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Write the app.

        Args:
            body: the task's statements, indented by four.
            sweeper: what to set in hydra.sweeper besides no tracking and an objective.
            files: further config files by path without suffix.
        """
        program = PROGRAM.format(preamble=preamble, body=body.strip().replace("\n", "\n    "))
        (self.directory / "train.py").write_text(program, encoding="utf-8")
        main = {
            "defaults": ["_self_", *defaults, {"override hydra/sweeper": "azsweep"}],
            "hydra": {"sweep": {"dir": "sweep"}, "sweeper": {**SWEEPER, **(sweeper or {})}},
            **config,
        }
        for name, content in {"config": main, **(files or {})}.items():
            path = self.directory / "conf" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")  # YAML, as it happens

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "train.py", *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "HYDRA_"))}
        return {**clean, "MLFLOW_DISABLE_TELEMETRY": "true", **more}

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
        """Run the app to its end, with these arguments."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.directory,
            env=self.environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr, self.directory / "sweep")

    def sweep(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
        """Run a multirun that must end well."""
        run = self.run("--multirun", *arguments, environment=environment)
        assert run.code == 0, run.text
        return run

    @contextlib.contextmanager
    def started(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """Start a multirun; it is killed if it is still there at the end."""
        with subprocess.Popen(
            self.command("--multirun", *arguments),
            cwd=self.directory,
            env=self.environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def interrupt(self, number: signal.Signals, *arguments: str) -> Run:
        """Start a multirun, send it a signal as soon as its trials have written `started`, and wait for its end."""
        with self.started(*arguments) as process:
            self.wait_for("sweep/*/started")
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
        return Run(process.returncode, out, err, self.directory / "sweep")

    def wait_for(self, pattern: str) -> list[Path]:
        """Files of real processes, as soon as there are any."""
        deadline = time.monotonic() + 60
        while not (found := list(self.directory.glob(pattern))):
            assert time.monotonic() < deadline, f"{pattern} never came"
            time.sleep(0.02)
        return found


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)
