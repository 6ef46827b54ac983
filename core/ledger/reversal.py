"""Taking an entry back: a counter-entry with its reason and who did it; both stay for ever.

In: a connection inside a transaction, the entry's number. Out: the counter-entry's number.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.hashes import canonical
from core.ledger.records import REVERSAL
from core.ledger.write import plain_text, seal


def write_reversal(connection: Connection, number: int, reason: str, actor: str) -> int:
    """The counter-entry of entry `number`. A second reversal, or one of a reversal, is refused."""
    table = schema.txn
    entry = connection.execute(select(table).where(table.c.seq == number)).mappings().first()
    if entry is None:
        raise LedgerError(f"There is no entry {number}. `ledger entries` lists them.")
    if entry["kind"] == REVERSAL:
        raise LedgerError(f"Entry {number} is itself a reversal. Trace the picture again instead.")
    again = connection.execute(select(table.c.seq).where(table.c.reverses == number)).scalar()
    if again is not None:
        raise LedgerError(f"Entry {number} is already reversed, by entry {again}.")
    reason, actor = plain_text(reason), plain_text(actor)
    if not reason:
        raise LedgerError("A reversal needs its reason; it is kept for ever.")
    if not actor:
        raise LedgerError("A reversal needs the name of who does it; it is kept for ever.")
    postings = connection.execute(
        select(schema.posting)
        .where(schema.posting.c.txn_id == entry["id"])
        .order_by(schema.posting.c.line)
    ).mappings()
    lines = [(row["account"], row["artist_id"], row["artist"], -row["micro"]) for row in postings]
    rule = connection.execute(
        select(schema.rule).where(schema.rule.c.id == entry["rule_id"])
    ).mappings()
    header = {
        "kind": REVERSAL,
        "idempotency_key": f"reversal/{entry['id']}",
        "run_id": entry["run_id"],
        "run_digest": entry["run_digest"],
        "rule_id": entry["rule_id"],
        "reverses": number,
        "reason": reason,
        "actor": actor,
    }
    return seal(connection, header, lines, canonical(dict(rule.one())))
