"""Search of messages over REST."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.core.ids import new_id
from chatapp.launcher.process import wait_for
from tests.authorisation.conftest import A_PDF
from tests.conftest import NewPerson
from tests.edited import EditedServer
from tests.files.samples import image
from tests.people import Backend, Person, data, problem, register
from tests.search import wait_until_indexed
from tests.server import Server

# Waits until all changes of messages of these chats are indexed.
Indexed = Callable[..., None]


@pytest.fixture
def indexed(engine: Engine) -> Indexed:
    return lambda *chat_ids: wait_until_indexed(engine, chat_ids)


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def page(person: Person, q: str, **query: Any) -> requests.Response:
    """A page that is complete: on a busy machine its time may be over before, so it is requested again."""
    for _ in range(50):
        response = person.get("/search/messages", q=q, **query)
        if not response.ok or "isPartial" not in response.json()["meta"]:
            return response
    raise AssertionError("All pages are partial.")


def search(person: Person, q: str, **query: Any) -> list[dict[str, Any]]:
    """The hits of a complete page."""
    hits: list[dict[str, Any]] = data(page(person, q, **query))
    return hits


def found(person: Person, q: str, **query: Any) -> list[str | None]:
    """The texts that are found, in order."""
    return [hit["message"]["content"] for hit in search(person, q, **query)]


def milliseconds(moment: str, change: int = 0) -> str:
    """A time of the API, changed by so many milliseconds."""
    changed = datetime.fromisoformat(moment) + timedelta(milliseconds=change)
    return changed.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_hit_is_the_message_with_its_chat_and_what_matches(
    alice: Person, bob: Person, chat: str, indexed: Indexed
) -> None:
    sent = alice.send(chat, "👍 Let's have lunch at noon")
    group = bob.group(alice, name="Plans")
    alice.send(group, "No lunch")
    indexed(chat, group)
    in_group, hit = search(bob, "lunch")
    assert hit["chat"] == {"id": chat, "name": None, "type": "DIRECT"}
    assert in_group["chat"] == {"id": group, "name": "Plans", "type": "GROUP"}
    # In code points.
    assert hit["highlights"] == [[13, 5]]
    assert hit["message"] == sent | {"status": "SENT"}


def test_message_is_found_within_two_seconds(alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "Hello")
    assert wait_for(lambda: found(bob, "hello") == ["Hello"], 2)


def test_hits_are_not_delivered(alice: Person, bob: Person, chat: str, indexed: Indexed) -> None:
    alice.send(chat, "Hello")
    indexed(chat)
    assert found(bob, "hello")
    assert search(alice, "hello")[0]["message"]["status"] == "SENT"


@pytest.mark.parametrize(
    ("q", "texts"),
    [
        ("red", ["Reddish", "Red-green", "The red car", "red"]),
        ("red car", ["The red car"]),
        ("-car red", ["Reddish", "Red-green", "red"]),
        ('"red car"', ["The red car"]),
        ('"the red', ["The red car"]),
        ('red -"the red"', ["Red-green", "red"]),
        ("red-green", ["Red-green"]),
        ("car red ...", ["The red car"]),
        ("uber", ["Überall"]),
        ("上海", ["我在上海"]),
        ("我 uber", ["Überall"]),
    ],
)
def test_terms(alice: Person, chat: str, indexed: Indexed, q: str, texts: list[str]) -> None:
    for content in ("red", "The red car", "Red-green", "Reddish", "Überall", "我在上海"):
        alice.send(chat, content)
    indexed(chat)
    assert found(alice, q) == texts


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": ""},
        {"q": "  "},
        {"q": "x" * 101},
        {"q": "a b c d e f g h i"},
        {"q": "-only"},
        {"q": "👍 ..."},
        {"q": "海"},
        {"q": "a", "limit": 0},
        {"q": "a", "limit": 51},
        {"q": "a", "has": "video"},
        {"q": "a", "sort": "old"},
        {"q": "a", "chatId": "x"},
        {"q": "a", "fromId": "x"},
        {"q": "a", "before": "yesterday"},
        {"q": "a", "after": "2026-13-01T00:00:00Z"},
    ],
)
def test_invalid_query(alice: Person, query: dict[str, Any]) -> None:
    assert problem(alice.get("/search/messages", **query)) == (422, "validation_error")


def test_longest_query(alice: Person, chat: str, indexed: Indexed) -> None:
    content = "y" * 30 + " " + "x" * 69
    alice.send(chat, content)
    indexed(chat)
    assert found(alice, content) == [content]


def test_only_chats_of_the_caller_are_searched(
    alice: Person, bob: Person, carol: Person, chat: str, indexed: Indexed
) -> None:
    alice.send(chat, "Hello")
    group = alice.group(bob, carol)
    alice.send(group, "Hello all")
    indexed(chat, group)
    assert found(bob, "hello") == ["Hello all", "Hello"]
    assert found(carol, "hello") == ["Hello all"]
    assert alice.delete(f"/chats/{group}/members/{carol.id}").status_code == 204
    assert found(carol, "hello") == []
    assert bob.delete(f"/chats/{group}/leave").status_code == 204
    assert found(bob, "hello") == ["Hello"]


def test_one_chat(alice: Person, bob: Person, carol: Person, chat: str, indexed: Indexed) -> None:
    alice.send(chat, "Hello")
    group = alice.group(bob)
    alice.send(group, "Hello all")
    indexed(chat, group)
    assert found(bob, "hello", chatId=chat.upper()) == ["Hello"]
    assert problem(carol.get("/search/messages", q="hello", chatId=chat)) == (404, "not_found")
    assert problem(carol.get("/search/messages", q="hello", chatId=new_id())) == (404, "not_found")


def test_one_sender(alice: Person, bob: Person, carol: Person, chat: str, indexed: Indexed) -> None:
    alice.send(chat, "Hello Bob")
    bob.send(chat, "Hello Alice")
    indexed(chat)
    assert found(alice, "hello", fromId=bob.id) == ["Hello Alice"]
    assert found(alice, "hello", fromId=alice.id, chatId=chat) == ["Hello Bob"]
    assert found(alice, "hello", fromId=carol.id) == []
    assert found(alice, "hello", fromId=new_id()) == []


def test_cleared_hidden_deleted_and_system_messages_are_not_found(
    alice: Person, bob: Person, chat: str, indexed: Indexed
) -> None:
    group = alice.group(bob, name="System")
    data(alice.patch(f"/chats/{group}", {"name": "Other system"}))
    messages = [alice.send(group, f"system {number}") for number in range(4)]
    indexed(group)
    assert found(bob, "system") == ["system 3", "system 2", "system 1", "system 0"]
    data(bob.post(f"/chats/{group}/clear", {"upTo": messages[0]["seq"]}))
    assert found(bob, "system") == ["system 3", "system 2", "system 1"]
    assert bob.post("/messages/hide", {"messageIds": [messages[2]["id"]]}).status_code == 204
    assert found(bob, "system") == ["system 3", "system 1"]
    assert alice.delete(f"/messages/{messages[3]['id']}").status_code == 204
    assert found(bob, "system") == ["system 1"]
    assert found(alice, "system") == ["system 2", "system 1", "system 0"]


def test_messages_of_a_deleted_group_are_not_found(alice: Person, bob: Person, indexed: Indexed) -> None:
    group = alice.group(bob)
    alice.send(group, "Hello")
    indexed(group)
    assert alice.delete(f"/chats/{group}").status_code == 204
    assert found(bob, "hello") == []


def test_edited_text_is_found_and_the_former_text_is_not_found_from_the_response_on(
    alice: Person, bob: Person, chat: str, indexed: Indexed
) -> None:
    message = alice.send(chat, "apples and pears")
    indexed(chat)
    data(alice.patch(f"/messages/{message['id']}", {"content": "apples and plums"}))
    assert found(bob, "pears") == []
    assert found(bob, "apples") == ["apples and plums"]
    indexed(chat)
    assert found(bob, "plums") == ["apples and plums"]
    assert found(bob, "apples -pears") == ["apples and plums"]


def test_file_names_are_searched_and_not_highlighted(alice: Person, bob: Person, chat: str, indexed: Indexed) -> None:
    data(alice.upload(chat, "Übersicht_2026.pdf", A_PDF, content="The overview"))
    indexed(chat)
    (hit,) = search(bob, "ubersicht 2026")
    assert "highlights" not in hit
    (hit,) = search(bob, "overview ubersicht")
    assert hit["highlights"] == [[4, 8]]
    assert found(bob, "overview -ubersicht") == []


def test_has(alice: Person, bob: Person, carol: Person, indexed: Indexed) -> None:
    group = alice.group(bob, carol)
    data(alice.upload(group, "file-1.pdf", A_PDF))
    data(alice.upload(group, "file-2.png", image("PNG")))
    alice.send(group, "file 3: HTTPS://example.org")
    alice.send(group, "file 4: example.org")
    alice.send(group, "file 5", mentions={"userIds": [bob.id]})
    alice.send(group, "file 6", mentions={"all": True})
    indexed(group)

    def numbers(person: Person, has: str) -> list[str]:
        hits = search(person, "file", has=has)
        return [(hit["message"]["fileName"] or hit["message"]["content"])[5] for hit in hits]

    assert numbers(bob, "file") == ["1"]
    assert numbers(bob, "image") == ["2"]
    assert numbers(bob, "link") == ["3"]
    assert numbers(bob, "mention") == ["6", "5"]
    assert numbers(carol, "mention") == ["6"]


def test_link_or_mention_that_an_edit_removes_is_not_found_from_the_response_on(
    alice: Person, bob: Person, chat: str, indexed: Indexed
) -> None:
    message = alice.send(chat, "see https://example.org", mentions={"userIds": [bob.id]})
    indexed(chat)
    assert found(bob, "see", has="link") == found(bob, "see", has="mention") == [message["content"]]
    data(alice.patch(f"/messages/{message['id']}", {"content": "see example.org", "mentions": None}))
    assert found(bob, "see", has="link") == found(bob, "see", has="mention") == []


def test_times_are_exclusive(alice: Person, chat: str, indexed: Indexed) -> None:
    first, second = alice.send(chat, "Hello 1")["createdAt"], alice.send(chat, "Hello 2")["createdAt"]
    if first == second:
        pytest.skip("both in the same millisecond")
    indexed(chat)
    assert found(alice, "hello", after=first) == ["Hello 2"]
    assert found(alice, "hello", before=second) == ["Hello 1"]
    assert found(alice, "hello", after=first, before=second) == []
    assert found(alice, "hello", after=milliseconds(first, -1), before=milliseconds(second, 1)) == [
        "Hello 2",
        "Hello 1",
    ]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1970-01-01T00:01:00Z", "9999-12-31T23:59:59Z"])
def test_any_time_is_accepted(alice: Person, chat: str, indexed: Indexed, moment: str) -> None:
    alice.send(chat, "Hello")
    indexed(chat)
    is_past = moment < "2026"
    assert found(alice, "hello", after=moment) == ["Hello"] * is_past
    assert found(alice, "hello", before=moment) == ["Hello"] * (not is_past)


def test_pages_have_every_message_once(alice: Person, chat: str, indexed: Indexed) -> None:
    sent = [alice.send(chat, f"Hello {number}")["content"] for number in range(7)]
    indexed(chat)
    pages: list[list[str]] = []
    query: dict[str, Any] = {}
    while not pages or query["cursor"]:
        response = page(alice, "hello", limit=3, **query)
        pages.append([hit["message"]["content"] for hit in data(response)])
        meta = response.json()["meta"]
        assert meta["hasMore"] == (meta["nextCursor"] is not None)
        query = {"cursor": meta["nextCursor"]}
        # New messages shift nothing.
        alice.send(chat, "Hello again")
    assert pages == [sent[:3:-1], sent[3:0:-1], sent[:1]]


def test_limits_of_a_page(alice: Person, chat: str, indexed: Indexed) -> None:
    for number in range(51):
        alice.send(chat, f"Hello {number}")
    indexed(chat)
    assert len(search(alice, "hello")) == 20
    assert len(search(alice, "hello", limit=50)) == 50


def test_cursor_is_only_accepted_with_its_query(alice: Person, bob: Person, chat: str, indexed: Indexed) -> None:
    for _ in range(2):
        alice.send(chat, "Hello")
    indexed(chat)
    meta = page(alice, "hello", limit=1).json()["meta"]
    cursor = meta["nextCursor"]
    assert found(alice, "hello", cursor=cursor, limit=50) == ["Hello"]
    changes = [
        {"q": "hell"},
        {"chatId": chat},
        {"fromId": alice.id},
        {"has": "link"},
        {"sort": "best"},
        {"after": "2026-01-01T00:00:00Z"},
        {"before": "2126-01-01T00:00:00Z"},
        {"cursor": "x"},
        {"cursor": cursor[:-2]},
    ]
    for change in changes:
        query = {"q": "hello", "cursor": cursor} | change
        assert problem(alice.get("/search/messages", **query)) == (400, "cursor_invalid"), change
    assert problem(bob.get("/search/messages", q="hello", cursor=cursor)) == (400, "cursor_invalid")


def test_best_has_whole_words_first_then_close_words_then_new_messages(
    alice: Person, chat: str, indexed: Indexed
) -> None:
    best_first = ["Your blue car", "A blue car", "The blue, fast car", "Blue cars", "Carpets are blue"]
    for content in (best_first[4], best_first[2], best_first[1], best_first[3], best_first[0]):
        alice.send(chat, content)
    indexed(chat)
    response = page(alice, "blue car", sort="best")
    assert [hit["message"]["content"] for hit in data(response)] == best_first
    assert response.json()["meta"] == {"nextCursor": None, "hasMore": False}
    response = page(alice, "blue car", sort="best", limit=2)
    assert [hit["message"]["content"] for hit in data(response)] == best_first[:2]
    assert response.json()["meta"] == {"nextCursor": None, "hasMore": False}


def test_server_acts_as_a_user(alice: Person, bob: Person, backend: Backend, chat: str, indexed: Indexed) -> None:
    alice.send(chat, "Hello")
    indexed(chat)
    hits = data(backend.get("/search/messages", act_as=bob.id, q="hello"))
    assert [hit["message"]["content"] for hit in hits] == ["Hello"]


def test_search_is_a_capability(alice: Person) -> None:
    assert "search" in data(alice.get("/capabilities"))["features"]


def test_user_without_chats_finds_nothing(register_person: NewPerson) -> None:
    assert found(register_person("lonely"), "hello") == []


def test_page_continues_after_its_time_is_over(alice: Person, chat: str, engine: Engine, indexed: Indexed) -> None:
    alice.send(chat, "Hello")
    indexed(chat)
    with engine.begin() as db:
        db.execute(text("LOCK TABLE message_words IN ACCESS EXCLUSIVE MODE"))
        response = alice.get("/search/messages", q="hello")
    assert data(response) == []
    meta = response.json()["meta"]
    assert (meta["hasMore"], meta["isPartial"]) == (True, True)
    assert found(alice, "hello", cursor=meta["nextCursor"]) == ["Hello"]


# Of which a page compares about seven.
SLOW = """
import gevent
from chatapp.features.search.terms import Terms
match = Terms.match
def match_slowly(self, content, file_name):
    gevent.sleep(0.02)
    return match(self, content, file_name)
