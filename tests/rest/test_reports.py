"""Reports of messages, users and chats, and how moderators handle them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.models.user import SYSTEM_ID
from tests.conftest import Connect, NewKey, NewPerson
from tests.files.samples import image
from tests.people import Backend, Person, data, problem, register
from tests.rest.test_erasure import erase, finished
from tests.server import Server

Json = dict[str, Any]
UNKNOWN_ID = "00000000-0000-7000-8000-00000000000f"
REQUIRED = {"id", "target", "reason", "status", "createdAt"}


@pytest.fixture(scope="module")
def moderator(register_person: NewPerson, engine: Engine) -> Person:
    """A user with the role MODERATOR, who is in no chat."""
    person = register_person("moderator")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'MODERATOR' WHERE id = :id"), {"id": person.id})
    return person


def report(person: Person, *, reason: str = "spam", **fields: str) -> str:
    """The id of a new report."""
    response = person.post("/reports", {"reason": reason, **fields})
    assert response.status_code == 201, response.text
    created = data(response)
    assert set(created) == {"id"}
    return str(created["id"])


def refused(person: Person, **fields: str) -> tuple[int, str]:
    """The error of a report."""
    return problem(person.post("/reports", {"reason": "spam", **fields}))


def listed(moderator: Person | Backend, report_id: str, **query: str) -> Json:
    """A report in the list: it is one of the newest."""
    found: list[Json] = data(moderator.get("/admin/reports", limit=100, **query))
    return next(each for each in found if each["id"] == report_id)


def test_a_reported_message_keeps_its_excerpt(alice: Person, bob: Person, moderator: Person) -> None:
    chat_id = alice.group(bob)
    question = bob.send(chat_id, "Who are you?")
    message = alice.send(chat_id, "Buy **this**", replyToId=question["id"], format="markdown", metadata={"order": 1.5})
    report_id = report(bob, messageId=message["id"], reason="abuse", text="  Every\r\nday ")
    alice.patch(f"/messages/{message['id']}", {"content": "Nothing"})

    found = listed(moderator, report_id)
    assert set(found) == REQUIRED | {"reporter", "text", "excerpt"}
    assert (found["reason"], found["status"], found["text"]) == ("abuse", "open", "Every\nday")
    assert found["target"] == {"type": "message", "id": message["id"]}
    assert (found["reporter"]["id"], found["reporter"]["username"]) == (bob.id, bob.name)
    assert (found["reporter"]["isOnline"], found["reporter"]["lastSeen"]) == (False, None)
    # The common fields, as they were.
    expected = {name: value for name, value in message.items() if name != "status"}
    assert found["excerpt"] == expected

    # After the deletion too.
    assert alice.delete(f"/messages/{message['id']}").status_code == 204
    assert bob.delete(f"/messages/{question['id']}").status_code == 204
    excerpt = listed(moderator, report_id)["excerpt"]
    assert (excerpt["content"], excerpt["isDeleted"]) == ("Buy **this**", False)
    quote = {"id": question["id"], "seq": 1, "senderId": bob.id, "isDeleted": True}
    assert excerpt["replyTo"] == quote


def test_names_in_excerpts_are_the_current_ones(alice: Person, bob: Person, moderator: Person, engine: Engine) -> None:
    chat_id = alice.direct_chat(bob)
    question = alice.send(chat_id, "a secret of alice")
    message = bob.send(chat_id, "Hello", replyToId=question["id"])
    report_id = report(alice, messageId=message["id"])
    with engine.connect() as db:
        stored = db.execute(text("SELECT r::text FROM reports r WHERE id = :id"), {"id": report_id}).scalar_one()
    assert not [word for word in (alice.name, bob.name, "secret") if word in stored]
    data(bob.patch("/users/me", {"displayName": "Bobby"}))
    excerpt = listed(moderator, report_id)["excerpt"]
    assert excerpt["sender"]["displayName"] == "Bobby"
    assert excerpt["replyTo"]["content"] == "a secret of alice"


def test_moderators_see_reported_files_until_they_are_deleted(
    server: Server, alice: Person, bob: Person, moderator: Person
) -> None:
    message = data(alice.upload(alice.group(bob), "a.png", image("PNG")))
    report_id = report(bob, messageId=message["id"])
    excerpt = listed(moderator, report_id)["excerpt"]
    assert (excerpt["type"], excerpt["fileName"]) == ("IMAGE", "a.png")
    for url in (excerpt["fileUrl"], excerpt["thumbnailUrl"]):
        assert requests.get(server.url + url, timeout=20).ok
    assert urlsplit(excerpt["fileUrl"]).path == urlsplit(message["fileUrl"]).path
    alice.delete(f"/messages/{message['id']}")
    excerpt = listed(moderator, report_id)["excerpt"]
    assert (excerpt["fileUrl"], excerpt["thumbnailUrl"], excerpt["fileName"]) == (None, None, "a.png")


def test_messages_are_reported_by_members(alice: Person, bob: Person, carol: Person, moderator: Person) -> None:
    chat_id = alice.group(bob)
    cleared, message = alice.send(chat_id, "1"), alice.send(chat_id, "2")
    data(bob.post(f"/chats/{chat_id}/clear", {"upTo": 1}))
    assert refused(bob, messageId=cleared["id"]) == (404, "not_found")
    assert refused(carol, messageId=message["id"]) == (404, "not_found")
    assert refused(carol, messageId=UNKNOWN_ID) == (404, "not_found")
    # They know what they deleted for themselves.
    assert bob.post("/messages/hide", {"messageIds": [message["id"]]}).ok
    assert listed(moderator, report(bob, messageId=message["id"]))["excerpt"]["content"] == "2"
    alice.delete(f"/chats/{chat_id}/members/{bob.id}")
    third = alice.send(chat_id, "3")
    assert refused(bob, messageId=third["id"]) == (404, "not_found")


def test_deleted_messages_are_reported_without_an_excerpt(alice: Person, bob: Person, moderator: Person) -> None:
    message = alice.send(alice.direct_chat(bob), "Hello")
    alice.delete(f"/messages/{message['id']}")
    found = listed(moderator, report(bob, messageId=message["id"]))
    assert set(found) == REQUIRED | {"reporter"}


def test_users_are_reported_by_those_who_can_find_them(alice: Person, bob: Person, carol: Person) -> None:
    report(alice, userId=bob.id)
    data(carol.patch("/users/me/settings", {"findable": False}))
    assert refused(alice, userId=carol.id) == (404, "not_found")
    assert refused(alice, userId=UNKNOWN_ID) == (404, "not_found")
    assert refused(alice, userId=SYSTEM_ID) == (404, "not_found")
    # A user who blocks the caller is not found.
    assert bob.request("PUT", f"/users/me/blocks/{carol.id}").ok
    assert refused(carol, userId=bob.id) == (404, "not_found")
    # The caller knows whom they block, and who is in their chats.
    assert carol.request("PUT", f"/users/me/blocks/{bob.id}").ok
    report(carol, userId=bob.id)
    carol.direct_chat(alice)
    report(alice, userId=carol.id)


def test_deactivated_users_are_reported_from_shared_chats(
    alice: Person, bob: Person, carol: Person, admin: Person
) -> None:
    alice.direct_chat(bob)
    data(admin.patch(f"/admin/users/{bob.id}", {"isActive": False}))
    report(alice, userId=bob.id)
    assert refused(carol, userId=bob.id) == (404, "not_found")


def test_chats_are_reported_by_their_members(alice: Person, bob: Person, carol: Person, moderator: Person) -> None:
    chat_id = alice.group(bob)
    found = listed(moderator, report(bob, chatId=chat_id, reason="illegal"))
    assert set(found) == REQUIRED | {"reporter"}
    assert found["target"] == {"type": "chat", "id": chat_id}
    assert refused(carol, chatId=chat_id) == (404, "not_found")
    assert alice.delete(f"/chats/{chat_id}").status_code == 204
    assert refused(alice, chatId=chat_id) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "spam"}, "messageId"),
        ({"reason": "spam", "userId": UNKNOWN_ID, "chatId": UNKNOWN_ID}, "messageId"),
        ({"reason": "spam", "userId": "1"}, "userId"),
        ({"userId": UNKNOWN_ID}, "reason"),
        ({"reason": "boring", "userId": UNKNOWN_ID}, "reason"),
        ({"reason": "other", "userId": UNKNOWN_ID, "text": "x" * 1001}, "text"),
        ({"reason": "other", "userId": UNKNOWN_ID, "note": "x"}, "note"),
    ],
)
def test_invalid_reports_are_refused(alice: Person, body: Json, field: str) -> None:
    response = alice.post("/reports", body)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]


def test_the_same_target_has_one_report_of_a_user(alice: Person, bob: Person, carol: Person, moderator: Person) -> None:
    chat_id = alice.group(bob, carol)
    message = alice.send(chat_id, "Hello")
    body = {"messageId": message["id"], "reason": "spam", "text": "first"}
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda _: bob.post("/reports", body), range(4)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 201]
    (report_id,) = {data(response)["id"] for response in responses}
    data(moderator.patch(f"/admin/reports/{report_id}", {"status": "done"}))
    bob.delete(f"/chats/{chat_id}/leave")
    again = bob.post("/reports", body | {"reason": "abuse", "text": "second"})
    assert (again.status_code, data(again)) == (200, {"id": report_id})
    found = listed(moderator, report_id)
    assert (found["reason"], found["text"], found["status"]) == ("spam", "first", "done")
    assert report(carol, messageId=message["id"]) != report_id
    assert report(carol, userId=alice.id) != report_id


def test_the_reported_user_is_not_notified(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    message = alice.send(chat_id, "Hello")
    socket = connect(alice)
    report(bob, messageId=message["id"])
    report(bob, userId=alice.id)
    bob.send(chat_id, "after")
    socket.wait_for("message:new")
    assert {name for name, _ in socket.received()} <= {"message:new", "user:online", "messages:read"}


def test_reports_are_listed_by_status_in_pages(alice: Person, bob: Person, carol: Person, moderator: Person) -> None:
    first, second, third = (report(alice, userId=each.id) for each in (bob, carol, moderator))
    data(moderator.patch(f"/admin/reports/{second}", {"status": "dismissed"}))
    newest = [each["id"] for each in data(moderator.get("/admin/reports", status="open"))]
    assert [each for each in newest if each in (first, second, third)] == [third, first]
    assert second in [each["id"] for each in data(moderator.get("/admin/reports", status="dismissed"))]
    response = moderator.get("/admin/reports", limit=1)
    assert [each["id"] for each in data(response)] == [third]
    cursor = response.json()["meta"]["nextCursor"]
    assert [each["id"] for each in data(moderator.get("/admin/reports", limit=1, cursor=cursor))] == [second]
    assert problem(moderator.get("/admin/reports", cursor=cursor, status="open")) == (400, "cursor_invalid")
    assert problem(moderator.get("/admin/reports", cursor="x")) == (400, "cursor_invalid")
    assert problem(moderator.get("/admin/reports", status="closed")) == (422, "validation_error")


def test_targets_are_expanded_on_request(alice: Person, bob: Person, moderator: Person) -> None:
    chat_id = alice.group(bob, name="Team")
    message = alice.send(chat_id, "Hello")
    reports = [report(bob, messageId=message["id"]), report(bob, userId=alice.id), report(bob, chatId=chat_id)]
    alice.delete(f"/messages/{message['id']}")
    of_message, of_user, of_chat = (listed(moderator, each, expand="target")["target"] for each in reports)
    chat = {"id": chat_id, "type": "GROUP", "name": "Team"}
    assert (of_message["user"]["username"], of_message["chat"]) == (alice.name, chat)
    assert of_message["isDeleted"]
    assert of_user["user"]["username"] == alice.name
    assert (set(of_user), of_chat) == ({"type", "id", "user"}, {"type": "chat", "id": chat_id, "chat": chat})


def test_reports_are_closed_and_reopened(alice: Person, bob: Person, moderator: Person, admin: Person) -> None:
    path = f"/admin/reports/{report(alice, userId=bob.id)}"
    before = data(moderator.patch(path, {}))
    assert before == listed(moderator, before["id"])
    done = data(moderator.patch(path, {"status": "done", "note": " Warned "}))
    assert done == before | {"status": "done", "note": "Warned", "closedAt": done["closedAt"]}
    # Still closed since then.
    assert data(moderator.patch(path, {"status": "dismissed"})) == done | {"status": "dismissed"}
    assert data(moderator.patch(path, {"status": "dismissed", "note": "Warned"})) == done | {"status": "dismissed"}
    assert data(moderator.patch(path, {"note": None})) == before | {"status": "dismissed", "closedAt": done["closedAt"]}
    assert data(moderator.patch(path, {"status": "open", "note": ""})) == before

    entries = data(admin.get("/admin/audit", target=before["id"]))
    assert [(each["action"], each["details"]) for each in reversed(entries)] == [
        ("report.closed", {"fields": ["status", "note"], "status": "done"}),
        ("report.closed", {"fields": ["status"], "status": "dismissed"}),
        ("report.updated", {"fields": ["note"], "status": "dismissed"}),
        ("report.reopened", {"fields": ["status"], "status": "open"}),
    ]
    assert {each["target"]["type"] for each in entries} == {"report"}
    assert {each["actor"]["id"] for each in entries} == {moderator.id}

    assert problem(moderator.patch(f"/admin/reports/{UNKNOWN_ID}", {"status": "done"})) == (404, "not_found")
    for body in ({"status": "closed"}, {"status": None}, {"note": "x" * 1001}, {"reason": "spam"}):
        assert problem(moderator.patch(path, body)) == (422, "validation_error")


def test_keys_need_the_scope_moderation(new_key: NewKey, alice: Person, bob: Person, admin: Person) -> None:
    report_id = report(alice, userId=bob.id)
    key, other = new_key("moderation"), new_key("users", "messages", "act", "admin", "audit:read")
    assert listed(key, report_id)["id"] == report_id
    assert data(key.patch(f"/admin/reports/{report_id}", {"status": "done"}))["status"] == "done"
    assert data(admin.get("/admin/audit", target=report_id))[0]["actor"] == {
        "type": "key",
        "id": key.id,
        "name": "test",
    }
    for response in (other.get("/admin/reports"), other.patch(f"/admin/reports/{report_id}", {})):
        assert problem(response) == (403, "scope_missing")
    assert problem(key.get("/admin/reports", act_as=alice.id)) == (403, "act_as_forbidden")
    # Nor does the role of a key's user count.
    assert problem(new_key(acts_as=alice.id).get("/admin/reports")) == (403, "scope_missing")


def test_keys_report_as_users(new_key: NewKey, alice: Person, bob: Person, moderator: Person, admin: Person) -> None:
    key = new_key("act")
    body = {"userId": bob.id, "reason": "other"}
    first, again = (key.post("/reports", body, act_as=alice.id) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    report_id = data(first)["id"]
    assert listed(moderator, report_id)["reporter"]["id"] == alice.id
    # The audit log is kept longer than the reporter.
    (entry,) = data(admin.get("/admin/audit", actor=key.id))
    assert (entry["action"], entry["target"]) == ("report.created", {"type": "report", "id": report_id})
    assert "actingAs" not in entry


def test_moderators_have_no_other_scope(moderator: Person) -> None:
    for path in ("/admin/keys", "/admin/audit", "/server/users", "/server/chats", f"/server/jobs/{UNKNOWN_ID}"):
        assert problem(moderator.get(path)) == (403, "forbidden")


def test_erasing_the_reporter_keeps_the_report(alice: Person, bob: Person, moderator: Person, admin: Person) -> None:
    message = alice.send(alice.direct_chat(bob), "Hello")
    report_id = report(bob, messageId=message["id"], text="Help")
    finished(admin, erase(admin, bob.id))
    found = listed(moderator, report_id)
    assert set(found) == REQUIRED | {"text", "excerpt"}
    assert refused(alice, userId=bob.id) == (404, "not_found")


@pytest.mark.parametrize("messages", ["keep", "erase"])
def test_excerpts_of_erased_users_go_with_their_messages(
    alice: Person, bob: Person, moderator: Person, admin: Person, messages: str
) -> None:
    message = alice.send(alice.direct_chat(bob), "Hello")
    report_id = report(bob, messageId=message["id"])
    finished(admin, erase(admin, alice.id, messages=messages))
    found = listed(moderator, report_id, expand="target")
    assert ("excerpt" in found) == (messages == "keep")
    assert found["target"]["user"]["isDeleted"]
    if messages == "keep":
        assert found["excerpt"]["sender"]["username"].startswith("deleted_")


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a low limit on reports, which hides external ids."""
    settings = {"RATELIMIT_ENABLED": "true", "RATELIMIT_REPORTS": "2/1h", "RATELIMIT_REGISTER": "100/60s"}
    settings["EXTERNAL_IDS"] = "private"
    with Server(database_url, tmp_path_factory.mktemp("limited"), **settings) as server:
        yield server


