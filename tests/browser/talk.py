"""What the people of the demo said to each other."""

from typing import NamedTuple


class Said(NamedTuple):
    """One message: how many days ago, at which time, by whom, its text, and what it has besides."""

    days: int
    clock: str
    who: str
    text: str = ""
    # The name of the file that it brings.
    file: str = ""
    # A part of an earlier message: of this chat for a reply, of any chat for a copy.
    reply: str = ""
    forward: str = ""
    mentions: tuple[str, ...] = ()
    markdown: bool = False
    # Its texts before the edits, the first one first.
    before: tuple[str, ...] = ()
    # Emoji, each with the names of those who gave it.
    reactions: tuple[tuple[str, str], ...] = ()
    pinned: bool = False


HIKE = "Saturday hike"
PLAN = """**Plan for Saturday**
- 7:30 side entrance of the station
- 12:00 lunch at the hut
- 17:02 train back, *or the one after*"""
HIKE_TALK = (
    Said(330, "10:12", "jonas", file="valley.jpg"),
    Said(330, "11:40", "jonas", file="lake.jpg"),
    Said(330, "13:05", "amara", file="summit.jpg"),
    Said(330, "16:31", "sofia", file="way-back.jpg"),
    Said(330, "19:48", "jonas", "The last light, from the train", file="evening.jpg"),
    Said(2, "08:12", "jonas", "Morning all. Who is in for Saturday? I'd take the ridge path and be back by five."),
    Said(2, "08:15", "amara", "In! I can drive, three seats free.", reactions=(("🎉", "jonas maya sofia"),)),
    Said(2, "08:21", "maya", "Me too. Lunch at the hut, or do we bring our own?"),
    Said(
        2,
        "08:22",
        "jonas",
        "The hut is open again since last week: https://hut.example.org/menu",
        reply="Lunch at the hut",
        pinned=True,
    ),
    Said(1, "19:40", "sofia", "Forecast says sun until four, then clouds."),
    Said(1, "19:41", "sofia", "Bring something warm for the top, it was 6 degrees up there yesterday."),
    Said(1, "19:55", "jonas", PLAN, markdown=True, pinned=True, reactions=(("👍", "maya amara sofia leo_k"),)),
    Said(1, "20:03", "maya", "Packed. Amara, can you pick me up at the station?"),
    Said(1, "20:05", "amara", "Sure, 7:30 at the side entrance."),
    Said(0, "07:02", "leo_k", "Found the map from last year."),
    Said(0, "07:03", "leo_k", file="ridge-path.pdf"),
    Said(
        0,
        "07:10",
        "jonas",
        "This was the view on the way up yesterday",
        file="ridge.jpg",
        reactions=(("😍", "amara maya sofia leo_k"), ("🏔️", "ines tomasz"), ("📷", "leo_k")),
    ),
    Said(0, "07:14", "maya", "Wow. That alone is worth getting up for."),
    Said(0, "07:15", "maya", "🏔️🌤️"),
    Said(0, "07:24", "sofia", "@maya, do you have the big thermos?", mentions=("maya",)),
    Said(
        0,
        "07:26",
        "maya",
        "Yes, with tea for six.",
        reply="the big thermos",
        reactions=(("🙏", "sofia"), ("🍵", "jonas")),
    ),
    Said(
        0,
        "07:31",
        "amara",
        "I am at the side entrance, blue car.",
        before=("I am at the main entrance.", "I am at the side entrance."),
        reactions=(("👍", "maya jonas"),),
    ),
)
CHATS = {
    "jonas": (
        Said(0, "06:50", "jonas", "The hut takes no cards, bring some cash. See you at the trailhead!"),
        Said(0, "06:58", "maya", "See you there!", reactions=(("👍", "jonas"),)),
    ),
    "amara": (
        Said(1, "17:20", "maya", "Did you get the tickets?"),
        Said(
            1,
            "17:26",
            "amara",
            "Two in row eight. I'll bring them on Saturday.",
            reactions=(("🎉", "maya"),),
        ),
        Said(0, "07:32", "maya", forward="takes no cards"),
        Said(0, "07:33", "amara", "Running two minutes late, sorry!"),
        Said(0, "07:34", "maya", "No hurry. Save me a seat by the window 🪟"),
        Said(0, "07:35", "amara", "Done. Do you need anything from the bakery?", reply="a seat by the window"),
        Said(0, "07:36", "amara", "They have the good rolls today", reactions=(("😋", "maya"),)),
    ),
    "sofia": (Said(1, "21:12", "maya", "Thanks for the forecast. I'll bring the thermos."),),
    "tomasz": (Said(4, "15:02", "tomasz", "The invoice is paid, thank you for the quick work."),),
    "ines": (
        Said(9, "11:45", "ines", "Happy birthday! 🎉", reactions=(("❤️", "maya"),)),
        Said(9, "12:01", "maya", "Thank you!"),
    ),
}
FAMILY = "משפחה · عائلة"
STUDIO = "Studio Nord"
HOURS = """The **opening hours** are on the page now, with the new sign:
1. Monday to Friday, 9 to 18
2. Saturday, ~~10 to 14~~ closed"""
CODE = """@maya, this is how the page asks for them:
```js
// Once a day is enough.
const reply = await fetch("/hours.json");
const { open, close } = await reply.json();
sign.show(`${open} to ${close}`);
```
Please have a look at `sign.show`, it is [described here](https://sign.example.org/show)."""
GROUPS = {
    FAMILY: (
        Said(5, "18:00", "ines", "מי מביא את העוגה ביום שישי?", pinned=True),
        Said(5, "18:04", "maya", "אני! Chocolate or lemon?", reply="מי מביא"),
        Said(5, "18:09", "tomasz", "أنا أحضر الشاي والقهوة ☕", reactions=(("❤️", "maya ines"), ("☕", "sofia"))),
        Said(5, "18:12", "maya", "شكرا! نلتقي الساعة 7:30 عند ines", before=("شكرا! نلتقي عند ines",)),
        Said(5, "18:15", "ines", "Great, see you there. להתראות 👋", reply="نلتقي الساعة"),
    ),
    "Book club": (
        Said(3, "20:28", "leo_k", "@maya, the library has the second copy for you.", mentions=("maya",)),
        Said(3, "20:30", "sofia", "Next up: chapters 9 to 14, on Thursday at Ines' place."),
    ),
    STUDIO: (
        Said(0, "06:31", "tomasz", "The new sign is up. Come and look when you are in."),
        Said(0, "06:35", "ines", "It looks great from the tram stop already.", reply="The new sign"),
        Said(0, "06:38", "tomasz", HOURS, markdown=True, reactions=(("✅", "ines"),)),
        Said(0, "06:40", "ines", CODE, markdown=True, mentions=("maya",)),
    ),
}
