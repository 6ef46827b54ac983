"""Proof: every entry is as it was written.

In: a connection inside one transaction, and how far the ledger was verified before. Out: ok, or the
first entry that does not hold and why. Recomputes; trusts no stored hash.

The rule. The whole verification recomputes everything from the first entry on. A verification since
a checkpoint recomputes what lies after it (entries with their postings, runs with their
influences), and always the rules, the changes of status, the names, the disputes, the notes of
deleted runs, the
guards and the numbers of the last rows. A run may be missing only where its deletion is noted, and
no entry's. The running totals are held against explicit sums by the whole. So an entry that was
changed after the last verified head is found at the next start, and one before it by the whole
verification: on request, or behind the server after its start. A checkpoint that is not of this
ledger (its head is not there) is ignored. Whoever owns the file could rewrite all of it: that is
found by heads that were published before (`core.ledger.published_heads`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from core.errors import CreditlineError
from core.ledger import schema
from core.ledger.checkpoint import BEGINNING, Checkpoint
from core.ledger.database import SCHEMA, expected_schema
from core.ledger.hashes import (
    canonical,
    chained_hash,
    entry_hash,
    is_run_digest,
    name_digest,
)
from core.ledger.queries import OrderedGroups
from core.ledger.records import CREDIT, ISSUED, FirstBad, Verification
from core.ledger.running_totals import total_faults
from core.ledger.shares import WHOLE, read_rule

T = TypeVar("T")
Row = dict[str, Any]
DAMAGED = "it is damaged: it holds what was never written there"
KEPT = ("entry", "run", "influence", "deleted_run", "deleted_influence")
GUARDS = frozenset(
    [
        f"{table}_no_{verb}"
        for verb in ("update", "delete")
        for table in (
            "run",
            "influence",
            "artist_status",
            "artist_name",
            "dispute_event",
            "rule",
            "ledger_txn",
            "ledger_posting",
        )
    ]
    + [f"run_deleted_no_{verb}" for verb in ("update", "delete")]
    + ["entry_is_sealed", "postings_stay_as_sealed", "status_follows", "influence_follows_run"]
    + ["name_follows", "dispute_follows", "dispute_is_open", "artist_no_delete"]
    + [f"totals_follow_{kind}" for kind in KEPT]
    + ["deletion_follows", "deleted_was_not_booked"]
)


def verify(
    connection: Connection, since: Checkpoint | None = None
) -> tuple[Verification, Checkpoint]:
    """The proof of everything after `since` (None: of the whole), and how far it reaches now.

    Memory stays the same however long the ledger is: rows are read in order and let go.
    """
    raw = connection.connection.driver_connection
    assert raw is not None
    try:
        return _verified(raw, since)
    except (UnicodeDecodeError, sqlite3.OperationalError) as error:
        if "decode" not in str(error):
            raise
    # a damaged byte ends as a hash that does not fit, not as a text that cannot be read
    strict, raw.text_factory = raw.text_factory, _tolerant
    try:
        return _verified(raw, None)
    finally:
        raw.text_factory = strict


def _tolerant(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _verified(raw: sqlite3.Connection, since: Checkpoint | None) -> tuple[Verification, Checkpoint]:
    since = since if since is not None and _holds(raw, since) else BEGINNING
    entries, head = _last(raw, "ledger_txn", "seq", "hash") or (0, BEGINNING.head)
    runs, digest = _last(raw, "run", "number", "digest") or (0, BEGINNING.run_digest)
    bad = next(_faults(raw, since), None)
    if bad is not None:
        bad = FirstBad(bad.entry, bad.reason.encode("utf-8", "backslashreplace").decode())
    whole = since == BEGINNING
    proof = Verification(bad is None, entries, str(head), bad, whole, since.entries)
    return proof, Checkpoint(entries, str(head), runs, str(digest))


def _holds(raw: sqlite3.Connection, since: Checkpoint) -> bool:
    """Whether the ledger has the entry and the run at which the checkpoint was set."""
    run = (
        "SELECT digest FROM run WHERE number = ?1 UNION ALL "
        "SELECT digest FROM run_deleted WHERE number = ?1"
    )
    places = (
        ("SELECT hash FROM ledger_txn WHERE seq = ?", since.entries, since.head, BEGINNING.head),
        (run, since.runs, since.run_digest, ""),
    )
    for query, number, noted, first in places:
        row = raw.execute(query, (number,)).fetchone() if number else (first,)
        if row is None or row[0] != noted:
            return False
    return True


def _last(raw: sqlite3.Connection, table: str, number: str, digest: str) -> Any:
    return raw.execute(
        f"SELECT {number}, {digest} FROM {table} ORDER BY {number} DESC LIMIT 1"
    ).fetchone()


def _rows(raw: sqlite3.Connection, query: str, *values: object) -> Iterator[Row]:
    cursor = raw.execute(query, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _numbered(rows: Iterator[Row]) -> OrderedGroups[Row]:
    """Rows by the number in their column `of`, which is not one of the table's own."""
    return OrderedGroups(rows, lambda row: row.pop("of"))


