"""Indexes of messages by `rev`, of mentions of all members, pinned messages and files.

They are created without blocking sends, each in a transaction of its own: this revision can be repeated after an
interruption.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Name: columns, condition, uniqueness.
INDEXES = {
    "messages_rev_key": (["chat_id", "rev"], "(edited_at IS NOT NULL OR deleted_at IS NOT NULL OR is_changed)", True),
    "messages_mentions_all_idx": (["chat_id", "seq"], "mentions_all", False),
    "messages_pinned_idx": (["chat_id", "pinned_at"], "pinned_at IS NOT NULL", False),
    "messages_files_idx": (["chat_id", "seq"], "upload_id IS NOT NULL", False),
}
PREVIOUS = "(edited_at IS NOT NULL OR deleted_at IS NOT NULL)"


def upgrade() -> None:
    for name, (columns, condition, is_unique) in INDEXES.items():
        _create(name, columns, condition, is_unique)
    with op.get_context().autocommit_block():
        _drop("messages_changed_key")


def downgrade() -> None:
    # The version before has no other changes.
    op.execute("UPDATE messages SET edited_at = now() WHERE is_changed AND edited_at IS NULL AND deleted_at IS NULL")
    _create("messages_changed_key", ["chat_id", "rev"], PREVIOUS, True)
    with op.get_context().autocommit_block():
        for name in INDEXES:
            _drop(name)


def _create(name: str, columns: list[str], condition: str, is_unique: bool) -> None:
    with op.get_context().autocommit_block():
        # An interrupted creation leaves an invalid index.
        _drop(name)
        where = sa.text(condition)
        op.create_index(
            name, "messages", columns, unique=is_unique, postgresql_where=where, postgresql_concurrently=True
        )


def _drop(name: str) -> None:
    op.drop_index(name, table_name="messages", if_exists=True, postgresql_concurrently=True)
