"""Actions that erase users: the account at once, then in portions its memberships, messages and data."""

from typing import Any

from sqlalchemy import delete, func, null, select, text, update

from chatapp.core import audit, jobs
from chatapp.core.errors import NotFound
from chatapp.core.identity import Principal
from chatapp.core.names import external_id_hash, random_name
from chatapp.core.permissions import require_admin_scope
from chatapp.core.references import Reference
from chatapp.core.turns import turn
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.chats.changes import ChangingChat, take_turn
from chatapp.features.erasure import queries
from chatapp.features.files.actions import delete_stored, delete_unreferenced
from chatapp.features.keys.actions import revoke_keys_of
from chatapp.features.messages.changes import delete_parts
from chatapp.features.messages.events import MessageDeleted
from chatapp.features.sessions.actions import end_sessions
from chatapp.features.users.actions import announce_changes, require_other_administrator, take_administrators_turn
from chatapp.features.users.queries import ERASURE, LockedUser, lock_user
from chatapp.models import Block, Chat, Draft, HiddenMessage, LeftChat, LoginAddress, MailCode, Member, Session, User
from chatapp.models.enums import UserRole
from chatapp.representations.job import Job, find_job
from chatapp.representations.message import DELETION

# Messages deleted per transaction, and chats left or closed per call.
MAX_MESSAGES_AT_ONCE = 500
MAX_CHATS_AT_ONCE = 100
_PORTION = """
    SELECT m.id::text, m.chat_id::text, m.client_id::text FROM messages m
    WHERE m.sender_id = :user_id AND m.deleted_at IS NULL AND %s LIMIT :limit
"""
# In the order of an index, so that no portion reads what earlier ones deleted.
_NEXT = text(_PORTION % "m.client_id > CAST(:after AS uuid) ORDER BY m.client_id")
_WITHOUT_CLIENT_ID = text(_PORTION % "m.client_id IS NULL")
_LOCK_CHATS = text("SELECT FROM chats WHERE id = ANY(CAST(:chat_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE")
# With the locks of the chats: messages that were deleted meanwhile are not found.
_DELETE = text(
    f"""
    WITH doomed AS (
        SELECT m.id, m.chat_id, m.upload_id, row_number() OVER (PARTITION BY m.chat_id ORDER BY m.seq) AS n
        FROM messages m WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.deleted_at IS NULL
    ), counted AS (
        SELECT chat_id, count(*) AS n FROM doomed GROUP BY chat_id
    ), chat AS (
        UPDATE chats c SET last_rev = c.last_rev + n.n FROM counted n WHERE c.id = n.chat_id
        RETURNING c.id, c.last_rev - n.n AS rev
    )
    UPDATE messages m SET rev = chat.rev + d.n, {DELETION}
    FROM doomed d JOIN chat ON chat.id = d.chat_id WHERE m.id = d.id
    RETURNING m.id::text, m.chat_id::text, m.rev, d.upload_id::text
    """
)

_NO_STATE = dict.fromkeys(
    ("muted_until", "archived_seq", "hidden_seq", "pinned_at", "unread_from", "marked_seq", "notify", "first_seq")
) | {"has_hidden": False, "me_rev": 0}


def erase_user(principal: Principal, reference: Reference, *, messages: str) -> Job:
    """Deactivate a user and take their names and data away; returns the job that erases the rest.

    Raises NotFound for a user who was erased, Forbidden (`scope_missing`) for one whose role is not USER without the scope
    `admin`, and Conflict (`last_admin`).
    """
    with unit_of_work() as work:
        take_administrators_turn(work)
        user = lock_user(work.db, reference, {})
        if user is None:
            return _open_job(work, reference)
        require_admin_scope(principal, user.role)
        if user.is_administrator:
            require_other_administrator(work, user.id)
        _anonymise(work, user)
        revoke_keys_of(work, principal, user.id)
        args = {"userId": user.id, "messages": messages}
        job_id = jobs.enqueue(work.db, ERASURE, args, created_by=principal.id, subject=user.id)
        audit.record(work.db, principal, "user.deleted", ("user", user.id), messages=messages)
        return _job(work, job_id)


def count_rest(user_id: str, *, messages: bool) -> int:
    """How many chats, and messages if they are deleted, an erasure still has to change."""
    return queries.count_rest(user_id, messages=messages)


