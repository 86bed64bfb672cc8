"""What unit tests share."""

from collections.abc import Iterator

import pytest

from chatapp.core.application import Application, leave


@pytest.fixture
def own_application() -> Iterator[None]:
    """An application for one test: it sees no sockets that others have left, and leaves none."""
    entered = Application().enter()
    yield
    leave(entered)
