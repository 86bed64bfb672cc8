"""Blocking of users."""

from chatapp.feature import Feature
from chatapp.features.blocks import server_events, views
from chatapp.features.blocks.actions import MAX_BLOCKS

feature = Feature(
    "blocks",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    capabilities=("blocking",),
    limits={"blocks": lambda _: MAX_BLOCKS},
)
