"""Actions and queries called in this process, their results validated against the schemas."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import orjson
from marshmallow import Schema
from sqlalchemy import Engine, text

from chatapp.core.errors import ChatError, Json
from chatapp.core.identity import Actor
from chatapp.core.objects import ApiObject
from chatapp.core.pagination import Page, page_query
from chatapp.core.schemas import Input, load, validate_response
from chatapp.features.chats import actions as chats
from chatapp.features.chats import queries as chat_queries
from chatapp.features.messages import actions as messages
from chatapp.features.messages import queries as message_queries
from chatapp.features.messages.schemas import MessagesReadSchema, MessageStatusSchema, SyncResponseSchema, SyncSchema
from chatapp.features.messages.views import HistoryQuery
from chatapp.representations.chat import ChatDetailSchema, ChatSchema
from chatapp.representations.member import MemberSchema
from chatapp.representations.message import MessageSchema
from tests.property.transport import Paged, Refused, forget_chats

_ADD_PERSON = text(
    "INSERT INTO users (id, email, email_key, username, password_hash) VALUES (:id, :email, :email, :username, '')"
)


class ActionsTransport:
    """Actions of `count` new users, on the database of the application that was created last."""

    def __init__(self, engine: Engine, count: int) -> None:
        self._engine = engine
        self._actors: dict[str, Actor] = {}
        with engine.begin() as db:
            for _ in range(count):
                actor = Actor(str(uuid4()), str(uuid4()), f"prop_{uuid4().hex[:12]}", None, "USER")
                values = {"id": actor.user_id, "username": actor.username, "email": f"{actor.username}@example.org"}
                db.execute(_ADD_PERSON, values)
                self._actors[actor.user_id] = actor
        self.people = sorted(self._actors)

    def forget(self) -> None:
        forget_chats(self._engine, self.people)

    def list_chats(self, who: str, *, limit: int, cursor: str | None = None) -> Paged:
        with self._as(who) as actor:
            query = _query(page_query(int, UUID, str), limit=limit, cursor=cursor)
            return _paged(ChatSchema, chat_queries.list_chats(actor, **query))

    def read_chat(self, who: str, chat: str) -> Json:
        with self._as(who) as actor:
            return _checked(ChatDetailSchema, chat_queries.read_chat(actor, chat))

    def open_direct(self, who: str, whom: str) -> tuple[Json, bool]:
        with self._as(who) as actor:
            chat, new = chats.create_direct_chat(actor, user_id=whom)
            return _checked(ChatDetailSchema, chat), new

    def new_group(self, who: str, name: str, members: list[str]) -> Json:
        with self._as(who) as actor:
            return _checked(ChatDetailSchema, chats.create_group(actor, name=name, member_ids=members))

    def rename(self, who: str, chat: str, name: str) -> Json:
        with self._as(who) as actor:
            return _checked(ChatSchema, chats.update_chat(actor, chat, name=name))

    def delete_group(self, who: str, chat: str) -> None:
        with self._as(who) as actor:
            chats.delete_chat(actor, chat)

    def add(self, who: str, chat: str, whom: str) -> Json:
        with self._as(who) as actor:
            return _checked(MemberSchema, chats.add_member(actor, chat, user_id=whom))

    def remove(self, who: str, chat: str, whom: str) -> None:
        with self._as(who) as actor:
            chats.remove_member(actor, chat, whom)

    def leave(self, who: str, chat: str) -> None:
        with self._as(who) as actor:
            chats.leave(actor, chat)

    def set_role(self, who: str, chat: str, whom: str, role: str) -> Json:
        with self._as(who) as actor:
            return _checked(MemberSchema, chats.set_member_role(actor, chat, whom, role=role))

    def history(self, who: str, chat: str, *, limit: int, after: int | None = None, cursor: str | None = None) -> Paged:
        with self._as(who) as actor:
            query = _query(HistoryQuery, limit=limit, after=after, cursor=cursor)
            return _paged(MessageSchema, messages.fetch_messages(actor, chat, **query))

    def send(self, who: str, chat: str, content: str, client_id: str | None = None) -> tuple[Json, bool]:
        with self._as(who) as actor:
            pending = messages.send_message(actor, chat_id=chat, content=content, client_id=client_id)
            return _checked(MessageSchema, pending.get()), pending.is_new

    def edit(self, who: str, message: str, content: str) -> Json:
        with self._as(who) as actor:
            return _checked(MessageSchema, messages.edit_message(actor, message, content=content))

    def delete(self, who: str, message: str) -> None:
        with self._as(who) as actor:
            messages.delete_message(actor, message)

    def read(self, who: str, chat: str, messages_read: list[str] | None = None) -> Json:
        with self._as(who) as actor:
            return _checked(MessagesReadSchema, messages.mark_read(actor, chat, message_ids=messages_read))

    def statuses(self, who: str, message: str, *, limit: int, cursor: str | None = None) -> Paged:
        with self._as(who) as actor:
            query = _query(page_query(UUID), limit=limit, cursor=cursor)
            return _paged(MessageStatusSchema, message_queries.list_statuses(actor, message, **query))

    def sync(self, who: str, revs: dict[str, int], *, only: bool = False, cursor: str | None = None) -> Json:
        with self._as(who) as actor:
            requested = load(SyncSchema(), {"chats": revs, "only": only, "cursor": cursor})
            return _checked(SyncResponseSchema, orjson.loads(orjson.dumps(messages.sync(actor, **requested))))

    @contextmanager
    def _as(self, who: str) -> Iterator[Actor]:
        """The person as an actor; errors are raised as Refused."""
        try:
            yield self._actors[who]
        except ChatError as error:
            raise Refused(error.status.value, error.code) from error


def _query(schema: type[Input], **given: object) -> Json:
    """The values of a query string."""
    return load(schema(), {name: str(value) for name, value in given.items() if value is not None})


def _checked(schema: type[Schema], response: ApiObject) -> Json:
    validate_response(schema, response)
    return dict(response)


def _paged(schema: type[Schema], page: Page) -> Paged:
    items = orjson.loads(orjson.dumps(page.items))
    validate_response(schema, items, many=True)
    return items, page.next_cursor
