"""Indexes of files by type, and of the mentions of a user by time.

They are created without blocking sends, each in a transaction of its own: this revision can be repeated after an
interruption.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FILES, MENTIONS = "messages_files_idx", "mentions_user_id_message_id_idx"


def upgrade() -> None:
    _create(MENTIONS, "mentions", ["user_id", "message_id"])
    _create(FILES, "messages", ["chat_id", "type", "seq"], "upload_id IS NOT NULL")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _drop(MENTIONS, "mentions")
    _create(FILES, "messages", ["chat_id", "seq"], "upload_id IS NOT NULL")


def _create(name: str, table: str, columns: list[str], condition: str | None = None) -> None:
    with op.get_context().autocommit_block():
        # The one of another revision, or an invalid one that an interruption left.
        _drop(name, table)
        where = sa.text(condition) if condition else None
        op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True)


def _drop(name: str, table: str) -> None:
    op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
