"""Canonical forms of account names for comparison, independent of database locales."""

import hashlib
import re
import secrets
import string
import unicodedata

import idna
import regex

# Of a username that the server makes; five random characters follow.
MAX_USERNAME_BASE = 14
# Chinese, Japanese, Korean and Thai, which are written without spaces: a change from them to another script or back
# begins a word. With what several of these scripts share, such as the mark of long vowels in kana, but without what Thai
# shares with others, such as the modifier letter apostrophe.
UNSPACED = r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{Thai}]"
# Begins each word in a search key; no name contains it.
WORD_MARK = "\x7f"
_LETTER, _IN_WORD = r"[\p{L}\p{N}]", r"[\p{L}\p{M}\p{N}]"
_WORD_START = regex.compile(
    rf"(?<!{_IN_WORD})(?=\S)"
    rf"|(?<=[{_IN_WORD}&&{UNSPACED}])(?=[{_LETTER}--{UNSPACED}])|(?<=[{_IN_WORD}--{UNSPACED}])(?=[{_LETTER}&&{UNSPACED}])",
    regex.V1,
)


def email_key(email: str) -> str:
    """The key that all spellings of an email address share; any text has one.

    The local part is case-folded (Unicode), the domain is converted to its ASCII form (`xn--…`).
    """
    local, _, domain = email.rpartition("@")
    return f"{fold(local)}@{ascii_domain(domain) or fold(domain)}"


def ascii_domain(domain: str) -> str | None:
    """The ASCII form of an internationalised domain name (UTS 46); None if it has none."""
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower() if domain.isascii() else None


def login_id(*, email: str | None = None, username: str | None = None) -> str:
    """An identifier of a submitted login name that does not contain it, the same for all its spellings.

    It depends only on the text, and so is the same whether or not an account has the name.
    """
    name = f"email {email_key(email)}" if email is not None else f"username {fold(username or '')}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def external_id_hash(external_id: str) -> bytes:
    """A hash of an external id that belonged to an erased user."""
    return hashlib.sha256(external_id.encode()).digest()


def username_from(display_name: str | None) -> str:
    """A username for a user who has none: from the letters of their name, and random."""
    ascii_name = unicodedata.normalize("NFKD", display_name or "").encode("ascii", "ignore").decode().lower()
    base = re.sub("[^a-z0-9]+", "_", ascii_name).strip("_")[:MAX_USERNAME_BASE].strip("_")
    return f"{base or 'user'}_{random_name(5)}"


def random_name(length: int) -> str:
    """Random characters of a username."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def fold(text: str) -> str:
    """`text` in the form that Unicode's canonical caseless matching compares."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", decomposed.casefold())


def search_key(name: str) -> str:
    """A name as searches compare it: case-folded, with a `WORD_MARK` before each word.

    Where a word begins depends on the characters on either side only. So a name contains a text if its key contains that
    of the text without the first mark, a word of it begins with the text if the key contains the key of the text, and the
    name begins with it if the key begins with it. A word begins after white space, after other characters than letters,
    marks and digits, and where the script changes from or to one without spaces.
    """
    return _WORD_START.sub(WORD_MARK, fold(name))


def begins_word(folded: str, at: int) -> bool:
    """True if a word of a folded name begins at this offset, where its search key has a mark."""
    return _WORD_START.match(folded, at) is not None
