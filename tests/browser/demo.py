"""A few people and what they said, to show the web client with: made over REST, then moved back in time."""

import io
import math
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests
from PIL import Image, ImageDraw, ImageFilter
from sqlalchemy import Engine, text

from tests.browser.talk import CHATS, FAMILY, GROUPS, HIKE, HIKE_TALK, STUDIO, Said
from tests.people import PASSWORD, TIMEOUT, Person, data
from tests.socket_clients import PyClient

__all__ = ["ADMIN", "FAMILY", "HIKE", "ME", "STUDIO", "Demo", "document", "landscape", "make", "put_back", "watermarks"]

ME = "maya"
ADMIN = "ines"
OTHERS = ("jonas", "amara", "leo_k", "sofia", "tomasz", "ines", "sophie_w", "soren")


@dataclass
class Demo:
    """The people by name, the chats by the name that is shown, and the sockets of those who are here."""

    people: dict[str, Person]
    chats: dict[str, str] = field(default_factory=dict)
    sockets: dict[str, PyClient] = field(default_factory=dict)


def make(url: str, engine: Engine) -> Demo:
    """People who talked over the last days, on a server whose limits are off."""
    demo = Demo({name: _register(url, name) for name in (ME, *OTHERS)})
    me = demo.people[ME]
    _make_keys(demo.people[ADMIN], engine)

    sent: list[tuple[str, str]] = []

    def send_all(chat_id: str, talk: tuple[Said, ...]) -> None:
        for said in talk:
            message = _say(demo.people, chat_id, said, sent)
            sent.append((said.text, message))
            hour, minute = map(int, said.clock.split(":"))
            then = datetime.now().astimezone().replace(hour=hour, minute=minute) - timedelta(days=said.days)
            _move(engine, message, then)

    for name, talk in CHATS.items():
        demo.chats[name] = me.direct_chat(demo.people[name])
        send_all(demo.chats[name], talk)
    groups = {**GROUPS, HIKE: HIKE_TALK}
    for name, talk in groups.items():
        about = {"name": name, "memberIds": [demo.people[each].id for each in OTHERS[:6]]}
        if name == HIKE:
            about["description"] = "Over the ridge and back, with lunch at the hut."
        demo.chats[name] = str(data(me.post("/chats/groups", about))["id"])
        send_all(demo.chats[name], talk)
    _make_reports(demo)
    for name in OTHERS[:6]:
        demo.people[name].post(f"/messages/{demo.chats[HIKE]}/read", {})
    for name in ("jonas", "sofia", "ines"):
        demo.people[name].post(f"/messages/{demo.chats[name]}/read", {})
    for chat in (HIKE, "jonas", "sofia", "tomasz", "ines", "Book club", FAMILY):
        me.post(f"/messages/{demo.chats[chat]}/read", {})
    return demo


def _make_keys(admin: Person, engine: Engine) -> None:
    """API keys, for the administration."""
    with engine.begin() as database:
        database.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": admin.id})
    keys = {"reports": ["users:read", "audit:read"], "backend": ["users", "tokens", "chats", "messages", "act"]}
    ids = {name: data(admin.post("/admin/keys", {"name": name, "scopes": keys[name]}))["id"] for name in keys}
    data(admin.post(f"/admin/keys/{ids['reports']}/rotate", {"overlap": "7d"}))


def _make_reports(demo: Demo) -> None:
    """Reports, for the moderators; the chat of the reported message is not among those that are shown."""
    sender, reporter = demo.people["leo_k"], demo.people["sophie_w"]
    content = "Earn 500 a day from home! Write to me and I'll tell you how."
    message = data(sender.post("/messages", {"chatId": sender.direct_chat(reporter), "content": content}))
    spam = {"messageId": message["id"], "reason": "spam", "text": "The third time this week."}
    abuse = {"userId": demo.people["tomasz"].id, "reason": "abuse", "text": "He keeps calling me names."}
    for report in (spam, abuse):
        data(reporter.post("/reports", report))


def watermarks(engine: Engine) -> list[dict[str, object]]:
    """The read positions of all users."""
    with engine.connect() as database:
        rows = database.execute(text("SELECT chat_id, user_id, read_seq, delivered_seq FROM members"))
        return [dict(row) for row in rows.mappings()]


def put_back(engine: Engine, marks: list[dict[str, object]]) -> None:
    """Restore the read positions, and drop drafts and what users did with chats and messages for themselves."""
    states = ("muted_until", "archived_seq", "hidden_seq", "pinned_at", "unread_from", "marked_seq", "notify")
    with engine.begin() as database:
        for table in ("drafts", "hidden_messages"):
            database.execute(text(f"DELETE FROM {table}"))
        nothing = ", ".join(f"{name} = NULL" for name in states)
        database.execute(text(f"UPDATE members SET {nothing}, has_hidden = false"))
        database.execute(
            text(
                "UPDATE members SET read_seq = :read_seq, delivered_seq = :delivered_seq"
                " WHERE chat_id = :chat_id AND user_id = :user_id"
            ),
            marks,
        )


# The colours of the sky, at the horizon and above, and of the ridges, from afar to near.
LIGHTS = {
    "morning": ("#f9c9a0", "#6f8fd0", ("#8d93c4", "#6a74ad", "#464f86", "#262d56")),
    "noon": ("#d9ecf7", "#5aa2dc", ("#a9c4d4", "#7fa597", "#557f63", "#2f5a3f")),
    "evening": ("#f6a65b", "#7b3f76", ("#a0567a", "#73406d", "#4b2c55", "#291a38")),
}


