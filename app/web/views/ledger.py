"""The ledger's page: key figures, filters, bars, entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.services.ledger_filter import WORDS
from app.web.formatting import render, style_name
from app.web.views.credit import total_bars
from core.ledger.records import (
    UNATTRIBUTED,
    Entry,
    KnownArtist,
    Page,
    Posting,
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
