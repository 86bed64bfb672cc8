"""The API objects that several features share: the type, schema and SQL of each in one file."""

from chatapp.representations.chat import Chat, ChatDetail, ChatEvent, NewChatEvent, ServerChat, ServerChatDetail
from chatapp.representations.member import Member
from chatapp.representations.message import Message, MessageEvent
from chatapp.representations.user import Me, User

__all__ = [
    "Chat",
    "ChatDetail",
    "ChatEvent",
    "Me",
    "Member",
    "Message",
    "MessageEvent",
    "NewChatEvent",
    "ServerChat",
    "ServerChatDetail",
    "User",
]
