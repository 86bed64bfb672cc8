"""Smaller messages: less room in the pages of their primary key, whose ids sort by time, and no value for `is_changed`
unless it is true.

Both apply to what is written from now on; `REINDEX INDEX CONCURRENTLY messages_pkey` writes the index again.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER INDEX messages_pkey SET (fillfactor = 97)")
    op.execute("ALTER TABLE messages ALTER is_changed DROP DEFAULT, ALTER is_changed DROP NOT NULL")


def downgrade() -> None:
    op.execute("UPDATE messages SET is_changed = false WHERE is_changed IS NULL")
    op.execute("ALTER TABLE messages ALTER is_changed SET DEFAULT false, ALTER is_changed SET NOT NULL")
    op.execute("ALTER INDEX messages_pkey RESET (fillfactor)")
