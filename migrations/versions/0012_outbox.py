"""The outbox: events are stored for `once` subscribers in the transaction of the change.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)
# Rows live for moments: remove dead ones by number, before a reader has to skip many of them.
VACUUM = "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("subscriber", sa.String(length=40), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("chat_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("rev", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "id", name="outbox_pkey"),
    )
    op.execute(VACUUM)
    op.create_table(
        "outbox_readers",
        sa.Column("subscriber", sa.String(length=40), nullable=False),
        sa.Column("worker_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("subscriber", name="outbox_readers_pkey"),
    )


def downgrade() -> None:
    op.drop_table("outbox_readers")
    op.drop_table("outbox")
