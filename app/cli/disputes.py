"""`ledger dispute`, `comment`, `resolve`, `disputes`: what is doubted waits in escrow."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.ledger import Actor, Reason, our_ledger, verbs
from app.cli.options import AsJson
from app.cli.output import say, show_json, table
from app.settings import read_settings
from core.ledger.export import credits
from core.ledger.records import MOST_PAGES

if TYPE_CHECKING:
    from core.ledger.records import Dispute

Number = Annotated[str, typer.Argument(metavar="DISPUTE", help="The dispute's number.")]


@verbs.command("dispute")
def dispute(
    about: Annotated[
        str, typer.Argument(metavar="ENTRY", help="An entry's number or id, or a run's id.")
    ],
    reason: Reason,
    artist: Annotated[str, typer.Option(help="Whose credit; everybody's by default.")] = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Dispute a credit: it waits in escrow, by an entry of its own, until it is resolved."""
    from app.services.disputes import open_dispute

    who = actor or getpass.getuser()
    _show(open_dispute(our_ledger(), about, artist, reason=reason, actor=who), as_json)


@verbs.command("comment")
def comment(
    number: Number,
    reason: Annotated[str, typer.Option("--words", help="What is said; kept for ever.")],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Say something about an open dispute."""
    from app.services.disputes import comment_dispute

    who = actor or getpass.getuser()
    _show(comment_dispute(our_ledger(), number, reason=reason, actor=who), as_json)


@verbs.command("resolve")
def resolve(
    number: Number,
    outcome: Annotated[
        Literal["upheld", "rejected"],
        typer.Option(help="Rejected: the credit goes back. Upheld: it does not."),
    ],
    reason: Reason,
    pay_to: Annotated[
        str, typer.Option(help="Upheld: the right artist; without, it stays in escrow.")
    ] = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """End a dispute: the credit goes back, to the right artist, or stays in escrow."""
    from app.services.artists import opted_out_here
    from app.services.collections import chosen_collection
    from app.services.disputes import resolve_dispute

    who, settings = actor or getpass.getuser(), read_settings()
    collection = chosen_collection(settings)
    made = resolve_dispute(
        our_ledger(),
        number,
        outcome,
        pay_to,
        reason=reason,
        actor=who,
        unpaid=collection.unpaid,
        opted_out=opted_out_here(settings, collection),
    )
    _show(made, as_json)


@verbs.command("disputes")
def disputes(
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    artist: Annotated[str, typer.Option(help="Only about this artist's credit.")] = "",
    page: Annotated[int, typer.Option(min=1, max=MOST_PAGES, help="Which page.")] = 1,
    as_json: AsJson = False,
) -> None:
    """The disputes, newest first, with every step."""
    from app.services.ledger_filter import find_artist
    from app.services.serialize_disputes import DisputesPage

    ledger = our_ledger()
    who = find_artist(ledger, artist).id if artist else None
    listed = ledger.disputes(artist_id=who, only_open=only_open, page=page)
    if as_json:
        show_json(DisputesPage.of(listed))
        return
    table(
        ("dispute", "entry", "artist", "credit", "state", "since"),
        [
            (
                one.number,
                one.entry,
                one.artist or "all",
                credits(one.micro),
                one.state,
                one.events[0].created_at,
            )
            for one in listed.items
        ],
    )
    say(f"Page {listed.page} of {listed.pages}, {listed.total} disputes")


def _show(made: Dispute, as_json: bool) -> None:
    from app.services.serialize_disputes import DisputeRecord

    if as_json:
        show_json(DisputeRecord.model_validate(made))
        return
    whose = f"of {made.artist}" if made.artist else "of everybody"
    end = f", paid to {made.paid_to_name}" if made.paid_to else ""
    say(
        f"Dispute {made.number} about entry {made.entry}, {credits(made.micro)} {whose}: "
        f"{made.state}{end}"
    )
