"""Invariants that hold after any sequence of operations.

- An unread count equals the number of messages beyond the read position.
- A status only increases, and the sender sees the lowest of all members.
- A client that folds `?after=` or `sync` has the state of a fresh read.
- `seq` has no gaps, `rev` counts every change, a group has an ADMIN.
- Outsiders learn nothing about a chat.
"""

from sqlalchemy import Engine

from chatapp.features.messages import sync
from chatapp.features.messages.schemas import MAX_NAMED
from tests.property.actions_transport import ActionsTransport
from tests.property.conftest import TryOut
from tests.property.machine import Caps
from tests.property.memberships import Memberships
from tests.property.messaging import Messaging, Sending
from tests.property.reading import CatchingUp, Watching
from tests.property.rest_transport import RestTransport


class Conversation(Messaging, Watching):
    """Members stay and send messages."""


class MembershipChanges(Sending, Memberships, CatchingUp):
    """Members change often and send few messages."""


class Everything(Messaging, Memberships, Watching):
    """All operations."""


def test_invariants_hold_while_users_chat(
    actions_transport: ActionsTransport, engine: Engine, small_caps: Caps, try_out: TryOut
) -> None:
    def machine() -> Conversation:
        return Conversation(actions_transport, engine, small_caps)

    try_out(machine)


def test_invariants_hold_while_members_change(
    actions_transport: ActionsTransport, engine: Engine, small_caps: Caps, try_out: TryOut
) -> None:
    def machine() -> MembershipChanges:
        return MembershipChanges(actions_transport, engine, small_caps)

    try_out(machine)


def test_invariants_hold_for_all_operations(
    actions_transport: ActionsTransport, engine: Engine, small_caps: Caps, try_out: TryOut
) -> None:
    def machine() -> Everything:
        return Everything(actions_transport, engine, small_caps)

    try_out(machine)


def test_invariants_hold_for_all_operations_over_rest(
    rest_transport: RestTransport, engine: Engine, try_out: TryOut
) -> None:
    caps = Caps(sync.MAX_CHATS, sync.MAX_MESSAGES_OF_A_CHAT, sync.MAX_MESSAGES, MAX_NAMED)

    def machine() -> Everything:
        return Everything(rest_transport, engine, caps)

    try_out(machine, share=0.25)
