"""Search of users by username and display name."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from chatapp.core.ids import new_id
from chatapp.launcher.postgres import EmbeddedPostgres
from tests.architecture.test_models import flask
from tests.conftest import NewPerson
from tests.people import Backend, Person, data, problem
from tests.rest.test_blocks import block
from tests.rest.test_erasure import erase, finished
from tests.rest.test_my_settings import change
from tests.search import pages as search_pages

Json = dict[str, Any]
Name = Callable[..., Person]


@pytest.fixture
def word() -> str:
    """A word that no other test uses."""
    return f"q{secrets.token_hex(2)}"


@pytest.fixture
def named(register_person: NewPerson) -> Name:
    """Makes a user with this display name."""

    def make(name: str, username: str = "someone") -> Person:
        person = register_person(username)
        data(person.patch("/users/me", {"displayName": name}))
        return person

    return make


def search(person: Person, q: str, **query: Any) -> list[str]:
    return [user["id"] for user in data(person.get("/users/search", q=q, **query))]


def pages(person: Person, q: str, limit: int) -> Iterator[list[str]]:
    """The ids of each page."""
    return search_pages(person, "/users/search", q, limit)


def all_pages(person: Person, q: str, limit: int) -> list[str]:
    return [id for page in pages(person, q, limit) for id in page]


def test_users_are_found_by_both_names(alice: Person, named: Name, word: str) -> None:
    person = named(f"Robert {word}")
    (found,) = data(alice.get("/users/search", q=f"ROBERT {word.upper()}"))
    assert found == data(alice.get(f"/users/{person.name}"))
    assert search(alice, person.name) == [person.id]


def test_results_are_in_the_order_of_the_groups(
    alice: Person, named: Name, register_person: NewPerson, word: str
) -> None:
    part, begins, first, inside = (
        named(f"Ma{word}"),
        named(f"Ada {word}son"),
        named(f"{word} Ada"),
        register_person(f"b_{word}"),
    )
    prefix = register_person(word.upper())
    expected = [prefix.id, inside.id, first.id, begins.id, part.id]
    assert search(alice, word) == expected
    for limit in (1, 2, 3):
        assert all_pages(alice, word, limit) == expected


def test_a_user_with_both_names_is_found_once(alice: Person, named: Name, word: str) -> None:
    users = [named(f"The {word}", username=username) for username in (word, f"a_{word}", f"b_{word}")]
    assert all_pages(alice, word, 1) == [person.id for person in users]


def test_each_group_is_in_the_order_of_names(alice: Person, named: Name, word: str) -> None:
    users = {name: named(name).id for name in (f"Zoe {word}", f"{word} B", f"Eve {word}", f"{word} a", f"My{word}")}
    assert search(alice, word) == [
        users[name] for name in (f"{word} a", f"{word} B", f"Eve {word}", f"Zoe {word}", f"My{word}")
    ]


def test_users_of_the_same_name_are_complete_over_pages(alice: Person, named: Name, word: str) -> None:
    users = [named(f"Eve {word}").id for _ in range(5)]
    assert all_pages(alice, word, 2) == sorted(users)


def test_usernames_that_begin_with_the_text_come_first(alice: Person, register_person: NewPerson, word: str) -> None:
    everyone = {register_person(name).id for name in (word, f"a{word}", f"b{word}", word, f"a{word}")}
    assert all_pages(alice, word, 2) == search(alice, word)
    assert set(search(alice, word)) == everyone


def test_pages_have_no_user_twice_while_names_change(
    alice: Person, named: Name, register_person: NewPerson, word: str
) -> None:
    users = [register_person(word), named(f"{word} a"), named(f"{word} b"), named(f"Eve {word}"), named(f"Ma{word}")]
    others = [named(f"Other {word}") for _ in range(5)]
    seen: list[str] = []
    for page in pages(alice, word, 1):
        seen += page
        if others:
            # Before and behind the page.
            others.pop().patch("/users/me", {"displayName": word})
            named(word)
            named(f"Zoe {word}")
    assert len(seen) == len(set(seen))
    assert [id for id in seen if id in {person.id for person in users}] == [person.id for person in users]


def test_a_name_of_any_length_continues(alice: Person, named: Name, word: str) -> None:
    users = {named(f"{'🎉 ' * 37}{word}").id for _ in range(3)}
    assert set(all_pages(alice, word, 1)) == users


@pytest.mark.parametrize(
    ("name", "q", "is_found"),
    [
        ("Beatrix Kiddo", "b", True),
        ("Beatrix Kiddo", "ki", True),
        ("Beatrix Kiddo", "i", False),
        ("Beatrix Kiddo", "dd", False),
        ("Beatrix Kiddo", "ddo", True),
        ("Jean-Luc O'Neill", "lu", True),
        ("Jean-Luc O'Neill", "ne", True),
        ("Jean-Luc O'Neill", "c o", True),
        ("李小龙", "李", True),
        ("李小龙", "小", False),
        ("李小龙", "小龙", False),
        ("Bruce李小龙", "李小", True),
        ("김철수", "김철", True),
        ("Zoë 🎉", "🎉", True),
    ],
)
def test_one_or_two_characters_match_beginnings_of_words(
    alice: Person, named: Name, name: str, q: str, is_found: bool
) -> None:
    person = named(name)
    found = all_pages(alice, q, 100)
    assert (person.id in found) is is_found
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("name", "q"),
    [
        ("Jürgen Groß", "GROSS"),
        ("ΝΙΚΟΣ Παπαδόπουλος", "νικος παπ"),
        ("Наталья Ёлкина", "ЁЛКИ"),
        ("Արամ Խաչատրյան", "ԽԱՉԱՏ"),
        ("ნინო", "ᲜᲘᲜ"),
        ("ᏣᎳᎩ", "ꮳꮃꭹ"),
        ("فاطمة الزهراء", "زهر"),
        ("דוד בן־גוריון", "גור"),
        ("अमिताभ बच्चन", "मिता"),
        ("สมชาย ใจดี", "มชาย"),
        ("王小明国", "小明国"),
        ("やまだ太郎", "まだ太"),
        ("김철수민", "철수민"),
        ("Nguyễn Văn An", "NGUYỄN"),
    ],
)
def test_names_match_in_any_script_and_case(alice: Person, named: Name, name: str, q: str) -> None:
    person = named(name)
    assert person.id in all_pages(alice, q, 100)
    assert person.id not in all_pages(alice, f"{q}x", 100)


@pytest.mark.parametrize("q", ["%", "_", "%%%", "___", "\\", "a_lice_nobody", "'; --"])
def test_every_character_is_literal(alice: Person, named: Name, word: str, q: str) -> None:
    other, person = named(word), named(f"{word}{q}")
    found = search(alice, f"{word}{q}")
    assert person.id in found
    assert other.id not in found


def test_new_names_are_found_at_once(alice: Person, named: Name, backend: Backend, word: str) -> None:
    person = named(f"Old {word}")
    data(person.patch("/users/me", {"displayName": f"New {word}"}))
    assert (search(alice, f"old {word}"), search(alice, f"new {word}")) == ([], [person.id])
    data(person.patch("/users/me", {"displayName": None}))
    assert search(alice, f"new {word}") == []
    created = data(backend.put(f"/server/users/{word}", {"displayName": f"Put {word}"}))
    assert search(alice, f"put {word}") == [created["id"]]
    data(backend.post("/server/users", {"users": [{"externalId": word, "displayName": f"Batch {word}"}]}))
    assert search(alice, f"batch {word}") == [created["id"]]
    data(backend.patch(f"/server/users/ext:{word}", {"displayName": f"Patch {word}"}))
    assert search(alice, f"patch {word}") == [created["id"]]


def test_inactive_and_erased_users_are_not_found(
    alice: Person, named: Name, admin: Person, backend: Backend, engine: Engine, word: str
) -> None:
    inactive, erased = named(f"Inactive {word}"), named(f"Erased {word}")
    assert backend.post(f"/server/users/{inactive.id}/deactivate").status_code == 204
    finished(admin, erase(admin, erased.id))
    assert search(alice, word) == []
    with engine.connect() as db:
        names = "SELECT display_name, display_key FROM users WHERE id = :id"
        assert tuple(db.execute(text(names), {"id": erased.id}).one()) == (None, None)
    assert all(user["username"] != "system" for user in data(alice.get("/users/search", q="system")))


def test_display_names_follow_privacy(alice: Person, named: Name, word: str) -> None:
    hidden, contact, blocked, blocking = (named(f"{name} {word}") for name in ("Hidden", "Contact", "Blocked", "Own"))
    change(hidden, findable=False)
    change(contact, findable=False)
    alice.group(contact)
    block(alice, blocked)
    block(blocking, alice)
    assert search(alice, word) == [contact.id]
    assert search(hidden, word)[-1] == blocking.id
    assert hidden.id in search(hidden, word)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": ""},
        {"q": "   "},
        {"q": "x" * 51},
        {"q": "a\0b"},
        {"q": "a", "limit": 0},
        {"q": "a", "limit": 101},
        {"q": "a", "limit": "ten"},
        {"q": "a", "cursor": "nonsense"},
        {"q": "a", "cursor": "WzEsMl0"},
    ],
)
def test_a_query_that_breaks_the_rules_is_refused(alice: Person, query: Json) -> None:
    assert problem(alice.get("/users/search", **query)) == (422, "validation_error")


def test_the_upgrade_fills_in_existing_names(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    name = f"chat_{secrets.token_hex(4)}"
    postgres.create_database(name)
    url = postgres.url(name)
    assert flask(url, tmp_path, "upgrade", "0022").returncode == 0
    engine = create_engine(url)
    insert = "INSERT INTO users (id, username, display_name) VALUES (:id, :username, :name)"
    rows = [{"id": new_id(), "username": f"user_{number}", "name": "Groß-Gerau"} for number in range(3)]
    with engine.begin() as db:
        db.execute(text(insert), [*rows, {"id": new_id(), "username": "nameless", "name": None}])
    # As after an interruption.
    with engine.begin() as db:
        db.execute(text('ALTER TABLE users ADD COLUMN display_key text COLLATE "C"'))
        db.execute(text("UPDATE users SET display_key = 'done' WHERE username = 'user_0'"))
    upgraded = flask(url, tmp_path, "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    with engine.connect() as db:
        keys: dict[str, str | None] = dict(
            db.execute(text("SELECT username, display_key FROM users WHERE username <> 'system'")).all()
        )
    engine.dispose()
    assert keys == {"user_0": "done"} | dict.fromkeys(("user_1", "user_2"), "\x7fgross-\x7fgerau") | {"nameless": None}
