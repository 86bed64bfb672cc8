"""Large groups that were deleted are found at once, until the last of their messages is deleted.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("chats_deleted_idx", "chats", ["id"], postgresql_where=sa.text("member_count = 0"))


def downgrade() -> None:
    op.drop_index("chats_deleted_idx", table_name="chats")
