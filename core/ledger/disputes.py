"""Disputes about booked credit: opened, commented, resolved; what is disputed waits in escrow.

In: a connection inside a transaction that writes. Out: events of a chain of their own, and
adjustments that move credit between an artist and escrow. No entry is edited: what an entry stands
for now is itself and the adjustments of its disputes (`standing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.hashes import canonical
from core.ledger.queries import opted_out
from core.ledger.records import (
    ADJUSTMENT,
    ARTIST,
    COMMENT,
    CREDIT,
    ESCROW,
    OPENED,
    REJECTED,
    RESOLVED,
    UPHELD,
)
from core.ledger.write import Line, chain, seal, signed

OUTCOMES = (UPHELD, REJECTED)
event = schema.dispute_event.c
Account = tuple[str, str | None]


@dataclass(frozen=True)
class AccountCredit:
    """What an account holds of an entry: the artist's name as booked, and micro-credits."""

    artist: str | None
    micro: int


def standing(connection: Connection, number: int) -> dict[Account, AccountCredit]:
    """(account, artist id) -> what it holds of entry `number` after its adjustments, in the order
    of the entry's lines; an account that holds nothing is left out."""
    moved = select(event.adjustment).where(event.entry == number, event.adjustment.is_not(None))
    line = schema.posting.c
    rows = connection.execute(
        select(line.account, line.artist_id, line.artist, line.micro)
        .select_from(schema.txn.join(schema.posting, line.txn_id == schema.txn.c.id))
        .where((schema.txn.c.seq == number) | schema.txn.c.seq.in_(moved))
        .order_by(schema.txn.c.seq, line.line)
    )
    held: dict[Account, AccountCredit] = {}
    for account, who, name, micro in rows:
        before = held.get((account, who), AccountCredit(name, 0))
        held[account, who] = AccountCredit(before.artist, before.micro + micro)
    return {key: value for key, value in held.items() if value.micro}


def open_disputes(connection: Connection, number: int) -> dict[int, str | None]:
    """The open disputes about entry `number` -> the artist they are about (None: all)."""
    rows = connection.execute(
        select(event.dispute, event.kind, event.artist_id)
        .where(event.entry == number)
        .order_by(event.seq)
    )
    about: dict[int, str | None] = {}
    for dispute, kind, artist_id in rows:
        if kind == OPENED:
            about[dispute] = artist_id
        elif kind == RESOLVED:
            about.pop(dispute)
    return about


def open_dispute(
    connection: Connection, number: int, artist_id: str | None, reason: str, actor: str
) -> int:
    """Dispute what entry `number` credits to an artist (None: to everybody): it goes to escrow.
    Returns the dispute's number."""
    reason, actor = signed("A dispute", reason, actor)
    kind = connection.execute(select(schema.txn.c.kind).where(schema.txn.c.seq == number)).scalar()
    if kind is None:
        raise LedgerError(f"There is no entry {number}. `ledger entries` lists them.")
    if kind != CREDIT:
        raise LedgerError(f"Entry {number} is no credit. Dispute the entry that it is about.")
    reversal = select(schema.txn.c.seq).where(schema.txn.c.reverses == number)
    again = connection.execute(reversal).scalar()
    if again is not None:
        raise LedgerError(f"Entry {number} is reversed already, by entry {again}.")
    for other, whose in open_disputes(connection, number).items():
        if whose is None or artist_id is None or whose == artist_id:
            raise LedgerError(
                f"Dispute {other} about entry {number} is open. Comment on it, or wait until it "
                "is resolved."
            )
    held = {
        (account, who): one
        for (account, who), one in standing(connection, number).items()
        if account in (ARTIST, ESCROW) and artist_id in (None, who)
    }
    if not held:
        if artist_id is None:
            raise LedgerError(f"Entry {number} credits nobody, so there is nothing to dispute.")
        raise LedgerError(f"Entry {number} does not credit '{artist_id}'. Name whom it credits.")
    lines = [
        line
        for (account, who), one in held.items()
        if account == ARTIST
        for line in ((ARTIST, who, one.artist, -one.micro), (ESCROW, who, one.artist, one.micro))
    ]
    last = connection.execute(select(event.dispute).order_by(event.dispute.desc()).limit(1))
    dispute = (last.scalar() or 0) + 1
    values = {"dispute": dispute, "kind": OPENED, "entry": number, "artist_id": artist_id}
    _write(connection, values, lines, reason, actor)
    return dispute


def comment_dispute(connection: Connection, dispute: int, reason: str, actor: str) -> None:
    """Say something about an open dispute, for ever."""
    reason, actor = signed("A comment", reason, actor)
    opened = _opened(connection, dispute)
    _write(connection, {**opened, "kind": COMMENT}, [], reason, actor)


