"""The ledger's page: key figures, filters, bars, entries; and its artists: everyone, or one.

In: totals, entries, statements as they were read. Out: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.services.ledger_filter import WORDS
from app.web.formatting import render, style_name
from app.web.views.credit import total_bars
from core.collection.types import Artist, Work
from core.ledger.records import (
    UNATTRIBUTED,
    ArtistTotal,
    Entry,
    KnownArtist,
    Page,
    Posting,
    Statement,
    Totals,
    Verification,
)


@dataclass(frozen=True)
class Line:
    """An entry with its artists' postings, the largest first, and what nobody got."""

    entry: Entry
    credited: tuple[Posting, ...]
    unattributed: int


def page(
    *,
    totals: Totals,
    entries: Page[Entry],
    runs: int,
    proof: Verification | None,
    artists: Sequence[KnownArtist],
    styles: Sequence[str],
    query: Mapping[str, str],
) -> str:
    """Everything below the title; `proof` is None where nobody has checked the chain."""
    total = totals.total_micro
    return render(
        "ledger",
        totals=totals,
        entries=entries,
        runs=runs,
        proof=proof,
        chain="not checked" if proof is None else "verified ✓" if proof.ok else "broken",
        credited=sum(row.micro > 0 for row in totals.artists),
        unattributed=totals.unattributed_micro / total if total else 0.0,
        shares=total_bars(totals),
        lines=[_line(entry) for entry in entries.items],
        artists=[(one.id, one.name) for one in artists],
        styles=[(style, style_name(style)) for style in styles],
        chosen={name: query.get(name, "") for name in WORDS},
    )


def _line(entry: Entry) -> Line:
    credited = [line for line in entry.postings if line.artist is not None]
    credited.sort(key=lambda line: -abs(line.micro))
    rest = sum(line.micro for line in entry.postings if line.account == UNATTRIBUTED)
    return Line(entry, tuple(credited), rest)


@dataclass(frozen=True, kw_only=True)
class Card:
    """An artist at a glance: ids of the first works, styles by name, how many works, credit."""

    id: str
    name: str
    first_works: tuple[str, ...]
    styles: tuple[str, ...]
    works: int
    micro: int


def all_artists(
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


def one_artist(
    artist: Artist, works: Sequence[Work], statement: Statement, months: Sequence[str]
) -> str:
    """An artist's page; `months` are those that have entries, newest first."""
    return render("artist", artist=artist, works=works, statement=statement, months=months)
