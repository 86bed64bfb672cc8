"""Workers say where they run, when they were last seen, and whether they are connected to Redis.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)


def upgrade() -> None:
    # Rows of workers that run during the migration stay: each is renewed, or expires within seconds.
    op.add_column("workers", sa.Column("host", sa.Text(), server_default="", nullable=False))
    op.add_column("workers", sa.Column("pid", sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("started_at", "seen_at"):
        op.add_column("workers", sa.Column(name, MOMENT, server_default=sa.text("now()"), nullable=False))
    op.add_column("workers", sa.Column("redis", sa.Boolean(), nullable=True))


def downgrade() -> None:
    for name in ("host", "pid", "started_at", "seen_at", "redis"):
        op.drop_column("workers", name)
