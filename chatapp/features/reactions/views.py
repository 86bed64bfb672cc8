"""REST endpoints of reactions."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.features.reactions import actions, queries
from chatapp.features.reactions.schemas import (
    EMOJI,
    MAX_EMOJI,
    GivenReactionSchema,
    MessageReactions,
    MessageReactionsSchema,
    ReactionsQuery,
    ReactQuery,
)
from chatapp.rest.limits import limit_reactions
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS: dict[str, Json] = {
    "messageId": {"description": "A message of a chat of which the caller is a member."},
    "emoji": EMOJI
    | {
        "description": f"{EMOJI['description']} Percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_EMOJI},
    },
}
CLOSED = {
    403: "The caller blocks the other user of the direct chat (`you_blocked`), or that user cannot receive messages "
    "(`cannot_send`)."
}
DELETED = "The message was deleted (`message_deleted`)."
TOO_MANY = "The message has 20 different reactions, or 10 of the caller (`too_many_reactions`)."
LIMITED = {429: "The caller reacts too often (`rate_limited`). Retry after `Retry-After` seconds."}

resource = Resource("reactions", "/messages", "React to messages.", PARTS, limit=limit_reactions)
# Its requests are counted as others are.
list_resource = Resource("reaction lists", "/messages", "List the reactions to messages.", PARTS)


@resource.endpoint(
    "PUT",
    "/<uuid:messageId>/reactions/<emoji>",
    query=ReactQuery,
    returns=MessageReactionsSchema,
    errors=NOT_VISIBLE | CLOSED | LIMITED | {409: f"{DELETED} {TOO_MANY}"},
)
def give_reaction(actor: Actor, message_id: str, emoji: str, query: Json) -> MessageReactions:
    """React to a message.

    Same as the event `message:react` with `on: true`. Reacting again with the same emoji changes nothing.
    """
    return actions.react(actor, message_id=message_id, emoji=emoji, on=True, **query).get()


@resource.endpoint(
    "DELETE",
    "/<uuid:messageId>/reactions/<emoji>",
    returns=MessageReactionsSchema,
    errors=NOT_VISIBLE | CLOSED | LIMITED | {409: DELETED, 422: "The path contains no emoji (`validation_error`)."},
)
def take_reaction_back(actor: Actor, message_id: str, emoji: str) -> MessageReactions:
    """Take a reaction back.

    Same as the event `message:react` with `on: false`. Without that reaction nothing changes.
    """
    return actions.react(actor, message_id=message_id, emoji=emoji, on=False).get()


@list_resource.endpoint(
    "GET",
    "/<uuid:messageId>/reactions",
    query=ReactionsQuery,
    returns=GivenReactionSchema,
    many=True,
    errors=NOT_VISIBLE,
)
def list_reactions(actor: Actor, message_id: str, query: Json) -> Page:
    """List the reactions to a message.

    Sorted oldest first. Reactions of users who left the chat are listed too.
    """
    return queries.list_reactions(actor, message_id, **query)
