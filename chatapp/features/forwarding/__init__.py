"""Forwarding of messages."""

from chatapp.feature import Feature
from chatapp.features.forwarding import views
from chatapp.features.forwarding.schemas import MAX_CHATS, MAX_MESSAGES

feature = Feature(
    "forwarding",
    resources=(views.resource,),
    capabilities=("forwarding",),
    limits={"forwardMessages": lambda _: MAX_MESSAGES, "forwardChats": lambda _: MAX_CHATS},
)