def _columns(table: Table) -> str:
    return ", ".join(f"{table.name}.{column.name}" for column in table.columns)


def _faults(raw: sqlite3.Connection, since: Checkpoint) -> Iterator[FirstBad]:
    whole = since == BEGINNING
    if whole:
        damage = raw.execute("PRAGMA integrity_check").fetchone()[0]
        if damage != "ok":
            yield FirstBad(0, f"the database is damaged: {str(damage).splitlines()[0]}")
    rules: dict[str, str] = {}
    yield from _rules(raw, rules)
    yield from _entries(raw, since, rules)
    yield from _runs(raw, since)
    if whole:
        yield from _strays(raw)
        yield from total_faults(raw)
    status = ("change {} of an artist's status", "changes of an artist's status")
    yield from _chain(raw, schema.artist_status, *status)
    deletions = ("the note of deletion {}", "notes of deletions")
    yield from _chain(raw, schema.run_deleted, *deletions)
    yield from _chain(raw, schema.artist_name, "name {} of an artist", "names of artists")
    disputes = ("event {} of a dispute", "events of disputes")
    yield from _chain(raw, schema.dispute_event, *disputes)
    yield from _disputes(raw, since)
    yield from _names(raw)
    yield from _schema(raw)


def _schema(raw: sqlite3.Connection) -> Iterator[FirstBad]:
    """Tables, indexes and guards, word by word as the migrations made them."""
    there = {(kind, name): text for kind, name, text in raw.execute(SCHEMA)}
    expected = expected_schema()
    words = {"trigger": "guard"}
    for kind, name in sorted(expected):
        if (kind, name) not in there:
            yield FirstBad(0, f"the {words.get(kind, kind)} '{name}' was removed")
        elif there[kind, name] != expected[kind, name]:
            yield FirstBad(0, f"the {words.get(kind, kind)} '{name}' was changed")
    for kind, name in sorted(there.keys() - expected.keys()):
        yield FirstBad(0, f"the {words.get(kind, kind)} '{name}' does not belong to a ledger")


def _names(raw: sqlite3.Connection) -> Iterator[FirstBad]:
    query = (
        f"SELECT {_columns(schema.artist)}, (SELECT name FROM artist_name "
        "WHERE artist_id = artist.id ORDER BY seq DESC LIMIT 1) AS last FROM artist ORDER BY id"
    )
    for row in _rows(raw, query):
        last = row.pop("last")
        if _sound(name_digest, row["id"], row["name"]) != row["digest"] or last != row["name"]:
            yield FirstBad(0, f"the name of the artist '{row['id']}' was changed")
    gone = (
        "SELECT artist_id FROM artist_name WHERE artist_id NOT IN (SELECT id FROM artist) LIMIT 1"
    )
    for (who,) in raw.execute(gone):
        yield FirstBad(0, f"the artist '{who}' was removed")


