"""The `Verifier` of both transports: API keys (`csk_…`) are verified here, other tokens by another `Verifier`."""

from chatapp.core import limits, settings
from chatapp.core.api_keys import looks_like_key
from chatapp.core.errors import Unauthenticated
from chatapp.core.identity import Actor, Claims, Principal, Verifier
from chatapp.core.limits import Limit
from chatapp.core.references import Reference
from chatapp.features.keys.acting import acting, actors_now, new_find_user
from chatapp.features.keys.verification import Keys


class KeysAndTokens:
    """Verifies API keys, and by `tokens` all other tokens."""

    def __init__(self, keys: Keys, tokens: Verifier) -> None:
        self._keys = keys
        self._tokens = tokens
        self._find_user = new_find_user()

    def caller(self, token: object, address: str | None = None) -> str:
        """Whose calls a request with `token` counts as."""
        if not looks_like_key(token):
            return self._tokens.caller(token, address)
        return f"key {self._verify(token, address).id}"

    def authenticate(
        self, token: object, *, act_as: Reference | None = None, address: str | None = None
    ) -> tuple[Actor, Claims]:
        """The actor of `token`, a user of the session or as whom the key acts."""
        if not looks_like_key(token):
            return self._tokens.authenticate(token, act_as=act_as, address=address)
        principal = self._verify(token, address)
        actor = acting(principal, act_as, self._find_user)
        return actor, Claims(actor.user_id, "", principal.ends_at)

    def principal(self, token: object, address: str) -> Principal:
        """Who calls an endpoint for servers with `token`, from the client's `address`."""
        if not looks_like_key(token):
            return self._tokens.principal(token, address)
        return self._verify(token, address)

    def find_actor(self, actor: Actor) -> Actor | None:
        """The actor as it is now, None if its session has ended, its key is not valid, or the account is not active."""
        return actors_now([actor])[0] if actor.acting else self._tokens.find_actor(actor)

    def note_connected(self, actor: Actor) -> None:
        """A socket of this actor is connected."""
        self._tokens.note_connected(actor)

    def _verify(self, token: object, address: str | None) -> Principal:
        """Verify a key, and count a wrong one for the client's `address`."""
        try:
            return self._keys.verify(str(token), address)
        except Unauthenticated as error:
            if address and error.code == "key_invalid":
                limits.hit(Limit(settings.current().rate_wrong_keys, "wrong keys", address, exact=True))
            raise
