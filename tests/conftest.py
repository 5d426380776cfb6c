"""Keeps programs that tests run from being searched for doctests, which would import them here."""

from __future__ import annotations

from pathlib import Path


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    is_program = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return is_program or None
