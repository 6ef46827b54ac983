"""Writing: runs, entries, reversals, changes of status. Everything in one transaction or nothing.

In: records and shares. Out: what was written. Only adds; corrections are new entries.
"""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, Float, Integer, Table, bindparam, insert, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.hashes import (
    GENESIS,
    canonical,
    chained_hash,
    entry_hash,
    is_run_digest,
    name_digest,
    run_digest,
)
from core.ledger.records import (
    ARTIST,
    CREDIT,
    ESCROW,
    ISSUED,
    UNATTRIBUTED,
    RunInfluence,
    RunRecord,
)
from core.ledger.shares import WHOLE, ShareRule, Shares

JSON_FIELDS = ("versions", "seconds", "artist_micro", "evidence", "remainder")
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LONGEST_REASON = 2_000  # letters
Line = tuple[str, str | None, str | None, int]

# built once: putting a statement together takes longer than SQLite takes to run it
RUN_DIGEST = select(schema.run.c.digest).where(schema.run.c.id == bindparam("id"))
RUN_TO_CREDIT = select(schema.run.c.digest, schema.run.c.actor).where(
    schema.run.c.id == bindparam("id")
)
NAMES = "SELECT id, name FROM artist WHERE id IN (SELECT value FROM json_each(?))"
RULE = select(schema.rule).where(schema.rule.c.id == bindparam("id"))
ENTRY_OF_KEY = select(schema.txn.c.seq).where(schema.txn.c.idempotency_key == bindparam("key"))
INSERT_RUN, INSERT_INFLUENCE = insert(schema.run), insert(schema.influence)
INSERT_POSTING, INSERT_ENTRY, INSERT_RULE = map(insert, (schema.posting, schema.txn, schema.rule))
CHAINS = (
    schema.txn,
    schema.artist_status,
    schema.artist_name,
    schema.dispute_event,
    schema.run_deleted,
)
LAST = {
    table: select(table.c.seq, table.c.hash, table.c.created_at)
    .order_by(table.c.seq.desc())
    .limit(1)
    for table in CHAINS
}
INSERT_LINK = {table: insert(table) for table in CHAINS}
RUN_FIELDS = tuple(one.name for one in fields(RunRecord) if one.name != "influences")
INFLUENCE_FIELDS = tuple(one.name for one in fields(RunInfluence))


def now() -> str:
    """This moment in UTC, to the millisecond, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A short id for a run, fit for a link."""
    return uuid.uuid4().hex[:12]


def plain_text(text: str) -> str:
    """A text as it is kept for ever: one line, without what cannot be seen or what turns it.

    Control characters and line ends become spaces; signs that change the direction of writing and
    halves of characters are dropped.
    """
    visible = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in text
        if letter not in TURNING and unicodedata.category(letter) != "Cs"
    )
    return " ".join(visible.split())


