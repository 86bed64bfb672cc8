"""Actions of servers on chats, their members and messages: no permission but the scope of the key limits them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
from sqlalchemy.exc import IntegrityError

from chatapp import representations
from chatapp.core import audit
from chatapp.core.db import Locked
from chatapp.core.errors import Conflict, Invalid, Json, NotFound
from chatapp.core.identity import Principal
from chatapp.core.references import Reference
from chatapp.core.turns import turn
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.chats import changes
from chatapp.features.chats import queries as chats
from chatapp.features.chats.changes import MAX_GROUP_MEMBERS, ChangingChat
from chatapp.features.chats.system_messages import SystemMessage, post
from chatapp.features.files.actions import delete_stored
from chatapp.features.messages import changes as message_changes
from chatapp.features.messages import queries as messages
from chatapp.features.messages.actions import send_message as send_as_user
from chatapp.features.messages.sending import fingerprint
from chatapp.features.server_chats import queries
from chatapp.features.users.queries import find_user
from chatapp.models.enums import ChatType, DeliveryStatus, MemberRole

# Attempts to create or change a chat whose external id others take or free meanwhile.
MAX_ATTEMPTS = 5
# What only groups have.
GROUP_COLUMNS = frozenset({"name", "description", "avatar", "announces"})
NO_MEMBER = "Member not found."


def put_chat(
    principal: Principal,
    external_id: str,
    *,
    member_ids: Sequence[Reference] = (),
    admin_ids: Sequence[Reference] = (),
    exactly: bool = False,
    **about: Any,
) -> tuple[representations.ServerChatDetail, bool]:
    """Create the group with this external id, or change it; returns it, and whether it is new.

    Adds the users who are no members, and makes `admin_ids` ADMINs; `exactly` removes all other members. Raises NotFound,
    which names an unknown user, Invalid for a new group without a name, Conflict (`group_full`, or `not_a_group` for a
    direct chat).
    """
    named = {"memberIds": member_ids, "adminIds": admin_ids}
    for _ in range(MAX_ATTEMPTS):
        with unit_of_work() as work:
            chat = queries.known_chat(work.db, Reference(external_id=external_id))
            if chat is None and (created := _create_group(work, principal, external_id, named, about)):
                return created, True
        if chat:
            if chat.type != ChatType.GROUP:
                raise Conflict("This is only possible in groups.", code="not_a_group")
            with turn(chat.id), unit_of_work() as work:
                changes.take_turn(work, chat.id)
                # Another request may have deleted it, or changed its external id.
                if queries.known_chat(work.db, Reference(external_id=external_id)) == chat:
                    _change_group(work, principal, chat.id, named, about, exactly=exactly)
                    return queries.server_chat_detail(work.db, chat.id), False
    raise Locked("This chat is being changed. Try again.")


def _create_group(
    work: UnitOfWork, principal: Principal, external_id: str, named: Mapping[str, Sequence[Reference]], about: Json
) -> representations.ServerChatDetail | None:
    """Create a group; None if another request has created it meanwhile."""
    if "name" not in about:
        raise Invalid("A field is not valid.", errors={"name": ["A new group needs a name."]})
    roles: dict[str, str] = {}
    for field, role in (("memberIds", MemberRole.MEMBER), ("adminIds", MemberRole.ADMIN)):
        roles |= dict.fromkeys(queries.find_people(work.db, named[field], field), role)
    _require_room(len(roles))
    chat_id = changes.create_group(work, roles, external_id=external_id, **_columns(about))
    if chat_id is None:
        return None
    audit.record(work.db, principal, "chat.created", ("chat", chat_id))
    return queries.server_chat_detail(work.db, chat_id)


def _change_group(
    work: UnitOfWork,
    principal: Principal,
    chat_id: str,
    named: Mapping[str, Sequence[Reference]],
    about: Json,
    *,
    exactly: bool,
) -> None:
    """Change a group, and its members as `put_chat` says."""
    roles = queries.roles(work.db, chat_id)
    members = queries.find_people(work.db, named["memberIds"], "memberIds", roles)
    admins = queries.find_people(work.db, named["adminIds"], "adminIds", roles)
    promoted = [user_id for user_id in admins if roles.get(user_id) == MemberRole.MEMBER]
    new_admins = [user_id for user_id in admins if user_id not in roles]
    new_members = [user_id for user_id in members if user_id not in roles and user_id not in admins]
    gone = [user_id for user_id in roles if user_id not in {*members, *admins}] if exactly else []
    _require_room(len(roles) + len(new_admins) + len(new_members) - len(gone))
    chat = ChangingChat(work, chat_id, None)
    if promoted or gone:
        # Before the row of the chat, which each of the following changes locks.
        chat.lock_members()
    _update(work, principal, chat, chat_id, about)
    for user_id in promoted:
        chat.set_role(user_id, MemberRole.ADMIN)
        _record_members(work, principal, "member.updated", chat_id, [user_id], role=MemberRole.ADMIN.value)
    if gone:
        chat.remove(gone, succession=not new_admins)
        _record_members(work, principal, "member.removed", chat_id, gone)
    for user_ids, role in ((new_admins, MemberRole.ADMIN), (new_members, MemberRole.MEMBER)):
        if user_ids:
            chat.add(user_ids, role)
            _record_members(work, principal, "member.added", chat_id, user_ids, role=role.value)


def open_direct_chat(
    principal: Principal, *, user_ids: Sequence[Reference], **about: Any
) -> tuple[representations.ServerChatDetail, bool]:
    """The direct chat of two users, with this `data` if it is given, and whether it is new.

    Raises NotFound, which names an unknown user, Invalid for a chat of a user with themselves.
    """
    with unit_of_work() as work:
        pair = [find_user(work.db, reference).id for reference in user_ids]
        if pair[0] == pair[1]:
            raise Invalid("A direct chat needs two users.", errors={"userIds": ["Must be two different users."]})
        chat_id, created = changes.open_direct_chat(work, pair, **_columns(about))
        if created:
            audit.record(work.db, principal, "chat.created", ("chat", chat_id))
        else:
            changes.take_turn(work, chat_id)
            _update(work, principal, ChangingChat(work, chat_id, None), chat_id, about)
        return queries.server_chat_detail(work.db, chat_id), created


def update_chat(principal: Principal, reference: Reference, **about: Any) -> representations.ServerChat:
    """Change a group, or the `data` and `external_id` of a direct chat.

    Raises NotFound, Conflict (`external_id_taken`, or `not_a_group` for other changes of a direct chat).
    """
    chat = queries.find_chat(reference)
    if chat.type != ChatType.GROUP and GROUP_COLUMNS & about.keys():
        raise Conflict("This is only possible in groups.", code="not_a_group")
    try:
        with turn(chat.id), unit_of_work() as work:
            _take_turn(work, chat.id)
            _update(work, principal, ChangingChat(work, chat.id, None), chat.id, about)
            return queries.server_chat(work.db, chat.id)
    except IntegrityError as error:
        if "chats_external_id_key" not in str(error.orig):
            raise
        raise Conflict("Another chat has this external id.", code="external_id_taken") from None


def delete_chat(principal: Principal, reference: Reference) -> None:
    """Delete a group with its messages; its external id is free then. Raises NotFound, Conflict (`not_a_group`)."""
    chat_id = queries.find_group(reference)
    with turn(chat_id), unit_of_work() as work:
        _take_turn(work, chat_id)
        ChangingChat(work, chat_id, None).delete()
        audit.record(work.db, principal, "chat.deleted", ("chat", chat_id))


def add_members(
    principal: Principal, reference: Reference, *, user_ids: Sequence[Reference], role: str
) -> list[representations.Member]:
    """Add users to a group; returns the `Member` of each user. Those who are members keep their role.

    Raises NotFound, which names an unknown user, Conflict (`group_full`, `not_a_group`).
    """
    chat_id = queries.find_group(reference)
    with turn(chat_id), unit_of_work() as work:
        _take_turn(work, chat_id)
        present = queries.roles(work.db, chat_id)
        people = queries.find_people(work.db, user_ids, "userIds", present)
        if added := [user_id for user_id in people if user_id not in present]:
            ChangingChat(work, chat_id, None).add(added, role)
            _record_members(work, principal, "member.added", chat_id, added, role=role)
        members = chats.members(work.db, chat_id, people)
        return [members[user_id] for user_id in people]


def set_member_role(
    principal: Principal, reference: Reference, user: Reference, *, role: str
) -> representations.Member:
    """Set a member's role; the group may be without an ADMIN then. Raises NotFound for non-members, Conflict
    (`not_a_group`)."""
    chat_id = queries.find_group(reference)
    with turn(chat_id), unit_of_work() as work:
        _take_turn(work, chat_id)
        user_id = find_user(work.db, user).id
        member = chats.members(work.db, chat_id, [user_id]).get(user_id)
        if member is None:
            raise NotFound(NO_MEMBER)
        if member["role"] == role:
            return member
        _record_members(work, principal, "member.updated", chat_id, [user_id], role=role)
        return ChangingChat(work, chat_id, None).set_role(user_id, role)


def remove_member(principal: Principal, reference: Reference, user: Reference) -> None:
    """Remove a member from a group; changes nothing for a user who is none. Raises NotFound for an unknown user, Conflict
    (`not_a_group`)."""
    chat_id = queries.find_group(reference)
    with turn(chat_id), unit_of_work() as work:
        _take_turn(work, chat_id)
        gone = ChangingChat(work, chat_id, None).remove([find_user(work.db, user).id])
        if gone:
            _record_members(work, principal, "member.removed", chat_id, gone)


def send_message(
    principal: Principal,
    reference: Reference,
    *,
    sender_id: Reference | None,
    system: Json | None = None,
    silent: bool,
    **fields: Any,
) -> tuple[representations.Message, bool]:
    """Send a message as a member, or a system message; returns it, and whether it was not sent before.

    Raises NotFound, Conflict (`not_a_member`, `user_inactive`), and as `messages.send_message`.
    """
    chat_id = queries.find_chat(reference).id
    if sender_id is None:
        return _post(principal, chat_id, fields["content"], fields["client_id"], system or {"event": "message"})
    return _send_as(principal, chat_id, sender_id, fields)


def _post(
    principal: Principal, chat_id: str, content: str, client_id: str | None, system: Json
) -> tuple[representations.Message, bool]:
    digest = fingerprint(chat_id, content, orjson.dumps(system, option=orjson.OPT_SORT_KEYS).decode())
    new = SystemMessage(content, system, client_id, digest)
    posted: list[representations.MessageEvent] = []
    try:
        with turn(chat_id), unit_of_work() as work:
            posted = post(work, chat_id, [new])
            if posted:
                audit.record(work.db, principal, "message.created", ("message", new.id), chatId=chat_id)
    except IntegrityError:
        # Another request has stored a message with this `clientId` at this moment.
        if not client_id:
            raise
    if posted:
        return cast(representations.Message, {**posted[0], "status": DeliveryStatus.SENT.value}), True
    before, exists = queries.posted_before(client_id, digest) if client_id else (None, False)
    if before:
        return before, False
    if exists:
        raise Invalid("The clientId was already used for another message.", code="client_id_reused")
    raise NotFound(chats.NOT_VISIBLE)


def _send_as(
    principal: Principal, chat_id: str, sender: Reference, fields: Json
) -> tuple[representations.Message, bool]:
    actor = queries.sender(sender, principal)
    pending = send_as_user(actor, chat_id=chat_id, **fields)
    try:
        return pending.get(), pending.is_new
    except NotFound:
        raise Conflict("The user is not a member of the chat.", code="not_a_member") from None


def edit_message(principal: Principal, message_id: str, *, content: str) -> representations.Message:
    """Edit a message of any sender. Raises NotFound, Conflict for a deleted message, Invalid as `messages.changes.edit`."""
    with turn(messages.chat_of(message_id)), unit_of_work() as work:
        message = queries.known_message(work.db, message_id)
        if changed := message_changes.edit(work, message, {"content": content}):
            details = {"chatId": message.chat_id, "fields": changed}
            audit.record(work.db, principal, "message.updated", ("message", message_id), **details)
        return queries.message(work.db, message_id)


def delete_message(principal: Principal, message_id: str) -> None:
    """Delete a message of any sender; again: nothing changes. Raises NotFound."""
    with turn(messages.chat_of(message_id)), unit_of_work() as work:
        message = queries.known_message(work.db, message_id)
        is_new, unused = message_changes.delete(work, message)
        if is_new:
            details = {"chatId": message.chat_id, "senderId": message.sender_id}
            audit.record(work.db, principal, "message.deleted", ("message", message_id), **details)
    delete_stored(unused)


def _update(work: UnitOfWork, principal: Principal, chat: ChangingChat, chat_id: str, about: Json) -> None:
    if changed := chat.update(_columns(about)):
        names = sorted("externalId" if name == "external_id" else name for name in changed)
        audit.record(work.db, principal, "chat.updated", ("chat", chat_id), fields=names)


def _columns(about: Json) -> Json:
    """The columns of a chat that a request sets."""
    announces = {"announces": sorted(set(about["announces"] or ())) or None} if "announces" in about else {}
    return about | announces


def _record_members(
    work: UnitOfWork, principal: Principal, action: str, chat_id: str, user_ids: Sequence[str], **details: str
) -> None:
    for user_id in user_ids:
        audit.record(work.db, principal, action, ("chat", chat_id), userId=user_id, **details)


def _require_room(count: int) -> None:
    if count > MAX_GROUP_MEMBERS:
        raise Conflict(f"Groups can have up to {MAX_GROUP_MEMBERS:,} members.", code="group_full")


def _take_turn(work: UnitOfWork, chat_id: str) -> None:
    """Lock a chat against other changes until the end of the transaction; raises NotFound if it was deleted meanwhile."""
    changes.take_turn(work, chat_id)
    if queries.known_chat(work.db, Reference(id=chat_id)) is None:
        raise NotFound(chats.NOT_VISIBLE)
