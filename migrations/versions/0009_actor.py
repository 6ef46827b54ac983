"""Who asked for a run: a column of each, empty in runs of before. Its entry has had one from the start.

Only a column that may be empty is added: rows of before stay as they are, with their digests, and
every guard of 0001 stays in force.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE run ADD COLUMN actor TEXT")


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
