"""The data model: people, sessions, chats, members, messages, uploads, presence.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# A moment as the wire writes it: RFC 3339 in UTC with milliseconds.
WIRE_TIME = """
CREATE FUNCTION wire_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
"""
# What became of each message for each person who was in the chat when it was sent and still is.
MESSAGE_STATUSES = """
CREATE VIEW message_statuses AS
SELECT m.id AS message_id, o.user_id,
       CASE WHEN o.read_seq >= m.seq THEN 'READ' WHEN o.delivered_seq >= m.seq THEN 'DELIVERED' ELSE 'SENT' END AS status
FROM messages m JOIN members o ON o.chat_id = m.chat_id AND o.user_id <> m.sender_id AND o.joined_seq < m.seq
"""


def upgrade() -> None:
    # Trigrams answer "contains" in the search for people; the extension ships with PostgreSQL and is a trusted one.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute(WIRE_TIME)
    op.create_table(
        "chats",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column("avatar", sa.String(length=2048), nullable=True),
        sa.Column("direct_key", sa.String(length=73), nullable=True),
        sa.Column("member_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_rev", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("(type = 'DIRECT') = (direct_key IS NOT NULL)", name="chats_direct_key_check"),
        sa.CheckConstraint("type IN ('DIRECT', 'GROUP')", name="chats_type_check"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("direct_key"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("username", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("avatar", sa.String(length=2048), nullable=True),
        sa.Column("role", sa.String(length=9), server_default="USER", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("role IN ('USER', 'MODERATOR', 'ADMIN')", name="users_role_check"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("users_email_key", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("users_username_key", "users", [sa.literal_column("lower(username)")], unique=True)
    op.create_index(
        "users_username_trgm",
        "users",
        [sa.literal_column("lower(username) gin_trgm_ops")],
        unique=False,
        postgresql_using="gin",
    )

    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "members",
        sa.Column("chat_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("role", sa.String(length=6), server_default="MEMBER", nullable=False),
        sa.Column(
            "joined_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("joined_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("role IN ('MEMBER', 'ADMIN')", name="members_role_check"),
        sa.CheckConstraint("read_seq <= delivered_seq", name="members_read_is_delivered_check"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("chat_id", "user_id"),
    )
    op.create_index("members_user_id_idx", "members", ["user_id"], unique=False)

    op.create_table(
        "presence",
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("worker_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sockets", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "worker_id"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("presence_worker_id_idx", "presence", ["worker_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sessions_user_id_idx", "sessions", ["user_id"], unique=False)

    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("thumbnail", sa.String(length=80), nullable=True),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("chat_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("type", sa.String(length=5), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("type IN ('IMAGE', 'FILE')", name="uploads_type_check"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("thumbnail"),
    )
    op.create_index("uploads_chat_id_idx", "uploads", ["chat_id"], unique=False)
    op.create_index("uploads_user_id_idx", "uploads", ["user_id"], unique=False)

    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("chat_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=5), server_default="TEXT", nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("client_digest", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("edited_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.Column("deleted_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.CheckConstraint("type IN ('TEXT', 'IMAGE', 'FILE')", name="messages_type_check"),
        sa.CheckConstraint("(content IS NULL) = (deleted_at IS NOT NULL)", name="messages_tombstone_check"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["users.id"],
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["uploads.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("messages_chat_id_rev_key", "messages", ["chat_id", "rev"], unique=True)
    op.create_index("messages_chat_id_seq_key", "messages", ["chat_id", "seq"], unique=True)
    op.create_index("messages_sender_id_client_id_key", "messages", ["sender_id", "client_id"], unique=True)
    op.create_index(
        "messages_upload_id_idx",
        "messages",
        ["upload_id"],
        unique=False,
        postgresql_where=sa.text("upload_id IS NOT NULL"),
    )

    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("rotated_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("refresh_tokens_expires_at_idx", "refresh_tokens", ["expires_at"], unique=False)
    op.create_index("refresh_tokens_session_id_idx", "refresh_tokens", ["session_id"], unique=False)

    op.execute(MESSAGE_STATUSES)
    # These rows change with every message: room on their pages keeps the changes away from the indexes (HOT updates).
    op.execute("ALTER TABLE chats SET (fillfactor = 50)")
    op.execute("ALTER TABLE members SET (fillfactor = 70)")


def downgrade() -> None:
    op.execute("DROP VIEW message_statuses")
    for table in (
        "refresh_tokens",
        "messages",
        "uploads",
        "sessions",
        "presence",
        "members",
        "workers",
        "users",
        "chats",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION wire_time(timestamptz)")
