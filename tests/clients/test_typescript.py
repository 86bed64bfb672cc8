"""The TypeScript client against a real server: disconnects, its queue and its cache."""

from collections.abc import Iterator

import pytest

from tests.clients.package import node, run_tests
from tests.server import Server

pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture(scope="module")
def roomy(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for disconnected clients, whose sockets stay open for a while."""
    settings = {"MAX_SOCKETS_PER_USER": "1000", "MAX_UPLOAD_MB": "2"}
    with Server(database_url, tmp_path_factory.mktemp("roomy"), **settings) as server:
        yield server
    assert server.errors_in_log() == []


def test_types_match_the_documents(server: Server) -> None:
    node("scripts/generate.mjs", "--check", server.url)


def test_client_unit_tests_pass(roomy: Server) -> None:
    run_tests(
        "chat-store",
        "own-state",
        "message-changes",
        "paging",
        "timeline",
        "error-responses",
        "talking",
        "profiles",
        server=roomy,
    )


def test_cache_is_shown_and_corrected(roomy: Server) -> None:
    run_tests("cache", server=roomy)


def test_client_sends_and_catches_up_through_disconnects(roomy: Server) -> None:
    run_tests("sending", "catching-up", "files", server=roomy)


def test_conversations_are_kept_up_to_date(roomy: Server) -> None:
    run_tests("conversation", "pins", "reactions", "windows", server=roomy)


def test_searches_find_page_by_page_and_can_be_cancelled(roomy: Server) -> None:
    run_tests("search", server=roomy)


def test_personal_state_is_the_same_on_all_devices(roomy: Server) -> None:
    run_tests("personal-state", server=roomy)


def test_unsent_messages_are_stored(roomy: Server) -> None:
    run_tests("edits", "drafts", server=roomy)