def test_reports_are_limited_by_user(limited: Server) -> None:
    alice, bob, carol = (register(limited.url, name) for name in ("alice", "bob", "carol"))
    report(alice, userId=bob.id)
    assert alice.post("/reports", {"reason": "spam"}).status_code == 422
    report(alice, userId=carol.id)
    response = alice.post("/reports", {"reason": "spam", "userId": bob.id})
    assert problem(response) == (429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= 3600
    report(bob, userId=alice.id)


def test_private_external_ids_are_for_keys(limited: Server, engine: Engine, new_key: NewKey) -> None:
    alice, bob, moderator = (register(limited.url, name) for name in ("alice", "bob", "moderator"))
    with engine.begin() as db:
        db.execute(text("UPDATE users SET external_id = :id WHERE id = CAST(:id AS uuid)"), {"id": alice.id})
        db.execute(text("UPDATE users SET role = 'MODERATOR' WHERE id = :id"), {"id": moderator.id})
    report_id = report(alice, userId=bob.id)
    assert "externalId" not in listed(moderator, report_id)["reporter"]
    assert "externalId" not in data(moderator.patch(f"/admin/reports/{report_id}", {"status": "done"}))["reporter"]
    key = Backend(limited.url, new_key("moderation").key)
    assert listed(key, report_id)["reporter"]["externalId"] == alice.id


def test_capabilities_name_reports(server: Server) -> None:
    assert "reports" in data(requests.get(f"{server.url}/api/v1/capabilities", timeout=20))["features"]
