"""Changes of chats and members are kept for a day, so that workers can replay them after an outage.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_changes",
        sa.Column("chat_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=7), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True, precision=3),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('CREATED', 'UPDATED', 'JOINED', 'ROLE', 'LEFT')", name="chat_changes_kind_check"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "rev"),
    )
    op.create_index("chat_changes_created_at_idx", "chat_changes", ["created_at"])


def downgrade() -> None:
    op.drop_table("chat_changes")
