"""Reading disputes: with their events, and what is disputed. Changes nothing.

In: a connection inside a transaction, and which disputes. Out: `Dispute`s, the newest first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from core.ledger import schema
from core.ledger.masks import shown_names
from core.ledger.records import (
    ARTIST,
    ESCROW,
    OPEN,
    OPENED,
    RESOLVED,
    Dispute,
    DisputeEvent,
    Page,
)

event, txn, posting = schema.dispute_event.c, schema.txn.c, schema.posting.c
AT_ONCE = 500  # ids in one question


def disputes(
    connection: Connection,
    *,
    entries: Collection[int] | None = None,
    artist_id: str | None = None,
    only_open: bool = False,
    page: int = 1,
    per_page: int = 50,
) -> Page[Dispute]:
    """Disputes about some entries, about what an artist had or got by them, or all."""
    first = schema.dispute_event.alias()
    chosen = select(first.c.dispute).where(first.c.kind == OPENED)
    ended = select(event.dispute).where(event.kind == RESOLVED)
    if entries is not None:
        chosen = chosen.where(first.c.entry.in_(list(entries)[:AT_ONCE]))
    if artist_id is not None:
        touched = _touching(artist_id)
        chosen = chosen.where(first.c.dispute.in_(touched))
    if only_open:
        chosen = chosen.where(first.c.dispute.not_in(ended))
    total = connection.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    numbers = chosen.order_by(first.c.dispute.desc()).limit(per_page).offset((page - 1) * per_page)
    ids = connection.execute(numbers).scalars().all()
    items = {one.number: one for one in _disputes(connection, ids)}
    return Page(tuple(items[number] for number in ids), page, per_page, total)


def dispute(connection: Connection, number: int) -> Dispute | None:
    """One dispute by its number."""
    return next(_disputes(connection, [number]), None)


def _touching(artist_id: str) -> Select[Any]:
    """Disputes about this artist's credit, or that were decided for them."""
    moved = (
        select(event.dispute)
        .select_from(
            schema.dispute_event.join(schema.txn, txn.seq == event.adjustment).join(
                schema.posting, posting.txn_id == txn.id
            )
        )
        # an expression, so that SQLite begins with the few disputes and not with all their lines
        .where(posting.artist_id.concat("") == artist_id)
    )
    return select(event.dispute).where(
        or_(event.artist_id == artist_id, event.paid_to == artist_id, event.dispute.in_(moved))
    )


def _disputes(connection: Connection, numbers: Collection[int]) -> Iterator[Dispute]:
    rows = connection.execute(
        select(schema.dispute_event, txn.run_id)
        .select_from(schema.dispute_event.join(schema.txn, txn.seq == event.entry))
        .where(event.dispute.in_(numbers))
        .order_by(event.dispute, event.seq)
    ).mappings()
    for number, group in groupby(rows, key=itemgetter("dispute")):
        steps = list(group)
        first, last = steps[0], steps[-1]
        who, paid_to = first["artist_id"], last["paid_to"]
        names = shown_names(connection, [one for one in (who, paid_to) if one])
        yield Dispute(
            number=number,
            entry=first["entry"],
            run_id=first["run_id"],
            artist_id=who,
            artist=None if who is None else names[who],
            micro=_disputed(connection, first),
            state=last["outcome"] or OPEN,
            paid_to=paid_to,
            paid_to_name=None if paid_to is None else names[paid_to],
            events=tuple(
                DisputeEvent(
                    kind=step["kind"],
                    reason=step["reason"],
                    actor=step["actor"],
                    created_at=step["created_at"],
                    adjustment=step["adjustment"],
                )
                for step in steps
            ),
        )


def _disputed(connection: Connection, opened: Any) -> int:
    """What the disputed accounts held of the entry when the dispute was opened."""
    moved = select(event.adjustment).where(
        event.entry == opened["entry"],
        event.seq < opened["seq"],
        event.adjustment.is_not(None),
    )
    query = (
        select(posting.artist_id, func.sum(posting.micro))
        .select_from(schema.txn.join(schema.posting, posting.txn_id == txn.id))
        .where(
            (txn.seq == opened["entry"]) | txn.seq.in_(moved),
            posting.account.in_((ARTIST, ESCROW)),
        )
    )
    # chosen here: with a condition on the artist SQLite reads all that was ever posted to them
    sums: dict[str | None, int] = dict(connection.execute(query.group_by(posting.artist_id)).all())
    who = opened["artist_id"]
    return sum(sums.values()) if who is None else sums.get(who, 0)
