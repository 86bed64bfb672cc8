"""Texts as the search compares them: regardless of case, width and accents."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.features.search.words import MAX_WORD, Line, fold, index_words, runs

# Characters that normal forms decompose, join, reorder or remove, and letters of many scripts.
SPECIAL = "aÅßﬁİıſΣςᾳᾴйёЙ\u0301\u0308\u0323\u0345أإى\u064e\u0651שּׁ\u05b8कि़्\u200d\u200cกำที่กุ์漢字々〆ーガｶﾞｰㅎㅏㄴㄳᄒ\u1161\u11ab한하ﾾￂကာါ\u0f71\u0f72"
SPECIAL += "ｆ０½①㌀ﷺ\u00ad\u200b\u200e\u200f\u2066\ufe0f\u20e3👍🏽👨\u200d👩\u200d👧🇩🇪_-.'’ʼ ـա\u0303\n9१๑٣"
texts = st.text(st.sampled_from(SPECIAL) | st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GRÜẞE", "grusse"),
        ("Straße", "STRASSE"),
        ("ﬁn", "FIN"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full width"),
        ("İstanbul", "istanbul"),
        ("Σίσυφος", "σισυφοσ"),
        ("ᾴ", "αι"),
        ("Ёлка и йод", "елка и иод"),
        ("السَّلامُ", "السلام"),
        ("أحمد", "احمد"),
        ("שָׁלוֹם", "שלום"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("ﾾￂ", "하"),
        ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
        ("x² ½ ①", "x2 1⁄2 1"),
        ("❤️1️⃣", "❤1"),
        ("e\u0301\u0323", "e\u0323\u0301"),
    ],
)
def test_case_width_and_accents_are_ignored(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ガ", "カ"),
        ("ぱ", "は"),
        ("ดี", "ดา"),
        ("ใกล้", "ใกล"),
        ("कि", "क"),
        ("दिन", "दीन"),
        ("கொ", "க"),
        ("কি", "ক"),
        ("ı", "i"),
        ("\u070fܐ\u0308", "ܐ"),
    ],
)
def test_voicing_and_vowel_signs_are_kept(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, big_world: 3.14!", ["hello", "big", "world", "3", "14"]),
        ("don't go", ["don", "t", "go"]),
        ("foo-bar@example.org", ["foo", "bar", "example", "org"]),
        ("naïve café", ["naive", "cafe"]),
        ("м'ята cʼhoazh", ["м", "ята", "cʼhoazh"]),
        ("ա\u0303բ", ["ա\u0303բ"]),
        ("कि़ताब है।", ["कि़ताब", "है"]),
        ("a\u200bb\u200fc", ["a", "b", "c"]),
        ("👍🏽 ❤️ … — _", []),
        ("1️⃣", ["1"]),
        ("ქართული ენა", ["ქართული", "ენა"]),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits(text: str, words: list[str]) -> None:
    assert runs(text) == [(word, False) for word in words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我在上海", [("我在上海", True)]),
        ("iPhone手机2台", [("iphone", False), ("手机", True), ("2", False), ("台", True)]),
        ("カレー食べる", [("カレー食べる", True)]),
        ("人々の〆切", [("人々の〆切", True)]),
        ("회의는3시", [("회의는", True), ("3", False), ("시", True)]),
        ("สวัสดีJohn", [("สวัสดี", True), ("john", False)]),
        ("上海、東京", [("上海", True), ("東京", True)]),
    ],
)
def test_scripts_without_spaces_are_runs_of_their_own(text: str, words: list[tuple[str, bool]]) -> None:
    assert runs(text) == words


def test_runs_are_indexed_as_pairs_and_words_by_their_beginning() -> None:
    assert index_words("上海市 Ok " + "x" * 100) == {"上海", "海市", "ok", "x" * MAX_WORD}
    assert index_words("海") == set()


@settings(max_examples=500, deadline=None, derandomize=True)
@given(texts)
def test_a_line_knows_where_each_character_is_from(text: str) -> None:
    line = Line(text)
    assert line.text == "\0".join(["", *(word for word, _ in runs(text)), ""])
    ranges = [line.span(start, end) for start, end in line.words(0, len(line.text))]
    assert ranges == sorted(ranges)
    for (start, end), (word, _) in zip(ranges, runs(text), strict=True):
        assert 0 <= start < end <= len(text)
        assert word in fold(text[start:end])


def test_a_text_of_marks_is_folded_in_time() -> None:
    # In one pass: sorting them all would take seconds.
    marks = "\u0e38\u0e48" * 20_000
    assert len(fold(f"ก{marks}")) < 100
