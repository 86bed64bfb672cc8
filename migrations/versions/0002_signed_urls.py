"""Uploads have a secret, with which the database signs their URLs.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What proves that a URL was made here: of one file (or thumbnail), for one message, until a moment (in seconds since
# the epoch). The secret is random and of the file's own; no part of what follows it can contain a slash.
FILE_SIGNATURE = """
CREATE FUNCTION file_signature(name text, secret uuid, message_id uuid, expires bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN substr(encode(sha256(convert_to(secret || '/' || name || '/' || message_id || '/' || expires, 'UTF8')), 'hex'),
              1, 32)
"""
# Good for two to three hours, so that it is at least one when it is read, and the same for a whole hour.
FILE_URL = """
CREATE FUNCTION file_url(name text, secret uuid, message_id uuid) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN '/uploads/' || name || '?message=' || message_id
       || '&expires=' || (date_part('epoch', now())::bigint / 3600 + 3) * 3600
       || '&signature=' || file_signature(name, secret, message_id, (date_part('epoch', now())::bigint / 3600 + 3) * 3600)
"""


def upgrade() -> None:
    op.add_column(
        "uploads",
        sa.Column("secret", sa.Uuid(as_uuid=False), server_default=sa.text("gen_random_uuid()"), nullable=False),
    )
    op.execute(FILE_SIGNATURE)
    op.execute(FILE_URL)


def downgrade() -> None:
    op.execute("DROP FUNCTION file_url(text, uuid, uuid)")
    op.execute("DROP FUNCTION file_signature(text, uuid, uuid, bigint)")
    op.drop_column("uploads", "secret")
