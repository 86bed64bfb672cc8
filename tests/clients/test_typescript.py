"""The TypeScript client, against real servers: through cuts, kills, and tokens that run out."""

import pytest

from tests.clients.package import build, node, run_tests
from tests.server import Server


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """JavaScript of the package and of its tests, which agree with their types."""
    build()


def test_its_types_are_those_of_the_documents(server: Server) -> None:
    node("scripts/generate.mjs", "--check", server.url)


def test_people_talk(server: Server) -> None:
    run_tests("talking", server)
