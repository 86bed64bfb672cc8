"""`flask chat demo`: realistic demo data."""

from typing import Any

import requests
from sqlalchemy import Engine

from tests.cli.conftest import Chat
from tests.conftest import insert_key
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


def test_demo_users_find_recent_messages(chat: Chat, server: Server, engine: Engine) -> None:
    made = chat("demo", "--messages", str(MESSAGES), "--days", "3")
    assert made.returncode == 0, made.stderr
    again = chat("demo")
    assert again.returncode == 0
    assert "already" in again.stdout
    name, password = next(line.split("│")[1:3] for line in again.stdout.splitlines() if "amara" in line)
    login = {"username": name.strip(), "password": password.strip()}
    amara = Person(server.url, data(requests.post(f"{server.url}/api/v1/auth/login", json=login, timeout=20)))

    me = data(amara.get("/users/me"))
    assert (me["displayName"], me["externalId"]) == ("Amara Okafor", "demo-amara")
    chats = all_of(amara, "/chats")
    assert {"DIRECT", "GROUP"} == {chat["type"] for chat in chats}
    assert chats == sorted(chats, key=lambda chat: chat["updatedAt"], reverse=True)
    assert any(chat["unreadCount"] for chat in chats)
    picture = next(chat["lastMessage"] for chat in chats if chat["name"] == "Lake weekend")
    assert (picture["type"], picture["width"]) == ("IMAGE", 1280)
    team = next(chat for chat in chats if chat["name"] == "Product team")
    release, build = all_of(amara, f"/messages/{team['id']}")[:2]
    assert (release["type"], release["system"]["event"]) == ("SYSTEM", "release.staged")
    assert (build["sender"]["displayName"], build["sender"]["isBot"]) == ("Builds", True)
    _check_conversation(amara, all_of(amara, f"/messages/{team['id']}"), team)
    _check_own_state(amara, chats)
    key = insert_key(engine, server.url, ("moderation",))
    reports = {each.get("reporter", {}).get("username"): each for each in data(key.get("/admin/reports", limit=100))}
    assert reports["farah"]["target"]["type"] == "user"
    assert reports["elif"]["excerpt"]["sender"]["username"] == "hana"
    _check_search(amara)
    everyone = next(chat for chat in chats if chat["name"] == "Everyone")
    assert everyone["lastMessage"]["forwardedFrom"]["sender"]["displayName"] == "Amara Okafor"
    for each in chats:
        messages = all_of(amara, f"/messages/{each['id']}")[::-1]
        assert [message["seq"] for message in messages] == list(range(1, each["lastSeq"] + 1))
        assert [message["id"] for message in messages] == sorted(message["id"] for message in messages)
        revs = [message["rev"] for message in messages]
        assert len(set(revs)) == len(revs)
        if each["id"] != team["id"]:
            # Only there, earlier messages were changed after later ones.
            assert revs == sorted(revs)
        assert max(revs) == each["lastRev"]
        assert each["lastMessage"]["id"] == messages[-1]["id"]
        assert len(data(amara.get(f"/chats/{each['id']}"))["members"]) == each["memberCount"]


def _check_conversation(reader: Person, messages: list[dict[str, Any]], chat: dict[str, Any]) -> None:
    """The conversation shows what messages can be."""
    assert (chat["pinCount"], chat["mentionCount"]) == (1, 1)
    plan = next(message for message in messages if "pinnedAt" in message)
    assert plan["format"] == "markdown"
    assert [(each["emoji"], each["count"]) for each in plan["reactions"]] == [("👍", 2), ("🎉", 1)]
    question, texts = (
        next(each for each in messages if word in (each["content"] or "")) for word in ("early", "ready on")
    )
    assert question["mentions"] == {"userIds": [reader.id]}
    assert question["replyTo"]["content"] == texts["content"] == "The texts are ready on Wednesday."
    assert texts["editCount"] == 1


def _check_search(reader: Person) -> None:
    """Every message is found at once, in each script."""
    for q in ("上海", "図書館", "서울", "السلام", "еще", "σταθμος", "धन्यवाद", "อากาศ", "cafe", "strasse"):
        found = data(reader.get("/search/messages", q=q))
        assert {hit["chat"]["name"] for hit in found} == {"Languages"}, q
    assert data(reader.get("/search/messages", q="phrases", has="link"))
    [packed] = data(reader.get("/search/messages", q="packing", has="file"))
    assert packed["message"]["fileName"] == "Packing list.pdf"


def _check_own_state(reader: Person, chats: list[dict[str, Any]]) -> None:
    """The reader's own list shows what users keep for themselves."""
    states = {
        name: {chat["name"] for chat in chats if name in chat.get("me", {})} for name in ("pinnedAt", "mutedUntil")
    }
    assert states == {"pinnedAt": {"Product team"}, "mutedUntil": {"Book club"}}
    assert [chat["name"] for chat in chats if chat.get("me", {}).get("isArchived")] == ["Everyone"]
    [marked] = [chat for chat in chats if chat.get("me", {}).get("isMarkedUnread")]
    assert marked["peer"]["username"] == "benoit"
    assert [block["user"]["username"] for block in data(reader.get("/users/me/blocks"))] == ["goran"]
    [chiara] = [chat for chat in chats if (chat["peer"] or {}).get("username") == "chiara"]
    assert data(reader.get(f"/chats/{chiara['id']}/draft"))["content"]


def test_known_passwords_are_not_for_production(chat: Chat) -> None:
    secrets = {"JWT_ACCESS_SECRET": "a" * 40, "JWT_REFRESH_SECRET": "r" * 40, "CORS_ORIGIN": "https://app.example.com"}
    done = chat("demo", APP_ENV="production", **secrets)
    assert done.returncode == 1
    assert "production" in done.stderr
