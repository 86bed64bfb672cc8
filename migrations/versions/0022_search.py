"""Words of messages for the search, and trigrams of display names.

The tables are filled in the background, and the index is created without blocking changes of users: this revision can be
repeated after an interruption.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UUID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "message_words",
        sa.Column("chat_id", UUID, nullable=False),
        sa.Column("message_id", UUID, nullable=False),
        sa.Column("sender_id", UUID, nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id"),
        if_not_exists=True,
    )
    # Searches read the list of entries that are not merged yet, which is therefore short.
    op.create_index(
        "message_words_words_idx",
        "message_words",
        ["words"],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 512},
        if_not_exists=True,
    )
    # How common a word is decides how it is searched for.
    op.execute("ALTER TABLE message_words ALTER words SET STATISTICS 1000")
    op.create_table(
        "chat_search",
        sa.Column("chat_id", UUID, primary_key=True),
        sa.Column("indexed_rev", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("chat_search", if_exists=True)
    op.drop_table("message_words", if_exists=True)
