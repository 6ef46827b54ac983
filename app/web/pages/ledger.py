"""What is recorded, page by page: the ledger and the artists.

In: a studio and the query of the page's address, by which filters are links and forms, so that
every view has an address of its own. Out: HTML, all of one moment of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.services.ledger_filter import WORDS, read_filter
from app.services.session import Studio
from app.web.formatting import render, style_name
from app.web.language import ENGLISH, Language
from app.web.sentences import marked
from app.web.views.credit import total_bars
from core.collection.types import Artist, Work
from core.ledger.ledger import Reader
from core.ledger.records import (
    UNATTRIBUTED,
    ArtistTotal,
    Entry,
    KnownArtist,
    LedgerFilter,
    Page,
    Posting,
    Statement,
    Totals,
    Verification,
)
from core.ledger.write import now

PER_PAGE = 50
VERIFIED_UNASKED = 500  # entries; a longer ledger is verified on request

UNCHECKED = marked("not checked")
VERIFIED = marked("verified ✓")
BROKEN = marked("broken")

Query = dict[str, str]


@dataclass(frozen=True)
class Line:
    """An entry with its artists' postings, the largest first, and what nobody got."""

    entry: Entry
    credited: tuple[Posting, ...]
    unattributed: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """An artist at a glance: ids of the first works, styles by name, how many works, credit;
    `kept`: it is paid to nobody, for nobody knows who that is."""

    id: str
    name: str
    first_works: tuple[str, ...]
    styles: tuple[str, ...]
    works: int
    micro: int
    kept: bool


def page_number(query: Query) -> int:
    """Which page the address asks for, from 1."""
    text = query.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def _filter(studio: Studio, ledger: Reader, query: Query) -> LedgerFilter:
    return read_filter(ledger, query, lambda: studio.collection.styles)


def ledger_page(studio: Studio, query: Query, language: Language = ENGLISH) -> str:
    """Totals, bars and entries under the filters of the address, all of one moment."""
    ledger = studio.ledger
    verifying = bool(query.get("verify")) or ledger.size() <= VERIFIED_UNASKED
    proof = ledger.verify() if verifying else None
    with ledger.moment() as moment:
        selected = _filter(studio, moment, query)
        return ledger_view(
            totals=moment.totals(selected),
            entries=moment.entries(selected, page=page_number(query), per_page=PER_PAGE),
            runs=moment.runs(selected, per_page=1).total,
            proof=proof,
            artists=moment.artists(),
            styles=studio.collection.styles,
            query=query,
            language=language,
        )


def artists_page(studio: Studio, query: Query, language: Language = ENGLISH) -> str:
    """Everyone, or the artist whose id the address gives."""
    works: dict[str, list[Work]] = {}
    for work in studio.collection.works:
        for maker, _ in work.makers:
            works.setdefault(maker, []).append(work)
    artist_id = query.get("id")
    if not artist_id:
        every = studio.ledger.totals()
        totals = {row.artist_id: row for row in (*every.artists, *every.unknown)}
        return all_artists(studio.collection.artists, works, totals, language)
    artist = next((one for one in studio.collection.artists if one.id == artist_id), None)
    if artist is None:
        return render(
            "notices.empty",
            language,
            words=language.say("There is no such artist here."),
            address="/artists",
            label=language.say("All artists"),
        )
    with studio.ledger.moment() as moment:
        if artist.id not in {one.id for one in moment.artists()}:  # joined since the start
            known = KnownArtist(artist.id, artist.name, artist.status)
            nothing = Statement(known, None, 0, ())
            own, head = works.get(artist.id, []), moment.head()
            return one_artist(artist, own, nothing, [], head, language)
        ever = moment.artist_statement(artist.id)
        months = sorted({entry.created_at[:7] for entry, _ in ever.lines}, reverse=True)
        period = query.get("period")
        read_filter(moment, {"period": period})  # a month that cannot be is told as everywhere
        statement = moment.artist_statement(artist.id, period) if period else ever
        head = moment.head()
    return one_artist(artist, works.get(artist.id, []), statement, months, head, language)


def ledger_view(
    *,
    totals: Totals,
    entries: Page[Entry],
    runs: int,
    proof: Verification | None,
    artists: Sequence[KnownArtist],
    styles: Sequence[str],
    query: Mapping[str, str],
    language: Language = ENGLISH,
) -> str:
    """Everything below the title; `proof` is None where nobody has checked the chain."""
    total = totals.total_micro
    chain = UNCHECKED if proof is None else VERIFIED if proof.ok else BROKEN
    return render(
        "ledger",
        language,
        totals=totals,
        entries=entries,
        runs=runs,
        proof=proof,
        chain=language.say(chain),
        credited=sum(row.micro > 0 for row in totals.artists),
        unattributed=totals.unattributed_micro / total if total else 0.0,
        shares=total_bars(totals, language),
        lines=[_line(entry) for entry in entries.items],
        artists=[(one.id, one.name) for one in artists],
        styles=[(style, style_name(style, language)) for style in styles],
        chosen={name: query.get(name, "") for name in WORDS},
    )


def _line(entry: Entry) -> Line:
    credited = [line for line in entry.postings if line.artist is not None]
    credited.sort(key=lambda line: -abs(line.micro))
    rest = sum(line.micro for line in entry.postings if line.account == UNATTRIBUTED)
    return Line(entry, tuple(credited), rest)


def all_artists(
    artists: Sequence[Artist],
    works: Mapping[str, Sequence[Work]],
    totals: Mapping[str, ArtistTotal],
    language: Language = ENGLISH,
) -> str:
    """One card per artist; `works` and `totals` by artist id."""
    shown = [one for one in artists if one.id in works or one.id in totals]  # others: named beside
    cards = [
        _card(artist, works.get(artist.id, ()), totals.get(artist.id), language) for artist in shown
    ]
    return render("artists", language, cards=cards)


def _card(
    artist: Artist, works: Sequence[Work], total: ArtistTotal | None, language: Language
) -> Card:
    return Card(
        id=artist.id,
        name=artist.name,
        first_works=tuple(work.id for work in works[:3]),
        styles=tuple(sorted({style_name(work.style, language) for work in works})),
        works=len(works),
        micro=total.micro if total else 0,
        kept=not artist.payable,
    )


def one_artist(
    artist: Artist,
    works: Sequence[Work],
    statement: Statement,
    months: Sequence[str],
    head: str,
    language: Language = ENGLISH,
) -> str:
    """An artist's page; `months`: those that have entries, newest first; `head`: the hash of the
    ledger's newest entry, which stands on paper."""
    return render(
        "artist",
        language,
        artist=artist,
        works=works,
        statement=statement,
        months=months,
        head=head,
        as_of=now(),
    )
