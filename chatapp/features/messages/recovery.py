"""What the recovery after an outage needs of chats and messages."""

from collections.abc import Callable, Mapping, Sequence

from chatapp.core.identity import Actor
from chatapp.fanout.differences import RecoverySource
from chatapp.features.chats.queries import leavers_among, newer_than, rooms_of
from chatapp.features.chats.subscribers import emit_new_chat, evict_member
from chatapp.features.messages.missed import MissedChanges, changes_since, chats_now, joined_at
from chatapp.features.messages.replay import final_leavers, plan
from chatapp.features.presence import typing


def source(find_actors: Callable[[Sequence[Actor]], Sequence[Actor | None]]) -> RecoverySource[MissedChanges]:
    """The source for chats and messages; `find_actors` reads actors again."""
    return RecoverySource(
        list_rooms=rooms_of,
        leavers_among=leavers_among,
        joined_at=joined_at,
        changes_since=changes_since,
        newer_than=newer_than,
        new_chats=chats_now,
        find_actors=find_actors,
        plan=plan,
        final_leavers=final_leavers,
        evict=evict,
        emit_new_chat=emit_new_chat,
    )


def evict(chat_id: str, leavers: Mapping[str, int | None]) -> None:
    """Unsubscribe users who left a chat, each with the `rev` of leaving (None: the chat was deleted), and inform their
    sockets."""
    for user_id, rev in leavers.items():
        typing.stop_in(chat_id, user_id)
        evict_member(chat_id, user_id, rev)
