"""Names and addresses of accounts are unique whatever the locale of the database.

Each address is stored in the form in which it is compared too; usernames are ASCII, and compared as such. Accounts that
were different by the old rule and are the same by the new one stop this migration, which names them.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from chatapp.core.names import email_key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 5000
MAX_SHOWN = 20
KEY = 'lower(username COLLATE "C")'
_READ = sa.text("SELECT id::text, email FROM users WHERE id > :last ORDER BY id LIMIT :rows")
_STORE = sa.text(
    """
    UPDATE users u SET email_key = k.key
    FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS text[])) k (id, key) WHERE u.id = k.id
    """
)
_CONFLICTS = """
    SELECT string_agg({name} || ' (id ' || id || ')', ' and ' ORDER BY created_at, id) FROM users
    GROUP BY {key} HAVING count(*) > 1 ORDER BY min(created_at)
"""


def upgrade() -> None:
    db = op.get_bind()
    op.add_column("users", sa.Column("email_key", sa.Text(collation="C"), nullable=True))
    last = "00000000-0000-0000-0000-000000000000"
    while rows := db.execute(_READ, {"last": last, "rows": ROWS_AT_ONCE}).all():
        db.execute(_STORE, {"ids": [id for id, _ in rows], "keys": [email_key(email) for _, email in rows]})
        last = rows[-1][0]
    conflicts = [
        shared
        for name, key in (("email", "email_key"), ("username", KEY))
        for shared in db.execute(sa.text(_CONFLICTS.format(name=name, key=key))).scalars()
    ]
    if conflicts:
        raise CommandError(
            f"{len(conflicts)} e-mail addresses or usernames belong to more than one account: "
            + "; ".join(conflicts[:MAX_SHOWN])
            + ("; …" if len(conflicts) > MAX_SHOWN else "")
            + ". Give all but one of each another address or username (UPDATE users SET email = … WHERE id = …), "
            "then upgrade again. Nothing was changed."
        )
    op.alter_column("users", "email_key", nullable=False)
    _index(sa.text("email_key"), sa.text(KEY), f"{KEY} gin_trgm_ops")


def downgrade() -> None:
    _index(sa.text("lower(email)"), sa.text("lower(username)"), "lower(username) gin_trgm_ops")
    op.drop_column("users", "email_key")


def _index(email: sa.TextClause, username: sa.TextClause, trigrams: str) -> None:
    for name in ("users_email_key", "users_username_key", "users_username_trgm"):
        op.drop_index(name, table_name="users")
    op.create_index("users_email_key", "users", [email], unique=True)
    op.create_index("users_username_key", "users", [username], unique=True)
    op.create_index("users_username_trgm", "users", [sa.literal_column(trigrams)], postgresql_using="gin")
