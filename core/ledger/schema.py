"""The ledger's tables, for queries; the DDL with its triggers is in `migrations/`."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

RUN_FIELDS = (
    Column("id", Text, unique=True, nullable=False),
    Column("kind", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("style", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("seed", Integer),
    Column("steps", Integer),
    Column("guidance", Float),
    Column("model_digest", Text, nullable=False),
    Column("works_digest", Text, nullable=False),
    Column("image_sha256", Text, nullable=False),
    Column("image_file", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("spec_digest", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("familiarity", Float, nullable=False),
    Column("words", Text, nullable=False),
    Column("query_leverage", Float, nullable=False),
    Column("seconds", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("artist_micro", Text, nullable=False),
    Column("unattributed_micro", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("evidence", Text),
    Column("remainder", Text),
    Column("actor", Text),
)
run = Table(
    "run",
    metadata,
    Column("number", Integer, primary_key=True),
    *RUN_FIELDS,
    Column("entry_key", Text),
    Column("digest", Text, nullable=False),
)
influence = Table(
    "influence",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("side", Text, primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("work_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("artist_id", Text, nullable=False),
    Column("artist", Text, nullable=False),
    Column("style", Text, nullable=False),
    Column("year", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("z", Float, nullable=False),
    Column("self_influence", Float, nullable=False),
    Column("part", Float),
    Column("makers", Text),
)
artist = Table(
    "artist",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
artist_status = Table(
    "artist_status",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("artist_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("masked", Integer),
)
artist_name = Table(
    "artist_name",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("artist_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
dispute_event = Table(
    "dispute_event",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("dispute", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("entry", Integer, nullable=False),
    Column("artist_id", Text),
    Column("outcome", Text),
    Column("paid_to", Text),
    Column("adjustment", Integer, unique=True),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
run_deleted = Table(
    "run_deleted",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("number", Integer, unique=True, nullable=False),
    Column("run_id", Text, unique=True, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("actor", Text),
)
rule = Table(
    "rule",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("parameters", Text, nullable=False),
)
txn = Table(
    "ledger_txn",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, unique=True, nullable=False),
    Column("kind", Text, nullable=False),
    Column("idempotency_key", Text, unique=True, nullable=False),
    Column("run_id", Text),
    Column("run_digest", Text),
    Column("rule_id", Text, nullable=False),
    Column("reverses", Integer, unique=True),
    Column("reason", Text),
    Column("actor", Text),
    Column("created_at", Text, nullable=False),
    Column("prev_hash", Text, unique=True, nullable=False),
    Column("hash", Text, unique=True, nullable=False),
)
posting = Table(
    "ledger_posting",
    metadata,
    Column("txn_id", Text, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("artist_id", Text),
    Column("artist", Text),
    Column("micro", Integer, nullable=False),
)

# running totals: kept by triggers, held against explicit sums by `verify` (see `running_totals`)
artist_total = Table(
    "artist_total",
    metadata,
    Column("artist_id", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("micro", Integer, nullable=False),
    Column("entries", Integer, nullable=False),
)
credit_total = Table(
    "credit_total",
    metadata,
    Column("artist_id", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("style", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("micro", Integer, nullable=False),
    Column("entries", Integer, nullable=False),
)
entry_total = Table(
    "entry_total",
    metadata,
    Column("artist_id", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("style", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("entries", Integer, nullable=False),
    Column("issued", Integer, nullable=False),
    Column("unattributed", Integer, nullable=False),
)
artist_entry = Table(
    "artist_entry",
    metadata,
    Column("artist_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("micro", Integer, nullable=False),
    Column("escrow", Integer, nullable=False),
)
artist_work = Table(
    "artist_work",
    metadata,
    Column("artist_id", Text, primary_key=True),
    Column("work_id", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("style", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("credited", Integer, nullable=False),
)
artist_run = Table(
    "artist_run",
    metadata,
    Column("artist_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
)
run_total = Table(
    "run_total",
    metadata,
    Column("style", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("runs", Integer, nullable=False),
)
TOTALS = (artist_total, credit_total, entry_total, artist_entry, artist_work, artist_run, run_total)
