"""Chats and messages for servers: what an app's backend changes with an API key."""

from chatapp.feature import Feature
from chatapp.features.server_chats import views

feature = Feature(
    "server_chats",
    resources=(views.resource, views.messages_resource),
    capabilities=("system_messages",),
)
