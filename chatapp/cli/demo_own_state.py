"""What users of the demo keep for themselves: states of chats, a draft, settings and a block; through the normal actions."""

from typing import Any

from sqlalchemy import select

from chatapp.cli.demo_texts import BLOCKED, DRAFT, PEOPLE, SETTINGS, STATES, WRITER
from chatapp.core import db
from chatapp.core.identity import Actor
from chatapp.features.blocks.actions import block
from chatapp.features.chat_states.actions import update_chat_state
from chatapp.features.drafts.actions import put_draft
from chatapp.features.my_settings.actions import update_settings
from chatapp.models import Chat, Member, User


def set_own_state() -> None:
    """Set all of it."""
    with db.reading() as connection:
        rows = connection.execute(select(User.username, User.id).where(User.username.in_(PEOPLE)))
        actors = {name: Actor(id, "", name, None, "USER") for name, id in rows}
        writer = actors[WRITER]
        mine = select(Chat.name, Chat.id, Chat.direct_key).join(Member).where(Member.user_id == writer.user_id)
        chats: dict[Any, str] = {name or key: id for name, id, key in connection.execute(mine)}
    for other in PEOPLE:
        key = ":".join(sorted((writer.user_id, actors[other].user_id)))
        chats[other] = chats.get(key, "")
    for name, state in STATES.items():
        update_chat_state(writer, chats[name], **state)
    chat, content = DRAFT
    put_draft(writer, chats[chat], content=content)
    block(writer, actors[BLOCKED].user_id)
    for name, settings in SETTINGS.items():
        update_settings(actors[name], **settings)
