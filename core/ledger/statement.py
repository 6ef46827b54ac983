"""An artist's statement: the balance before, every entry of a period that touched them, and after.

In: a connection, an artist, a month or days. Out: a `Statement`. Changes nothing. Two periods that
meet agree: what one closes with, the next opens with.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR

from sqlalchemy import Connection, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.chain import head
from core.ledger.hashes import GENESIS
from core.ledger.masks import masked
from core.ledger.queries import entries, every_entry, known_artist
from core.ledger.records import ARTIST, WITHHELD, Entry, LedgerFilter, Statement, StatusChange
from core.ledger.totals import artist_sums

MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def statement(
    connection: Connection,
    artist_id: str,
    period: str | None,
    newest: int | None = None,
    days: tuple[str | None, str | None] = (None, None),
) -> Statement:
    """Every entry that touched an artist in a month (YYYY-MM), or on days [since, until), or ever,
    oldest first.

    What is kept in escrow is nobody's yet, and no part of the sum. `newest`: only so many of the
    entries are read, the last ones; sums and count are over all of them.
    """
    known = known_artist(connection, artist_id)
    if known is None:
        raise LedgerError(f"The ledger knows no artist '{artist_id}'.")
    since, until = days if period is None else month(period)
    selected = LedgerFilter(artist=artist_id, since=since, until=until)
    micro, kept, count = artist_sums(connection, artist_id, since, until)
    opening = escrow = 0
    if since is not None:
        opening, escrow, _ = artist_sums(connection, artist_id, None, since)
    read = (
        every_entry(connection, selected)
        if newest is None
        else reversed(entries(connection, selected, 1, newest).items)
    )
    lines = tuple((one, posted(one, ARTIST, artist_id)) for one in read)
    table, hidden = schema.artist_status, artist_id in masked(connection)
    changes = tuple(
        StatusChange(
            row["artist_id"],
            row["status"],
            # a reason from before the name was withheld may give it away
            WITHHELD if hidden and row["masked"] != 1 else row["reason"],
            row["actor"],
            row["created_at"],
            row["masked"] == 1,
        )
        for row in connection.execute(
            select(table).where(table.c.artist_id == artist_id).order_by(table.c.seq)
        ).mappings()
    )
    return Statement(
        known,
        period,
        micro,
        lines,
        changes,
        kept,
        count,
        since=since,
        until=until,
        opening=opening,
        escrow_opening=escrow,
        head_before=GENESIS if since is None else _head_before(connection, since),
        head_after=head(connection) if until is None else _head_before(connection, until),
    )


def _head_before(connection: Connection, day: str) -> str:
    """The hash of the last entry before a day: entries' dates never go back."""
    txn = schema.txn.c
    query = select(txn.hash).where(txn.created_at < day).order_by(txn.created_at.desc())
    last: str | None = connection.execute(query.order_by(txn.seq.desc()).limit(1)).scalar()
    return last or GENESIS


def posted(entry: Entry, account: str, artist_id: str) -> int:
    """What an entry books on an artist's account, in micro-credits."""
    own = (line for line in entry.postings if line.account == account)
    return sum(line.micro for line in own if line.artist_id == artist_id)


def month(period: str) -> tuple[str, str | None]:
    """YYYY-MM as days [since, until); no end for the last month there is."""
    parts = MONTH.fullmatch(period)
    if parts is None or parts[1] == "0000":
        raise LedgerError(f"'{period}' is not a month. Write it as YYYY-MM.")
    year, number = int(parts[1]), int(parts[2])
    if (year, number) == (MAXYEAR, 12):
        return f"{period}-01", None
    return f"{period}-01", f"{year + number // 12:04d}-{number % 12 + 1:02d}-01"
