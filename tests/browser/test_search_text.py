"""What the search of the web client makes of the text that is typed, and how it shows what matches."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatapp.launcher.node import node_binary
from chatapp.launcher.web import WEB

SCRIPT = Path(__file__).parent / "search.mjs"
LONG = "lorem ipsum dolor sit amet " * 20


Run = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """The functions of the page, in one process."""
    command = [node_binary(), SCRIPT, WEB]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        to, answers = process.stdin, process.stdout

        def ask(given: dict[str, Any]) -> Any:
            print(json.dumps(given), file=to, flush=True)
            return json.loads(answers.readline())

        yield ask
        to.close()


@pytest.fixture
def read(run: Run) -> Callable[[str], Any]:
    """The words, the operators and the problem of a text."""
    return lambda text: run({"text": text})


@pytest.fixture
def shown(run: Run) -> Callable[..., str]:
    """What is shown of a text, matches in brackets."""
    return lambda content, highlights, *, markdown=False: run(
        {"content": content, "highlights": highlights, "isMarkdown": markdown}
    )


def test_operators_are_separated_from_words(read: Callable[[str], Any]) -> None:
    found = read('invoice from:alice in:"Saturday hike" has:link before:2026-11-01 paid')
    assert found["words"] == "invoice paid"
    assert [(each["kind"], each["value"], each["isComplete"]) for each in found["operators"]] == [
        ("from", "alice", True),
        ("in", "Saturday hike", True),
        ("has", "link", True),
        ("before", "2026-11-01", True),
    ]
    assert found["rest"] == "invoice paid"


@pytest.mark.parametrize(
    ("text", "value", "is_complete"),
    [
        ("from:", "", False),
        ("from:ali", "ali", False),
        ("from:ali ", "ali", True),
        ('in:"Saturday hi', "Saturday hi", False),
        ('in:"Saturday hike"', "Saturday hike", True),
        ("in:“Saturday hike”", "Saturday hike", True),
        ("FROM：小明 ", "小明", True),
    ],
)
def test_an_operator_is_complete_at_its_end(
    read: Callable[[str], Any], text: str, value: str, is_complete: bool
) -> None:
    [operator] = read(text)["operators"]
    assert (operator["value"], operator["isComplete"]) == (value, is_complete)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("“a phrase” -„not this‟", '"a phrase" -"not this"'),
        ("  two \n words ", "two words"),
        ("https://example.org", "https://example.org"),
        ("at 10:30", "at 10:30"),
        ('"from:alice said"', '"from:alice said"'),
        ("she is in: out", "she is in: out"),
        ("-from:alice x", "-from:alice x"),
    ],
)
def test_words_are_sent_with_plain_quotes_and_single_spaces(read: Callable[[str], Any], text: str, words: str) -> None:
    found = read(text)
    assert (found["words"], found["operators"]) == (words, [])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("ab", None),
        ("a b", None),
        ("上海", None),
        ("a", "short"),
        ("🎉 !", "none"),
        ("上", "single"),
        ("ก", "single"),
        ("한 あ", "single"),
        ("上 hai", None),
        ("-hello", "excluded"),
        ('-"hello there" -x', "excluded"),
        ("hello -x", None),
        ("a b c d e f g hh", None),
        ("a b c d e f g h ii", "terms"),
        ('"a b c d e f g h i"', None),
        ("é" * 100, None),
        ("é" * 101, "long"),
    ],
)
def test_what_the_server_would_refuse_is_explained_instead(
    read: Callable[[str], Any], words: str, problem: str | None
) -> None:
    assert read(words)["problem"] == problem


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-01", "2026-11-01"),
        ("2026/2/3", "2026-02-03"),
        ("2024-02-29", "2024-02-29"),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("yesterday", None),
    ],
)
def test_days_are_those_of_the_calendar(read: Callable[[str], Any], text: str, day: str | None) -> None:
    assert read(text)["day"] == day


@pytest.mark.parametrize(
    ("content", "highlights", "expected"),
    [
        ("See the invoice", [[8, 7]], "See the [invoice]"),
        ("🎉🎉 party 👨‍👩‍👧 party", [[3, 5], [15, 5]], "🎉🎉 [party] 👨‍👩‍👧 [party]"),
        ("我在上海很好", [[2, 2]], "我在[上海]很好"),
        ("𠮷野家で", [[0, 2]], "[𠮷野]家で"),
        ("<b>bold</b>", [[3, 4]], "<b>[bold]</b>"),
        ("no match", [], "no match"),
        ("beyond the end", [[11, 30]], "beyond the [end]"),
        ("signs \ufdd0x\ufdd1", [[0, 5]], "[signs] \ufffdx\ufffd"),
    ],
)
def test_matches_are_counted_in_code_points(
    shown: Callable[..., str], content: str, highlights: list[list[int]], expected: str
) -> None:
    assert shown(content, highlights) == expected


def test_marks_of_markdown_are_left_out(shown: Callable[..., str]) -> None:
    assert shown("**Plan** for `the` [hut](https://x.org)", [[2, 4], [14, 3], [20, 3]], markdown=True) == (
        "[Plan] for [the] [hut]"
    )
    assert shown("See https://hut.example.org/menu", [[12, 3], [28, 4]], markdown=True) == (
        "See https://[hut].example.org/[menu]"
    )


def test_long_texts_are_shortened_around_the_first_match(shown: Callable[..., str]) -> None:
    text = shown(f"{LONG}invoice {LONG}", [[len(LONG), 7]])
    assert text.startswith("…")
    assert "dolor sit amet [invoice] lorem" in text
    assert text.endswith("…")
    assert len(text) < 260
    # Without spaces, characters stay whole.
    family = "👨‍👩‍👧"
    text = shown(f"{family * 40}上海", [[5 * 40, 2]])
    assert text.startswith(f"…{family}")
    assert text.endswith(f"{family}[上海]")