def _disputes(raw: sqlite3.Connection, since: Checkpoint) -> Iterator[FirstBad]:
    """Adjustments are the disputes' alone; they move what is there, between artists and escrow."""
    query = (
        "SELECT entry.seq, entry.run_id IS other.run_id AS same, event.seq AS event, "
        "(SELECT count(*) FROM ledger_posting WHERE txn_id = entry.id "
        "AND account NOT IN ('artist', 'escrow')) AS beside FROM ledger_txn AS entry "
        "LEFT JOIN dispute_event AS event ON event.adjustment = entry.seq "
        "LEFT JOIN ledger_txn AS other ON other.seq = event.entry "
        "WHERE entry.kind = 'adjustment' AND entry.seq > ? ORDER BY entry.seq"
    )
    for row in _rows(raw, query, since.entries):
        if row["event"] is None or not row["same"]:
            yield FirstBad(row["seq"], "it moves credit, and no dispute says why")
        elif row["beside"]:
            yield FirstBad(row["seq"], "it moves more than the credit that is disputed")
    stray = (
        "SELECT event.seq, entry.kind FROM dispute_event AS event LEFT JOIN ledger_txn AS entry "
        "ON entry.seq = event.adjustment WHERE event.adjustment IS NOT NULL "
        "AND entry.kind IS NOT 'adjustment'"
    )
    for number, _ in raw.execute(stray):
        yield FirstBad(0, f"the adjustment of event {number} of a dispute is missing")


def _rules(raw: sqlite3.Connection, texts: dict[str, str]) -> Iterator[FirstBad]:
    """Fill `texts` (id -> what entries' hashes cover). A rule's id says what the rule is."""
    for row in _rows(raw, f"SELECT {_columns(schema.rule)} FROM rule ORDER BY id"):
        texts[row["id"]] = canonical(row)
        if _sound(_rule_id, row) != row["id"]:
            number = raw.execute(
                "SELECT seq FROM ledger_txn WHERE rule_id = ? ORDER BY seq LIMIT 1", (row["id"],)
            ).fetchone()
            yield FirstBad(number[0] if number else 0, f"the share rule '{row['id']}' was changed")


def _rule_id(row: Row) -> str:
    return read_rule(row).id


