"""Socket.IO events of reactions."""

from chatapp.core.limits import REACTIONS
from chatapp.features.reactions import actions
from chatapp.features.reactions.schemas import MessageReactionsSchema, ReactSchema
from chatapp.sockets.client_events import ClientEvent

EVENTS = (
    ClientEvent(
        "message:react",
        ReactSchema,
        "Give a reaction to a message, or take it back.",
        actions.react,
        returns=MessageReactionsSchema,
        pipelined=True,
        own_limit=(REACTIONS, lambda settings: settings.rate_reactions),
    ),
)
