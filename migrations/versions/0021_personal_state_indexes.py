"""An index of personal state by `me_rev`.

It is created without blocking sends: this revision can be repeated after an interruption.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NAME = "members_user_id_me_rev_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # An interrupted creation leaves an invalid index.
        _drop()
        op.create_index(
            NAME,
            "members",
            ["user_id", "me_rev"],
            postgresql_where=sa.text("me_rev > 0"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _drop()


def _drop() -> None:
    op.drop_index(NAME, table_name="members", if_exists=True, postgresql_concurrently=True)
