"""The texts of the demo data: short dialogues, in which each line begins with the number of its speaker."""

from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Exchange: TypeAlias = tuple[str, ...]
# The users by username, with their display names.
NAMES = {
    "amara": "Amara Okafor",
    "benoit": "Benoît Lemaire",
    "chiara": "Chiara Conti",
    "dmitri": "Dmitri Volkov",
    "elif": "Elif Yıldız",
    "farah": "Farah Haddad",
    "goran": "Goran Perić",
    "hana": "Hana Sato",
    "ingrid": "Ingrid Dahl",
    "jun": "Jun Park",
}
PEOPLE = tuple(NAMES)

WORK: tuple[Exchange, ...] = (
    (
        "0The new search is on staging. Could somebody try it with a long list?",
        "1Trying it now.",
        "1Fast! Only the empty state looks a bit lost.",
        "2I have a drawing for that somewhere, give me ten minutes.",
        "0No hurry, tomorrow is fine too.",
    ),
    (
        "0Did the numbers from Monday ever arrive?",
        "1They did, I put them into the shared folder.",
        "0Found them, thank you.",
    ),
    (
        "0I would like to move our Thursday meeting to 10:30. Any objections?",
        "1None from me.",
        "2Works, but I have to leave at 11.",
        "0Then I keep it short. Promise.",
        "1You said that last time 😄",
    ),
    (
        "0The build has been red since lunch.",
        "1That was me, a test that believed every month has 30 days.",
        "1Fixed, it is green again.",
        "0Thanks for being quick about it.",
    ),
    (
        "0Customer question: can one export a conversation?",
        "1Not yet. It is on the list for the spring.",
        "2We could offer the API for now, it gives everything page by page.",
        "0Good idea, I will write that to them.",
    ),
    (
        "0Who has the key to the small meeting room?",
        "1It is in the drawer under the printer.",
        "0The drawer is locked.",
        "1…and the key to the drawer is in the small meeting room.",
        "2I love this office.",
    ),
    (
        "0Draft of the announcement: shorter than the last one, and no exclamation marks.",
        "1Read it. The second paragraph could go.",
        "0Gone.",
        "1Perfect now.",
    ),
    (
        "0Reminder: the certificate expires in two weeks.",
        "1It renews itself since last year, remember?",
        "0I did not. Now I do. 👍",
    ),
)

FREE: tuple[Exchange, ...] = (
    (
        "0I can bring the big pot and the coffee.",
        "1Then I take care of breakfast.",
        "2And I bring the guitar.",
        "0Must you?",
        "2I have been practising!",
    ),
    (
        "0The forecast says rain on Saturday, sun on Sunday.",
        "1So cards on Saturday and swimming on Sunday.",
        "2Deal.",
    ),
    (
        "0When do we leave?",
        "1At eight, so that we are there before noon.",
        "0Eight in the morning?",
        "1Yes. Sleep in the car.",
    ),
    (
        "0Look what I found: the map from our first trip.",
        "1Is that a coffee stain or an island?",
        "0We never found out.",
    ),
    (
        "0Has anybody seen my blue jacket?",
        "1It is still hanging behind my door.",
        "0I will fetch it on the way home, thanks!",
    ),
    (
        "0I am on chapter nine and I don't trust the gardener.",
        "1Nobody should.",
        "2No spoilers before Sunday, please.",
        "0I said nothing about the letter.",
        "2What letter?!",
    ),
    (
        "0Dinner on Friday? I would cook.",
        "1Yes, please. What can I bring?",
        "0Yourself, and perhaps some bread.",
    ),
    (
        "0Landed. The train goes in twenty minutes.",
        "1Great, I will be at the station.",
        "0You don't have to.",
        "1I know. I will be at the station.",
    ),
    (
        "0Happy birthday! 🎉",
        "1Thank you! You are the first one this year.",
        "0I set an alarm.",
    ),
    (
        "0Could you water the plants until Tuesday?",
        "1Of course. The big one too?",
        "0That one only if it looks offended.",
    ),
    (
        "0How did it go?",
        "1Better than I feared. They asked almost only easy questions.",
        "0I told you so.",
        "1You did, and I did not believe a word.",
    ),
    (
        "0Short walk at lunch?",
        "1In ten minutes at the door.",
    ),
)

# Each is also sent once after the others, by the members of `SPOKEN` in their order.
PHRASES: tuple[Exchange, ...] = (
    (
        '1What is Chinese for "See you in Shanghai"?',
        "0我们上海见！",
        "1我们上海见！ I will practise it on the plane.",
    ),
    (
        "1And how do I ask for the library in Tokyo?",
        "0図書館はどこですか？",
        "0東京の図書館は月曜日が休みです。 They are closed on Mondays.",
    ),
    (
        "4서울 가는 기차는 아홉 시에 출발해요.",
        "1The train to… where?",
        "4Seoul, at nine.",
    ),
    (
        "3صباح الخير! كيف حالك؟",
        "1شكرًا، أنا بخير.",
        "3Very good! السَّلامُ عليكم is next.",
    ),
    (
        "2Ещё одну чашку чая, пожалуйста.",
        "0Another cup of tea, I know that one.",
    ),
    (
        "1In Athens I only ever needed Καλημέρα and Πού είναι ο σταθμός;",
        "2The station. Always the station.",
    ),
    (
        "4नमस्ते, आप कैसे हैं?",
        "3मैं ठीक हूँ, धन्यवाद।",
    ),
    (
        "0My teacher from Bangkok says: สวัสดีครับ วันนี้อากาศดีมาก",
        "4Hello, nice weather today?",
        "0Exactly.",
    ),
    (
        "1Un café et un croissant, s'il vous plaît.",
        "3That is all the French anyone needs.",
    ),
    (
        "2In welcher Straße ist das Café?",
        "1Gleich neben dem Fußballplatz.",
    ),
    (
        "3All of them with sound: https://phrases.example.org/travel",
        "1Thank you, I will print the list.",
    ),
)

