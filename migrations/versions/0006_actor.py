"""Who asked for a run, and who deleted one: columns that are empty in rows of before.

Entries, reversals and changes of status name their actor from the start. Only columns that may be
empty are added: rows of before stay as they are, with their digests; every guard stays in force.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table in ("run", "run_deleted"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN actor TEXT")


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
