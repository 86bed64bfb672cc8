"""The compiled package of the TypeScript client."""

import pytest

from tests.clients.package import build


@pytest.fixture(scope="session")
def built() -> None:
    """The compiled package and its tests, which type-check."""
    build()
