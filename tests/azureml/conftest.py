"""AzureML's client for the tests that compare it with us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azureml.client import REQUIRED, AzureML, find


@pytest.fixture(scope="session")
def azureml() -> Iterator[AzureML]:
    """The client that `.ci/azureml up` has installed; the test is skipped if it is not there."""
    found = find()
    if isinstance(found, str) and REQUIRED:
        pytest.fail(found)
    if isinstance(found, str):
        pytest.skip(found)
    yield found
    found.close()
