"""The event about settings that the server emits."""

from chatapp.representations.my_settings import MySettingsSchema
from chatapp.sockets.server_events import ServerEvent

SERVER_EVENTS = (
    ServerEvent("me:settings", MySettingsSchema, "The user's settings changed.", "All sockets of the user."),
)