def leave_chats(user_id: str) -> int:
    """Remove an erased user from some groups, as by leaving, and close some direct chats; returns how many."""
    groups, direct = queries.open_chats(user_id, MAX_CHATS_AT_ONCE)
    for chat_id in groups:
        with turn(chat_id), unit_of_work() as work:
            take_turn(work, chat_id)
            if work.db.scalar(select(Chat.id).where(Chat.id == chat_id)):
                ChangingChat(work, chat_id, user_id).remove([user_id], succession=True)
    if direct:
        with unit_of_work() as work:
            work.db.execute(_LOCK_CHATS, {"chat_ids": direct})
            work.db.execute(update(Chat).where(Chat.id.in_(direct)).values(is_closed=True))
    return len(groups) + len(direct)


def delete_messages(user_id: str, after: str | None) -> tuple[int, str | None]:
    """Delete up to `MAX_MESSAGES_AT_ONCE` messages of an erased user with a `clientId` greater than `after`, or without one
    (None). Returns how many were found, and the last `clientId`."""
    unused: list[str] = []
    statement = _NEXT if after else _WITHOUT_CLIENT_ID
    with unit_of_work() as work:
        values = {"user_id": user_id, "after": after, "limit": MAX_MESSAGES_AT_ONCE}
        portion = work.db.execute(statement, values).all()
        work.db.execute(_LOCK_CHATS, {"chat_ids": list({chat_id for _, chat_id, _ in portion})})
        deleted = work.db.execute(_DELETE, {"ids": [id for id, *_ in portion]}).all()
        delete_parts(work.db, [row.id for row in deleted])
        for id, chat_id, rev, _ in sorted(deleted, key=lambda row: (row.chat_id, row.rev)):
            work.announce(MessageDeleted(chat_id, rev, {"messageId": id, "chatId": chat_id, "rev": rev}))
        for upload_id in sorted({row.upload_id for row in deleted if row.upload_id}):
            unused += delete_unreferenced(work.db, upload_id)
    delete_stored(unused)
    return len(portion), portion[-1].client_id if portion else None


def delete_account_data(user_id: str) -> None:
    """Delete what only the erased user had: sessions, codes, addresses of logins, settings, and own state."""
    with unit_of_work() as work:
        for table in (Session, LoginAddress, MailCode, Draft, HiddenMessage, LeftChat, Block):
            work.db.execute(delete(table).where(table.user_id == user_id))
        # Of direct chats, which stay.
        work.db.execute(update(Member).where(Member.user_id == user_id).values(_NO_STATE))
        work.db.execute(update(User).where(User.id == user_id).values(settings=null()))


def _anonymise(work: UnitOfWork, user: LockedUser) -> None:
    names = ("email", "email_key", "external_id", "display_name", "display_key")
    others = ("avatar", "data", "private_data", "password_hash", "last_seen", "last_login_at")
    values: dict[str, Any] = dict.fromkeys((*names, *others))
    values |= {"username": f"deleted_{random_name(12)}", "role": UserRole.USER, "is_active": False}
    values |= dict.fromkeys(("deleted_at", "tokens_after", "updated_at"), func.now())
    if external_id := user.columns["external_id"]:
        values["erased_external_id_hash"] = external_id_hash(external_id)
    work.db.execute(update(User).where(User.id == user.id).values(**values))
    end_sessions(work, user.id)
    announce_changes(work, user.id, ("username", "deleted_at"))


def _open_job(work: UnitOfWork, reference: Reference) -> Job:
    """The job that erases a user now, or that failed before, to be repeated; raises NotFound."""
    if reference.id:
        if job_id := jobs.find_open(work.db, ERASURE, reference.id):
            return _job(work, job_id)
        if failed := queries.failed_erasure(work.db, reference.id):
            args, created_by = failed
            job_id = jobs.enqueue(work.db, ERASURE, args, created_by=created_by, subject=reference.id)
            return _job(work, job_id)
    raise NotFound(f"User not found: {reference}.")


def _job(work: UnitOfWork, job_id: str) -> Job:
    found = find_job(work.db, job_id)
    assert found, "It is locked, or was created in this transaction."
    return found[0]
