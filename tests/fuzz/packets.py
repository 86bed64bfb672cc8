"""Strategies: JSON values of every kind, nearly valid payloads, and invalid packets."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.socket_clients.surface import NO_CHAT

Json = Any
# Including lone surrogates, which JSON can contain and UTF-8 can't.
WORDS = st.text(max_size=40) | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Mn"]), max_size=8)
STRANGE: st.SearchStrategy[Json] = st.sampled_from(
    [
        "\0",
        " ",
        "\n",
        "x" * 4001,
        "\u202e",
        "ﷺ" * 300,
        "e\u0301" * 300,
        "__proto__",
        "'; --",
        "%s%n{0}${1}",
        "\ud800",
        NO_CHAT,
        NO_CHAT.upper(),
        NO_CHAT.replace("-", ""),
        "{" + NO_CHAT + "}",
        2**31,
        2**63,
        -(2**63) - 1,
        2**64,
        10**400,
        -1,
        0,
        0.5,
        1e308,
        True,
        None,
        [],
        {},
        [[]],
        [None] * 50,
        {"_placeholder": True, "num": 0},
        {"_placeholder": True, "num": 10**9},
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | STRANGE
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)


def nearly(example: Json) -> st.SearchStrategy[Json]:
    """A payload with the fields of `example`: some missing, some invalid, some unknown."""
    if isinstance(example, dict):
        fields = {key: nearly(value) for key, value in example.items()}
        kept = st.fixed_dictionaries({}, optional=fields)
        return st.one_of(
            st.fixed_dictionaries(fields), kept, st.builds(dict.__or__, kept, st.dictionaries(WORDS, VALUES))
        )
    if isinstance(example, list):
        return st.lists(nearly(example[0]), max_size=5) | VALUES if example else VALUES
    return st.just(example) | st.just(example) | VALUES


def deep(depth: int) -> str:
    """JSON text of that many nested lists."""
    return "[" * depth + "]" * depth


# Socket.IO packets as text: valid ones with an error in one of their parts, and noise.
_TYPE = st.sampled_from("0123456789") | st.text(max_size=2)
_COUNT = st.sampled_from(["", "", "1-", "0-", "9-", "999999999-", "99999999999-", "-", "-1-", "1.5-"])
_NAMESPACE = st.sampled_from(
    ["", "/chat,", "/chat,", "/chat,", "/chat", "/", "/,", "/admin,", "/chat?token=x,", "/CHAT,", "/chat/,", "//,"]
)
_ACK = st.sampled_from(["", "0", "1", "007", "9" * 19, "9" * 20, "9" * 99, "-1", "1.5", "²", "٣"])
_BODY = st.one_of(
    st.sampled_from(["", "[]", "{}", "null", "[", "]", '["', '[""]', "[null]", "[1]", '["sync"]', '["sync",', "NaN"]),
    st.sampled_from([deep(100), deep(1023), deep(1025), '["sync",' + deep(900) + "]"]),
    st.sampled_from(['["connect"]', '["disconnect"]', '["message"]', '["connect_error",{}]', '["error"]']),
    st.sampled_from(['["sync",' + ",".join(['{"_placeholder":true,"num":0}'] * 50) + "]", '["x"]["x"]', '["x"] y']),
    st.lists(VALUES, max_size=3).map(json.dumps),
)
PACKETS = st.one_of(
    st.builds("{}{}{}{}{}".format, _TYPE, _COUNT, _NAMESPACE, _ACK, _BODY),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
# Engine.IO packets that don't end the session (1), as clients may send them once connected.
MESSAGES = st.one_of(
    PACKETS.map("4{}".format),
    st.builds(
        "{}{}".format, st.sampled_from("02356789"), st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9).filter(lambda text: text[:1] != "1"),
    st.sampled_from(["", "b", "b=", "b!", "bAAA", "bAA==", "²", "٣", "١", "4", "40", "4\ud7ff", "4\0", "\0", "2probe"]),
)
