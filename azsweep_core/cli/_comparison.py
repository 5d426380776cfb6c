"""What several sweeps have in common and in what they differ, from their ledgers. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azsweep_core._values import identity
from azsweep_core.cli._standing import SweepNow
from azsweep_core.errors import SpecError
from azsweep_core.history import History

__all__ = ["Comparison", "names_of"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sweeps side by side, in the order in which they were named."""

    sweeps: Sequence[SweepNow]

    @property
    def histories(self) -> list[History | None]:
        """None for a sweep that has not begun."""
        return [None if now.recorded is None else now.recorded.history for now in self.sweeps]

    @property
    def is_ranked(self) -> bool:
        """Whether their values can be told apart as better and worse."""
        return len({history.objective for history in self._begun}) == 1

    @property
    def best(self) -> list[int]:
        """Which of them have found the best value; none if they are not ranked."""
        if not self.is_ranked:
            return []
        values = [None if history is None or history.best is None else history.best.value for history in self.histories]
        winner = self._begun[0].objective.best(value for value in values if value is not None)
        return [index for index, value in enumerate(values) if value is not None and value == winner]

    @property
    def in_common(self) -> int:
        """So many trials are over in each of them."""
        return min((0 if history is None else history.finished for history in self.histories), default=0)

    def value_after(self, index: int, count: int) -> float | None:
        """The best value of the first so many trials that were over."""
        history = self.histories[index]
        if history is None:
            return None
        first = history.first_finished(count)
        return history.objective.best(trial.value for trial in first if trial.value is not None)

    def trials_to_best(self, index: int) -> int | None:
        """How many trials were over when the best one was; None if it is not, or there is none."""
        history = self.histories[index]
        if history is None or history.best is None:
            return None
        numbers = [trial.number for trial in history.finished_since(0)]
        return numbers.index(history.best.number) + 1 if history.best.number in numbers else None

    def differences(self) -> dict[str, list[str | None]]:
        """Settings that are not the same in all: by their paths, as each of them has it, None if it has not."""
        leaves = [dict(_leaves(now.recorded.latest.spec)) if now.recorded is not None else {} for now in self.sweeps]
        paths = dict.fromkeys(path for each in leaves for path in each)
        rows = {path: [each.get(path, _ABSENT) for each in leaves] for path in paths}
        return {
            path: [None if value is _ABSENT else _in_words(path, value) for value in values]
            for path, values in rows.items()
            if len({identity(value) for value in values}) > 1
        }

    @property
    def _begun(self) -> list[History]:
        return [history for history in self.histories if history is not None]


_ABSENT = object()


def names_of(directories: Sequence[Path]) -> list[str]:
    """The ends of the paths, as short as they can be told apart.

    >>> names_of([Path("/m/today/1"), Path("/m/today/2")]), names_of([Path("/a/1"), Path("/b/1")])
    (['1', '2'], ['a/1', 'b/1'])
    """
    for count in range(1, max(len(path.parts) for path in directories) + 1):
        names = ["/".join(path.parts[-count:]) for path in directories]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in directories]


def _leaves(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings by their paths: each parameter's expression, each limit, each option of an algorithm or policy."""
    for key, value in spec.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", each) for name, each in value.items())
        else:
            yield key, value


def _in_words(path: str, value: Any) -> str:
    if path.startswith("search_space.") and isinstance(value, Mapping):
        from azsweep_core.expressions import read, to_text

        try:
            return to_text(read(value, path))
        except (SpecError, ValueError, TypeError):
            pass
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)
