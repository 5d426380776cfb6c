"""AzureML's client, as tests ask it: one process for all tests, in the environment that `.ci/azureml` makes."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / ".ci" / "azureml"
DIRECTORY = Path(os.environ.get("AZSWEEP_AZUREML_DIR") or SCRIPT.parents[1] / ".venv-azureml").absolute()
REQUIRED = os.environ.get("AZSWEEP_TEST_AZUREML") == "required"
_ORACLE = Path(__file__).with_name("oracle.py")


@dataclass(frozen=True)
class Verdict:
    """What the client says about a job file."""

    valid: bool
    reason: str


class AzureML:
    """The client, in a process of its own: it takes seconds to be imported, and needs packages that we do not have."""

    def __init__(self, python: Path) -> None:
        command = [str(python), "-I", str(_ORACLE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._is_ready = False

    def judge(self, text: str) -> Verdict:
        """The verdict on the text of a job file. Files that it names need not exist."""
        return self.judge_all([text])[0]

    def judge_all(self, texts: Iterable[str]) -> list[Verdict]:
        """Those on many, at a hundred a second."""
        questions = [json.dumps(text) for text in texts]
        asking = threading.Thread(target=self._ask, args=(questions,))
        asking.start()
        if not self._is_ready:
            assert self._answer() == "ready"
            self._is_ready = True
        verdicts = [Verdict(**self._answer()) for _ in questions]
        asking.join()
        return verdicts

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, questions: list[str]) -> None:
        assert self._process.stdin is not None
        for question in questions:
            self._process.stdin.write(question + "\n")
        self._process.stdin.flush()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "AzureML's client has ended; what it said is above"
        return json.loads(line)


def find() -> AzureML | str:
    """The client; if it is not installed, what to do."""
    python = DIRECTORY / "bin" / "python"
    return AzureML(python) if python.exists() else f"no AzureML client in {DIRECTORY}; `.ci/azureml up` installs it"
