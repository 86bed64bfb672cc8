"""Personal state of chats, hidden messages, drafts, settings of users, blocks and reports.

All columns are nullable or have a constant default, so no table is rewritten.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)
UUID = sa.Uuid(as_uuid=False)
ZERO = sa.text("0")
NO = sa.text("false")
NOW = sa.text("clock_timestamp()")
MEMBERS = (
    sa.Column("muted_until", MOMENT),
    sa.Column("archived_seq", sa.BigInteger()),
    sa.Column("hidden_seq", sa.BigInteger()),
    sa.Column("pinned_at", MOMENT),
    sa.Column("unread_from", sa.BigInteger()),
    sa.Column("marked_seq", sa.BigInteger()),
    sa.Column("notify", sa.String(8)),
    sa.Column("first_seq", sa.BigInteger()),
    sa.Column("has_hidden", sa.Boolean(), server_default=NO, nullable=False),
    sa.Column("reads_privately", sa.Boolean(), server_default=NO, nullable=False),
    sa.Column("me_rev", sa.BigInteger(), server_default=ZERO, nullable=False),
)
USERS = (
    sa.Column("me_rev", sa.BigInteger(), server_default=ZERO, nullable=False),
    sa.Column("settings", postgresql.JSONB()),
    sa.Column("settings_rev", sa.BigInteger(), server_default=ZERO, nullable=False),
    sa.Column("blocks_rev", sa.BigInteger(), server_default=ZERO, nullable=False),
)
STATUSES = """
CREATE OR REPLACE VIEW message_statuses AS
SELECT m.id AS message_id, o.user_id,
       CASE WHEN o.read_seq >= m.seq THEN 'READ' WHEN o.delivered_seq >= m.seq THEN 'DELIVERED' ELSE 'SENT' END AS status{}
FROM messages m JOIN members o ON o.chat_id = m.chat_id AND o.user_id <> m.sender_id AND o.joined_seq < m.seq
"""


def upgrade() -> None:
    for column in MEMBERS:
        op.add_column("members", column.copy())
    for column in USERS:
        op.add_column("users", column.copy())
    op.execute(STATUSES.format(", o.reads_privately"))
    op.create_table(
        "hidden_messages",
        sa.Column("user_id", UUID, sa.ForeignKey("users.id")),
        sa.Column("message_id", UUID, sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("chat_id", UUID, nullable=False),
        sa.Column("me_rev", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "message_id"),
    )
    op.create_index("hidden_messages_message_id_idx", "hidden_messages", ["message_id"])
    op.create_index("hidden_messages_user_id_chat_id_idx", "hidden_messages", ["user_id", "chat_id"])
    op.create_index("hidden_messages_user_id_me_rev_idx", "hidden_messages", ["user_id", "me_rev"])
    op.create_table(
        "drafts",
        sa.Column("user_id", UUID, sa.ForeignKey("users.id")),
        sa.Column("chat_id", UUID, sa.ForeignKey("chats.id", ondelete="CASCADE")),
        sa.Column("content", sa.Text(), server_default="", nullable=False),
        sa.Column("reply_to", UUID),
        sa.Column("metadata", postgresql.JSONB()),
        sa.Column("is_gone", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("me_rev", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "chat_id"),
    )
    op.create_index("drafts_chat_id_idx", "drafts", ["chat_id"])
    op.create_table(
        "left_chats",
        sa.Column("user_id", UUID, sa.ForeignKey("users.id")),
        sa.Column("chat_id", UUID, nullable=False),
        sa.Column("me_rev", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "chat_id"),
    )
    op.create_table(
        "blocks",
        sa.Column("user_id", UUID, sa.ForeignKey("users.id")),
        sa.Column("blocked_id", UUID, sa.ForeignKey("users.id")),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "blocked_id"),
    )
    op.create_index("blocks_blocked_id_user_id_idx", "blocks", ["blocked_id", "user_id"])
    op.create_table(
        "reports",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("reporter_id", UUID, sa.ForeignKey("users.id")),
        sa.Column("target_type", sa.String(7), nullable=False),
        sa.Column("target_id", UUID, nullable=False),
        sa.Column("reason", sa.String(9), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("excerpt", postgresql.JSONB()),
        sa.Column("status", sa.String(9), server_default="open", nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.CheckConstraint("target_type IN ('message', 'user', 'chat')", name="reports_target_type_check"),
        sa.CheckConstraint("status IN ('open', 'done', 'dismissed')", name="reports_status_check"),
        sa.CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="reports_closed_at_check"),
    )
    op.create_index(
        "reports_reporter_id_target_key",
        "reports",
        ["reporter_id", "target_type", "target_id"],
        unique=True,
        postgresql_where=sa.text("reporter_id IS NOT NULL"),
    )
    op.create_index("reports_status_id_idx", "reports", ["status", "id"])


def downgrade() -> None:
    for table in ("reports", "blocks", "left_chats", "drafts", "hidden_messages"):
        op.drop_table(table)
    op.execute("DROP VIEW message_statuses")
    op.execute(STATUSES.format(""))
    for column in USERS:
        op.drop_column("users", column.name)
    for column in MEMBERS:
        op.drop_column("members", column.name)
