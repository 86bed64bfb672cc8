"""Names of accounts, brought into the form in which they are compared."""

import hashlib


def login_name(*, email: str | None = None, username: str | None = None) -> str:
    """An identifier of a login name as it was given, without the name itself: the same whatever the case.

    It depends on nothing but the text, so that it is the same for an account that exists and for one that does not.
    """
    name = f"email {email.casefold()}" if email is not None else f"username {(username or '').casefold()}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
