"""${message}

A batch migration drops triggers: whoever changes a ledger table here creates them again.
"""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "op.execute('')"}


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
