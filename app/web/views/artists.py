"""Artists: everyone at a glance, and one artist's page with works and statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.web.formatting import render, style_name
from core.collection.types import Artist, Work
from core.ledger.records import ArtistTotal, Statement


@dataclass(frozen=True, kw_only=True)
class Card:
    """An artist at a glance: ids of the first works, styles by name, how many works, credit."""

    id: str
    name: str
    first_works: tuple[str, ...]
    styles: tuple[str, ...]
    works: int
    micro: int


def everyone(
    artists: Sequence[Artist],
    works: Mapping[str, Sequence[Work]],
    totals: Mapping[str, ArtistTotal],
) -> str:
    """One card per artist; `works` and `totals` by artist id."""
    cards = [_card(artist, works.get(artist.id, ()), totals.get(artist.id)) for artist in artists]
    return render("artists", cards=cards)


def _card(artist: Artist, works: Sequence[Work], total: ArtistTotal | None) -> Card:
    return Card(
        id=artist.id,
        name=artist.name,
        first_works=tuple(work.id for work in works[:3]),
        styles=tuple(sorted({style_name(work.style) for work in works})),
        works=len(works),
        micro=total.micro if total else 0,
    )


def one(artist: Artist, works: Sequence[Work], statement: Statement, months: Sequence[str]) -> str:
    """An artist's page; `months` are those that have entries, newest first."""
    return render("artist", artist=artist, works=works, statement=statement, months=months)