Terms.match = match_slowly
"""


def test_partial_pages_have_every_message_once(database_url: str, engine: Engine, tmp_path: Path) -> None:
    with EditedServer(database_url, tmp_path, SLOW) as server:
        alice = register(server.url)
        chat = alice.group()
        sent = [alice.send(chat, "big world" if number % 5 else "world, big")["content"] for number in range(40)]
        wait_until_indexed(engine, [chat])
        ids: list[str] = []
        metas: list[dict[str, Any]] = []
        while not metas or metas[-1]["nextCursor"]:
            query = {"cursor": metas[-1]["nextCursor"]} if metas else {}
            response = alice.get("/search/messages", q='"big world"', **query)
            ids += [hit["message"]["id"] for hit in data(response)]
            metas.append(response.json()["meta"])
            assert metas[-1]["hasMore"] == (metas[-1]["nextCursor"] is not None)
        assert len(ids) == len(set(ids)) == sent.count("big world")
        assert any(meta.get("isPartial") for meta in metas)
        assert "isPartial" not in metas[-1]
        best = alice.get("/search/messages", q='"big world"', sort="best")
        assert data(best)
        assert best.json()["meta"] == {"nextCursor": None, "hasMore": False, "isPartial": True}


def test_search_is_limited_to_20_in_a_minute_for_each_user(database_url: str, tmp_path: Path) -> None:
    with Server(database_url, tmp_path, RATELIMIT_ENABLED="true") as server:
        alice, bob = register(server.url), register(server.url)
        # Invalid queries do not count.
        assert problem(alice.get("/search/messages", q="...")) == (422, "validation_error")
        for _ in range(20):
            data(alice.get("/search/messages", q="hello"))
        refused = alice.get("/search/messages", q="hello")
        assert problem(refused) == (429, "rate_limited")
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        data(bob.get("/search/messages", q="hello"))


def test_search_that_is_turned_off(database_url: str, tmp_path: Path) -> None:
    with Server(database_url, tmp_path, SEARCH="off") as server:
        alice = register(server.url)
        assert problem(alice.get("/search/messages", q="hello")) == (403, "search_off")
        assert "search" not in data(alice.get("/capabilities"))["features"]
