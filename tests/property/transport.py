"""The operations that the state machine performs, over any transport."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Engine, text

from chatapp.core.errors import Json

# Some items of a list, and the cursor of the next page.
Paged: TypeAlias = tuple[list[Json], str | None]
T = TypeVar("T")


class Refused(Exception):
    """The server returned an error with this status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and self.args == other.args

    def __hash__(self) -> int:
        return hash(self.args)


NOT_FOUND = Refused(404, "not_found")


def outcome(attempt: Callable[[], T]) -> T | Refused:
    """The result of an attempt, or its error."""
    try:
        return attempt()
    except Refused as error:
        return error


class Transport(Protocol):
    """The operations of users, who are named by their ids. Each raises Refused."""

    people: list[str]

    def forget(self) -> None:
        """Remove all chats of these users, so that the next run starts empty."""

    def list_chats(self, who: str, *, limit: int, cursor: str | None = None) -> Paged:
        """A page of the user's chats."""

    def read_chat(self, who: str, chat: str) -> Json:
        """A chat with its members."""

    def open_direct(self, who: str, whom: str) -> tuple[Json, bool]:
        """The direct chat of two users, and whether it is new."""

    def new_group(self, who: str, name: str, members: list[str]) -> Json:
        """A new group."""

    def rename(self, who: str, chat: str, name: str) -> Json:
        """Rename a group."""

    def delete_group(self, who: str, chat: str) -> None:
        """Delete a group."""

    def add(self, who: str, chat: str, whom: str) -> Json:
        """Add a member to a group."""

    def remove(self, who: str, chat: str, whom: str) -> None:
        """Remove a member from a group."""

    def leave(self, who: str, chat: str) -> None:
        """Leave a group."""

    def set_role(self, who: str, chat: str, whom: str, role: str) -> Json:
        """Promote or demote a member."""

    def history(self, who: str, chat: str, *, limit: int, after: int | None = None, cursor: str | None = None) -> Paged:
        """A page of a chat's messages."""

    def send(self, who: str, chat: str, content: str, client_id: str | None = None) -> tuple[Json, bool]:
        """A message, and whether it is new."""

    def edit(self, who: str, message: str, content: str) -> Json:
        """Edit a message."""

    def delete(self, who: str, message: str) -> None:
        """Delete a message."""

    def read(self, who: str, chat: str, messages_read: list[str] | None = None) -> Json:
        """Mark a chat as read, up to the newest of these messages or all of it."""

    def statuses(self, who: str, message: str, *, limit: int, cursor: str | None = None) -> Paged:
        """A page of a message's receipts."""

    def sync(self, who: str, revs: dict[str, int], *, only: bool = False, cursor: str | None = None) -> Json:
        """The response with the changes since these revs."""


def everything(page: Callable[[str | None], Paged]) -> list[Json]:
    """All items of a list: `page` returns those after a cursor."""
    items, cursor = page(None)
    while cursor is not None:
        more, cursor = page(cursor)
        assert more, "a cursor led to an empty page"
        items = items + more
    return items


def sync_pages(transport: Transport, who: str, revs: dict[str, int], *, only: bool = False) -> list[Json]:
    """All responses of a paged sync, with the `nextCursor` of each passed to the next call."""
    pages = [transport.sync(who, revs, only=only)]
    while (cursor := pages[-1]["nextCursor"]) is not None:
        pages.append(transport.sync(who, revs, only=only, cursor=cursor))
    return pages


def forget_chats(engine: Engine, people: Sequence[str]) -> None:
    """Delete every chat of these users with its messages."""
    with engine.begin() as db:
        theirs = "SELECT chat_id FROM members WHERE user_id = ANY(CAST(:people AS uuid[]))"
        db.execute(text(f"DELETE FROM chats WHERE id IN ({theirs})"), {"people": list(people)})
