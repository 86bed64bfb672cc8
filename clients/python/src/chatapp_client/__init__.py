"""The chat server's client for backends and bots."""

from chatapp_client import types
from chatapp_client._async.bot import AsyncBot
from chatapp_client._async.server import AsyncChatClient
from chatapp_client._async.user import AsyncUserClient
from chatapp_client._sync.bot import Bot
from chatapp_client._sync.server import ChatClient
from chatapp_client._sync.user import UserClient
from chatapp_client.errors import (
    ApiError,
    ChatError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from chatapp_client.positions import FileStorage, MemoryStorage, Position, Storage

__all__ = [
    "ApiError",
    "AsyncBot",
    "AsyncChatClient",
    "AsyncUserClient",
    "Bot",
    "ChatClient",
    "ChatError",
    "Conflict",
    "ConnectionFailed",
    "FileStorage",
    "Forbidden",
    "Invalid",
    "MemoryStorage",
    "NotFound",
    "Position",
    "RateLimited",
    "Storage",
    "Unauthorized",
    "Unavailable",
    "UserClient",
    "types",
]
