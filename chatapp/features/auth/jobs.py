"""Jobs that delete old sessions and tokens."""

from datetime import time

from chatapp.core.jobs import Report, cleanup, daily
from chatapp.features.auth import actions

# Rows per transaction, so that each one is short.
AT_ONCE = 5000


def prune_tokens(report: Report) -> None:
    """Delete ended sessions, expired refresh tokens, and addresses of old logins."""
    while removed := actions.prune_tokens(AT_ONCE):
        report(removed)


JOBS = (cleanup("prune_tokens", prune_tokens, daily(time(4, 0))),)
