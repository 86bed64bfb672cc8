"""Only changed messages are indexed by `rev`; of the others, `seq` has the same order.

Creating the index reads all messages, and sends wait meanwhile: about 2 seconds for 5,000,000. To avoid that, create it
before the upgrade:

    CREATE UNIQUE INDEX CONCURRENTLY messages_changed_key ON messages (chat_id, rev)
    WHERE (edited_at IS NOT NULL OR deleted_at IS NOT NULL);

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "messages_changed_key",
        "messages",
        ["chat_id", "rev"],
        unique=True,
        postgresql_where=sa.text("(edited_at IS NOT NULL OR deleted_at IS NOT NULL)"),
        if_not_exists=True,
    )
    op.drop_index("messages_chat_id_rev_key", table_name="messages")


def downgrade() -> None:
    op.create_index("messages_chat_id_rev_key", "messages", ["chat_id", "rev"], unique=True)
    op.drop_index("messages_changed_key", table_name="messages")
