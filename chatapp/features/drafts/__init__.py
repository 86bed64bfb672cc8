"""Drafts of messages, shared by the devices of a user."""

from chatapp.feature import Feature
from chatapp.features.drafts import server_events, views
from chatapp.features.drafts.actions import MAX_DRAFTS

feature = Feature(
    "drafts",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    capabilities=("drafts",),
    limits={"drafts": lambda _: MAX_DRAFTS},
)
