"""`remove`: works leave a collection for good."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import AsJson, Directory
from app.cli.output import say, show_json
from app.settings import read_settings


def remove(
    directory: Directory,
    work: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A work that shall leave; repeatable.")
    ] = None,
    artist: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="All works of this artist, held-out ones too; repeatable."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in removed.csv.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take works out of a collection: tables, pictures, features and index, at once.

    An open studio follows with its next question, and importing does not let them in again; an
    artist who leaves is kept away under every spelling (`artists opt-in` lifts that). Credit
    that was booked stays in the ledger. What the model has learnt it keeps until it is trained
    again.
    """
    from app.services.artists import keep_away
    from app.services.serialize import RemovalRecord
    from core.attribution.removal import forget_works
    from core.collection.removal import remove_works, works_of
    from core.collection.store import load_collection

    collection = load_collection(directory, check_files=False)
    ids = [*(work or ()), *works_of(collection, artist or ())]
    gone = remove_works(collection, ids, reason)
    keep_away(read_settings(), collection, artist or (), reason)
    rows = forget_works(collection, [(one.sha256, one.style) for one in gone])
    left = len(load_collection(directory, check_files=False).works)
    if as_json:
        removed = tuple(one.id for one in gone)
        show_json(RemovalRecord(removed=removed, features=rows, works=left))
    else:
        say(
            f"Taken out: works {len(gone)}, rows of their features {rows}. Works that stay: {left}."
        )
