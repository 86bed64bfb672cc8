"""REST endpoints of drafts."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.drafts import actions, queries
from chatapp.features.drafts.schemas import PutDraftSchema
from chatapp.representations.draft import Draft, DraftSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {"chatId": {"description": "A chat of which the caller is a member."}}
NO_DRAFT = {
    404: "The chat does not exist or is not visible to the caller, or has no draft of the caller (`not_found`)."
}

resource = Resource("drafts", "/chats", "Drafts of messages, shared by the devices of a user.", PARTS)


@resource.endpoint(
    "PUT",
    "/<uuid:chatId>/draft",
    body=PutDraftSchema,
    returns=DraftSchema,
    errors=NOT_VISIBLE | {409: "The caller has drafts in 200 chats (`limit_reached`)."},
)
def put_draft(actor: Actor, chat_id: str, body: Json) -> Draft:
    """Save a draft.

    Replaces the caller's draft in the chat; the last write wins. Emits `me:draft` to the caller's sockets. The same draft
    again changes nothing, and `updatedAt` stays. Sending a message does not delete the draft.
    """
    return actions.put_draft(actor, chat_id, **body)


@resource.endpoint("GET", "/<uuid:chatId>/draft", returns=DraftSchema, errors=NO_DRAFT)
def get_draft(actor: Actor, chat_id: str) -> Draft:
    """Get the caller's draft in a chat.

    Without a draft the response is 404.
    """
    return queries.read_draft(actor, chat_id)


@resource.endpoint("DELETE", "/<uuid:chatId>/draft", status=204, errors=NOT_VISIBLE)
def delete_draft(actor: Actor, chat_id: str) -> None:
    """Delete a draft.

    Emits `me:draft` with `isGone` to the caller's sockets. Without a draft nothing happens.
    """
    actions.delete_draft(actor, chat_id)
