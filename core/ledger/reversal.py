"""Taking an entry back: a counter-entry with its reason and who did it; both stay for ever.

In: a connection inside a transaction, the entry's number. Out: the counter-entry's number.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.disputes import open_disputes, standing
from core.ledger.hashes import canonical
from core.ledger.records import ADJUSTMENT, REVERSAL
from core.ledger.write import seal, signed


def write_reversal(connection: Connection, number: int, reason: str, actor: str) -> int:
    """The counter-entry of entry `number`: it takes back what the entry stands for now, from whom
    a dispute has given it to. The entry's key stays taken, so that nobody who makes the same
    picture once more undoes it. A second reversal, one of a reversal or of an adjustment, and one
    of an entry with an open dispute are refused."""
    table = schema.txn
    entry = connection.execute(select(table).where(table.c.seq == number)).mappings().first()
    if entry is None:
        raise LedgerError(f"There is no entry {number}. `ledger entries` lists them.")
    if entry["kind"] == REVERSAL:
        raise LedgerError(
            f"Entry {number} is itself a reversal, which is final: that picture is not credited "
            "again. Where a credit is only in doubt, dispute its entry: a dispute can give it back."
        )
    if entry["kind"] == ADJUSTMENT:
        raise LedgerError(
            f"Entry {number} moves credit by a dispute. Reverse the entry that was disputed."
        )
    again = connection.execute(select(table.c.seq).where(table.c.reverses == number)).scalar()
    if again is not None:
        raise LedgerError(f"Entry {number} is already reversed, by entry {again}.")
    waiting = next(iter(open_disputes(connection, number)), None)
    if waiting is not None:
        raise LedgerError(f"Entry {number} is disputed. Resolve dispute {waiting} first.")
    reason, actor = signed("A reversal", reason, actor)
    lines = [
        (account, who, one.artist, -one.micro)
        for (account, who), one in standing(connection, number).items()
    ]
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
