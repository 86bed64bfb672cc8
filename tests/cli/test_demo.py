"""`flask chat demo`: realistic demo data."""

from typing import Any

import requests

from tests.cli.conftest import Chat
from tests.people import Person, data
from tests.server import Server

MESSAGES = 100


def all_of(person: Person, path: str) -> list[dict[str, Any]]:
    """Every item of a list."""
    items, cursor = [], None
    while True:
        page = person.get(path, limit=100, **({"cursor": cursor} if cursor else {})).json()
        items += page["data"]
        cursor = page["meta"]["nextCursor"]
        if not cursor:
            return items


def test_demo_users_find_recent_messages(chat: Chat, server: Server) -> None:
    made = chat("demo", "--messages", str(MESSAGES), "--days", "3")
    assert made.returncode == 0, made.stderr
    again = chat("demo")
    assert again.returncode == 0
    assert "already" in again.stdout
    name, password = next(line.split("│")[1:3] for line in again.stdout.splitlines() if "amara" in line)
    login = {"username": name.strip(), "password": password.strip()}
    amara = Person(server.url, data(requests.post(f"{server.url}/api/v1/auth/login", json=login, timeout=20)))

    chats = all_of(amara, "/chats")
    assert {"DIRECT", "GROUP"} == {chat["type"] for chat in chats}
    assert chats == sorted(chats, key=lambda chat: chat["updatedAt"], reverse=True)
    assert any(chat["unreadCount"] for chat in chats)
    picture = next(chat["lastMessage"] for chat in chats if chat["name"] == "Lake weekend")
    assert (picture["type"], picture["width"]) == ("IMAGE", 1280)
    for each in chats:
        messages = all_of(amara, f"/messages/{each['id']}")[::-1]
        assert [message["seq"] for message in messages] == list(range(1, each["lastSeq"] + 1))
        assert [message["id"] for message in messages] == sorted(message["id"] for message in messages)
        revs = [message["rev"] for message in messages]
        assert revs == sorted(set(revs))
        assert revs[-1] == each["lastRev"]
        assert each["lastMessage"]["id"] == messages[-1]["id"]
        assert len(data(amara.get(f"/chats/{each['id']}"))["members"]) == each["memberCount"]


def test_known_passwords_are_not_for_production(chat: Chat) -> None:
    secrets = {"JWT_ACCESS_SECRET": "a" * 40, "JWT_REFRESH_SECRET": "r" * 40, "CORS_ORIGIN": "https://app.example.com"}
    done = chat("demo", APP_ENV="production", **secrets)
    assert done.returncode == 1
    assert "production" in done.stderr
