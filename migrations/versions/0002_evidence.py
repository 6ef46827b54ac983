"""What a run measured per artist, what its unattributed rest consists of, and each work's part.

Only columns that may be empty are added: rows of before stay as they are, with their digests, and
every guard of 0001 stays in force.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = (("run", "evidence", "TEXT"), ("run", "remainder", "TEXT"), ("influence", "part", "REAL"))


def upgrade() -> None:
    for table, column, kind in COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
