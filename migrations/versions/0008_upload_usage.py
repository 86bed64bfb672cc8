"""What each user uploads in a day, and has in progress, is counted for all workers.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_usage",
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("in_progress", sa.ARRAY(sa.Uuid(as_uuid=False)), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="upload_usage_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="upload_usage_user_id_fkey", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("upload_usage")
