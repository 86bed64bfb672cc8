"""Searches in twelve scripts while others write, edit, delete, hide, clear and leave, compared with a plain search of all
texts.

The plain search shares no code with the server. A message that is in the reader's chats during all of a search is found if
its text matches, and a hit is a text that the message had during the search, in a chat where the reader was.
"""

import math
import random
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial

from sqlalchemy import Engine

from tests.conftest import NewPerson
from tests.people import Person, data
from tests.search import wait_until_indexed

SEED = 4
TEXTS = (
    "Größere Übung am Nachmittag, schöne Grüße aus der Straße",
    "Die große Straße ist heute gesperrt; das Café öffnet am Nachmittag",
    "Καλημέρα, η συνάντηση αρχίζει στις τρεις στο μικρό γραφείο",
    "Το ΓΡΑΦΕΊΟ είναι κλειστό, καλημέρα σε όλους",
    "Ёлка стоит в большом зале, встреча начнётся в три часа",
    "Ещё одна встреча в зале: йогурт и чай на столе",
    "السَّلامُ عليكم، الاجتماع في الساعة الثالثة اليوم",
    "اليوم اجتماع أحمد في المكتب الكبير",
    "שָׁלוֹם לכולם, הפגישה מתחילה בשעה שלוש במשרד",
    "המשרד סגור היום, שלום ותודה",
    "नमस्ते, आज की बैठक तीन बजे शुरू होगी",
    "कल की बैठक नहीं होगी, दिन अच्छा रहे",
    "สวัสดีครับ วันนี้ประชุมตอนบ่ายสามโมงที่ห้องใหญ่",
    "ห้องประชุมปิดวันนี้ ขอบคุณครับ",
    "今天下午三点在上海开会,请准时参加。",
    "上海的会议改到明天下午,谢谢大家。",
    "本日の会議は三時から東京タワーで行います。カレーもあります。",
    "東京のガイドブックとｶﾚｰの店、人々のための〆切",
    "오늘 회의는 세 시에 시작합니다 ㅋㅋㅋ",
    "내일 회의 장소는 서울역입니다, 안녕하세요",
    "আজকের সভা তিনটায় শুরু হবে, ধন্যবাদ",
    "কাল সভা হবে না, অফিস বন্ধ",
    "გამარჯობა, შეხვედრა სამ საათზე დაიწყება",
    "ოფისი დღეს დაკეტილია, გამარჯობა ყველას",
    "Հանդիպումը կսկսվի ժամը երեքին, բարև բոլորին",
    "Գրասենյակը փակ է այսօր, բարև",
    "iPhone手机 v2.0-beta 发布 👍🏽 release_notes (см. https://example.org/Übung)",
)
# Characters of a word or, of scripts without spaces, the names of which begin with these.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "IDEOGRAPHIC")
ACCENTED = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")


