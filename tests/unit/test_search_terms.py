"""Terms of a search: how they are written, what they match, and what of a text is highlighted."""

import pytest

from chatapp.core.errors import Invalid
from chatapp.features.search.terms import Terms


def finds(q: str, content: str, file_name: str | None = None) -> bool:
    return Terms.parse(q).match(content, file_name) is not None


def marked(q: str, content: str, file_name: str | None = None) -> list[str]:
    """What of a text is highlighted."""
    found = Terms.parse(q).match(content, file_name)
    assert found
    return [content[start:end] for start, end in found.ranges]


@pytest.mark.parametrize(
    ("q", "content"),
    [
        ("hello", "Hello world"),
        ("world hello", "Hello world"),
        ("hel", "Hello world"),
        ("hello wor", "Hello world"),
        ("hello -goodbye", "Hello world"),
        ("hello -wor", "Hello world"),
        ('"hello world"', "Say hello, world!"),
        ('hello "big world', "Hello, big world"),
        ('hello -"big world', "Hello, world so big"),
        ("foo-bar", "some foo bar"),
        ("a.b", "a/b"),
        ("hello ...", "Hello"),
        ("hello 👍", "Hello"),
        ('one"two"', "two one"),
        ("--hello x", "x"),
        ("上海", "我在上海吃饭"),
        ("在上海", "我在上海吃饭"),
        ("上海 吃饭", "我在上海吃饭"),
        ("吃 hello", "hello"),
        ("hello 吃", "hello"),
        ("iphone手机", "我的iPhone 手机"),
        ('"上海 吃饭"', "上海吃饭"),
        ("วัส", "สวัสดีครับ"),
        ("회의", "오늘회의는"),
        ("レー", "カレー"),
        ("ｶﾞｯｺｳ", "ガッコウ"),
        ("שלום", "שָׁלוֹם"),
        ("x" * 70, "y " + "x" * 70),
        ("x" * 66, "y " + "x" * 70),
    ],
)
def test_matches(q: str, content: str) -> None:
    assert finds(q, content)


@pytest.mark.parametrize(
    ("q", "content"),
    [
        ("hell world", "Hello world"),
        ("ello", "Hello world"),
        ("hello -world", "Hello world"),
        ('"world hello"', "Hello world"),
        ('"hello wor"', "Hello world"),
        ("hello-wor", "Hello world"),
        ('hello -"big world', "Hello, big world"),
        ("foo_bar", "bar foo"),
        ("hello there", "Hello world"),
        ("海上", "我在上海吃饭"),
        ("上海吃饭", "上海、吃饭"),
        ("カキ", "ガギ"),
        ("ดี", "ดา"),
        ("x" * 70, "x" * 69 + "y"),
        ('"x y"', "x. z y"),
    ],
)
def test_does_not_match(q: str, content: str) -> None:
    assert not finds(q, content)


@pytest.mark.parametrize(
    ("q", "problem"),
    [
        ("👍", "Must have a word."),
        ("... _ -", "Must have a word."),
        ('""', "Must have a word."),
        ("-hello", "Must have a term without `-`"),
        ('-"hello world"', "Must have a term without `-`"),
        ("海", "Must have a term without `-`"),
        ("海 -hello", "Must have a term without `-`"),
        ("a b c d e f g h i", "Must have at most 8 terms."),
    ],
)
def test_queries_that_search_for_nothing_are_invalid(q: str, problem: str) -> None:
    with pytest.raises(Invalid) as error:
        Terms.parse(q)
    assert error.value.errors
    assert error.value.errors["q"][0].startswith(problem)


def test_eight_terms_are_allowed_whatever_is_between_them() -> None:
    assert finds('a, b; -c ... "d e" f 👍 g h i-j', "a b d e f g h i j")


def test_terms_may_be_in_the_text_or_in_the_name_of_the_file() -> None:
    assert marked("notes report", "Notes of today", "report-2026.pdf") == ["Notes"]
    assert marked("report", "", "report-2026.pdf") == []
    assert not finds("notes -report", "Notes of today", "report-2026.pdf")
    assert not finds('"today report"', "Notes of today", "report-2026.pdf")


@pytest.mark.parametrize(
    ("q", "content", "ranges"),
    [
        ("lunch", "Lunch? A late lunch.", ["Lunch", "lunch"]),
        ("lun", "Lunch at Luna", ["Lunch", "Luna"]),
        ('"big world"', "A big, big world", ["big", "world"]),
        ('"a b a"', "a b a b a", ["a", "b", "a", "b", "a"]),
        ("foo-bar", "FOO.BAR", ["FOO", "BAR"]),
        ("上海", "上海上海", ["上海", "上海"]),
        ("上海 海上", "上海上", ["上海上"]),
        ("ああ", "あああ", ["ああ"]),
        ("grusse", "Schöne Gru\u0308ße!", ["Gru\u0308ße"]),
        ("fin", "ﬁn", ["ﬁn"]),
        ("hello", "👍🏽 hello", ["hello"]),
        ("安心", "👨\u200d👩\u200d👧安心ㅋㅋ", ["安心"]),
        ("안녕", "안녕ㅋㅋㅋ", ["안녕"]),
        ("hello -world", "hello", ["hello"]),
        ("العربية", "اللغة العَرَبِيّة", ["العَرَبِيّة"]),
    ],
)
def test_whole_words_and_substrings_are_highlighted(q: str, content: str, ranges: list[str]) -> None:
    assert marked(q, content) == ranges


def rank(q: str, content: str) -> tuple[bool, int]:
    found = Terms.parse(q).match(content, None)
    assert found
    return found.is_prefix, found.distance


def test_whole_words_rank_before_beginnings_of_words_and_close_words_before_distant_ones() -> None:
    best_first = ["my blue car", "a car, which is blue", "blue cars", "carpets of my favourite blue"]
    ranks = [rank("blue car", content) for content in best_first]
    assert ranks == sorted(set(ranks))
