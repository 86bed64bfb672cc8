"""REST endpoints of settings."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.my_settings import actions, queries
from chatapp.features.my_settings.schemas import PatchSettingsSchema
from chatapp.representations.my_settings import MySettings, MySettingsSchema
from chatapp.rest.resource import Resource

resource = Resource("settings", "/users/me/settings", "The caller's settings.")


@resource.endpoint("GET", "", returns=MySettingsSchema)
def get_settings(actor: Actor) -> MySettings:
    """Get the caller's settings.

    All fields are present, also those that have their default.
    """
    return queries.read_settings(actor)


@resource.endpoint("PATCH", "", body=PatchSettingsSchema, returns=MySettingsSchema)
def update_settings(actor: Actor, body: Json) -> MySettings:
    """Update the caller's settings.

    Absent fields stay as they are. A change emits `me:settings` to the caller's sockets and takes the next `meRev`; a
    request that changes nothing does neither. After the response, all events follow the new settings.
    """
    return actions.update_settings(actor, **body)
