"""Actions on avatars.

A picture is recorded before it is stored, and then set like any other change of the profile or the group: whatever is
interrupted, `prune` deletes what nothing shows.
"""

import secrets
from functools import partial
from io import BytesIO

from sqlalchemy import insert, text

from chatapp import representations
from chatapp.core.db import reading
from chatapp.core.identity import Actor, Principal
from chatapp.core.permissions import require_admin_scope
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import unit_of_work
from chatapp.core.uploads import UploadedFile
from chatapp.features.avatars.pictures import LARGE, SMALL, Crop, render
from chatapp.features.chats import actions as chats
from chatapp.features.chats.permissions import ChatPermission
from chatapp.features.files.actions import current_folder_id, decode_in_turn, delete_stored, save
from chatapp.features.files.kinds import image_kind
from chatapp.features.server_chats import actions as server_chats
from chatapp.features.server_chats.queries import find_group
from chatapp.features.server_users import actions as server_users
from chatapp.features.users import actions as users
from chatapp.features.users.queries import find_user_to_change
from chatapp.models import Avatar
from chatapp.representations.user import Me, ServerUser

MEDIA_TYPE = "image/webp"
# Younger ones may be about to be set.
MIN_AGE = 900
AT_ONCE = 500
# An array: a plan may run a subquery with IN more than once, and each time, it would skip the rows deleted before.
_PRUNE = text(
    """
    WITH gone AS (
        DELETE FROM avatars WHERE name = ANY(ARRAY(
            SELECT a.name FROM avatars a
            WHERE a.created_at < now() - make_interval(secs => :min_age)
            AND NOT EXISTS (SELECT FROM users u WHERE u.id = a.user_id AND u.avatar = '/avatars/' || a.name)
            AND NOT EXISTS (
                SELECT FROM chats c WHERE c.id = a.chat_id AND c.avatar = '/avatars/' || a.name AND NOT c.is_deleted
            )
            LIMIT :limit FOR UPDATE SKIP LOCKED
        )) RETURNING name, folder_id
    )
    INSERT INTO deleted_files (name, folder_id)
    SELECT replace(gone.name, '.', '-' || size || '.'), gone.folder_id
    FROM gone, unnest(CAST(:sizes AS text[])) size
    ON CONFLICT DO NOTHING RETURNING name, folder_id::text
    """
)


def stored_name(name: str, size: int) -> str:
    """The name of an avatar's file in the storage."""
    return name.replace(".", f"-{size}.")


def set_my_avatar(actor: Actor, *, file: UploadedFile, crop: Crop | None) -> Me:
    """Set the actor's avatar to a picture; returns their `Me`.

    Raises UnsupportedType unless it is an image of an accepted type, Invalid for a crop that is not inside of it.
    """
    authorize_me()
    return users.update_me(actor, avatar=_store(actor.user_id, file, crop, user_id=actor.user_id))


def remove_my_avatar(actor: Actor) -> Me:
    """Remove the actor's avatar; returns their `Me`."""
    return users.update_me(actor, avatar=None)


def authorize_me() -> None:
    """Raise Forbidden (`profile_managed`) if users may not change their avatars, before one is uploaded."""
    users.require_own_profile()


def authorize_group(actor: Actor, chat_id: str) -> None:
    """Raise an error unless the actor may change the avatar of this group, before it is uploaded."""
    with reading() as db:
        chats.require_in_group(db, actor, chat_id, ChatPermission.UPDATE)


def set_group_avatar(actor: Actor, chat_id: str, *, file: UploadedFile, crop: Crop | None) -> representations.Chat:
    """Set the avatar of a group to a picture; returns the `Chat` for the actor. Raises the errors of `set_my_avatar`,
    and of every change of a group."""
    # Again after the upload, which may have taken minutes.
    authorize_group(actor, chat_id)
    return chats.update_chat(actor, chat_id, avatar=_store(actor.user_id, file, crop, chat_id=chat_id))


def remove_group_avatar(actor: Actor, chat_id: str) -> representations.Chat:
    """Remove the avatar of a group; returns the `Chat` for the actor."""
    return chats.update_chat(actor, chat_id, avatar=None)


def authorize_user(principal: Principal, reference: Reference) -> str:
    """The id of the user whom a server names, if it may change them, before an avatar is uploaded."""
    with reading() as db:
        user = find_user_to_change(db, reference)
    require_admin_scope(principal, user.role)
    return user.id


def set_user_avatar(principal: Principal, reference: Reference, *, file: UploadedFile, crop: Crop | None) -> ServerUser:
    """Set the avatar of a user to a picture; returns them. Raises the errors of `set_my_avatar` and of `update_user`."""
    user_id = authorize_user(principal, reference)
    avatar = _store(principal.id or principal.name, file, crop, user_id=user_id)
    return server_users.update_user(principal, reference, avatar=avatar)


def remove_user_avatar(principal: Principal, reference: Reference) -> ServerUser:
    """Remove the avatar of a user; returns them."""
    return server_users.update_user(principal, reference, avatar=None)


def set_chat_avatar(
    principal: Principal, reference: Reference, *, file: UploadedFile, crop: Crop | None
) -> representations.ServerChat:
    """Set the avatar of a group to a picture; returns it. Raises the errors of `set_my_avatar`, NotFound for an unknown
    chat, and Conflict (`not_a_group`) for a direct chat."""
    avatar = _store(principal.id or principal.name, file, crop, chat_id=find_group(reference))
    return server_chats.update_chat(principal, reference, avatar=avatar)


def remove_chat_avatar(principal: Principal, reference: Reference) -> representations.ServerChat:
    """Remove the avatar of a group; returns it."""
    return server_chats.update_chat(principal, reference, avatar=None)


def _store(turn_of: str, file: UploadedFile, crop: Crop | None, **owner: str) -> str:
    """Store a picture of `owner`, a `user_id` or a `chat_id`, in the turn of a user or an API key; returns its path."""
    pictures = decode_in_turn(turn_of, image_kind(file.name, file.declared), file, partial(render, crop=crop))
    name = f"{secrets.token_hex(16)}.webp"
    with unit_of_work(single=True) as work:
        work.db.execute(insert(Avatar).values(name=name, folder_id=current_folder_id(), **owner))
    for size, content in pictures.items():
        save(stored_name(name, size), BytesIO(content), MEDIA_TYPE)
    return f"/avatars/{name}"


def prune() -> int:
    """Delete up to `AT_ONCE` avatars that nothing shows, with their files; returns the number of files."""
    with unit_of_work() as work:
        files = work.db.execute(_PRUNE, {"min_age": MIN_AGE, "limit": AT_ONCE, "sizes": [str(LARGE), str(SMALL)]}).all()
    own = current_folder_id()
    # Each server deletes files in its own folder.
    delete_stored([name for name, folder_id in files if folder_id in (None, own)])
    return len(files)
