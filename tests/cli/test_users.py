"""Commands for users of an app."""

import json
import secrets
import zipfile
from pathlib import Path

from tests.cli.conftest import Chat
from tests.people import Person, data


def test_users_are_created_changed_and_deactivated(chat: Chat) -> None:
    external_id = secrets.token_hex(6)
    created = json.loads(
        chat("create-user", external_id, "--display-name", "Zoë [x]", "--role", "MODERATOR", "--json").stdout
    )
    assert (created["externalId"], created["displayName"], created["role"]) == (external_id, "Zoë [x]", "MODERATOR")
    changed = chat("create-user", f"ext:{external_id}", "--display-name", "Ida")
    assert "updated" in changed.stdout, changed.stderr
    ended = json.loads(chat("deactivate", f"ext:{external_id}", "--json").stdout)
    assert (ended["id"], ended["displayName"], ended["isActive"]) == (created["id"], "Ida", False)
    assert "deactivated" in chat("deactivate", created["id"]).stdout
    assert json.loads(chat("create-user", secrets.token_hex(6), "--bot", "--json").stdout)["isBot"] is True


def test_a_user_is_exported(chat: Chat, alice: Person, bob: Person, carol: Person, tmp_path: Path) -> None:
    chat_id = alice.direct_chat(bob)
    alice.send(chat_id, "from alice")
    bob.send(chat_id, "from bob")
    data(alice.request("PUT", f"/chats/{chat_id}/draft", json={"content": "unsent"}))
    data(alice.patch(f"/chats/{chat_id}/me", {"notify": "none"}))
    assert alice.request("PUT", f"/users/me/blocks/{carol.id}").status_code == 204
    report_id = data(alice.post("/reports", {"userId": bob.id, "reason": "spam"}))["id"]
    file = tmp_path / "alice.zip"
    done = chat("export-user", alice.id, "--output", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"id": alice.id, "file": str(file), "chats": 1, "messages": 1}
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("profile.json"))["email"] == alice.email
        (of_chat,) = json.loads(archive.read("chats.json"))
        assert of_chat["memberIds"] == [alice.id, bob.id]
        assert (of_chat["draft"]["content"], of_chat["me"]["notify"]) == ("unsent", "none")
        settings = json.loads(archive.read("settings.json"))
        assert (settings["blockedIds"], settings["settings"]["readReceipts"]) == ([carol.id], True)
        assert json.loads(archive.read("sessions.json"))[0]["kind"] == "password"
        assert [report["id"] for report in json.loads(archive.read("reports.json"))] == [report_id]
        messages = [json.loads(line) for line in archive.read("messages.ndjson").splitlines()]
    assert [message["content"] for message in messages] == ["from alice"]
    assert data(alice.get("/users/me"))["id"] == alice.id


def test_mistakes_are_reported_in_one_sentence(chat: Chat) -> None:
    for words in (
        ("create-user", "a/b"),
        ("create-user", "x", "--email", "nothing"),
        ("deactivate", "nobody"),
        ("deactivate", "ext:unknown_user"),
        ("export-user", "ext:unknown_user"),
    ):
        done = chat(*words)
        assert done.returncode != 0, words
        assert "Traceback" not in done.stderr
