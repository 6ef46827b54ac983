"""A run that was not booked may be deleted; that it was there, and when it went, is kept.

A chain of its own notes each deletion. The guards of runs and influences still refuse every delete
but that of a run which no entry knows and whose deletion is noted.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

GENESIS = "0" * 64
TABLE = """
CREATE TABLE run_deleted (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL UNIQUE,
  run_id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, created_at TEXT NOT NULL,
  prev_hash TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE
) STRICT
"""
GUARDS = (
    f"""
CREATE TRIGGER deletion_follows BEFORE INSERT ON run_deleted
  WHEN NEW.prev_hash <> coalesce(
    (SELECT hash FROM run_deleted ORDER BY seq DESC LIMIT 1), '{GENESIS}') BEGIN
  SELECT RAISE(ABORT, 'a deletion must follow the last one');
END""",
    """
CREATE TRIGGER deleted_was_not_booked BEFORE INSERT ON run_deleted
  WHEN EXISTS (SELECT 1 FROM ledger_txn WHERE run_id = NEW.run_id) OR NOT EXISTS (
    SELECT 1 FROM run WHERE id = NEW.run_id AND number = NEW.number AND digest = NEW.digest
      AND entry_key IS NULL) BEGIN
  SELECT RAISE(ABORT, 'only a run that was not booked may be deleted');
END""",
    """
CREATE TRIGGER run_deleted_no_update BEFORE UPDATE ON run_deleted BEGIN
  SELECT RAISE(ABORT, 'run_deleted is append-only');
END""",
    """
CREATE TRIGGER run_deleted_no_delete BEFORE DELETE ON run_deleted BEGIN
  SELECT RAISE(ABORT, 'run_deleted is append-only');
END""",
    "DROP TRIGGER run_no_delete",
    """
CREATE TRIGGER run_no_delete BEFORE DELETE ON run
  WHEN NOT EXISTS (SELECT 1 FROM run_deleted WHERE run_id = OLD.id AND number = OLD.number)
    OR OLD.entry_key IS NOT NULL OR EXISTS (SELECT 1 FROM ledger_txn WHERE run_id = OLD.id) BEGIN
  SELECT RAISE(ABORT, 'run is append-only');
END""",
    "DROP TRIGGER influence_no_delete",
    """
CREATE TRIGGER influence_no_delete BEFORE DELETE ON influence
  WHEN NOT EXISTS (SELECT 1 FROM run_deleted WHERE run_id = OLD.run_id)
    OR EXISTS (SELECT 1 FROM ledger_txn WHERE run_id = OLD.run_id) BEGIN
  SELECT RAISE(ABORT, 'influence is append-only');
END""",
)


def upgrade() -> None:
    op.execute(TABLE)
    for guard in GUARDS:
        op.execute(guard)


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
