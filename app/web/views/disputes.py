"""Disputes as people read them: a line with its state, and every step.

In: disputes of the ledger. Out: plain values in the words of a language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.web.formatting import credits
from app.web.language import ENGLISH, Language
from app.web.sentences import marked
from core.ledger.records import (
    COMMENT,
    OPEN,
    OPENED,
    REJECTED,
    RESOLVED,
    UPHELD,
    WITHHELD,
    Dispute,
)

STATES = {
    OPEN: marked("open: it waits in escrow"),
    UPHELD: marked("upheld: it stays in escrow"),
    REJECTED: marked("rejected: it was given back"),
}
UNMOVED = marked("rejected: nothing moved, it stays in escrow")
PAID = marked("upheld: it was paid to %(artist)s")
STEPS = {OPENED: marked("opened"), COMMENT: marked("comment"), RESOLVED: marked("resolved")}


@dataclass(frozen=True, kw_only=True)
class DisputeLine:
    """A dispute with its state in words; `steps`: (moment, what, who, reason) of each event."""

    dispute: Dispute
    words: str
    state: str
    steps: tuple[tuple[str, str, str, str], ...]

    @property
    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.dispute.state == OPEN

    @property
    def moved(self) -> bool:
        """Whether its opening took anything into escrow; else all of it was there before."""
        return self.dispute.events[0].adjustment is not None


def dispute_lines(
    disputes: Iterable[Dispute], language: Language = ENGLISH
) -> tuple[DisputeLine, ...]:
    """Each dispute in words, in the order given."""
    return tuple(_line(one, language) for one in disputes)


def _line(one: Dispute, language: Language) -> DisputeLine:
    state = language.say(STATES[one.state])
    if one.state == REJECTED and one.events[-1].adjustment is None:
        state = language.say(UNMOVED)
    if one.paid_to_name is not None:
        name = one.paid_to_name
        shown = language.say(WITHHELD) if name == WITHHELD else name
        state = language.say(PAID, artist=shown)
    words = language.say(
        "Dispute %(number)s about %(credits)s credits, %(state)s",
        number=one.number,
        credits=credits(one.micro, language),
        state=state,
    )
    steps = tuple(
        (step.created_at, language.say(STEPS[step.kind]), step.actor, step.reason)
        for step in one.events
    )
    return DisputeLine(dispute=one, words=words, state=state, steps=steps)
