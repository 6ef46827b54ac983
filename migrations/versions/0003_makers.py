"""Who made a work that several made: a column of each influence, empty where one did.

Only a column that may be empty is added: rows of before stay as they are, with their digests, and
every guard of 0001 stays in force.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE influence ADD COLUMN makers TEXT")


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
