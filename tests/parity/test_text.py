"""Texts are normalised or refused in the same way over both transports."""

from typing import Any

import pytest

from tests.parity.conftest import Act
from tests.people import Person

INVISIBLE = {
    "zero width space": "\u200b",
    "zero width joiners": "\u200d\u200c",
    "directions": "\u202e \u2066\u2069",
    "byte order mark": "\ufeff",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "braille blank": "\u2800",
    "tags": "\U000e0041\U000e007f",
    "variation selectors": "\ufe0f\U000e0100",
    "Mongolian vowel separator": "\u180e",
    "between lines": "\u200b\r\n\u200b",
    "annotation anchors": "\ufff9\ufffb",
}
UNPAIRED = "Contains half of a surrogate pair."


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
        ("\r\n x \r\n", "x"),
        ("tab\there", "tab\there"),
        ("e\u0301", "\u00e9"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\U0001fae8", "\U0001fae8"),  # Newer than the Unicode tables of some interpreters.
    ],
)
def test_text_is_normalised(act: Act, alice: Person, chat: str, sent: str, stored: str) -> None:
    assert act(alice, "message:send", {"chatId": chat, "content": sent}).data["content"] == stored
    message = alice.send(chat, "x")["id"]
    assert act(alice, "message:edit", {"messageId": message, "content": sent}).data["content"] == stored


@pytest.mark.parametrize("what", INVISIBLE)
def test_text_without_a_visible_character_is_refused(act: Act, alice: Person, chat: str, what: str) -> None:
    problem = act(alice, "message:send", {"chatId": chat, "content": INVISIBLE[what]}).problem
    assert (problem["status"], problem["errors"]) == (422, {"content": ["Contains no visible character."]})


@pytest.mark.parametrize("control", ["\0", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\x9f"])
def test_control_characters_are_refused(act: Act, alice: Person, chat: str, control: str) -> None:
    problem = act(alice, "message:send", {"chatId": chat, "content": f"a{control}b"}).problem
    assert (problem["status"], set(problem["errors"])) == (422, {"content"})


@pytest.mark.parametrize(
    ("event", "change", "field"),
    [
        ("message:send", {"content": "a\ud800b"}, "content"),
        ("message:send", {"content": "\udc00"}, "content"),
        ("message:send", {"content": "x", "chatId": "\ud800"}, "chatId"),
        ("message:send", {"content": "x", "\udfff": 1}, "\\udfff"),
        ("message:send", {"content": {"deep": ["\udbff"]}}, "content"),
        ("messages:read", {"messageIds": ["\ud800"]}, "messageIds"),
        ("sync", {"chats": {"\ud800": 1}}, "chats"),
    ],
)
def test_unpaired_surrogate_is_a_validation_error(
    act: Act, alice: Person, chat: str, event: str, change: dict[str, Any], field: str
) -> None:
    payload = change if event == "sync" else {"chatId": chat} | change
    problem = act(alice, event, payload).problem
    assert (problem["status"], problem["code"]) == (422, "validation_error")
    assert problem["errors"] == {field: [UNPAIRED]}
