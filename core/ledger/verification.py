"""Proof: every entry is as it was written, from the first one on.

In: a connection. Out: ok, or the first entry that does not hold and why. Recomputes everything;
trusts no stored hash. Whoever owns the file could rewrite all of it: publish the head.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from core.ledger import schema
from core.ledger.canonical import GENESIS, canonical, entry_hash, run_digest, status_hash
from core.ledger.records import CREDIT, ISSUED, FirstBad, Verification
from core.ledger.shares import WHOLE

GUARDS = frozenset(
    [f"{table}_no_{verb}" for verb in ("update", "delete")
     for table in ("run", "influence", "artist_status", "rule", "ledger_txn", "ledger_posting")]
    + ["entry_is_sealed", "postings_stay_as_sealed", "status_follows"]
)  # fmt: skip


def verify(connection: Connection) -> Verification:
    """Chain, sums, numbers, postings, runs, rules, status changes and guards."""
    table = schema.txn.c
    count = connection.execute(select(func.count()).select_from(schema.txn)).scalar_one()
    last = connection.execute(select(table.hash).order_by(table.seq.desc()).limit(1)).scalar()
    bad = next(_faults(connection), None)
    return Verification(bad is None, count, last or GENESIS, bad)


def _faults(connection: Connection) -> Iterator[FirstBad]:
    damage = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    if damage != "ok":
        yield FirstBad(0, f"the database is damaged: {str(damage).splitlines()[0]}")
    yield from _entries(connection)
    yield from _runs(connection)
    yield from _strays(connection)
    yield from _status_changes(connection)
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    missing = GUARDS - {row[0] for row in names}
    if missing:
        yield FirstBad(0, f"the guard '{sorted(missing)[0]}' was removed")


def _entries(connection: Connection) -> Iterator[FirstBad]:
    rules = {
        row["id"]: canonical(dict(row))
        for row in connection.execute(select(schema.rule)).mappings()
    }
    digests = dict(connection.execute(select(schema.run.c.id, schema.run.c.digest)).all())
    previous, number = GENESIS, 0
    for entry in connection.execute(select(schema.txn).order_by(schema.txn.c.seq)).mappings():
        number += 1
        if entry["seq"] != number:
            yield FirstBad(number, "the entry is missing")
            return
        reason = _wrong(connection, dict(entry), previous, rules, digests)
        if reason:
            yield FirstBad(number, reason)
        previous = entry["hash"]
    written = connection.exec_driver_sql(
        "SELECT seq FROM sqlite_sequence WHERE name = 'ledger_txn'"
    ).scalar()
    if (written or 0) != number:
        yield FirstBad(number + 1, "the last entries were removed")


def _wrong(
    connection: Connection,
    entry: Mapping[str, Any],
    previous: str,
    rules: Mapping[str, str],
    digests: Mapping[str, str],
) -> str | None:
    if entry["prev_hash"] != previous:
        return "it does not follow the entry before it"
    if entry["rule_id"] not in rules:
        return "its share rule is missing"
    found = connection.execute(select(schema.posting).where(schema.posting.c.txn_id == entry["id"]))
    postings = [dict(row) for row in found.mappings()]
    if sum(row["micro"] for row in postings) != 0:
        return "its postings do not sum to 0"
    issued = sum(row["micro"] for row in postings if row["account"] == ISSUED)
    if entry["kind"] == CREDIT and issued != -WHOLE:
        return "it does not issue one credit"
    if entry_hash(entry, postings, rules[entry["rule_id"]]) != entry["hash"]:
        return "its contents do not give its hash"
    if entry["run_id"] is not None and digests.get(entry["run_id"]) != entry["run_digest"]:
        return "the run it credits was changed"
    return None


def _runs(connection: Connection) -> Iterator[FirstBad]:
    influences: dict[str, list[Mapping[str, Any]]] = {}
    for row in connection.execute(select(schema.influence)).mappings():
        influences.setdefault(row["run_id"], []).append(dict(row))
    numbers = dict(connection.execute(select(schema.txn.c.idempotency_key, schema.txn.c.seq)).all())
    expected = 0
    for run in connection.execute(select(schema.run).order_by(schema.run.c.number)).mappings():
        expected += 1
        entry = numbers.get(run["entry_key"], 0)
        if run["number"] != expected:
            yield FirstBad(entry, f"run {expected} is missing")
            return
        if run["entry_key"] is not None and not entry:
            yield FirstBad(0, f"the entry of run {run['number']} is missing")
        if run_digest(dict(run), influences.pop(run["id"], [])) != run["digest"]:
            yield FirstBad(entry, f"run {run['number']} was changed")
    if influences:
        yield FirstBad(0, f"the run '{next(iter(influences))}' is missing")
    written = connection.exec_driver_sql(
        "SELECT seq FROM sqlite_sequence WHERE name = 'run'"
    ).scalar()
    if (written or 0) != expected:
        yield FirstBad(0, "the last runs were removed")


def _strays(connection: Connection) -> Iterator[FirstBad]:
    stray = connection.execute(
        select(schema.posting.c.txn_id)
        .where(schema.posting.c.txn_id.not_in(select(schema.txn.c.id)))
        .limit(1)
    ).scalar()
    if stray is not None:
        yield FirstBad(0, f"a posting belongs to no entry ('{stray}')")


def _status_changes(connection: Connection) -> Iterator[FirstBad]:
    table = schema.artist_status
    previous, number = GENESIS, 0
    for change in connection.execute(select(table).order_by(table.c.seq)).mappings():
        number += 1
        follows = change["seq"] == number and change["prev_hash"] == previous
        if not follows or status_hash(dict(change)) != change["hash"]:
            yield FirstBad(0, f"change {number} of an artist's status was tampered with")
            return
        previous = change["hash"]
    written = connection.exec_driver_sql(
        "SELECT seq FROM sqlite_sequence WHERE name = 'artist_status'"
    ).scalar()
    if (written or 0) != number:
        yield FirstBad(0, "the last changes of an artist's status were removed")
