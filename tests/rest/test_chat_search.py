"""Search of chats by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import NewDatabase, NewPerson
from tests.people import Person, data, problem, register
from tests.rest.test_blocks import block
from tests.search import pages as search_pages
from tests.server import Server


def search(person: Person, q: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(person.get("/search/chats", q=q, **query))
    return found


def names(person: Person, q: str) -> list[str]:
    return [chat["name"] for chat in search(person, q)]


def ids(person: Person, q: str) -> list[str]:
    return [chat["id"] for chat in search(person, q)]


def pages(person: Person, q: str, limit: int) -> Iterator[list[str]]:
    """The ids of each page."""
    return search_pages(person, "/search/chats", q, limit)


def all_pages(person: Person, q: str, limit: int) -> list[str]:
    return [id for page in pages(person, q, limit) for id in page]


def test_groups_are_found_by_name(alice: Person) -> None:
    group = alice.group(name="Berlin office")
    alice.group(name="Hamburg office")
    assert ids(alice, "berlin") == ids(alice, "BERLIN OFF") == ids(alice, "erli") == [group]
    assert ids(alice, "berlin hamburg") == []


def test_direct_chats_are_found_by_both_names_of_the_peer(alice: Person, bob: Person) -> None:
    bob.patch("/users/me", {"displayName": "Robert Ångström"})
    chat_id = alice.direct_chat(bob)
    assert ids(alice, bob.name.upper()) == ids(alice, "ångst") == ids(alice, "robert") == [chat_id]
    # Not by the name of the caller.
    assert ids(alice, alice.name) == []
    assert ids(bob, alice.name) == [chat_id]


def test_groups_are_not_found_by_their_members(alice: Person, bob: Person) -> None:
    alice.group(bob)
    assert ids(alice, bob.name) == []


def test_results_are_the_chats_of_the_list(alice: Person, bob: Person) -> None:
    alice.send(alice.group(bob, name="Berlin"), "Hello")
    assert search(bob, "berlin") == data(bob.get("/chats"))


def test_archived_and_hidden_chats_are_found(alice: Person) -> None:
    archived, hidden = alice.group(name="Archived"), alice.group(name="Hidden")
    data(alice.patch(f"/chats/{archived}/me", {"isArchived": True}))
    data(alice.patch(f"/chats/{hidden}/me", {"isHidden": True}))
    assert ids(alice, "archived") == [archived]
    assert ids(alice, "hidden") == [hidden]


def test_only_chats_of_the_caller_are_found(alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob, name="Berlin")
    assert ids(carol, "berlin") == []
    bob.delete(f"/chats/{group}/leave")
    assert ids(bob, "berlin") == []
    assert ids(alice, "berlin") == [group]
    alice.delete(f"/chats/{group}")
    assert ids(alice, "berlin") == []


def test_chats_with_blocked_users_are_found(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    block(alice, bob)
    assert ids(alice, bob.name) == ids(bob, alice.name) == [chat_id]


def test_chats_with_erased_users_are_found_by_the_username_that_is_shown(
    alice: Person, bob: Person, admin: Person
) -> None:
    bob.patch("/users/me", {"displayName": "Robert"})
    chat_id = alice.direct_chat(bob)
    assert admin.delete(f"/server/users/{bob.id}").status_code == 202
    assert ids(alice, bob.name) == ids(alice, "robert") == []
    (found,) = search(alice, "deleted_")
    assert (found["id"], found["peer"]["username"][:8]) == (chat_id, "deleted_")


def test_beginnings_of_names_come_first_then_of_words_then_the_rest(alice: Person) -> None:
    for name in ("Rebar", "The bar", "Foobar bar", "Barcelona", "Bar", "Crowbar", "The barn"):
        alice.group(name=name)
    expected = ["Bar", "Barcelona", "The barn", "Foobar bar", "The bar", "Crowbar", "Rebar"]
    assert names(alice, "bar") == expected


def test_a_direct_chat_has_the_better_place_of_both_names(alice: Person, register_person: NewPerson) -> None:
    group = alice.group(name="My xenia")
    peer = register_person("xenia")
    peer.patch("/users/me", {"displayName": "The xenia"})
    chat_id = alice.direct_chat(peer)
    alice.send(group, "Hello")
    assert ids(alice, "xenia") == [chat_id, group]


def test_the_most_recently_active_chat_comes_first(alice: Person) -> None:
    groups = [alice.group(name=f"Berlin {number}") for number in range(3)]
    alice.send(groups[1], "Hello")
    alice.send(groups[0], "Hello")
    assert ids(alice, "berlin") == [groups[0], groups[1], groups[2]]


@pytest.mark.parametrize(
    ("name", "q", "is_found"),
    [
        ("Berlin office", "b", True),
        ("Berlin office", "of", True),
        ("Berlin office", "e", False),
        ("Berlin office", "er", False),
        ("Berlin office", "erl", True),
        # Words begin after everything other than letters, marks and digits.
        ("front-end_team (Q3)", "e", True),
        ("front-end_team (Q3)", "te", True),
        ("front-end_team (Q3)", "q3", True),
        ("front-end_team (Q3)", "(q", True),
        ("front-end_team (Q3)", "-e", False),
        ("Party 🎉", "🎉", True),
        ("Team #general", "#g", True),
        # And where a script begins that has no spaces.
        ("Team東京支社", "東", True),
        ("Team東京支社", "東京", True),
        ("Team東京支社", "京", False),
        ("Team東京支社", "京支社", True),
    ],
)
def test_one_or_two_letters_match_beginnings_only(alice: Person, name: str, q: str, is_found: bool) -> None:
    alice.group(name=name)
    assert bool(ids(alice, q)) is is_found


@pytest.mark.parametrize(
    ("name", "q"),
    [
        ("Große Straße", "STRASSE"),
        ("ΟΔΟΣ Ερμού", "οδος ερ"),
        ("Отдел продаж", "ОТДЕЛ"),
        ("Հայաստան", "ՀԱՅԱՍՏԱՆ"),
        ("İstanbul", "i̇STANBUL"),
        ("ᏣᎳᎩ", "ꮳꮃꭹ"),
        ("صالح", "الح"),
        ("מטבח", "טבח"),
        ("हिन्दी समूह", "समू"),
        ("สำนักงาน", "นักงาน"),
        ("上海办公室", "海办公"),
        ("サッカー部", "ッカー"),
        ("서울 지사", "지사"),
        ("ＦＵＬＬ", "ｆｕｌ"),
    ],
)
def test_names_match_in_any_script_and_case(alice: Person, name: str, q: str) -> None:
    group = alice.group(name=name)
    assert ids(alice, q) == [group]


def test_accents_count(alice: Person) -> None:
    alice.group(name="Café")
    assert ids(alice, "cafe") == []
    # The same character in another form.
    assert len(ids(alice, "cafe\u0301")) == 1


@pytest.mark.parametrize("q", ["%", "_", "%%%", "B_rlin", "B%n", "\\", "'; --"])
def test_every_character_is_literal(alice: Person, q: str) -> None:
    alice.group(name="Berlin")
    assert ids(alice, q) == []
    group = alice.group(name=f"A {q} b")
    assert ids(alice, q) == [group]


def test_pages_have_every_chat_once_and_in_order(alice: Person) -> None:
    for name in ("Rebar", "The bar", "Barcelona", "Bar", "Crowbar"):
        alice.group(name=name)
    assert [len(page) for page in pages(alice, "bar", 2)] == [2, 2, 1]
    assert all_pages(alice, "bar", 2) == ids(alice, "bar")


def test_pages_have_no_chat_twice_while_chats_change(alice: Person) -> None:
    groups = [alice.group(name=f"Berlin {number}") for number in range(6)]
    seen: list[str] = []
    for page in pages(alice, "berlin", 2):
        seen += page
        # Both move other chats to the front.
        alice.group(name="Berlin, new")
        alice.send(seen[-1], "Hello")
    assert seen == groups[::-1]


def test_pages_of_chats_of_the_same_time_are_complete(alice: Person, engine: Engine) -> None:
    groups = [alice.group(name="Berlin") for _ in range(5)]
    with engine.begin() as db:
        update = "UPDATE chats SET updated_at = date_trunc('second', now()) WHERE id = ANY(CAST(:ids AS uuid[]))"
        db.execute(text(update), {"ids": groups})
    assert all_pages(alice, "berlin", 2) == sorted(groups, reverse=True)


def test_a_cursor_is_for_one_query_of_one_user(alice: Person, bob: Person) -> None:
    for _ in range(2):
        alice.group(bob, name="Berlin")
    cursor = alice.get("/search/chats", q="berlin", limit=1).json()["meta"]["nextCursor"]
    assert data(alice.get("/search/chats", q="berlin", cursor=cursor))
    for person, query in ((bob, {"q": "berlin"}), (alice, {"q": "berli"})):
        assert problem(person.get("/search/chats", **query, cursor=cursor)) == (400, "cursor_invalid")
    assert problem(alice.get("/search/chats", q="berlin", cursor="x")) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    "query",
    [{}, {"q": ""}, {"q": "  "}, {"q": "x" * 101}, {"q": "a\0b"}, {"q": "a", "limit": 0}, {"q": "a", "limit": 101}],
)
def test_a_query_that_breaks_the_rules_is_refused(alice: Person, query: dict[str, Any]) -> None:
    assert problem(alice.get("/search/chats", **query)) == (422, "validation_error")


def test_chats_are_found_while_the_search_of_messages_is_off(new_database: NewDatabase, tmp_path: Path) -> None:
    with Server(new_database("chat_search_off"), tmp_path, SEARCH="off") as server:
        alice = register(server.url, "alice")
        group = alice.group(name="Berlin")
        assert ids(alice, "berlin") == [group]
        assert problem(alice.get("/search/messages", q="berlin")) == (403, "search_off")
