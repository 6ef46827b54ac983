"""An artist's statement: every entry of a month, or of all time, that touched them, and the sum.

In: a connection, an artist, a month. Out: a `Statement`. Changes nothing.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR

from sqlalchemy import Connection, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.queries import artists, every_entry
from core.ledger.records import ARTIST, ESCROW, Entry, LedgerFilter, Statement, StatusChange

MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def statement(connection: Connection, artist_id: str, period: str | None) -> Statement:
    """Every entry that touched an artist in a month (YYYY-MM), or ever, oldest first.

    What is kept in escrow is nobody's yet, and no part of the sum.
    """
    known = {one.id: one for one in artists(connection)}
    if artist_id not in known:
        raise LedgerError(f"The ledger knows no artist '{artist_id}'.")
    since, until = (None, None) if period is None else month(period)
    selected = LedgerFilter(artist=artist_id, since=since, until=until)
    lines = tuple(
        (one, _posted(one, ARTIST, artist_id)) for one in every_entry(connection, selected)
    )
    kept = sum(_posted(one, ESCROW, artist_id) for one, _ in lines)
    table = schema.artist_status
    changes = tuple(
        StatusChange(
            row["artist_id"], row["status"], row["reason"], row["actor"], row["created_at"]
        )
        for row in connection.execute(
            select(table).where(table.c.artist_id == artist_id).order_by(table.c.seq)
        ).mappings()
    )
    return Statement(known[artist_id], period, sum(m for _, m in lines), lines, changes, kept)


def _posted(entry: Entry, account: str, artist_id: str) -> int:
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
