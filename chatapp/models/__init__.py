"""The tables, one per file. `message_statuses`, a view over members and messages, is created by its migration."""

from chatapp.models.chat import Chat
from chatapp.models.chat_change import ChatChange
from chatapp.models.job import Job
from chatapp.models.login_address import LoginAddress
from chatapp.models.member import Member
from chatapp.models.message import Message
from chatapp.models.outbox import OutboxReader, OutboxRow
from chatapp.models.presence import Presence, Worker
from chatapp.models.refresh_token import RefreshToken
from chatapp.models.session import Session
from chatapp.models.upload import DeletedFile, UnreferencedUpload, Upload
from chatapp.models.upload_usage import UploadUsage
from chatapp.models.user import User

__all__ = [
    "Chat",
    "ChatChange",
    "DeletedFile",
    "Job",
    "LoginAddress",
    "Member",
    "Message",
    "OutboxReader",
    "OutboxRow",
    "Presence",
    "RefreshToken",
    "Session",
    "UnreferencedUpload",
    "Upload",
    "UploadUsage",
    "User",
    "Worker",
]
