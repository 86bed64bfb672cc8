"""Accepts tokens of the app in place of access tokens."""

from flask import has_request_context

from chatapp.core import settings
from chatapp.core.errors import Unauthenticated
from chatapp.core.identity import Claims, Client
from chatapp.features.app_tokens import actions
from chatapp.features.app_tokens.verification import RefusedToken, verify
from chatapp.features.auth.access_tokens import AccessTokens
from chatapp.rest.bearer import current_client


class AppTokens(AccessTokens):
    """Verifies access tokens, and tokens of the app.

    A text that is no access token may be one of the app. Once verified it is known as an access token is, so that neither
    costs the other anything.
    """

    def claims_of(self, token: object, address: str | None) -> Claims:
        """The claims of an access token, or those of the session of a token of the app."""
        try:
            return self.read(token)
        except Unauthenticated as error:
            if error.code != "token_invalid" or not isinstance(token, str) or token.count(".") != 2:
                raise
        try:
            verified = verify(token)
            client = current_client() if has_request_context() else Client(address or "unknown")
            session = actions.session_of(verified, client)
        except RefusedToken as refused:
            if settings.current().app_tokens:
                actions.note_refused(refused)
            raise
        claims = Claims(session.user_id, session.session_id, verified.expires_at)
        self.remember(token, claims)
        return claims