def plain(content: str) -> str:
    """A text without case, width and accents."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", content).casefold())
    kept, base = "", ""
    for character in decomposed:
        is_mark = unicodedata.category(character) == "Mn"
        if not is_mark:
            base = unicodedata.name(character, "")
        if not (is_mark and base.startswith(ACCENTED)):
            kept += character
    return unicodedata.normalize("NFC", kept)


@cache
def words_of(content: str) -> list[str]:
    """The words of a text, which end at any change to or from a script without spaces."""
    words, kind = [""], None
    for character in plain(content):
        category = unicodedata.category(character)[0]
        if category not in "LMN":
            new: bool | None = None
        elif category == "M" and kind is not None:
            new = kind
        else:
            new = unicodedata.name(character, "").startswith(UNSPACED)
        if new is not None:
            words[-1:] = [words[-1] + character] if new == kind else [words[-1], character]
        elif words[-1]:
            words.append("")
        kind = new
    return [word for word in words if word]


def is_unspaced(word: str) -> bool:
    return unicodedata.name(word[0], "").startswith(UNSPACED)


@dataclass(frozen=True)
class Query:
    """Words, phrases and parts of words to find; words and parts that must not occur. The last word may be a beginning."""

    q: str
    terms: Sequence[Sequence[str]]
    absent: Sequence[Sequence[str]] = ()
    prefix: str = ""

    def matches(self, content: str) -> bool:
        words = words_of(content)
        if self.prefix and not any(word.startswith(self.prefix) for word in words):
            return False
        return all(has(words, term) for term in self.terms) and not any(has(words, term) for term in self.absent)

    def has_part(self, word: str) -> bool:
        """True if a word that is highlighted is one of those that are searched for, or has it as a part and all marks of
        its last letter."""
        if self.prefix:
            return word.startswith(self.prefix)
        return any(part in word if is_unspaced(part) else part == word for term in self.terms for part in term)


def has(words: list[str], term: Sequence[str]) -> bool:
    if len(term) == 1 and is_unspaced(term[0]):
        return any(term[0] in word for word in words if is_unspaced(word))
    return any(words[at : at + len(term)] == term for at in range(len(words)))


def queries(rng: random.Random) -> Iterator[Query]:
    """Queries for every text: words as others write them, beginnings, phrases, parts, and what must not occur."""
    for content in TEXTS:
        words = words_of(content)
        spaced = [word for word in words if not is_unspaced(word)]
        parts = [word for word in words if is_unspaced(word) and len(word) > 1]
        for word in rng.sample(spaced, min(2, len(spaced))):
            yield Query(f'"{unicodedata.normalize("NFD", word).upper()}"', [words_of(word.upper())])
            yield Query(word[: max(1, len(word) - 2)], [], prefix=word[: max(1, len(word) - 2)])
        for word in rng.sample(parts, min(2, len(parts))):
            start = rng.randrange(len(word) - 1)
            part = word[start : start + rng.randint(2, 4)]
            if unicodedata.category(part[0]) != "Mn":
                yield Query(part, [[part]])
        if len(spaced) == len(words):
            at = rng.randrange(len(words) - 1)
            yield Query(f'"{words[at]}, {words[at + 1]}"', [words[at : at + 2]])
            one, other = rng.sample(words, 2)
            yield Query(f'"{one}" "{other}"', [[one], [other]])
            yield Query(f'-{other} "{one}"', [[one]], [[other]])


@dataclass
class Change:
    """The times of its request and of its response."""

    began: float
    ended: float = math.inf


@dataclass
class Sent:
    """A message with each of its texts, and what took it from the reader."""

    id: str
    seq: int
    chat: str
    sender: Person
    texts: list[tuple[str, Change]]
    gone: list[Change] = field(default_factory=list)
    is_indexed: bool = False

    def possible(self, began: float, ended: float) -> list[str]:
        """The texts that a search in this time may find."""
        if any(change.ended < began for change in self.gone):
            return []
        ends = [*(change.ended for _, change in self.texts[1:]), math.inf]
        texts = zip(self.texts, ends, strict=True)
        return [content for (content, change), end in texts if change.began <= ended and end >= began]

    def certain(self, began: float, ended: float) -> str | None:
        """The text that a search in this time finds if it matches."""
        content, change = self.texts[-1]
        is_there = self.is_indexed and change.ended < began and all(gone.began > ended for gone in self.gone)
        return content if is_there else None


class World:
    """What users did."""

    def __init__(self) -> None:
        self.messages: dict[str, Sent] = {}

    def send(self, person: Person, chat: str, content: str) -> None:
        change = Change(time.monotonic())
        message = person.send(chat, content)
        change.ended = time.monotonic()
        self.messages[message["id"]] = Sent(message["id"], message["seq"], chat, person, [(content, change)])

    def edit(self, sent: Sent, content: str) -> None:
        change = Change(time.monotonic())
        sent.is_indexed = False
        sent.texts.append((content, change))
        data(sent.sender.patch(f"/messages/{sent.id}", {"content": content}))
        change.ended = time.monotonic()

    def take(self, messages: Sequence[Sent], person: Person, method: str, path: str, body: object = None) -> None:
        """Take messages from the reader by a request."""
        change = Change(time.monotonic())
        for sent in messages:
            sent.gone.append(change)
        assert person.request(method, path, json=body).ok
        change.ended = time.monotonic()

    def of(self, chat: str) -> list[Sent]:
        """The messages of a chat, oldest first."""
        return [sent for sent in list(self.messages.values()) if sent.chat == chat]

    def check(self, reader: Person, query: Query) -> int:
        """Search all pages, and compare; returns the number of hits."""
        found: set[str] = set()
        began = time.monotonic()
        cursor: str | None = None
        while True:
            page_began = time.monotonic()
            response = reader.get("/search/messages", q=query.q, **({"cursor": cursor} if cursor else {}))
            hits = data(response)
            ended = time.monotonic()
            for hit in hits:
                id, content = hit["message"]["id"], hit["message"]["content"]
                # The response to a new message may not have arrived.
                possible = self.messages[id].possible(page_began, ended) if id in self.messages else [content]
                assert content in possible, (query, content)
                assert query.matches(content), (query, content)
                assert id not in found, query
                found.add(id)
                marked = [content[start : start + length] for start, length in hit["highlights"]]
                assert marked, query
                assert all(query.has_part(plain(part)) for part in marked), (query, marked)
            cursor = response.json()["meta"]["nextCursor"]
            if not cursor:
                break
        for sent in list(self.messages.values()):
            content = sent.certain(began, ended)
            assert not (content and query.matches(content)) or sent.id in found, (query, content)
        return len(found)


def index_all(engine: Engine, world: World) -> None:
    """Wait until all messages are indexed."""
    wait_until_indexed(engine, {sent.chat for sent in world.messages.values()})
    for sent in world.messages.values():
        sent.is_indexed = True


def test_the_plain_search_knows_the_scripts() -> None:
    assert words_of("Größe ΓΡΑΦΕΊΟ Ёлка") == ["grosse", "γραφειο", "елка"]
    assert words_of("我的iPhone手机, ｶﾞ") == ["我的", "iphone", "手机", "ガ"]
    assert words_of("कि़ताब שָׁלוֹם") == ["कि़ताब", "שלום"]


class Conversation:
    """The chats of a reader, with messages that all are indexed, and others who change them."""

    def __init__(self, reader: Person, others: Sequence[Person], engine: Engine) -> None:
        rng = random.Random(SEED)
        self.reader, self.others, self.engine = reader, others, engine
        self.world = World()
        self.direct = reader.direct_chat(others[0])
        groups = [others[number % 3].group(reader, *others) for number in range(4)]
        self.left, self.removed, self.cleared, self.changing = groups
        foreign = others[1].group(others[2])
        senders = {self.direct: others[:1], foreign: others[1:]} | dict.fromkeys(groups, others)
        for content in TEXTS:
            for chat in rng.sample(list(senders), 3):
                self.world.send(rng.choice(senders[chat]), chat, content)
        for sent in self.world.of(foreign):
            sent.gone.append(Change(0, 0))
        index_all(engine, self.world)

    def write(self, turn: threading.Semaphore, times: int) -> None:
        """Send a message in each turn."""
        rng = random.Random(SEED + 1)
        for _ in range(times):
            turn.acquire()
            self.world.send(self.others[0], rng.choice([self.direct, self.changing]), rng.choice(TEXTS))

    def change(self, turn: threading.Semaphore, times: int) -> None:
        """Make all changes, distributed over the turns."""
        rng = random.Random(SEED + 2)
        changes = list(self._changes(rng))
        rng.shuffle(changes)
        for number in range(times):
            turn.acquire()
            if number % (times // len(changes)) == 0 and changes:
                changes.pop()()

    def _changes(self, rng: random.Random) -> Iterator[Callable[[], None]]:
        """Edits and deletions, and what takes messages from the reader alone."""
        reader, take = self.reader, self.world.take
        changed = rng.sample(self.world.of(self.changing), 9)
        for sent in changed[:3]:
            yield partial(take, [sent], reader, "POST", "/messages/hide", {"messageIds": [sent.id]})
        for sent in changed[3:6]:
            yield partial(take, [sent], sent.sender, "DELETE", f"/messages/{sent.id}")
        for sent in changed[6:]:
            yield partial(self.world.edit, sent, rng.choice(TEXTS))
        old = self.world.of(self.cleared)[:-2]
        yield partial(take, old, reader, "POST", f"/chats/{self.cleared}/clear", {"upTo": old[-1].seq})
        yield partial(take, self.world.of(self.left), reader, "DELETE", f"/chats/{self.left}/leave")
        member = f"/chats/{self.removed}/members/{reader.id}"
        yield partial(take, self.world.of(self.removed), self.others[1], "DELETE", member)


def test_every_match_is_found_and_nothing_else_while_everything_changes(
    register_person: NewPerson, engine: Engine
) -> None:
    reader, *others = [register_person(name) for name in ("reader", "anna", "boris", "chen")]
    conversation = Conversation(reader, others, engine)
    rng = random.Random(SEED)
    searches = list(queries(rng))
    rng.shuffle(searches)
    turns = [threading.Semaphore(0), threading.Semaphore(0)]
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(act, turn, len(searches))
            for act, turn in zip((conversation.write, conversation.change), turns, strict=True)
        ]
        try:
            hits = 0
            for query in searches:
                # Others go on meanwhile.
                for turn in turns:
                    turn.release()
                hits += conversation.world.check(reader, query)
        finally:
            for turn in turns:
                turn.release(len(searches))
        for each in running:
            each.result()
    assert hits > len(searches)
    index_all(engine, conversation.world)
    for query in rng.sample(searches, 40):
        conversation.world.check(reader, query)
