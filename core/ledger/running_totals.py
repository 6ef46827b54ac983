"""Running totals held against explicit sums.

In: a connection inside one transaction. Out: the totals that are not what their entries sum to.
The totals are kept by triggers (migration 0005); the sums here are written apart from those, so
that an error in one is an error that shows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from core.ledger.records import FirstBad

LINES = """
CREATE TEMP TABLE line AS
SELECT header.seq, max(header.kind = 'credit') AS credits,
  substr(header.created_at, 1, 7) AS month,
  coalesce(run.style, '') AS style, coalesce(run.kind, '') AS kind, run.id AS run_id,
  line.artist_id, line.account, sum(line.micro) AS micro
FROM ledger_txn AS header CROSS JOIN ledger_posting AS line ON line.txn_id = header.id
LEFT JOIN run ON run.id = header.run_id
GROUP BY header.seq, line.artist_id, line.account"""
SHAPED = """
CREATE TEMP TABLE shaped AS
SELECT run.number, influence.run_id, influence.work_id, influence.artist_id
FROM run CROSS JOIN influence ON influence.run_id = run.id
WHERE influence.side = 'proponent' AND influence.makers IS NULL
UNION ALL
SELECT run.number, influence.run_id, influence.work_id, json_extract(maker.value, '$[0]')
FROM run CROSS JOIN influence ON influence.run_id = run.id, json_each(influence.makers) AS maker
WHERE influence.side = 'proponent' AND influence.makers IS NOT NULL"""
BY_RUN = "CREATE INDEX temp.shaped_by_run ON shaped (run_id)"
# each in the order of its table's key
EXPLICIT: Mapping[str, str] = {
    "artist_total": """
SELECT artist_id, account, sum(micro), sum(credits) FROM line
WHERE artist_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2""",
    "credit_total": """
SELECT artist_id, account, month, style, kind, sum(micro), sum(credits) FROM line
WHERE artist_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
    "entry_total": """
WITH entry AS (
  SELECT seq, sum(CASE account WHEN 'issued' THEN -micro ELSE 0 END) AS issued,
    sum(CASE account WHEN 'unattributed' THEN micro ELSE 0 END) AS unattributed
  FROM line GROUP BY seq
), touched AS (
  SELECT '' AS artist_id, month, style, kind, seq FROM line GROUP BY seq
  UNION ALL
  SELECT artist_id, month, style, kind, seq FROM line
  WHERE artist_id IS NOT NULL GROUP BY seq, artist_id
)
SELECT artist_id, month, style, kind, count(*), sum(issued), sum(unattributed)
FROM touched JOIN entry USING (seq) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""",
    "artist_entry": """
SELECT artist_id, seq, sum(CASE account WHEN 'artist' THEN micro ELSE 0 END),
  sum(CASE account WHEN 'escrow' THEN micro ELSE 0 END)
FROM line WHERE artist_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2""",
    "artist_work": """
WITH entry AS (
  SELECT seq, run_id, month, style, kind FROM line WHERE run_id IS NOT NULL GROUP BY seq
)
SELECT shaped.artist_id, work_id, month, style, kind, max(paid.seq IS NOT NULL)
FROM entry CROSS JOIN shaped ON shaped.run_id = entry.run_id
LEFT JOIN artist_entry AS paid ON paid.seq = entry.seq AND paid.artist_id = shaped.artist_id
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
    "artist_run": "SELECT DISTINCT artist_id, number FROM shaped ORDER BY 1, 2",
    "run_total": "SELECT style, kind, count(*) FROM run GROUP BY 1, 2 ORDER BY 1, 2",
}
ORDER = {
    table: ", ".join(str(place) for place in range(1, 1 + keys))
    for table, keys in (
        ("artist_total", 2),
        ("credit_total", 5),
        ("entry_total", 4),
        ("artist_entry", 2),
        ("artist_work", 5),
        ("artist_run", 2),
        ("run_total", 2),
    )
}
WORDS: Mapping[str, str] = {
    "artist_total": "the running total of '{0}' (account {1})",
    "credit_total": "the running total of '{0}' (account {1}, {2}, class '{3}')",
    "entry_total": "the running total of the entries of {1}, class '{2}'",
    "artist_entry": "the account of '{0}'",
    "artist_work": "the list of works of '{0}' ('{1}')",
    "artist_run": "the list of runs of '{0}' (run {1})",
    "run_total": "the number of runs of class '{0}'",
}


def total_faults(raw: sqlite3.Connection) -> Iterator[FirstBad]:
    """Every table of totals that differs from the explicit sums, by its first row that does."""
    try:
        for query in (LINES, SHAPED, BY_RUN):
            raw.execute(query)
        for table, explicit in EXPLICIT.items():
            row = _first_difference(raw, table, explicit)
            if row is not None:
                words = WORDS[table].format(*row)
                entry = row[1] if table == "artist_entry" and type(row[1]) is int else 0
                yield FirstBad(entry, f"{words} is not the sum of what was booked")
    except sqlite3.OperationalError as error:
        if "JSON" not in str(error):
            raise
        yield FirstBad(0, "the makers of a work are damaged")
    finally:
        for table in ("line", "shaped"):
            raw.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _first_difference(raw: sqlite3.Connection, table: str, explicit: str) -> Any:
    kept = raw.execute(f"SELECT * FROM {table} ORDER BY {ORDER[table]}")
    for one, other in zip_longest(raw.execute(explicit), kept):
        if one != other:
            return other if one is None or (other is not None and _earlier(other, one)) else one
    return None


def _earlier(row: Any, other: Any) -> bool:
    try:
        return bool(row < other)
    except TypeError:  # a value that was never written there
        return True
