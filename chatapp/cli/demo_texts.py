"""The texts of the demo data: short dialogues, in which each line begins with the number of its speaker."""

from typing import TypeAlias

Exchange: TypeAlias = tuple[str, ...]
PEOPLE = ("amara", "benoit", "chiara", "dmitri", "elif", "farah", "goran", "hana", "ingrid", "jun")

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

# Each with its description, its members and its topics.
GROUPS: dict[str, tuple[str | None, tuple[str, ...], tuple[Exchange, ...]]] = {
    "Product team": ("What we build, and when.", ("amara", "benoit", "chiara", "dmitri", "elif", "jun"), WORK),
    "Lake weekend": ("Two cars, one tent too few.", ("chiara", "amara", "farah", "goran", "hana", "ingrid"), FREE),
    "Book club": ("One book a month, spoilers on Sundays.", ("elif", "amara", "farah", "hana"), FREE),
    "Everyone": (None, PEOPLE, WORK + FREE),
}
# The sender of a picture, and the chat.
PHOTOGRAPHER, PICTURED = "hana", "Lake weekend"
