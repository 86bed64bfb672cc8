"""Jobs, which continue in another worker after a restart or a kill.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("is_scheduled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("args", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(length=7), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("result", postgresql.JSONB(), nullable=True),
        sa.Column("next_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="jobs_status_check"),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
    )
    active = sa.text("status IN ('queued', 'running')")
    op.create_index("jobs_next_at_idx", "jobs", ["next_at"], postgresql_where=active)
    op.create_index("jobs_schedule_key", "jobs", ["type"], unique=True, postgresql_where=sa.text("is_scheduled"))


def downgrade() -> None:
    op.drop_table("jobs")
