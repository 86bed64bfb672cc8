"""A person's row in a chat is found in one step from the person's side too.

With an index on the person alone, one who is in many chats had all their rows read for a single one.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("members_user_id_chat_id_idx", "members", ["user_id", "chat_id"])
    op.drop_index("members_user_id_idx", table_name="members")


def downgrade() -> None:
    op.create_index("members_user_id_idx", "members", ["user_id"])
    op.drop_index("members_user_id_chat_id_idx", table_name="members")
