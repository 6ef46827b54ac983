"""Deleting a run that was not booked: its row and its influences go, that it was there is kept.

In: a connection that writes. Out: what was deleted. What an entry knows stays for ever: the
database itself refuses to delete it.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.records import EXAMPLE, RunView
from core.ledger.write import chain, plain_text

NO_RUN = "There is no such run; it may have been deleted already."
BOOKED = (
    "Run #{run:06d} is booked (entry #{entry:06d}), and what is booked is kept for ever. An entry "
    "can be reversed, but neither it nor its run can be deleted."
)
OF_THE_COLLECTION = "The example belongs to its collection and comes with it; it is not deleted."


def write_deletion(connection: Connection, view: RunView | None, actor: str | None) -> None:
    """Delete the run with its influences, and note its number, its digest and by whom in a chain.

    Raises `LedgerError` for no run, a booked one, and a collection's example.
    """
    if view is None:
        raise LedgerError(NO_RUN)
    if view.entry is not None:
        raise LedgerError(BOOKED.format(run=view.number, entry=view.entry))
    if view.record.kind == EXAMPLE:
        raise LedgerError(OF_THE_COLLECTION)
    run_id = view.record.id
    digest = connection.execute(
        select(schema.run.c.digest).where(schema.run.c.id == run_id)
    ).scalar_one()
    note = {
        "number": view.number,
        "run_id": run_id,
        "digest": digest,
        "actor": None if actor is None else plain_text(actor),
    }
    chain(connection, schema.run_deleted, note)
    connection.execute(delete(schema.influence).where(schema.influence.c.run_id == run_id))
    connection.execute(delete(schema.run).where(schema.run.c.id == run_id))
