"""Room in the pages of users, so that `last_seen` changes without new index entries (HOT).

Applies to pages that are written from now on; `VACUUM FULL users` applies it to all.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE users SET (fillfactor = 85)")


def downgrade() -> None:
    op.execute("ALTER TABLE users RESET (fillfactor)")
