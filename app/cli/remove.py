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
    from app.services.removal import take_out
    from app.services.serialize import RemovalRecord

    gone = take_out(
        read_settings(), directory, works=work or (), artists=artist or (), reason=reason
    )
    if as_json:
        show_json(RemovalRecord.model_validate(gone))
        return
    say(
        f"Taken out: works {len(gone.removed)}, rows of their features {gone.features}. "
        f"Works that stay: {gone.works}."
    )
