"""The end of the chain of entries: how many there are, and the hash of the last.

In: a connection inside a transaction. Changes nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from core.ledger import schema
from core.ledger.hashes import GENESIS

SIZE = select(func.max(schema.txn.c.seq))


def head(connection: Connection) -> str:
    """The hash of the last entry."""
    last: str | None = connection.execute(
        select(schema.txn.c.hash).order_by(schema.txn.c.seq.desc()).limit(1)
    ).scalar()
    return last or GENESIS


def size(connection: Connection) -> int:
    """How many entries there are: their numbers have no gaps."""
    number: int | None = connection.execute(SIZE).scalar()
    return number or 0
