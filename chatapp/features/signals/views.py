"""REST endpoint of signals."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.signals import actions
from chatapp.features.signals.schemas import SignalSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {"chatId": {"description": "A chat of which the caller is a member."}}
CLOSED = {
    403: "The caller blocks the other user of the direct chat (`you_blocked`), or that user cannot receive messages "
    "(`cannot_send`)."
}

resource = Resource("signals", "/chats", "Signals between the connected members of a chat.", PARTS)


@resource.endpoint("POST", "/<uuid:chatId>/signal", body=SignalSchema, status=204, errors=NOT_VISIBLE | CLOSED)
def send_signal(actor: Actor, chat_id: str, body: Json) -> None:
    """Send a signal.

    Same as the event `signal`. The signal is emitted to the sockets that are connected, and never stored. A repeated
    request sends it again.
    """
    actions.send_signal(actor, chat_id, **body)
