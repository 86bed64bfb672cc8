"""What deleted messages leave of files is noted, and deleted in the background; uploads name the folder they are in.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NOTE = """
CREATE FUNCTION note_unreferenced_uploads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unreferenced_uploads (upload_id)
    SELECT DISTINCT upload_id FROM deleted WHERE upload_id IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER messages_note_unreferenced_uploads AFTER DELETE ON messages
REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION note_unreferenced_uploads()
"""
# Of chats that were deleted before.
LEFT_BEHIND = """
INSERT INTO unreferenced_uploads (upload_id)
SELECT f.id FROM uploads f WHERE f.chat_id IS NULL AND NOT EXISTS (SELECT FROM messages m WHERE m.upload_id = f.id)
"""


def upgrade() -> None:
    op.create_table(
        "unreferenced_uploads",
        sa.Column("upload_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", name="unreferenced_uploads_pkey"),
    )
    op.create_table(
        "deleted_files",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("folder_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("name", name="deleted_files_pkey"),
    )
    op.execute(NOTE)
    op.execute(TRIGGER)
    op.execute(LEFT_BEHIND)
    op.add_column("uploads", sa.Column("folder_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_index("uploads_folder_id_idx", "uploads", ["folder_id"])


def downgrade() -> None:
    op.drop_column("uploads", "folder_id")
    op.execute("DROP TRIGGER messages_note_unreferenced_uploads ON messages")
    op.execute("DROP FUNCTION note_unreferenced_uploads()")
    op.drop_table("deleted_files")
    op.drop_table("unreferenced_uploads")
