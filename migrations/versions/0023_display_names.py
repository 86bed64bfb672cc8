"""Display names in the form in which searches compare them, and an index of it.

The names are filled in in portions, and the indexes are created without blocking changes of users: this revision can be
repeated after an interruption.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

from chatapp.core.names import search_key

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 1000
ORDERED, GRAMS = "users_display_key_idx", "users_display_key_grams"
_READ = sa.text(
    """
    SELECT id::text, display_name FROM users
    WHERE id > :last AND display_name IS NOT NULL AND display_key IS NULL ORDER BY id LIMIT :rows
    """
)
# A name that was changed meanwhile has its key.
_STORE = sa.text(
    """
    UPDATE users u SET display_key = k.key
    FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:keys AS text[])) k (id, name, key)
    WHERE u.id = k.id AND u.display_name = k.name
    """
)
# The mark of a word (0x7f) and its first character are an entry too, so that one character finds the words that begin with
# it.
_FUNCTION = """
CREATE OR REPLACE FUNCTION name_grams(key text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(gram) FROM (
        SELECT substr(key, n, 3) AS gram FROM generate_series(1, length(key) - 2) n
        UNION ALL
        SELECT substr(key, n, 2) FROM generate_series(1, length(key) - 1) n WHERE substr(key, n, 1) = E'\\x7f'
    ) grams
$$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(_FUNCTION)
        op.execute('ALTER TABLE users ADD COLUMN IF NOT EXISTS display_key text COLLATE "C"')
        db = op.get_bind()
        last = "00000000-0000-0000-0000-000000000000"
        while rows := db.execute(_READ, {"last": last, "rows": ROWS_AT_ONCE}).all():
            ids, names = [id for id, _ in rows], [name for _, name in rows]
            db.execute(_STORE, {"ids": ids, "names": names, "keys": [search_key(name) for name in names]})
            last = ids[-1]
        # An interrupted creation leaves an invalid index.
        _drop()
        op.create_index(
            ORDERED,
            "users",
            ["display_key", "id"],
            postgresql_where=sa.text("display_key IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.create_index(
            GRAMS,
            "users",
            [sa.text("name_grams(display_key)")],
            postgresql_using="gin",
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _drop()
    op.drop_column("users", "display_key")
    op.execute("DROP FUNCTION name_grams(text)")


def _drop() -> None:
    for name in (ORDERED, GRAMS):
        op.drop_index(name, table_name="users", if_exists=True, postgresql_concurrently=True)