def resolve_dispute(
    connection: Connection,
    dispute: int,
    outcome: str,
    paid_to: str | None,
    reason: str,
    actor: str,
) -> None:
    """End a dispute. Rejected: what went to escrow goes back, and what was there before stays.
    Upheld: it is paid to the artist `paid_to`, or (None) stays in escrow. An artist who opted out
    is paid nothing."""
    reason, actor = signed("A resolution", reason, actor)
    if outcome not in OUTCOMES:
        raise LedgerError(f"There is no outcome '{outcome}'. Choose: {', '.join(OUTCOMES)}.")
    opened = _opened(connection, dispute)
    if outcome == REJECTED:
        if paid_to is not None:
            raise LedgerError("A rejected dispute pays nobody: the credit goes back.")
        lines = _back(connection, dispute)
    else:
        lines = [] if paid_to is None else _paid(connection, opened, paid_to)
    values = {**opened, "kind": RESOLVED, "outcome": outcome, "paid_to": paid_to}
    _write(connection, values, lines, reason, actor)


def _opened(connection: Connection, dispute: int) -> dict[str, object]:
    """What every event of an open dispute repeats."""
    rows = connection.execute(
        select(event.kind, event.entry, event.artist_id)
        .where(event.dispute == dispute)
        .order_by(event.seq)
    ).all()
    if not rows:
        raise LedgerError(f"There is no dispute {dispute}. `ledger disputes` lists them.")
    if rows[-1].kind == RESOLVED:
        raise LedgerError(
            f"Dispute {dispute} is resolved. Open another where there is something new."
        )
    first = rows[0]
    return {"dispute": dispute, "entry": first.entry, "artist_id": first.artist_id}


def _back(connection: Connection, dispute: object) -> list[Line]:
    """The lines of the opening, taken back; none where all was in escrow before."""
    line = schema.posting.c
    rows = connection.execute(
        select(line.account, line.artist_id, line.artist, line.micro)
        .select_from(
            schema.dispute_event.join(schema.txn, schema.txn.c.seq == event.adjustment).join(
                schema.posting, line.txn_id == schema.txn.c.id
            )
        )
        .where(event.dispute == dispute, event.kind == OPENED)
        .order_by(line.line)
    )
    return [(account, who, name, -micro) for account, who, name, micro in rows]


def _moved(connection: Connection, dispute: object) -> int:
    """What the opening took into escrow, in micro-credits."""
    return sum(micro for account, _, _, micro in _back(connection, dispute) if account == ARTIST)


def _paid(connection: Connection, opened: Mapping[str, object], paid_to: str) -> list[Line]:
    """The lines that pay to one artist what is in escrow. To whom it was taken from only where a
    rejection would not give back all of it: what was in escrow before has no other way out."""
    artist = schema.artist.c
    name = connection.execute(select(artist.name).where(artist.id == paid_to)).scalar()
    if name is None:
        raise LedgerError(f"The ledger knows no artist '{paid_to}'.")
    held = {
        who: one
        for (account, who), one in standing(connection, int(str(opened["entry"]))).items()
        if account == ESCROW and opened["artist_id"] in (None, who)
    }
    due = sum(one.micro for one in held.values())
    if paid_to == opened["artist_id"] and due == _moved(connection, opened["dispute"]):
        raise LedgerError(
            f"The disputed credit is that of '{paid_to}'. Reject the dispute to give it back."
        )
    if paid_to in opted_out(connection):
        raise LedgerError(
            f"'{paid_to}' has opted out and gets nothing new. Leave it in escrow, or opt them in "
            "first."
        )
    lines: list[Line] = [(ESCROW, who, one.artist, -one.micro) for who, one in held.items()]
    return [*lines, (ARTIST, paid_to, name, due)]


def _write(
    connection: Connection,
    values: Mapping[str, object],
    lines: list[Line],
    reason: str,
    actor: str,
) -> None:
    """An event, and the adjustment that moves its credit where any moves."""
    adjustment = None
    if lines:
        number = int(str(values["entry"]))
        txn = schema.txn.c
        entry = connection.execute(
            select(txn.run_id, txn.run_digest, txn.rule_id).where(txn.seq == number)
        ).one()
        rule = connection.execute(
            select(schema.rule).where(schema.rule.c.id == entry.rule_id)
        ).mappings()
        header = {
            "kind": ADJUSTMENT,
            "idempotency_key": f"dispute/{values['dispute']}/{values['kind']}",
            "run_id": entry.run_id,
            "run_digest": entry.run_digest,
            "rule_id": entry.rule_id,
            "reverses": None,
            "reason": reason,
            "actor": actor,
        }
        adjustment = seal(connection, header, lines, canonical(dict(rule.one())))
    empty = {"outcome": None, "paid_to": None}
    row = {**empty, **values, "adjustment": adjustment, "reason": reason, "actor": actor}
    chain(connection, schema.dispute_event, row)
