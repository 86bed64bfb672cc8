"""A few people and what they said, to show the web client with: made over REST, then moved back in time."""

import io
import math
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import requests
from PIL import Image, ImageDraw, ImageFilter
from sqlalchemy import Engine, text

from tests.people import PASSWORD, TIMEOUT, Person, data
from tests.socket_clients import PyClient

ME = "maya"
OTHERS = ("jonas", "amara", "leo_k", "sofia", "tomasz", "ines", "sophie_w", "soren")
HIKE = "Saturday hike"
HIKE_TALK = (
    (2, "08:12", "jonas", "Morning all. Who is in for Saturday? I'd take the ridge path and be back by five."),
    (2, "08:15", "amara", "In! I can drive, three seats free."),
    (2, "08:21", "maya", "Me too. Lunch at the hut, or do we bring our own?"),
    (2, "08:22", "jonas", "The hut is open again since last week: https://hut.example.org/menu"),
    (1, "19:40", "sofia", "Forecast says sun until four, then clouds."),
    (1, "19:41", "sofia", "Bring something warm for the top, it was 6 degrees up there yesterday."),
    (1, "20:03", "maya", "Packed. Amara, can you pick me up at the station?"),
    (1, "20:05", "amara", "Sure, 7:30 at the side entrance."),
    (0, "07:02", "leo_k", "Found the map from last year."),
    (0, "07:03", "leo_k", "FILE ridge-path.pdf"),
    (0, "07:10", "jonas", "IMAGE This was the view on the way up yesterday"),
    (0, "07:14", "maya", "Wow. That alone is worth getting up for."),
    (0, "07:15", "maya", "🏔️🌤️"),
    (0, "07:31", "amara", "I am at the side entrance, blue car."),
)
CHATS = {
    "amara": (
        (1, "17:20", "maya", "Did you get the tickets?"),
        (1, "17:26", "amara", "Two in row eight. I'll bring them on Saturday."),
        (0, "07:33", "amara", "Running two minutes late, sorry!"),
        (0, "07:34", "maya", "No hurry. Save me a seat by the window 🪟"),
        (0, "07:35", "amara", "Done. Do you need anything from the bakery?"),
        (0, "07:36", "amara", "They have the good rolls today"),
    ),
    "jonas": ((0, "06:50", "jonas", "See you at the trailhead"), (0, "06:58", "maya", "See you there!")),
    "sofia": ((1, "21:12", "maya", "Thanks for the forecast. I'll bring the thermos."),),
    "tomasz": ((4, "15:02", "tomasz", "The invoice is paid, thank you for the quick work."),),
    "ines": ((9, "11:45", "ines", "Happy birthday! 🎉"), (9, "12:01", "maya", "Thank you!")),
}
FAMILY = "משפחה · عائلة"
GROUPS = {
    FAMILY: (
        (5, "18:00", "ines", "מי מביא את העוגה ביום שישי?"),
        (5, "18:04", "maya", "אני! Chocolate or lemon?"),
        (5, "18:09", "tomasz", "أنا أحضر الشاي والقهوة ☕"),
        (5, "18:12", "maya", "شكرا! نلتقي الساعة 7:30 عند ines"),
        (5, "18:15", "ines", "Great, see you there. להתראות 👋"),
    ),
    "Studio Nord": (
        (0, "06:31", "tomasz", "The new sign is up. Come and look when you are in."),
        (0, "06:40", "ines", "It looks great from the tram stop already."),
    ),
    "Book club": ((3, "20:30", "sofia", "Next up: chapters 9 to 14, on Thursday at Ines' place."),),
}


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

    def send_all(chat_id: str, talk: tuple[tuple[int, str, str, str], ...]) -> None:
        for days, clock, name, said in talk:
            message = _say(demo.people[name], chat_id, said)
            hour, minute = map(int, clock.split(":"))
            then = datetime.now().astimezone().replace(hour=hour, minute=minute) - timedelta(days=days)
            _move(engine, message, then)

    for name, talk in CHATS.items():
        demo.chats[name] = me.direct_chat(demo.people[name])
        send_all(demo.chats[name], talk)
    groups = {HIKE: HIKE_TALK, **GROUPS}
    for name, talk in groups.items():
        about = {"name": name, "memberIds": [demo.people[each].id for each in OTHERS[:6]]}
        if name == HIKE:
            about["description"] = "Over the ridge and back, with lunch at the hut."
        demo.chats[name] = str(data(me.post("/chats/groups", about))["id"])
        send_all(demo.chats[name], talk)
    for name in OTHERS[:6]:
        demo.people[name].post(f"/messages/{demo.chats[HIKE]}/read", {})
    for name in ("jonas", "sofia", "ines"):
        demo.people[name].post(f"/messages/{demo.chats[name]}/read", {})
    for chat in (HIKE, "jonas", "sofia", "tomasz", "ines", "Book club", FAMILY):
        me.post(f"/messages/{demo.chats[chat]}/read", {})
    return demo


def watermarks(engine: Engine) -> list[dict[str, object]]:
    """The read positions of all users."""
    with engine.connect() as database:
        rows = database.execute(text("SELECT chat_id, user_id, read_seq, delivered_seq FROM members"))
        return [dict(row) for row in rows.mappings()]


def put_back(engine: Engine, marks: list[dict[str, object]]) -> None:
    """Restore the read positions."""
    with engine.begin() as database:
        database.execute(
            text(
                "UPDATE members SET read_seq = :read_seq, delivered_seq = :delivered_seq"
                " WHERE chat_id = :chat_id AND user_id = :user_id"
            ),
            marks,
        )


def landscape(width: int = 1200, height: int = 800) -> bytes:
    """A picture of mountains in the morning, as JPEG."""
    sky = Image.linear_gradient("L").resize((width, height))
    picture = Image.composite(Image.new("RGB", sky.size, "#f9c9a0"), Image.new("RGB", sky.size, "#6f8fd0"), sky)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.64, height * 0.3, width * 0.72, height * 0.3 + width * 0.08), fill="#fff1d6")
    ridges = (("#8d93c4", 0.5, 0.16), ("#6a74ad", 0.62, 0.13), ("#464f86", 0.74, 0.1), ("#262d56", 0.88, 0.06))
    for number, (colour, base, rise) in enumerate(ridges):
        points = [(0, height)]
        for step in range(41):
            wave = math.sin(step * (0.31 + number * 0.07) + number) + 0.5 * math.sin(step * 0.9 + number * 2)
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


def _say(person: Person, chat_id: str, said: str) -> str:
    kind, _, rest = said.partition(" ")
    if kind not in ("FILE", "IMAGE"):
        return str(person.send(chat_id, said)["id"])
    name, content = (rest, document()) if kind == "FILE" else ("ridge.jpg", landscape())
    form = {"chatId": chat_id} | ({"content": rest} if kind == "IMAGE" else {})
    return str(data(person.request("POST", "/messages/upload", data=form, files={"file": (name, content)}))["id"])


def _move(engine: Engine, message_id: str, then: datetime) -> None:
    with engine.begin() as database:
        moved = {"id": message_id, "then": then}
        database.execute(text("UPDATE messages SET created_at = :then WHERE id = :id"), moved)
        # The list is in the order of these.
        database.execute(
            text("UPDATE chats SET updated_at = :then FROM messages m WHERE m.id = :id AND chats.id = m.chat_id"), moved
        )
