"""REST endpoint of forwarding."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.features.forwarding import actions
from chatapp.features.forwarding.schemas import ForwardSchema
from chatapp.representations.message import MessageSchema
from chatapp.rest.resource import Resource

resource = Resource("forwarding", "/messages", "Forward messages to other chats.")


@resource.endpoint(
    "POST",
    "/forward",
    body=ForwardSchema,
    returns=MessageSchema,
    many=True,
    status=201,
    also={200: "The messages were already forwarded with this `clientId`; their copies are returned."},
    errors={
        403: "The caller blocks the other user of a direct chat (`you_blocked`), or that user cannot receive messages "
        "(`cannot_send`).",
        404: "A message or chat does not exist or is not visible to the caller (`not_found`).",
        409: "A message was deleted (`message_deleted`).",
        422: "A field is not valid, or a message is a system message (`validation_error`). The `clientId` was used for "
        "another request or message (`client_id_reused`).",
    },
)
def forward_messages(actor: Actor, body: Json) -> tuple[Page, int]:
    """Forward messages.

    Sends a copy of each message to each chat, all or none. Returns the copies chat by chat, in the order of the request;
    within each chat they follow each other. `forwardedFrom` names the first author. A file is shared with its copies.
    Mentions, metadata, replies, reactions and pins are not copied. Later changes of the original don't affect the copies.
    """
    copies, are_new = actions.forward_messages(actor, **body)
    return Page(copies, None), 201 if are_new else 200
