"""Running totals, kept by triggers in the transaction of the posting, and indexes for every page.

Each total is written once below, as a query over the rows it sums. Restricted to the new row it is
a trigger; unrestricted it fills the table for a ledger of before. `verify` holds every total
against explicit sums of its own (`core.ledger.running_totals`). An artist's name gets a digest. No
row under a hash changes.
"""

from __future__ import annotations

import hashlib
import json

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = (
    # net credit per artist and account, of all time
    """CREATE TABLE artist_total (
  artist_id TEXT NOT NULL, account TEXT NOT NULL, micro INTEGER NOT NULL, entries INTEGER NOT NULL,
  PRIMARY KEY (artist_id, account)
) STRICT, WITHOUT ROWID""",
    # the same by month of the entry, class and kind of its run
    """CREATE TABLE credit_total (
  artist_id TEXT NOT NULL, account TEXT NOT NULL, month TEXT NOT NULL, style TEXT NOT NULL,
  kind TEXT NOT NULL, micro INTEGER NOT NULL, entries INTEGER NOT NULL,
  PRIMARY KEY (artist_id, account, month, style, kind)
) STRICT, WITHOUT ROWID""",
    # the entries that touch an artist, and all entries under the id ''
    """CREATE TABLE entry_total (
  artist_id TEXT NOT NULL, month TEXT NOT NULL, style TEXT NOT NULL, kind TEXT NOT NULL,
  entries INTEGER NOT NULL, issued INTEGER NOT NULL, unattributed INTEGER NOT NULL,
  PRIMARY KEY (artist_id, month, style, kind)
) STRICT, WITHOUT ROWID""",
    # an artist's account, entry by entry
    """CREATE TABLE artist_entry (
  artist_id TEXT NOT NULL, seq INTEGER NOT NULL, micro INTEGER NOT NULL, escrow INTEGER NOT NULL,
  PRIMARY KEY (artist_id, seq)
) STRICT, WITHOUT ROWID""",
    # which works of an artist shaped pictures that entries are about; credited: with the artist
    """CREATE TABLE artist_work (
  artist_id TEXT NOT NULL, work_id TEXT NOT NULL, month TEXT NOT NULL, style TEXT NOT NULL,
  kind TEXT NOT NULL, credited INTEGER NOT NULL,
  PRIMARY KEY (artist_id, work_id, month, style, kind)
) STRICT, WITHOUT ROWID""",
    # the runs that an artist's works shaped, booked or not
    """CREATE TABLE artist_run (
  artist_id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (artist_id, number)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE run_total (
  style TEXT NOT NULL, kind TEXT NOT NULL, runs INTEGER NOT NULL, PRIMARY KEY (style, kind)
) STRICT, WITHOUT ROWID""",
)
INDEXES = (
    "CREATE INDEX txn_by_time ON ledger_txn (created_at)",
    "CREATE INDEX txn_by_rule ON ledger_txn (rule_id)",
    "CREATE INDEX run_by_style ON run (style)",
    "CREATE INDEX run_by_kind ON run (kind)",
)
MONTH = "substr(entry.created_at, 1, 7)"
STYLE, KIND = "coalesce(run.style, '')", "coalesce(run.kind, '')"
MAKER = (
    "json_each(coalesce(influence.makers, json_array(json_array(influence.artist_id)))) AS maker"
)
WHO = "json_extract(maker.value, '$[0]')"
CREDITS = "count(DISTINCT CASE WHEN entry.kind = 'credit' THEN entry.seq END)"


def _sum_of(account: str) -> str:
    return (
        "coalesce((SELECT sum(micro) FROM ledger_posting "
        f"WHERE txn_id = entry.id AND account = '{account}'), 0)"
    )


