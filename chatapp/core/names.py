"""Canonical forms of account names for comparison, independent of database locales."""

import hashlib
import unicodedata

import idna


def email_key(email: str) -> str:
    """The key that all spellings of an email address share; any text has one.

    The local part is case-folded (Unicode), the domain is converted to its ASCII form (`xn--…`).
    """
    local, _, domain = email.rpartition("@")
    return f"{_fold(local)}@{ascii_domain(domain) or _fold(domain)}"


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
    name = f"email {email_key(email)}" if email is not None else f"username {_fold(username or '')}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _fold(text: str) -> str:
    """`text` in the form that Unicode's canonical caseless matching compares."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", decomposed.casefold())