def _sound(compute: Callable[..., T], *rows: Any) -> T | None:
    """What `compute` gives for rows as they lie there; None where they hold no such values."""
    try:
        return compute(*rows)
    except (CreditlineError, AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _entries(
    raw: sqlite3.Connection, since: Checkpoint, rules: Mapping[str, str]
) -> Iterator[FirstBad]:
    # CROSS JOIN: SQLite then reads the outer table in the order of its key, without sorting
    postings = _numbered(
        _rows(
            raw,
            f"SELECT ledger_txn.seq AS 'of', {_columns(schema.posting)} FROM ledger_txn "
            "CROSS JOIN ledger_posting ON ledger_posting.txn_id = ledger_txn.id "
            "WHERE ledger_txn.seq > ? ORDER BY ledger_txn.seq, ledger_posting.line",
            since.entries,
        )
    )
    entries = _rows(
        raw,
        f"SELECT {_columns(schema.txn)}, run.digest AS recorded FROM ledger_txn "
        "LEFT JOIN run ON run.id = ledger_txn.run_id WHERE seq > ? ORDER BY seq",
        since.entries,
    )
    previous, number = since.head, since.entries
    for entry in entries:
        number += 1
        if entry["seq"] != number:
            yield FirstBad(number, "the entry is missing")
            return
        recorded = entry.pop("recorded")
        reason = _wrong(entry, postings.take(number), previous, rules, recorded)
        if reason:
            yield FirstBad(number, reason)
        previous = entry["hash"]
    if _written(raw, "ledger_txn") != number:
        yield FirstBad(number + 1, "the last entries were removed")


def _wrong(
    entry: Row, postings: list[Row], previous: str, rules: Mapping[str, str], recorded: str | None
) -> str | None:
    if entry["prev_hash"] != previous:
        return "it does not follow the entry before it"
    if entry["rule_id"] not in rules:
        return "its share rule is missing"
    if not all(type(row["micro"]) is int for row in postings):
        return DAMAGED
    if sum(row["micro"] for row in postings) != 0:
        return "its postings do not sum to 0"
    issued = sum(row["micro"] for row in postings if row["account"] == ISSUED)
    if entry["kind"] == CREDIT and issued != -WHOLE:
        return "it does not issue one credit"
    if _sound(entry_hash, entry, postings, rules[entry["rule_id"]]) != entry["hash"]:
        return DAMAGED if _torn(entry, *postings) else "its contents do not give its hash"
    if entry["run_id"] is not None and recorded != entry["run_digest"]:
        return "the run it credits was changed"
    return None


def _torn(*rows: Row) -> bool:
    """Whether a text among them holds bytes that are not letters."""
    texts = (value for row in rows for value in row.values() if isinstance(value, str))
    return any("\udc80" <= letter <= "\udcff" for text in texts for letter in text)


def _runs(raw: sqlite3.Connection, since: Checkpoint) -> Iterator[FirstBad]:
    influences = _numbered(
        _rows(
            raw,
            f"SELECT run.number AS 'of', {_columns(schema.influence)} FROM run "
            "CROSS JOIN influence ON influence.run_id = run.id "
            "WHERE run.number > ? ORDER BY run.number, influence.side, influence.rank",
            since.runs,
        )
    )
    runs = _rows(
        raw,
        f"SELECT {_columns(schema.run)}, ledger_txn.seq AS entry FROM run "
        "LEFT JOIN ledger_txn ON ledger_txn.idempotency_key = run.entry_key "
        "WHERE number > ? ORDER BY number",
        since.runs,
    )
    expected = since.runs
    for run in runs:
        expected += 1
        entry = run.pop("entry") or 0
        if run["number"] != expected:
            if _deleted(raw, expected, run["number"]) != run["number"] - expected:
                yield FirstBad(entry, f"run {expected} is missing")
                return
            expected = run["number"]
        rows = influences.take(expected)
        if run["entry_key"] is not None and not entry:
            yield FirstBad(0, f"the entry of run {expected} is missing")
        if not _sound(is_run_digest, run["digest"], run, rows):
            torn = "is damaged" if _torn(run, *rows) else "was changed"
            yield FirstBad(entry, f"run {expected} {torn}")
    written = _written(raw, "run")
    if written < expected or _deleted(raw, expected + 1, written + 1) != written - expected:
        yield FirstBad(0, "the last runs were removed")


def _deleted(raw: sqlite3.Connection, first: int, after: int) -> int:
    """How many runs of the numbers [first, after) were deleted, as the ledger notes it."""
    query = "SELECT count(*) FROM run_deleted WHERE number >= ? AND number < ?"
    count: int = raw.execute(query, (first, after)).fetchone()[0]
    return count


def _written(raw: sqlite3.Connection, table: str) -> int:
    """The highest number that was ever given in a table."""
    row = raw.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return row[0] if row else 0


def _strays(raw: sqlite3.Connection) -> Iterator[FirstBad]:
    for kind, table, one, other in (
        ("a posting belongs to no entry", "ledger_posting", "txn_id", "ledger_txn"),
        ("an influence belongs to no run", "influence", "run_id", "run"),
    ):
        stray = raw.execute(
            f"SELECT {one} FROM {table} WHERE {one} NOT IN (SELECT id FROM {other}) LIMIT 1"
        ).fetchone()
        if stray is not None:
            yield FirstBad(0, f"{kind} ('{stray[0]}')")
    for table, _, other, _ in raw.execute("PRAGMA foreign_key_check"):
        yield FirstBad(0, f"a row of {other} that {table} names is missing")
    back = raw.execute("SELECT number FROM run JOIN run_deleted USING (number) LIMIT 1").fetchone()
    if back is not None:
        yield FirstBad(0, f"run {back[0]} is there, though it was deleted")


def _chain(raw: sqlite3.Connection, table: Table, one: str, several: str) -> Iterator[FirstBad]:
    """A chain beside the entries: every row follows the one before and gives its own hash."""
    previous, number = BEGINNING.head, 0
    for row in _rows(raw, f"SELECT {_columns(table)} FROM {table.name} ORDER BY seq"):
        number += 1
        follows = row["seq"] == number and row["prev_hash"] == previous
        if not follows or _sound(chained_hash, row) != row["hash"]:
            yield FirstBad(0, f"{one.format(number)} was tampered with")
            return
        previous = row["hash"]
    if _written(raw, table.name) != number:
        yield FirstBad(0, f"the last {several} were removed")
