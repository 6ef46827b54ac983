"""Disputes, names that are withheld, and a chain of the artists' names.

A dispute is a chain of events of its own: opened, commented, resolved. The credit it is about moves
by adjustments, entries like all others. A change of status may withhold the artist's name. Every
name that was ever made known is in a chain, so that an artist who was never credited cannot vanish.
No row under a hash changes.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from alembic import op

revision = "0007"
down_revision = "0006"

GENESIS = "0" * 64
TABLES = (
    "ALTER TABLE artist_status ADD COLUMN masked INTEGER CHECK (masked IN (0, 1))",
    """CREATE TABLE artist_name (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, artist_id TEXT NOT NULL REFERENCES artist (id),
  name TEXT NOT NULL, created_at TEXT NOT NULL,
  prev_hash TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE
) STRICT""",
    """CREATE TABLE dispute_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, dispute INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('opened', 'comment', 'resolved')),
  entry INTEGER NOT NULL REFERENCES ledger_txn (seq), artist_id TEXT REFERENCES artist (id),
  outcome TEXT CHECK (outcome IN ('upheld', 'rejected')), paid_to TEXT REFERENCES artist (id),
  adjustment INTEGER UNIQUE REFERENCES ledger_txn (seq),
  reason TEXT NOT NULL CHECK (reason <> ''), actor TEXT NOT NULL CHECK (actor <> ''),
  created_at TEXT NOT NULL, prev_hash TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE,
  CHECK ((kind = 'resolved') = (outcome IS NOT NULL)),
  CHECK (paid_to IS NULL OR outcome = 'upheld'),
  CHECK (kind <> 'comment' OR adjustment IS NULL)
) STRICT""",
    "CREATE INDEX name_by_artist ON artist_name (artist_id, seq)",
    "CREATE INDEX dispute_by_number ON dispute_event (dispute, seq)",
    "CREATE INDEX dispute_by_entry ON dispute_event (entry, seq)",
)
GUARDS = (
    f"""CREATE TRIGGER name_follows BEFORE INSERT ON artist_name
  WHEN NEW.prev_hash <> coalesce(
    (SELECT hash FROM artist_name ORDER BY seq DESC LIMIT 1), '{GENESIS}') BEGIN
  SELECT RAISE(ABORT, 'a name must follow the last one');
END""",
    f"""CREATE TRIGGER dispute_follows BEFORE INSERT ON dispute_event
  WHEN NEW.prev_hash <> coalesce(
    (SELECT hash FROM dispute_event ORDER BY seq DESC LIMIT 1), '{GENESIS}') BEGIN
  SELECT RAISE(ABORT, 'an event of a dispute must follow the last one');
END""",
    """CREATE TRIGGER dispute_is_open BEFORE INSERT ON dispute_event BEGIN
  SELECT RAISE(ABORT, 'disputes are numbered without gaps') WHERE NEW.kind = 'opened'
    AND NEW.dispute <> (SELECT coalesce(max(dispute), 0) + 1 FROM dispute_event);
  SELECT RAISE(ABORT, 'the dispute is not open') WHERE NEW.kind <> 'opened' AND (
    NOT EXISTS (SELECT 1 FROM dispute_event WHERE dispute = NEW.dispute AND entry = NEW.entry
      AND artist_id IS NEW.artist_id AND kind = 'opened')
    OR EXISTS (SELECT 1 FROM dispute_event WHERE dispute = NEW.dispute AND kind = 'resolved'));
  SELECT RAISE(ABORT, 'a dispute moves credit by an adjustment') WHERE NEW.adjustment IS NOT NULL
    AND NOT EXISTS (
      SELECT 1 FROM ledger_txn WHERE seq = NEW.adjustment AND kind = 'adjustment');
END""",
)
KEPT = ("artist_name", "dispute_event")


def _hash(row: dict[str, object]) -> str:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    raw = op.get_bind().connection.driver_connection
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    previous = GENESIS
    known = raw.execute("SELECT id, name FROM artist ORDER BY id").fetchall()
    for number, (who, name) in enumerate(known, start=1):
        row = {
            "seq": number,
            "artist_id": who,
            "name": name,
            "created_at": moment,
            "prev_hash": previous,
        }
        previous = _hash(row)
        raw.execute(
            "INSERT INTO artist_name (seq, artist_id, name, created_at, prev_hash, hash) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (*row.values(), previous),
        )
    for guard in GUARDS:
        raw.execute(guard)
    for table in KEPT:
        for verb in ("UPDATE", "DELETE"):
            raw.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    raw.execute(
        "CREATE TRIGGER artist_no_delete BEFORE DELETE ON artist BEGIN "
        "SELECT RAISE(ABORT, 'an artist stays known'); END"
    )


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
