"""Whatever people do, in whatever order, these promises hold.

- An unread count is a recount of the messages beyond the read position.
- A status only rises, and the sender sees the lowest of those there are.
- Who folds `?after=` or `sync` has what a fresh read gives.
- `seq` has no gaps, `rev` counts every change, a group has an ADMIN.
- Strangers to a chat are told of nothing in it.
"""

from sqlalchemy import Engine

from chatapp.messages import sync
from chatapp.messages.schemas import MAX_NAMED
from tests.property.actions_transport import ActionsTransport
from tests.property.conftest import TryOut
from tests.property.gathering import Gathering
from tests.property.machine import Caps
from tests.property.rest_transport import RestTransport
from tests.property.talking import Sending, Talking
from tests.property.watching import CatchingUp, Watching


class Conversation(Talking, Watching):
    """People who stay where they are, and talk."""


class ComingAndGoing(Sending, Gathering, CatchingUp):
    """People who rarely stay, and say little."""


class Everything(Talking, Gathering, Watching):
    """All that people do."""


def test_invariants_hold_while_users_chat(
    actions_transport: ActionsTransport, engine: Engine, small_caps: Caps, try_out: TryOut
) -> None:
    def machine() -> Conversation:
        return Conversation(actions_transport, engine, small_caps)

    try_out(machine)


def test_invariants_hold_while_members_change(
    actions_transport: ActionsTransport, engine: Engine, small_caps: Caps, try_out: TryOut
) -> None:
    def machine() -> ComingAndGoing:
        return ComingAndGoing(actions_transport, engine, small_caps)

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
