"""Names that their bearers do not want to be shown: in their place stands one word.

In: a connection inside a transaction. Out: who is masked, and names as they may be shown. What is
booked keeps the name, for its hash covers it; nothing that reads for people gives it away.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from core.ledger import schema
from core.ledger.records import WITHHELD

changes = schema.artist_status.c
# built once: every run that is booked asks this
MASKED = select(changes.artist_id).where(
    changes.seq.in_(select(func.max(changes.seq)).group_by(changes.artist_id)),
    changes.masked == 1,
)


def masked(connection: Connection) -> frozenset[str]:
    """The ids of artists whose newest change of status withholds the name."""
    return frozenset(connection.execute(MASKED).scalars())


def shown_names(connection: Connection, artist_ids: Collection[str]) -> dict[str, str]:
    """Artist id -> the name to show, of those that the ledger knows."""
    artist, hidden = schema.artist.c, masked(connection)
    rows = connection.execute(select(artist.id, artist.name).where(artist.id.in_(artist_ids)))
    return {who: WITHHELD if who in hidden else name for who, name in rows}
