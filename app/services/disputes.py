"""Disputes as a person words them: which entry or run, whose credit, and how it ends.

In: a ledger, words that were typed. Out: the dispute as it is then. Knows no page and no verb.
"""

from __future__ import annotations

from collections.abc import Collection

from app.services.ledger_filter import find_artist, find_entry
from core.errors import UsageError, require_one_of
from core.ledger.disputes import OUTCOMES
from core.ledger.ledger import Ledger, Reader
from core.ledger.records import Dispute


def open_dispute(ledger: Ledger, about: str, artist: str, *, reason: str, actor: str) -> Dispute:
    """Dispute an entry, by its number or id, or by the id of the run that it credits; of one
    artist, by id or name, or of everybody it credits."""
    number = disputable(ledger, about.strip())
    who = find_artist(ledger, artist.strip()).id if artist.strip() else None
    return ledger.open_dispute(number, artist_id=who, reason=reason, actor=actor)


def comment_dispute(ledger: Ledger, number: str, *, reason: str, actor: str) -> Dispute:
    """Say something about an open dispute."""
    known = find_dispute(ledger, number)
    return ledger.comment_dispute(known.number, reason=reason, actor=actor)


def resolve_dispute(
    ledger: Ledger,
    number: str,
    outcome: str,
    paid_to: str,
    *,
    reason: str,
    actor: str,
    unpaid: Collection[str] = (),
    opted_out: Collection[str] = (),
) -> Dispute:
    """End a dispute; `paid_to` by id or name, empty: nobody. `unpaid`: ids that are nobody in
    particular, whom nothing can be paid to; `opted_out`: ids of artists who get nothing new, beside
    those whom the ledger itself has as opted out."""
    known = find_dispute(ledger, number)
    require_one_of("outcome", outcome, OUTCOMES)
    who = find_artist(ledger, paid_to.strip()).id if paid_to.strip() else None
    if who in unpaid:
        raise UsageError(f"'{who}' is nobody in particular. Name the artist, or leave it empty.")
    if who in opted_out:
        raise UsageError(
            f"'{who}' has opted out and gets nothing new. Leave it in escrow, or opt them in first."
        )
    return ledger.resolve_dispute(known.number, outcome, paid_to=who, reason=reason, actor=actor)


def find_dispute(ledger: Reader, number: str) -> Dispute:
    """A dispute by its number; a `UsageError` when there is none."""
    text = number.strip().lstrip("#")
    known = ledger.dispute(int(text)) if text.isdecimal() and len(text) < 12 else None
    if known is None:
        raise UsageError("There is no such dispute. `ledger disputes` lists them.")
    return known


def disputable(ledger: Reader, about: str) -> int:
    """The number of an entry that is named by itself or by its run."""
    view = ledger.run(about)
    if view is None:
        return find_entry(ledger, about).number
    if view.entry is None:
        raise UsageError("That run credits nobody, so there is nothing to dispute.")
    return view.entry