# `{one}`: which rows are summed
OF_ENTRIES = (
    f"""INSERT INTO artist_total
SELECT posting.artist_id, posting.account, sum(posting.micro), {CREDITS}
FROM ledger_txn AS entry JOIN ledger_posting AS posting ON posting.txn_id = entry.id
WHERE posting.artist_id IS NOT NULL AND {{one}} GROUP BY 1, 2
ON CONFLICT DO UPDATE SET micro = micro + excluded.micro, entries = entries + excluded.entries""",
    f"""INSERT INTO credit_total
SELECT posting.artist_id, posting.account, {MONTH}, {STYLE}, {KIND}, sum(posting.micro), {CREDITS}
FROM ledger_txn AS entry JOIN ledger_posting AS posting ON posting.txn_id = entry.id
LEFT JOIN run ON run.id = entry.run_id
WHERE posting.artist_id IS NOT NULL AND {{one}} GROUP BY 1, 2, 3, 4, 5
ON CONFLICT DO UPDATE SET micro = micro + excluded.micro, entries = entries + excluded.entries""",
    """INSERT INTO artist_entry
SELECT posting.artist_id, entry.seq,
  sum(CASE posting.account WHEN 'artist' THEN posting.micro ELSE 0 END),
  sum(CASE posting.account WHEN 'escrow' THEN posting.micro ELSE 0 END)
FROM ledger_txn AS entry JOIN ledger_posting AS posting ON posting.txn_id = entry.id
WHERE posting.artist_id IS NOT NULL AND {one} GROUP BY 1, 2""",
    f"""INSERT INTO entry_total
SELECT touched.artist_id, {MONTH}, {STYLE}, {KIND}, count(*),
  sum(-{_sum_of("issued")}), sum({_sum_of("unattributed")})
FROM (
  SELECT '' AS artist_id, entry.seq FROM ledger_txn AS entry WHERE {{one}}
  UNION SELECT posting.artist_id, entry.seq
  FROM ledger_txn AS entry JOIN ledger_posting AS posting ON posting.txn_id = entry.id
  WHERE posting.artist_id IS NOT NULL AND {{one}}
) AS touched JOIN ledger_txn AS entry ON entry.seq = touched.seq
LEFT JOIN run ON run.id = entry.run_id WHERE true GROUP BY 1, 2, 3, 4
ON CONFLICT DO UPDATE SET entries = entries + excluded.entries,
  issued = issued + excluded.issued, unattributed = unattributed + excluded.unattributed""",
    f"""INSERT INTO artist_work
SELECT {WHO}, influence.work_id, {MONTH}, {STYLE}, {KIND}, max(EXISTS (
  SELECT 1 FROM ledger_posting WHERE txn_id = entry.id AND artist_id = {WHO}))
FROM ledger_txn AS entry JOIN run ON run.id = entry.run_id
JOIN influence ON influence.run_id = run.id, {MAKER}
WHERE influence.side = 'proponent' AND {{one}} GROUP BY 1, 2, 3, 4, 5
ON CONFLICT DO UPDATE SET credited = max(credited, excluded.credited)""",
)
OF_RUNS = (
    """INSERT INTO run_total SELECT style, kind, count(*) FROM run WHERE {one} GROUP BY 1, 2
ON CONFLICT DO UPDATE SET runs = runs + excluded.runs""",
)
OF_INFLUENCES = (
    f"""INSERT OR IGNORE INTO artist_run
SELECT {WHO}, run.number FROM influence JOIN run ON run.id = influence.run_id, {MAKER}
WHERE influence.side = 'proponent' AND {{one}}""",
)
FOLLOWS = (
    ("entry", "ledger_txn", "true", OF_ENTRIES, "entry.seq = NEW.seq"),
    ("run", "run", "true", OF_RUNS, "run.number = NEW.number"),
    (
        "influence",
        "influence",
        "NEW.side = 'proponent'",
        OF_INFLUENCES,
        "influence.run_id = NEW.run_id AND influence.side = NEW.side AND influence.rank = NEW.rank",
    ),
)
# a run that was not booked may be deleted, its influences first (0004)
DELETIONS = (
    f"""CREATE TRIGGER totals_follow_deleted_influence BEFORE DELETE ON influence
WHEN OLD.side = 'proponent' BEGIN
DELETE FROM artist_run WHERE number = (SELECT number FROM run WHERE id = OLD.run_id)
  AND artist_id IN (SELECT json_extract(maker.value, '$[0]') FROM
    {MAKER.replace("influence.", "OLD.")});
END""",
    """CREATE TRIGGER totals_follow_deleted_run AFTER DELETE ON run BEGIN
UPDATE run_total SET runs = runs - 1 WHERE style = OLD.style AND kind = OLD.kind;
DELETE FROM run_total WHERE style = OLD.style AND kind = OLD.kind AND runs = 0;
END""",
)
IN_ORDER = """CREATE TRIGGER influence_follows_run BEFORE INSERT ON influence
WHEN NOT EXISTS (SELECT 1 FROM run WHERE id = NEW.run_id) BEGIN
  SELECT RAISE(ABORT, 'an influence follows its run');
END"""


def _digest(who: str, name: str) -> str:
    text = json.dumps([who, name], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def upgrade() -> None:
    op.execute("ALTER TABLE artist ADD COLUMN digest TEXT NOT NULL DEFAULT ''")
    for statement in (*TABLES, *INDEXES, IN_ORDER):
        op.execute(statement)
    raw = op.get_bind().connection.driver_connection  # times hold ':', which op would take apart
    known = raw.execute("SELECT id, name FROM artist").fetchall()
    raw.executemany(
        "UPDATE artist SET digest = ? WHERE id = ?", [(_digest(*row), row[0]) for row in known]
    )
    for name, table, when, sums, one in FOLLOWS:
        for query in sums:
            raw.execute(query.format(one="true"))
        body = ";\n".join(query.format(one=one) for query in sums)
        raw.execute(
            f"CREATE TRIGGER totals_follow_{name} AFTER INSERT ON {table} WHEN {when} BEGIN\n"
            f"{body};\nEND"
        )
    for trigger in DELETIONS:
        raw.execute(trigger)


def downgrade() -> None:
    raise RuntimeError("A ledger is never taken back; restore a backup instead.")
