"""Names of accounts, in the form in which they are compared; no locale of a database decides about it."""

import hashlib
import unicodedata

import idna


def email_key(email: str) -> str:
    """What two spellings of one e-mail address have in common: any text gives a key.

    The local part is case-folded as Unicode has it, the domain is brought into its ASCII form (`xn--…`).
    """
    local, _, domain = email.rpartition("@")
    return f"{_fold(local)}@{ascii_domain(domain) or _fold(domain)}"


def ascii_domain(domain: str) -> str | None:
    """The ASCII form of an internationalised domain name (UTS 46); None for text that has none."""
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower() if domain.isascii() else None


def login_id(*, email: str | None = None, username: str | None = None) -> str:
    """An identifier of a login name as it was given, without the name itself: one for all spellings of it.

    It depends on nothing but the text, so that it is made in the same way for a name that no account has.
    """
    name = f"email {email_key(email)}" if email is not None else f"username {_fold(username or '')}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _fold(text: str) -> str:
    """`text` as Unicode's canonical caseless matching compares it."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", decomposed.casefold())
