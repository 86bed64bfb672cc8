"""Which emoji can be given, and which of them are the same."""

import re

from emoji import EMOJI_DATA, STATUS

from chatapp.core.errors import Invalid

# Asks for the coloured form of a character. Keyboards send it or not, so it distinguishes nothing.
_SELECTOR = "\N{VARIATION SELECTOR-16}"
# An emoji that only the app knows.
_NAME = re.compile(":[a-z0-9_+-]{1,32}:")
# What Unicode recommends for general interchange, with all skin tones.
_RECOMMENDED = frozenset(
    each.replace(_SELECTOR, "") for each, about in EMOJI_DATA.items() if about["status"] == STATUS["fully_qualified"]
)


def key_of(emoji: str) -> str:
    """What is equal for equal emoji; raises Invalid for a text that is none."""
    key = emoji.replace(_SELECTOR, "")
    if key in _RECOMMENDED or _NAME.fullmatch(emoji):
        return key
    raise Invalid("A field is not valid.", errors={"emoji": ["Must be one emoji, or a name such as :party:."]})


def key_of_known(emoji: str) -> str:
    """The same for an emoji that was given."""
    return emoji.replace(_SELECTOR, "")
