"""Reports of the demo, for the moderators."""

from sqlalchemy import select

from chatapp.cli.demo_texts import PEOPLE
from chatapp.core import db
from chatapp.core.identity import Actor
from chatapp.features.messages.actions import send_message
from chatapp.features.reports.actions import create_report
from chatapp.models import Chat, User

CHAT = "Book club"
SPAM = "Earn 500 a day from home! Write to me and I'll tell you how."


def make_reports() -> None:
    """Report a message and a user, through the normal actions."""
    with db.reading() as connection:
        rows = connection.execute(select(User.username, User.id).where(User.username.in_(PEOPLE)))
        actors = {name: Actor(id, "", name, None, "USER") for name, id in rows}
        chat_id = connection.scalars(select(Chat.id).where(Chat.name == CHAT)).one()
    message = send_message(actors["hana"], chat_id=chat_id, content=SPAM).get()
    create_report(actors["elif"], reason="spam", text="The third time this week.", message_id=message["id"])
    create_report(actors["farah"], reason="abuse", text="He keeps calling me names.", user_id=actors["goran"].user_id)
