"""Reactions to messages."""

from chatapp.feature import Feature
from chatapp.features.reactions import handlers, views
from chatapp.features.reactions.effects import MAX_OF_A_USER
from chatapp.representations.message import MAX_REACTIONS

feature = Feature(
    "reactions",
    resources=(views.resource, views.list_resource),
    client_events=handlers.EVENTS,
    capabilities=("reactions",),
    limits={"reactions": lambda _: MAX_REACTIONS, "reactionsPerUser": lambda _: MAX_OF_A_USER},
)