def run_rows(
    record: RunRecord, entry_key: str | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A run as its row and those of its influences, as the database keeps them (a column of
    numbers with a point makes 2.0 of 2, and none keeps -0.0): what its digest covers."""
    row = {name: getattr(record, name) for name in RUN_FIELDS}
    if record.evidence is not None:
        row["evidence"] = record.evidence.plain()
    for name in JSON_FIELDS:
        if row[name] is not None:
            row[name] = canonical(row[name])
    row["entry_key"] = entry_key
    row["actor"] = None if record.actor is None else plain_text(record.actor)
    row = _as_kept(schema.run, row)
    rows = [
        {
            "run_id": record.id,
            **{name: getattr(influence, name) for name in INFLUENCE_FIELDS},
            "makers": None if influence.makers is None else canonical(influence.makers),
        }
        for influence in record.influences
    ]
    return row, [_as_kept(schema.influence, one) for one in rows]


def _as_kept(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    kinds = KINDS[table.name]
    return {name: None if value is None else kinds[name](value) for name, value in row.items()}


def _kind(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, Float):
        return lambda value: float(value) + 0.0
    return int if isinstance(column.type, Integer) else str


# built once: every run that is booked asks this
KINDS = {
    table.name: {column.name: _kind(column) for column in table.columns}
    for table in (schema.run, schema.influence)
}


def write_run(connection: Connection, record: RunRecord, entry_key: str | None) -> str:
    """The run and its influences. Returns the run's digest.

    A run that is there already, as it is, is not written again; `LedgerError` if its id is there
    with other contents.
    """
    row, rows = run_rows(record, entry_key)
    digest = run_digest(row, rows)
    recorded = connection.execute(RUN_DIGEST, {"id": record.id}).scalar()
    if recorded is not None and is_run_digest(recorded, row, rows):
        return str(recorded)
    if recorded is not None:
        raise LedgerError(f"Another run is recorded as '{record.id}'. Trace the picture again.")
    connection.execute(INSERT_RUN, {**row, "digest": digest})
    if rows:
        connection.execute(INSERT_INFLUENCE, rows)
    return digest


def write_artists(connection: Connection, names: Mapping[str, str]) -> None:
    """Make artists known; a new name replaces the old one for display, entries keep theirs."""
    if not names:
        return
    rows = connection.exec_driver_sql(NAMES, (json.dumps(list(names)),))
    known: dict[str, str] = {row[0]: row[1] for row in rows}
    new = [
        (who, name, name_digest(who, name)) for who, name in names.items() if known.get(who) != name
    ]
    if new:
        connection.exec_driver_sql(
            "INSERT INTO artist (id, name, digest) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET name = excluded.name, digest = excluded.digest",
            new,
        )
        for who, name, _ in new:
            chain(connection, schema.artist_name, {"artist_id": who, "name": name})


def write_rule(connection: Connection, rule: ShareRule) -> str:
    """The rule as a row, once. Returns its canonical text, which every entry's hash covers."""
    values = {
        "id": rule.id,
        "name": rule.name,
        "version": rule.version,
        "parameters": canonical(dict(rule.parameters)),
    }
    if connection.execute(RULE, {"id": rule.id}).first() is None:
        connection.execute(INSERT_RULE, values)
    return canonical(values)


def existing(connection: Connection, key: str) -> int | None:
    """The number of the entry with this idempotency key."""
    number: int | None = connection.execute(ENTRY_OF_KEY, {"key": key}).scalar()
    return number


def write_credit(
    connection: Connection,
    run_id: str,
    shares: Shares,
    key: str,
    names: Mapping[str, str],
    unpaid: frozenset[str] = frozenset(),
) -> int:
    """One credit entry: 1,000,000 issued, given to artists and to nobody. Returns its number.

    What is owed to the ids in `unpaid`, of makers whom nobody knows, is kept in escrow.
    """
    row = connection.execute(RUN_TO_CREDIT, {"id": run_id}).first()
    if row is None:
        raise LedgerError(f"There is no run '{run_id}' to credit. Record it first.")
    unknown = set(shares.artist_micro) - set(names)
    if unknown:
        raise LedgerError(f"The artist '{sorted(unknown)[0]}' has no name in the ledger's list.")
    rule = write_rule(connection, shares.rule)
    lines: list[Line] = [(ISSUED, None, None, -WHOLE)]
    lines += [
        (ESCROW if who in unpaid else ARTIST, who, names[who], micro)
        for who, micro in shares.artist_micro.items()
    ]
    if shares.unattributed_micro:
        lines.append((UNATTRIBUTED, None, None, shares.unattributed_micro))
    header = {
        "kind": CREDIT,
        "idempotency_key": key,
        "run_id": run_id,
        "run_digest": row.digest,
        "rule_id": shares.rule.id,
        "reverses": None,
        "reason": None,
        "actor": row.actor,
    }
    return seal(connection, header, lines, rule)


def seal(connection: Connection, header: dict[str, Any], lines: Sequence[Line], rule: str) -> int:
    """Write an entry with its postings, numbered and chained to the one before. Returns its number.

    `header`: everything of the entry but number, id, date and hashes; `rule`: its rule's text.
    """
    number, previous, moment = next_in_chain(connection, schema.txn)
    entry = {
        "seq": number,
        "id": uuid.uuid4().hex,
        **header,
        "created_at": moment,
        "prev_hash": previous,
    }
    rows = [
        {
            "txn_id": entry["id"],
            "line": line,
            "account": account,
            "artist_id": who,
            "artist": name,
            "micro": micro,
        }
        for line, (account, who, name, micro) in enumerate(lines, start=1)
    ]
    connection.execute(INSERT_POSTING, rows)
    connection.execute(INSERT_ENTRY, {**entry, "hash": entry_hash(entry, rows, rule)})
    return number


def next_in_chain(connection: Connection, table: Table) -> tuple[int, str, str]:
    """The number, the hash to follow and the date of the next row of a chain.

    Its dates never go back, even where the clock does: a month's statement stays as it was read.
    """
    last = connection.execute(LAST[table]).first()
    if last is None:
        return 1, GENESIS, now()
    return last[0] + 1, last[1], max(now(), last[2])


def chain(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Add a row to a chain beside the entries, numbered, dated and chained to the one before.
    Returns its number."""
    number, previous, moment = next_in_chain(connection, table)
    row = {"seq": number, **values, "created_at": moment, "prev_hash": previous}
    connection.execute(INSERT_LINK[table], {**row, "hash": chained_hash(row)})
    return number


def signed(what: str, reason: str, actor: str) -> tuple[str, str]:
    """Reason and actor as they are kept; `LedgerError` where one is missing or endless."""
    reason, actor = plain_text(reason), plain_text(actor)
    if not reason:
        raise LedgerError(f"{what} needs its reason; it is kept for ever.")
    if not actor:
        raise LedgerError(f"{what} needs the name of who does it; it is kept for ever.")
    if len(reason) > LONGEST_REASON or len(actor) > LONGEST_REASON:
        raise LedgerError(f"{what} may say at most {LONGEST_REASON} letters. Say it shorter.")
    return reason, actor


def write_status(
    connection: Connection,
    artist_id: str,
    status: str,
    reason: str,
    actor: str,
    masked: bool | None = None,
) -> None:
    """A change of an artist's status, chained to the one before; `masked`: whether the name is
    withheld from then on (None: as it was)."""
    reason, actor = signed("A change of status", reason, actor)
    known = connection.execute(select(schema.artist).where(schema.artist.c.id == artist_id)).first()
    if known is None:
        raise LedgerError(f"The ledger knows no artist '{artist_id}'.")
    changes = schema.artist_status.c
    if masked is None:
        before = select(changes.masked).where(changes.artist_id == artist_id)
        masked = bool(connection.execute(before.order_by(changes.seq.desc()).limit(1)).scalar())
    change = {
        "artist_id": artist_id,
        "status": status,
        "reason": reason,
        "actor": actor,
        "masked": 1 if masked else None,
    }
    chain(connection, schema.artist_status, change)


def loads(text: str) -> dict[str, Any]:
    """A JSON column read back."""
    try:
        values: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise LedgerError(
            "A run in the ledger is damaged. `ledger verify` says which; restore the database from "
            "a backup."
        ) from error
    return values
