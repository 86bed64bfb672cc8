"""The tables, one per file. `message_statuses`, a view over members and messages, is created by its migration."""

from chatapp.models.api_key import ApiKey
from chatapp.models.audit_entry import AuditEntry
from chatapp.models.avatar import Avatar
from chatapp.models.block import Block
from chatapp.models.chat import Chat
from chatapp.models.chat_change import ChatChange
from chatapp.models.draft import Draft
from chatapp.models.hidden_message import HiddenMessage
from chatapp.models.job import Job
from chatapp.models.left_chat import LeftChat
from chatapp.models.login_address import LoginAddress
from chatapp.models.mail_code import MailCode
from chatapp.models.member import Member
from chatapp.models.mention import Mention
from chatapp.models.message import Message
from chatapp.models.message_version import MessageVersion
from chatapp.models.outbox import OutboxReader, OutboxRow
from chatapp.models.presence import Presence, Worker
from chatapp.models.reaction import Reaction
from chatapp.models.refresh_token import RefreshToken
from chatapp.models.report import Report
from chatapp.models.search import ChatSearch, MessageWords
from chatapp.models.session import Session
from chatapp.models.upload import DeletedFile, UnreferencedUpload, Upload
from chatapp.models.upload_usage import UploadUsage
from chatapp.models.user import User

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Avatar",
    "Block",
    "Chat",
    "ChatChange",
    "ChatSearch",
    "DeletedFile",
    "Draft",
    "HiddenMessage",
    "Job",
    "LeftChat",
    "LoginAddress",
    "MailCode",
    "Member",
    "Mention",
    "Message",
    "MessageVersion",
    "MessageWords",
    "OutboxReader",
    "OutboxRow",
    "Presence",
    "Reaction",
    "RefreshToken",
    "Report",
    "Session",
    "UnreferencedUpload",
    "Upload",
    "UploadUsage",
    "User",
    "Worker",
]
