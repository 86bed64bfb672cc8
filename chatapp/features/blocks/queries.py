"""Queries of blocks."""

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.identity import Actor
from chatapp.core.objects import encode_object
from chatapp.core.pagination import Listing, Page
from chatapp.features.blocks.schemas import BlockedUser
from chatapp.features.users.queries import IS_ACCOUNT

_LIST = text(
    f"""
    SELECT {encode_object(BlockedUser)}, b.created_at::text, b.blocked_id::text
    FROM blocks b JOIN users u ON u.id = b.blocked_id
    WHERE b.user_id = :user_id AND (b.created_at, b.blocked_id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))
    ORDER BY b.created_at DESC, b.blocked_id DESC LIMIT :limit
    """
)
_LATEST = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
_BLOCKS = text("SELECT EXISTS (SELECT FROM blocks WHERE user_id = :user_id AND blocked_id = :blocked_id)")
_COUNT = text("SELECT count(*) FROM blocks WHERE user_id = :user_id")
_EXISTS = text(f"SELECT EXISTS (SELECT FROM users u WHERE u.id = :id AND {IS_ACCOUNT})")


def list_blocks(actor: Actor, *, limit: int, cursor: str | None = None) -> Page:
    """The users whom the actor blocks, last blocked first."""
    listing = Listing("blocks", actor.user_id)
    at, id = listing.start(cursor) or _LATEST
    with reading() as db:
        rows = db.execute(_LIST, {"user_id": actor.user_id, "at": at, "id": id, "limit": limit + 1}).all()
    return listing.page([(Fragment(block), place) for block, *place in rows], limit)


def blocks(db: Connection, user_id: str, blocked_id: str) -> bool:
    """True if the user blocks the other one."""
    return bool(db.execute(_BLOCKS, {"user_id": user_id, "blocked_id": blocked_id}).scalar())


def count(db: Connection, user_id: str) -> int:
    """How many users the user blocks."""
    return int(db.execute(_COUNT, {"user_id": user_id}).scalar_one())


def exists(db: Connection, user_id: str) -> bool:
    """True for an account that was not erased."""
    return bool(db.execute(_EXISTS, {"id": user_id}).scalar())
