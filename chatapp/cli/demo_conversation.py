"""A conversation of the demo that shows what messages can be, through the normal actions."""

import itertools

from sqlalchemy import select

from chatapp.cli.demo_texts import GROUPS, PEOPLE, TALKED, Exchange, Step
from chatapp.core import db
from chatapp.core.identity import Actor
from chatapp.features.forwarding.actions import forward_messages
from chatapp.features.messages.actions import edit_message, send_message
from chatapp.features.pins.actions import pin_message
from chatapp.features.reactions.actions import react
from chatapp.models import Chat, User


class Conversation:
    """The users by name, the chat of the conversation, and its messages by the name that later steps give them."""

    def __init__(self) -> None:
        with db.reading() as connection:
            rows = connection.execute(select(User.username, User.id).where(User.username.in_(PEOPLE)))
            self._actors = {name: Actor(id, "", name, None, "USER") for name, id in rows}
            groups = connection.execute(select(Chat.name, Chat.id).where(Chat.name.in_(GROUPS)))
            self._chats = {str(name): id for name, id in groups}
        self._ids: dict[str, str] = {}

    def play(self, steps: tuple[Step, ...]) -> None:
        """Do these steps, in order."""
        for step in steps:
            self._play(self._actors[step["by"]], step)

    def talk(self, chat: str, exchanges: tuple[Exchange, ...]) -> None:
        """Send all lines of these dialogues to a chat."""
        _, members, _ = GROUPS[chat]
        for line in itertools.chain.from_iterable(exchanges):
            send_message(self._actors[members[int(line[0])]], chat_id=self._chats[chat], content=line[1:]).get()

    def _play(self, actor: Actor, step: Step) -> None:
        message_id = self._ids.get(step.get("about", ""), "")
        match step["do"]:
            case "send":
                self._send(actor, step)
            case "edit":
                edit_message(actor, message_id, content=step["content"])
            case "react":
                react(actor, message_id=message_id, emoji=step["emoji"], on=True).get()
            case "pin":
                pin_message(actor, message_id)
            case "forward":
                chat_ids = [self._chats[step["to"]]]
                forward_messages(actor, message_ids=[message_id], chat_ids=chat_ids, client_id=message_id)

    def _send(self, actor: Actor, step: Step) -> None:
        mentioned = [self._actors[name].user_id for name in step.get("mentions", ())]
        message = send_message(
            actor,
            chat_id=self._chats[TALKED],
            content=step["content"],
            reply_to_id=self._ids.get(step.get("about", "")),
            mentions={"user_ids": mentioned, "all": False},
            metadata=None,
            format=step.get("format"),
        ).get()
        if "name" in step:
            self._ids[step["name"]] = message["id"]
