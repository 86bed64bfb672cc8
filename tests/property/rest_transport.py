"""The REST API of a running server."""

from collections.abc import Sequence
from http import HTTPStatus

import requests
from sqlalchemy import Engine

from chatapp.core.errors import Json
from tests.people import Person, data, problem
from tests.property.transport import Paged, Refused, forget_chats


class RestTransport:
    """Requests of registered users."""

    def __init__(self, engine: Engine, people: Sequence[Person]) -> None:
        self._engine = engine
        self._persons = {person.id: person for person in people}
        self.people = sorted(self._persons)

    def forget(self) -> None:
        forget_chats(self._engine, self.people)

    def list_chats(self, who: str, *, limit: int, cursor: str | None = None) -> Paged:
        return _paged(self._persons[who].get("/chats", limit=limit, cursor=cursor))

    def read_chat(self, who: str, chat: str) -> Json:
        return _one(self._persons[who].get(f"/chats/{chat}"))

    def open_direct(self, who: str, whom: str) -> tuple[Json, bool]:
        return _made(self._persons[who].post("/chats/direct", {"userId": whom}))

    def new_group(self, who: str, name: str, members: list[str]) -> Json:
        return _one(self._persons[who].post("/chats/groups", {"name": name, "memberIds": members}))

    def rename(self, who: str, chat: str, name: str) -> Json:
        return _one(self._persons[who].patch(f"/chats/{chat}", {"name": name}))

    def delete_group(self, who: str, chat: str) -> None:
        _done(self._persons[who].delete(f"/chats/{chat}"))

    def add(self, who: str, chat: str, whom: str) -> Json:
        return _one(self._persons[who].post(f"/chats/{chat}/members", {"userId": whom}))

    def remove(self, who: str, chat: str, whom: str) -> None:
        _done(self._persons[who].delete(f"/chats/{chat}/members/{whom}"))

    def leave(self, who: str, chat: str) -> None:
        _done(self._persons[who].delete(f"/chats/{chat}/leave"))

    def set_role(self, who: str, chat: str, whom: str, role: str) -> Json:
        return _one(self._persons[who].patch(f"/chats/{chat}/members/{whom}/role", {"role": role}))

    def history(self, who: str, chat: str, *, limit: int, after: int | None = None, cursor: str | None = None) -> Paged:
        return _paged(self._persons[who].get(f"/messages/{chat}", limit=limit, after=after, cursor=cursor))

    def send(self, who: str, chat: str, content: str, client_id: str | None = None) -> tuple[Json, bool]:
        body = {"chatId": chat, "content": content, "clientId": client_id}
        return _made(self._persons[who].post("/messages", body))

    def edit(self, who: str, message: str, content: str) -> Json:
        return _one(self._persons[who].patch(f"/messages/{message}", {"content": content}))

    def delete(self, who: str, message: str) -> None:
        _done(self._persons[who].delete(f"/messages/{message}"))

    def read(self, who: str, chat: str, messages_read: list[str] | None = None) -> Json:
        body = None if messages_read is None else {"messageIds": messages_read}
        return _one(self._persons[who].post(f"/messages/{chat}/read", body))

    def statuses(self, who: str, message: str, *, limit: int, cursor: str | None = None) -> Paged:
        return _paged(self._persons[who].get(f"/messages/{message}/statuses", limit=limit, cursor=cursor))

    def sync(self, who: str, revs: dict[str, int], *, only: bool = False, cursor: str | None = None) -> Json:
        return _one(self._persons[who].post("/sync", {"chats": revs, "only": only, "cursor": cursor}))


def _accepted(response: requests.Response) -> requests.Response:
    if not response.ok:
        raise Refused(*problem(response))
    return response


def _one(response: requests.Response) -> Json:
    one: Json = data(_accepted(response))
    return one


def _made(response: requests.Response) -> tuple[Json, bool]:
    return _one(response), response.status_code == HTTPStatus.CREATED


def _done(response: requests.Response) -> None:
    assert _accepted(response).status_code == HTTPStatus.NO_CONTENT


def _paged(response: requests.Response) -> Paged:
    items = data(_accepted(response))
    meta = response.json()["meta"]
    assert meta["hasMore"] is (meta["nextCursor"] is not None)
    return items, meta["nextCursor"]
