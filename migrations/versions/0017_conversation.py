"""Replies, mentions, metadata, formats, reactions, pins, earlier versions and forwarded messages.

All columns are nullable or have a constant default, so no table is rewritten.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)
COLUMNS = (
    sa.Column("reply_to", sa.Uuid(as_uuid=False)),
    sa.Column("mention_ids", postgresql.ARRAY(sa.Uuid(as_uuid=False))),
    sa.Column("mentions_all", sa.Boolean()),
    sa.Column("metadata", postgresql.JSONB()),
    sa.Column("format", sa.String(20)),
    sa.Column("reactions", postgresql.JSONB()),
    sa.Column("pinned_at", MOMENT),
    sa.Column("pinned_by", sa.Uuid(as_uuid=False)),
    sa.Column("forwarded", postgresql.JSONB()),
    sa.Column("edit_count", sa.SmallInteger()),
    sa.Column("is_changed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("messages", column.copy())
    op.create_table(
        "reactions",
        sa.Column("message_id", sa.Uuid(as_uuid=False), sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("emoji_key", sa.String(64)),
        sa.Column("user_id", sa.Uuid(as_uuid=False), sa.ForeignKey("users.id")),
        sa.Column("emoji", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "emoji_key", "user_id"),
    )
    op.create_index("reactions_user_id_idx", "reactions", ["user_id"])
    op.create_table(
        "mentions",
        sa.Column("user_id", sa.Uuid(as_uuid=False)),
        sa.Column("chat_id", sa.Uuid(as_uuid=False)),
        sa.Column("seq", sa.BigInteger()),
        sa.Column(
            "message_id", sa.Uuid(as_uuid=False), sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("sender_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "chat_id", "seq"),
    )
    op.create_index("mentions_message_id_idx", "mentions", ["message_id"])
    op.create_table(
        "message_versions",
        sa.Column("message_id", sa.Uuid(as_uuid=False), sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("version", sa.SmallInteger()),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "version"),
    )


def downgrade() -> None:
    for table in ("message_versions", "mentions", "reactions"):
        op.drop_table(table)
    for column in COLUMNS:
        op.drop_column("messages", column.name)
