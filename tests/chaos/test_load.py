"""A little of each load: memory is bounded, and normal users are hardly affected."""

from collections.abc import Iterator

import pytest

from tests.chaos.load import KINDS, MEBI, SMALL, measure, serving
from tests.server import Server

# What a load may leave behind; five slow readers have 1 MB each, and what Python keeps for the next ones.
MAX_GROWTH = {"slow readers": 8 * MEBI, "a flood of uploads": 40 * MEBI}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for these tests, which must not make it log an error."""
    with serving(tmp_path_factory.mktemp("load")) as server:
        yield server
        assert not server.errors_in_log()


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_people_are_served_and_memory_is_bounded(loaded: Server, kind: str) -> None:
    finding = measure(loaded, kind, SMALL)
    assert finding.p95 < 1000, finding
    assert finding.grew < MAX_GROWTH.get(kind, 12 * MEBI), finding
