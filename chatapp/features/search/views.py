"""REST endpoints of the search."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, PartialMetaSchema
from chatapp.features.search import chats, queries
from chatapp.features.search.schemas import ChatSearchQuery, MessageHitSchema, MessageSearchQuery
from chatapp.representations.chat import ChatSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

resource = Resource("search", "/search", "Search messages and chats.")


@resource.endpoint(
    "GET",
    "/messages",
    query=MessageSearchQuery,
    returns=MessageHitSchema,
    many=True,
    meta=PartialMetaSchema,
    errors=NOT_VISIBLE
    | {
        403: "Users cannot search messages on this server (`search_off`).",
        503: "The server is busy with other searches (`busy`). The database is unavailable (`database_unavailable`).",
    },
)
def search_messages(actor: Actor, query: Json) -> Page:
    """Search messages.

    Finds messages in the caller's chats by the words of their text and of the names of their files, regardless of case, width
    and accents. Chinese, Japanese, Korean and Thai text matches anywhere from two characters on. Deleted, hidden and cleared
    messages are not found, nor are system messages. A new message is found within 2 seconds.

    A page takes up to 200 ms. After that it has what was found until then, `meta.isPartial` is true, and `meta.nextCursor`
    continues. Each user can search 20 times in a minute, and one search at a time. To show a message in its context, call
    `GET /messages/{chatId}?around=<id>`.
    """
    return queries.search_messages(actor, **query)


@resource.endpoint("GET", "/chats", query=ChatSearchQuery, returns=ChatSchema, many=True)
def search_chats(actor: Actor, query: Json) -> Page:
    """Search chats by name.

    Finds groups of the caller by their name, and direct chats by the `username` and `displayName` of the other user, also
    archived and hidden ones. Names that begin with `q` come first, then those in which a word begins with `q`, then the rest;
    each group the most recently active first.
    """
    return chats.search_chats(actor, **query)
