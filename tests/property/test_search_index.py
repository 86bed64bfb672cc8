"""Every message that a search matches is found by the index: there are no false negatives, in any script."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from chatapp.core.errors import Invalid
from chatapp.features.search.indexer import vector
from chatapp.features.search.terms import Terms
from tests.property.conftest import PROFILE

SAMPLE = """
Straße STRASSE straße café cafe\u0301 naïve ﬁn fin Łódź 2½ x² ① ½ ｆｕｌｌ full don't a.b foo-bar foo_bar http://a.b İstanbul ı
Σίσυφος ΣΊΣΥΦΟΣ ᾴ αι Ёлка елка йод أحمد احمد السَّلامُ ﷺ صلى می\u200cخواهم שָׁלוֹם שלום किताब कि़ताब क्\u200dष हिन्दी தமிழ் কলকাতা
ქართული ᲥᲐᲠᲗᲣᲚᲘ Հայերեն և եւ สวัสดี ครับ กำ กํา ทำงาน ๒๕ 上海 上 海 我在上海 東京タワー カレー ｶﾚｰ ガギ ｶﾞｷﾞ か\u3099 人々 〆切 ㌀ ㍿ 株式会社
안녕 안녕하세요 ㅎㅏ 하 \u1112\u1161\u11ab 한 ㅋㅋㅋ ﾾￂ iPhone手机2台 A上B海 👍🏽 ❤️ 1️⃣ 👨\u200d👩\u200d👧 🇩🇪 \u200f\u200e \u2066x\u2069 a\u0301b \u0301a
ာကြောင်း မြန်မာ བོད་ཡིག ខ្មែរ cʼhoazh ա\u0303բ \u070fܐ\u0308 𝔘𝔫𝔦 𐐀𐐨 𠀀𠀁 ʼ
"""
# As long as the index keeps of a word, and a little shorter and longer.
LONG = [letter * length for letter in ("x", "ä", "ა", "上") for length in (63, 64, 65)]
WORDS = [*SAMPLE.split(), *LONG]
words = st.sampled_from(WORDS) | st.sampled_from(LONG) | st.text(st.sampled_from(SAMPLE), min_size=1, max_size=4)
contents = st.lists(st.tuples(words, st.sampled_from(["", " ", "-", ", "])), max_size=8).map(
    lambda parts: "".join(word + between for word, between in parts)
)


@st.composite
def queries(draw: st.DrawFn, content: str) -> str:
    """A query of pieces of a text, and sometimes of a word that must not occur."""
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        piece = content[start : start + draw(st.integers(1, 70))]
        terms.append(draw(st.sampled_from([piece, f'"{piece}"', draw(st.sampled_from(content.split() or ["x"]))])))
    terms += [f"-{word}" for word in draw(st.lists(words, max_size=1))]
    return " ".join(draw(st.permutations(terms)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, str]:
    """A query, a text, and the name of a file."""
    content, file_name = draw(contents), draw(st.just("") | contents)
    return draw(queries(f"{content} {file_name}")), content, file_name


def fulfils(words: set[str], condition: str) -> bool:
    """True if a message with these words fulfils a `tsquery` of words and `!`, joined by `&`."""
    for part in condition.split(" & "):
        match = re.fullmatch(r"(!?)'([^' \\]+)'(:\*)?", part)
        assert match, condition
        negation, word, prefix = match.groups()
        found = any(each.startswith(word) for each in words) if prefix else word in words
        if found == bool(negation):
            return False
    return True


examples = settings(settings.get_profile(PROFILE), max_examples=settings.get_profile(PROFILE).max_examples * 40)


@examples
@given(cases())
def test_the_index_has_every_match(case: tuple[str, str, str]) -> None:
    q, content, file_name = case
    try:
        terms = Terms.parse(q)
    except Invalid:
        return
    indexed = set(re.findall(r"'([^']+)'", vector(content, file_name)))
    found = terms.match(content, file_name)
    assert found is None or fulfils(indexed, terms.condition)
    if found:
        ends = [0, *(end for _, end in found.ranges)]
        assert all(end <= start < after for end, (start, after) in zip(ends, found.ranges, strict=False))
        assert ends[-1] <= len(content)


def test_postgresql_agrees(engine: Engine) -> None:
    """The conditions and words of many texts, as PostgreSQL compares them."""
    terms = [(q, Terms.parse(q)) for q in WORDS if _is_valid(q)]
    terms += [(f"{q} -{other}", Terms.parse(f"{q} -{other}")) for (q, _), (other, _) in pairwise(terms)]
    contents = [" ".join(WORDS[at : at + 3]) for at in range(len(WORDS))]
    statement = text(
        """
        SELECT q - 1, d - 1 FROM unnest(CAST(:conditions AS text[])) WITH ORDINALITY c (condition, q),
                                 unnest(CAST(:vectors AS text[])) WITH ORDINALITY v (words, d)
        WHERE CAST(words AS tsvector) @@ CAST(condition AS tsquery)
        """
    )
    values = {"conditions": [each.condition for _, each in terms], "vectors": [vector(each) for each in contents]}
    with engine.connect() as db:
        candidates = set(map(tuple, db.execute(statement, values)))
    matches = {
        (number, at)
        for number, (_, each) in enumerate(terms)
        for at, content in enumerate(contents)
        if each.match(content, None)
    }
    assert matches
    assert matches <= candidates


def _is_valid(q: str) -> bool:
    try:
        Terms.parse(q)
    except Invalid:
        return False
    return True
