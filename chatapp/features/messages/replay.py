"""Plans the events of a replay from the changes that sockets missed."""

from collections.abc import Mapping

from chatapp.core.events import Announced
from chatapp.features.chats.events import (
    ChatCreated,
    ChatEntered,
    ChatUpdated,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    MessageSent,
)
from chatapp.features.chats.schemas import ChatMember
from chatapp.features.messages.events import MessageDeleted, MessageEdited
from chatapp.features.messages.missed import Change, MissedChanges
from chatapp.representations.chat import NewChatEvent, updated_event
from chatapp.representations.member import member_event


def plan(
    chat_id: str, missed: MissedChanges, position: int, seq: int, joined: Mapping[str, int]
) -> list[tuple[int, Announced]]:
    """The events that take a socket from `position`, where the newest message was `seq`, to `missed`, each with its
    `rev`, in ascending order. `joined` are users to subscribe, with the `rev` of their joining.

    A message that was created and changed since, in any way, is replayed as `MessageSent` with its present content, then as
    edited or deleted. The `rev` of its creation is not stored: it gets the earliest free one, so that both `seq` and `rev`
    ascend.
    """
    changes = [change for change in missed.changes if change.rev > position]
    taken = {change.rev for change in changes}
    free = iter([rev for rev in range(position + 1, missed.last_rev + 1) if rev not in taken])
    steps: list[tuple[int, Change]] = []
    created: dict[int, int] = {}
    previous = position
    messages = [(change, change.message) for change in changes if change.message]
    for change, message in sorted(messages, key=lambda each: each[1]["seq"]):
        if message["seq"] > seq:
            rev = next((rev for rev in free if rev > previous), change.rev) if change.is_changed else change.rev
            created[rev] = message["seq"]
            steps.append((rev, Change(rev, "SENT", None, message | {"rev": rev})))
            previous = rev
        if change.is_changed and change.rev not in created:
            steps.append((change.rev, change))
    steps += [(change.rev, change) for change in _memberships(changes)]
    events: list[tuple[int, Announced]] = []
    for rev, change in sorted(steps, key=lambda step: step[0]):
        seq = created.get(rev, seq)
        events += [(rev, event) for event in _events_of(chat_id, missed, change, seq, joined)]
    return events


def _memberships(changes: list[Change]) -> list[Change]:
    """The changes other than of messages, without those that later ones supersede: all but the last name, and users who
    joined and left again."""
    remaining: list[Change] = []
    absent: set[str] = set()
    last_update = max((change.rev for change in changes if change.kind == "UPDATED"), default=0)
    for change in changes:
        if change.kind in ("JOINED", "ROLE") and change.member is None:
            # No longer a member: there is nothing to emit about them.
            if change.kind == "JOINED" and change.user_id:
                absent.add(change.user_id)
        elif change.kind == "LEFT" and change.user_id in absent:
            absent.discard(change.user_id)
        elif change.kind != "MESSAGE" and (change.kind != "UPDATED" or change.rev == last_update):
            remaining.append(change)
    return remaining


def _events_of(
    chat_id: str, missed: MissedChanges, change: Change, seq: int, joined: Mapping[str, int]
) -> list[Announced]:
    rev, user_id = change.rev, change.user_id or ""
    if message := change.message:
        if change.kind == "SENT":
            return [MessageSent(chat_id, rev, message)]
        if message["isDeleted"]:
            return [MessageDeleted(chat_id, rev, {"messageId": message["id"], "chatId": chat_id, "rev": rev})]
        return [MessageEdited(chat_id, rev, message)]
    if change.kind == "LEFT":
        return [MemberLeft(chat_id, rev, user_id)]
    chat = _chat_at(missed, missed.chat, rev, seq) if missed.chat else None
    if change.member:
        member: ChatMember = {"chatId": chat_id, "member": member_event(change.member), "rev": rev}
        if change.kind == "ROLE":
            return [MemberUpdated(chat_id, rev, member)]
        entered = [ChatEntered(chat_id, rev, (user_id,), chat, missed.online)] if chat else []
        return [*entered, MemberJoined(chat_id, rev, user_id, member, change.member["user"]["isOnline"])]
    if chat is None:
        return []
    if change.kind == "UPDATED":
        return [ChatUpdated(chat_id, rev, updated_event(chat))]
    present = tuple(user for user, at in joined.items() if at == rev)
    return [ChatCreated(chat_id, rev, present, chat, missed.online)]


def _chat_at(missed: MissedChanges, chat: NewChatEvent, rev: int, seq: int) -> NewChatEvent:
    """A chat as it was at an earlier `rev`: later messages and members follow as their own events."""
    later = [change for change in _memberships(missed.changes) if change.rev > rev]
    joined = {change.user_id for change in later if change.kind == "JOINED"}
    left = sum(change.kind == "LEFT" for change in later)
    return {
        **chat,
        "lastRev": rev,
        "lastSeq": seq,
        "memberCount": chat["memberCount"] - len(joined) + left,
        "lastMessage": None if chat["lastSeq"] > seq else chat["lastMessage"],
        "members": [member for member in chat["members"] if member["userId"] not in joined],
    }


def final_leavers(missed: MissedChanges) -> dict[str, int]:
    """Users who left and did not return, with the `rev` of leaving."""
    last = {change.user_id: change for change in missed.changes if change.user_id and change.kind in ("JOINED", "LEFT")}
    return {user_id: change.rev for user_id, change in last.items() if change.kind == "LEFT"}
