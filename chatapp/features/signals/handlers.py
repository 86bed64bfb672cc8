"""Socket.IO event of signals."""

from chatapp.features.signals import actions
from chatapp.features.signals.schemas import SignalInChatSchema
from chatapp.sockets.client_events import ClientEvent

EVENTS = (
    ClientEvent("signal", SignalInChatSchema, "Send a signal to the connected members of a chat.", actions.send_signal),
)
