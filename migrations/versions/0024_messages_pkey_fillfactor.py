"""Less room in the pages of the primary key of messages, whose ids sort by time.

Applies to pages that are written from now on; `REINDEX INDEX CONCURRENTLY messages_pkey` applies it to all.

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


def downgrade() -> None:
    op.execute("ALTER INDEX messages_pkey RESET (fillfactor)")
