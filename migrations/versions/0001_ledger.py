"""Runs, artists, rules, and the ledger that can be added to but not changed.

Postings are written first and the entry seals them: its trigger checks the sum, the number and the
chain. Triggers refuse every update and delete.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE run (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('generation', 'upload', 'example')),
  collection TEXT NOT NULL, style TEXT NOT NULL, prompt TEXT NOT NULL, title TEXT NOT NULL,
  seed INTEGER, steps INTEGER, guidance REAL,
  model_digest TEXT NOT NULL, works_digest TEXT NOT NULL,
  image_sha256 TEXT NOT NULL, image_file TEXT NOT NULL,
  width INTEGER NOT NULL, height INTEGER NOT NULL,
  method TEXT NOT NULL, spec_digest TEXT NOT NULL, device TEXT NOT NULL, versions TEXT NOT NULL,
  verdict TEXT NOT NULL, familiarity REAL NOT NULL, words TEXT NOT NULL,
  query_leverage REAL NOT NULL, seconds TEXT NOT NULL,
  rule TEXT NOT NULL, artist_micro TEXT NOT NULL, unattributed_micro INTEGER NOT NULL,
  created_at TEXT NOT NULL, entry_key TEXT, digest TEXT NOT NULL
) STRICT;
CREATE TABLE influence (
  run_id TEXT NOT NULL REFERENCES run (id) DEFERRABLE INITIALLY DEFERRED,
  side TEXT NOT NULL CHECK (side IN ('proponent', 'opponent', 'memorised')),
  rank INTEGER NOT NULL CHECK (rank > 0),
  work_id TEXT NOT NULL, title TEXT NOT NULL, artist_id TEXT NOT NULL, artist TEXT NOT NULL,
  style TEXT NOT NULL, year TEXT NOT NULL, licence TEXT NOT NULL, file TEXT NOT NULL,
  score REAL NOT NULL, z REAL NOT NULL, self_influence REAL NOT NULL,
  PRIMARY KEY (run_id, side, rank)
) STRICT;
CREATE TABLE artist (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE artist_status (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, artist_id TEXT NOT NULL REFERENCES artist (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'opted-out')),
  reason TEXT NOT NULL CHECK (reason <> ''), actor TEXT NOT NULL, created_at TEXT NOT NULL,
  prev_hash TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE rule (
  id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL,
  parameters TEXT NOT NULL
) STRICT;
CREATE TABLE ledger_txn (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('credit', 'reversal', 'adjustment')),
  idempotency_key TEXT NOT NULL UNIQUE,
  run_id TEXT REFERENCES run (id), run_digest TEXT,
  rule_id TEXT NOT NULL REFERENCES rule (id),
  reverses INTEGER UNIQUE REFERENCES ledger_txn (seq), reason TEXT, actor TEXT,
  created_at TEXT NOT NULL, prev_hash TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE,
  CHECK ((kind = 'reversal') = (reverses IS NOT NULL)),
  CHECK (kind = 'credit' OR reason IS NOT NULL),
  CHECK ((run_id IS NULL) = (run_digest IS NULL))
) STRICT;
CREATE TABLE ledger_posting (
  txn_id TEXT NOT NULL REFERENCES ledger_txn (id) DEFERRABLE INITIALLY DEFERRED,
  line INTEGER NOT NULL CHECK (line > 0),
  account TEXT NOT NULL CHECK (account IN ('issued', 'artist', 'unattributed', 'escrow')),
  artist_id TEXT REFERENCES artist (id), artist TEXT, micro INTEGER NOT NULL CHECK (micro <> 0),
  PRIMARY KEY (txn_id, line),
  CHECK ((artist_id IS NOT NULL) = (account IN ('artist', 'escrow'))),
  CHECK ((artist_id IS NULL) = (artist IS NULL))
) STRICT;
CREATE INDEX posting_by_artist ON ledger_posting (artist_id, txn_id);
CREATE INDEX txn_by_run ON ledger_txn (run_id);
CREATE INDEX run_by_time ON run (created_at);
CREATE INDEX run_by_key ON run (entry_key);
CREATE INDEX influence_by_artist ON influence (artist_id, run_id);
"""

GENESIS = "0" * 64
SEALS = f"""
CREATE TRIGGER entry_is_sealed BEFORE INSERT ON ledger_txn BEGIN
  SELECT RAISE(ABORT, 'an entry needs at least two postings')
    WHERE (SELECT count(*) FROM ledger_posting WHERE txn_id = NEW.id) < 2;
  SELECT RAISE(ABORT, 'the postings of an entry must sum to 0')
    WHERE (SELECT sum(micro) FROM ledger_posting WHERE txn_id = NEW.id) <> 0;
  SELECT RAISE(ABORT, 'entries are numbered without gaps')
    WHERE NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM ledger_txn);
  SELECT RAISE(ABORT, 'an entry must follow the last one')
    WHERE NEW.prev_hash <> coalesce(
      (SELECT hash FROM ledger_txn ORDER BY seq DESC LIMIT 1), '{GENESIS}');
END;
CREATE TRIGGER postings_stay_as_sealed BEFORE INSERT ON ledger_posting
  WHEN EXISTS (SELECT 1 FROM ledger_txn WHERE id = NEW.txn_id) BEGIN
  SELECT RAISE(ABORT, 'the entry is sealed');
END;
CREATE TRIGGER status_follows BEFORE INSERT ON artist_status
  WHEN NEW.prev_hash <> coalesce(
    (SELECT hash FROM artist_status ORDER BY seq DESC LIMIT 1), '{GENESIS}') BEGIN
  SELECT RAISE(ABORT, 'a change of status must follow the last one');
END;
"""
KEPT = ("run", "influence", "artist_status", "rule", "ledger_txn", "ledger_posting")


def statements(text: str) -> list[str]:
    """DDL split at the ends of statements; a trigger's own semicolons stay inside it."""
    found, begun = [], ""
    for line in text.strip().splitlines():
        begun += line + "\n"
        inside = begun.startswith("CREATE TRIGGER")
        if line.strip() == "END;" if inside else line.rstrip().endswith(";"):
            found.append(begun)
            begun = ""
    return found


def upgrade() -> None:
    for statement in statements(TABLES) + statements(SEALS):
        op.execute(statement)
    for table in KEPT:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