# Each with its description, its members and its topics.
GROUPS: dict[str, tuple[str | None, tuple[str, ...], tuple[Exchange, ...]]] = {
    "Product team": ("What we build, and when.", ("amara", "benoit", "chiara", "dmitri", "elif", "jun"), WORK),
    "Lake weekend": ("Two cars, one tent too few.", ("chiara", "amara", "farah", "goran", "hana", "ingrid"), FREE),
    "Book club": ("One book a month, spoilers on Sundays.", ("elif", "amara", "farah", "hana"), FREE),
    "Languages": ("A phrase a day.", ("hana", "amara", "dmitri", "farah", "jun"), PHRASES),
    "Everyone": (None, PEOPLE, WORK + FREE),
}
# The group for languages.
SPOKEN = "Languages"


class Step(TypedDict):
    """Something that a user does: `name` is for a new message, `about` is the one that is replied to, edited and so on."""

    by: str
    do: Literal["send", "edit", "react", "pin", "forward"]
    name: NotRequired[str]
    about: NotRequired[str]
    content: NotRequired[str]
    mentions: NotRequired[tuple[str, ...]]
    format: NotRequired[str]
    emoji: NotRequired[str]
    to: NotRequired[str]


# The group of a conversation with replies, mentions, reactions and more, and its steps.
TALKED = "Product team"
STEPS: tuple[Step, ...] = (
    {
        "by": "amara",
        "do": "send",
        "name": "plan",
        "format": "markdown",
        "content": "**The plan for the release**\n\n- search: *done*\n- import: `benoit`\n- texts: ~~Monday~~ Tuesday\n\n"
        "More in [the notes](https://notes.example.org/release).",
    },
    {"by": "amara", "do": "pin", "about": "plan"},
    {"by": "chiara", "do": "react", "about": "plan", "emoji": "👍"},
    {"by": "dmitri", "do": "react", "about": "plan", "emoji": "👍"},
    {"by": "elif", "do": "react", "about": "plan", "emoji": "🎉"},
    {
        "by": "benoit",
        "do": "send",
        "name": "import",
        "about": "plan",
        "mentions": ("jun",),
        "content": "The import works with all files but one. @Jun Park, can you look at it with me?",
    },
    {"by": "jun", "do": "react", "about": "import", "emoji": "👀"},
    {
        "by": "jun",
        "do": "send",
        "name": "cause",
        "about": "import",
        "format": "markdown",
        "content": "Found it, the file has no header:\n\n```python\nrows = list(reader)\nheader = rows[0] if rows else []\n```",
    },
    {"by": "benoit", "do": "react", "about": "cause", "emoji": "❤️"},
    {"by": "amara", "do": "react", "about": "cause", "emoji": "❤️"},
    {"by": "elif", "do": "send", "name": "texts", "content": "The texts are ready on Wensday."},
    {"by": "elif", "do": "edit", "about": "texts", "content": "The texts are ready on Wednesday."},
    {
        "by": "chiara",
        "do": "send",
        "name": "question",
        "about": "texts",
        "mentions": ("amara",),
        "content": "@Amara Okafor, is Wednesday early enough for you?",
    },
    {"by": "amara", "do": "forward", "about": "plan", "to": "Everyone"},
)
# The sender of a picture and of a document, and the chat; the lines of the document.
PHOTOGRAPHER, PICTURED = "hana", "Lake weekend"
PACKED = (
    "For the lake",
    "",
    "- tent, and the second tent",
    "- big pot, coffee",
    "- guitar (Goran insists)",
    "- towels",
)
# A bot, the group that it is in, and what is posted there: by the bot, or by no user.
BOT, BOT_NAME, ANNOUNCED = "demo-builds", "Builds", "Product team"
ANNOUNCEMENTS: tuple[tuple[str | None, str, dict[str, str] | None], ...] = (
    (BOT, "Build 214 of the search is ready: all 1,038 checks passed.", None),
    (None, "Version 2.4 is on staging.", {"event": "release.staged", "version": "2.4"}),
)
# What a user keeps for themselves: by the name of a group or of the other user of a direct chat.
WRITER = "amara"
STATES: dict[str, dict[str, Any]] = {
    "Product team": {"pinned": True},
    "Book club": {"muted_until": datetime.max.replace(microsecond=999000, tzinfo=UTC)},
    "Everyone": {"is_archived": True},
    "benoit": {"is_marked_unread": True},
}
DRAFT = ("chiara", "I will ask them tomorrow and")
BLOCKED = "goran"
# By user.
SETTINGS: dict[str, dict[str, Any]] = {
    "hana": {"readReceipts": False, "lastSeen": "nobody"},
    "dmitri": {"directFrom": "contacts", "findable": False},
}
