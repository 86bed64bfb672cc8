"""A large group is hidden at once and deleted in portions."""

import requests
from sqlalchemy import Engine, text

from chatapp.launcher.process import wait_for
from tests.files import samples
from tests.people import Person, data

_FILL = text(
    """
    WITH sent AS (
        INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
        SELECT gen_random_uuid(), :chat_id, c.last_seq + n, c.last_rev + n, :user_id, 'x'
        FROM chats c, generate_series(1, :count) n WHERE c.id = :chat_id
    )
    UPDATE chats SET last_seq = last_seq + :count, last_rev = last_rev + :count WHERE id = :chat_id
    """
)


def test_large_group_is_hidden_at_once_and_deleted_in_portions(alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id]}))["id"]
    message = data(alice.upload(chat_id, "a.pdf", samples.PDF))
    assert requests.get(alice.url + message["fileUrl"], timeout=20).status_code == 200
    with engine.begin() as db:
        db.execute(_FILL, {"chat_id": chat_id, "user_id": alice.id, "count": 20_000})
        db.execute(text("UPDATE users SET role = 'MODERATOR' WHERE id = :id"), {"id": bob.id})
    assert alice.delete(f"/chats/{chat_id}").status_code == 204
    assert bob.delete(f"/messages/{message['id']}").status_code == 404
    assert bob.get(f"/messages/{message['id']}/statuses").status_code == 404
    assert alice.get(f"/messages/{chat_id}").status_code == 404
    assert requests.get(alice.url + message["fileUrl"], timeout=20).status_code == 404
    assert data(alice.post("/sync", {"chats": {chat_id: 1}}))["gone"] == [chat_id]

    def left() -> int:
        with engine.connect() as db:
            count = "SELECT (SELECT count(*) FROM messages WHERE chat_id = :id) + (SELECT count(*) FROM chats WHERE id = :id)"
            return int(db.execute(text(count), {"id": chat_id}).scalar_one())

    assert wait_for(lambda: left() == 0, 30)