def landscape(width: int = 1200, height: int = 800, light: str = "morning", bend: float = 0) -> bytes:
    """A picture of mountains, as JPEG."""
    sky = Image.linear_gradient("L").resize((width, height))
    low, high, colours = LIGHTS[light]
    picture = Image.composite(Image.new("RGB", sky.size, low), Image.new("RGB", sky.size, high), sky)
    draw = ImageDraw.Draw(picture)
    left = width * (0.64 - 0.4 * math.sin(bend))
    draw.ellipse((left, height * 0.3, left + width * 0.08, height * 0.3 + width * 0.08), fill="#fff1d6")
    shapes = ((0.5, 0.16), (0.62, 0.13), (0.74, 0.1), (0.88, 0.06))
    for number, (colour, (base, rise)) in enumerate(zip(colours, shapes, strict=True)):
        points = [(0, height)]
        for step in range(41):
            wave = math.sin(step * (0.31 + number * 0.07) + number + bend)
            wave += 0.5 * math.sin(step * 0.9 + number * 2 + 3 * bend)
            points.append((int(width * step / 40), int(height * (base - rise * wave / 2.5))))
        draw.polygon([*points, (width, height)], fill=colour)
    out = io.BytesIO()
    picture.filter(ImageFilter.SMOOTH_MORE).save(out, "JPEG", quality=82)
    return out.getvalue()


def document() -> bytes:
    """A PDF of a size that people send."""
    return b"%PDF-1.4\n% " + secrets.token_hex(210_000).encode() + b"\n%%EOF\n"


def _register(url: str, name: str) -> Person:
    account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    return Person(url, data(requests.post(f"{url}/api/v1/auth/register", json=account, timeout=TIMEOUT)))


# What the pictures show; a file with another name is a document.
PICTURES = {
    "valley.jpg": ("noon", 0.9),
    "lake.jpg": ("noon", 2.1),
    "summit.jpg": ("noon", 4.0),
    "way-back.jpg": ("evening", 1.2),
    "evening.jpg": ("evening", 3.1),
    "ridge.jpg": ("morning", 0),
}


def _say(people: dict[str, Person], chat_id: str, said: Said, sent: list[tuple[str, str]]) -> str:
    """Send a message with everything that it has; returns its id. `sent` are the texts and ids of those before."""
    message = _send(people, chat_id, said, sent)
    for content in (*said.before[1:], said.text) if said.before else ():
        data(people[said.who].patch(f"/messages/{message}", {"content": content}))
    for emoji, names in said.reactions:
        for name in names.split():
            data(people[name].request("PUT", f"/messages/{message}/reactions/{quote(emoji)}"))
    if said.pinned:
        data(people[ME].request("PUT", f"/messages/{message}/pin"))
    return message


def _send(people: dict[str, Person], chat_id: str, said: Said, sent: list[tuple[str, str]]) -> str:
    person = people[said.who]
    if said.file:
        picture = PICTURES.get(said.file)
        whole = landscape(light=picture[0], bend=picture[1]) if picture else document()
        caption = {"content": said.text} if said.text else {}
        return str(data(person.upload(chat_id, said.file, whole, **caption))["id"])
    if said.forward:
        body = {"messageIds": [_find(sent, said.forward)], "chatIds": [chat_id], "clientId": str(uuid.uuid4())}
        return str(data(person.post("/messages/forward", body))[0]["id"])
    fields: dict[str, Any] = {}
    if said.reply:
        fields["replyToId"] = _find(sent, said.reply)
    if said.mentions:
        fields["mentions"] = {"userIds": [people[name].id for name in said.mentions]}
    if said.markdown:
        fields["format"] = "markdown"
    return str(person.send(chat_id, said.before[0] if said.before else said.text, **fields)["id"])


def _find(sent: list[tuple[str, str]], part: str) -> str:
    """The id of the last message with this in its text."""
    return next(id for text, id in reversed(sent) if part in text)


def _move(engine: Engine, message_id: str, then: datetime) -> None:
    """Move a message back in time: with its reactions a minute after each other, and its edits two."""
    changes = (
        "UPDATE messages SET created_at = :then WHERE id = :id",
        "UPDATE messages SET edited_at = :then + edit_count * interval '2 min' WHERE id = :id AND edit_count > 0",
        "UPDATE message_versions SET at = :then + (version - 1) * interval '2 min' WHERE message_id = :id",
        "UPDATE reactions r SET created_at = :then + place * interval '1 min' FROM ("
        "SELECT emoji_key, user_id, row_number() OVER (ORDER BY created_at) AS place FROM reactions WHERE message_id = :id"
        ") s WHERE message_id = :id AND (r.emoji_key, r.user_id) = (s.emoji_key, s.user_id)",
        # The list is in the order of these. A search relies on them being no older than the ids of messages, which stay.
        "UPDATE chats SET updated_at = u.start + (:then - u.start) / 500000 FROM messages m, ("
        "SELECT min(created_at) AS start FROM users) u WHERE m.id = :id AND chats.id = m.chat_id",
    )
    with engine.begin() as database:
        for change in changes:
            database.execute(text(change), {"id": message_id, "then": then})
