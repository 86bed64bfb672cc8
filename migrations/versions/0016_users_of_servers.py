"""Users of an app's backend, API keys, sessions with devices, system messages, the audit log, and codes by mail.

All columns are nullable or have a constant default, so no table is rewritten. A check of all messages and the creation of
three indexes on users read their tables; sends wait for the latter only.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)
USERNAME_KEY = 'lower(username COLLATE "C")'
NO_SESSION = "00000000-0000-0000-0000-000000000000"
SYSTEM_ID = "00000000-0000-7000-8000-000000000001"


def upgrade() -> None:
    _upgrade_users()
    _upgrade_sessions()
    _upgrade_chats_and_messages()
    _create_tables()
    op.add_column("workers", sa.Column("key_sockets", postgresql.JSONB()))
    # Sockets that are open now belong to no session until their worker is restarted.
    op.add_column(
        "presence", sa.Column("session_id", sa.Uuid(as_uuid=False), server_default=NO_SESSION, nullable=False)
    )
    op.drop_constraint("presence_pkey", "presence")
    op.create_primary_key("presence_pkey", "presence", ["user_id", "worker_id", "session_id"])
    # The name is reserved since the first version; an account that had it before keeps it.
    op.execute(
        f"""
        INSERT INTO users (id, username, is_active)
        SELECT '{SYSTEM_ID}',
               CASE WHEN EXISTS (SELECT FROM users WHERE {USERNAME_KEY} = 'system') THEN 'system_chat' ELSE 'system' END,
               false
        """
    )


def _upgrade_users() -> None:
    op.alter_column("users", "email", nullable=True)
    op.alter_column("users", "email_key", nullable=True)
    op.alter_column("users", "password_hash", nullable=True)
    op.add_column("users", sa.Column("external_id", sa.String(128)))
    op.add_column("users", sa.Column("display_name", sa.String(80)))
    op.add_column("users", sa.Column("data", postgresql.JSONB()))
    op.add_column("users", sa.Column("private_data", postgresql.JSONB()))
    op.add_column("users", sa.Column("is_bot", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("users", sa.Column("deleted_at", MOMENT))
    op.add_column("users", sa.Column("erased_external_id_hash", sa.LargeBinary()))
    op.create_index(
        "users_erased_external_id_idx",
        "users",
        ["erased_external_id_hash"],
        postgresql_where=sa.text("erased_external_id_hash IS NOT NULL"),
    )
    op.add_column("users", sa.Column("tokens_after", MOMENT))
    op.add_column("users", sa.Column("last_login_at", MOMENT))
    op.add_column("users", sa.Column("updated_at", MOMENT, server_default=sa.text("now()"), nullable=False))
    # Partial: an update of a column under a plain unique index takes a lock that makes all sends of the user wait.
    op.drop_index("users_email_key", table_name="users")
    op.create_index(
        "users_email_key", "users", ["email_key"], unique=True, postgresql_where=sa.text("email_key IS NOT NULL")
    )
    op.create_index(
        "users_external_id_key",
        "users",
        ["external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index("users_created_at_idx", "users", ["created_at", "id"])


def _upgrade_sessions() -> None:
    op.add_column("sessions", sa.Column("kind", sa.String(8), server_default="password", nullable=False))
    op.add_column("sessions", sa.Column("device_id", sa.String(64)))
    op.add_column("sessions", sa.Column("device_name", sa.String(64)))
    op.add_column("sessions", sa.Column("user_agent", sa.String(200)))
    op.add_column("sessions", sa.Column("address", sa.String(45)))
    op.add_column("sessions", sa.Column("last_used_at", MOMENT))
    op.add_column("sessions", sa.Column("expires_at", MOMENT))
    op.add_column("sessions", sa.Column("app_token_hash", sa.LargeBinary()))
    op.add_column("sessions", sa.Column("token_issued_at", MOMENT))
    op.create_check_constraint("sessions_kind_check", "sessions", "kind IN ('password', 'server', 'appToken')")
    op.create_index(
        "sessions_device_key",
        "sessions",
        ["user_id", "device_id"],
        unique=True,
        postgresql_where=sa.text("device_id IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "sessions_app_token_hash_key",
        "sessions",
        ["app_token_hash"],
        unique=True,
        postgresql_where=sa.text("app_token_hash IS NOT NULL"),
    )


def _upgrade_chats_and_messages() -> None:
    op.add_column("chats", sa.Column("external_id", sa.String(128)))
    op.add_column("chats", sa.Column("data", postgresql.JSONB()))
    op.add_column("chats", sa.Column("announces", postgresql.ARRAY(sa.String(7))))
    op.add_column("chats", sa.Column("is_closed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "chats_external_id_key",
        "chats",
        ["external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    # Groups without members, which servers can make, are not deleted ones.
    op.add_column("chats", sa.Column("is_deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute("UPDATE chats SET is_deleted = true WHERE member_count = 0")
    op.drop_index("chats_deleted_idx", table_name="chats")
    op.create_index("chats_deleted_idx", "chats", ["id"], postgresql_where=sa.text("is_deleted"))
    op.alter_column("messages", "type", type_=sa.String(6))
    op.add_column("messages", sa.Column("system", postgresql.JSONB()))
    op.execute(
        """
        ALTER TABLE messages DROP CONSTRAINT messages_type_check,
            ADD CONSTRAINT messages_type_check CHECK (type IN ('TEXT', 'IMAGE', 'FILE', 'SYSTEM')) NOT VALID
        """
    )
    op.execute("ALTER TABLE messages VALIDATE CONSTRAINT messages_type_check")


def _create_tables() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary()),
        sa.Column("previous_until", MOMENT),
        sa.Column("scopes", postgresql.ARRAY(sa.String(20)), nullable=False),
        sa.Column("acts_as", sa.Uuid(as_uuid=False), sa.ForeignKey("users.id")),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(as_uuid=False)),
        sa.Column("expires_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.Column("rotated_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
    )
    op.create_index("api_keys_acts_as_idx", "api_keys", ["acts_as"], postgresql_where=sa.text("acts_as IS NOT NULL"))
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor_type", sa.String(6), nullable=False),
        sa.Column("actor_id", sa.Uuid(as_uuid=False)),
        sa.Column("actor_name", sa.String(100), nullable=False),
        sa.Column("acting_as", sa.Uuid(as_uuid=False)),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("target_type", sa.String(20)),
        sa.Column("target_id", sa.Uuid(as_uuid=False)),
        sa.Column("address", sa.String(45)),
        sa.Column("details", postgresql.JSONB()),
        sa.CheckConstraint("actor_type IN ('user', 'key', 'cli', 'system')", name="audit_log_actor_type_check"),
    )
    op.create_index("audit_log_target_id_idx", "audit_log", ["target_id", "id"])
    op.create_index("audit_log_actor_id_idx", "audit_log", ["actor_id", "id"])
    op.create_table(
        "mail_codes",
        sa.Column("hash", sa.LargeBinary(), primary_key=True),
        sa.Column("user_id", sa.Uuid(as_uuid=False), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
    )
    op.create_index("mail_codes_user_id_idx", "mail_codes", ["user_id"])
    op.create_table(
        "avatars",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("user_id", sa.Uuid(as_uuid=False)),
        sa.Column("chat_id", sa.Uuid(as_uuid=False)),
        sa.Column("folder_id", sa.Uuid(as_uuid=False)),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("jobs", sa.Column("created_by", sa.Uuid(as_uuid=False)))
    op.add_column("jobs", sa.Column("subject", sa.Uuid(as_uuid=False)))
    # At most one open job of a type about the same object.
    op.create_index(
        "jobs_subject_key",
        "jobs",
        ["subject", "type"],
        unique=True,
        postgresql_where=sa.text("subject IS NOT NULL AND status IN ('queued', 'running')"),
    )


def downgrade() -> None:
    op.drop_column("workers", "key_sockets")
    op.execute("DELETE FROM presence")
    op.drop_constraint("presence_pkey", "presence")
    op.drop_column("presence", "session_id")
    op.create_primary_key("presence_pkey", "presence", ["user_id", "worker_id"])
    op.drop_index("jobs_subject_key", table_name="jobs")
    op.drop_column("jobs", "subject")
    op.drop_column("jobs", "created_by")
    for table in ("avatars", "mail_codes", "audit_log", "api_keys"):
        op.drop_table(table)
    # What the version before can't read: messages of the system, and accounts without an address or a password.
    op.execute("UPDATE messages SET type = 'TEXT' WHERE type = 'SYSTEM'")
    op.execute(
        """
        UPDATE users SET email = coalesce(email, id || '@invalid'), email_key = coalesce(email_key, id || '@invalid'),
                         password_hash = coalesce(password_hash, '')
        WHERE email IS NULL OR password_hash IS NULL
        """
    )
    op.drop_column("messages", "system")
    op.execute(
        """
        ALTER TABLE messages DROP CONSTRAINT messages_type_check,
            ADD CONSTRAINT messages_type_check CHECK (type IN ('TEXT', 'IMAGE', 'FILE'))
        """
    )
    op.alter_column("messages", "type", type_=sa.String(5))
    op.drop_index("chats_external_id_key", table_name="chats")
    op.drop_index("chats_deleted_idx", table_name="chats")
    op.create_index("chats_deleted_idx", "chats", ["id"], postgresql_where=sa.text("member_count = 0"))
    for column in ("is_closed", "is_deleted", "announces", "data", "external_id"):
        op.drop_column("chats", column)
    op.drop_index("sessions_app_token_hash_key", table_name="sessions")
    op.drop_index("sessions_device_key", table_name="sessions")
    op.drop_constraint("sessions_kind_check", "sessions")
    for column in (
        "token_issued_at", "app_token_hash", "expires_at", "last_used_at", "address", "user_agent", "device_name", "device_id", "kind",
    ):  # fmt: skip
        op.drop_column("sessions", column)
    op.drop_index("users_created_at_idx", table_name="users")
    op.drop_index("users_external_id_key", table_name="users")
    op.drop_index("users_email_key", table_name="users")
    op.create_index("users_email_key", "users", ["email_key"], unique=True)
    for column in (
        "updated_at", "last_login_at", "tokens_after", "erased_external_id_hash", "deleted_at", "is_bot", "private_data", "data", "display_name",
        "external_id",
    ):  # fmt: skip
        op.drop_column("users", column)
    for column in ("password_hash", "email_key", "email"):
        op.alter_column("users", column, nullable=False)
