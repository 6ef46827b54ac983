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
from app.web.views.disputes import DisputeLine, dispute_lines
from core.collection.types import Artist, Work
from core.ledger.ledger import Reader
from core.ledger.records import (
    ARTIST,
    ESCROW,
    UNATTRIBUTED,
    Dispute,
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

PER_PAGE, ARTISTS_PER_PAGE = 50, 120
BARS = 50  # artists with a bar of their own; the others are one bar
CHOICES = 300  # artists in a menu; of more, a name is typed
LINES = 200  # of an artist's statement that the page shows, the newest
VERIFIED_UNASKED = 500  # entries; a longer ledger is verified on request

UNCHECKED = marked("not checked")
VERIFIED_SINCE = marked("verified since the last whole proof ✓")
VERIFIED = marked("verified ✓")
BROKEN = marked("broken")

Query = dict[str, str]


@dataclass(frozen=True)
class Line:
    """An entry with its artists' postings, the largest first, and what nobody got; `disputes`:
    those about it."""

    entry: Entry
    credited: tuple[Posting, ...]
    unattributed: int
    disputes: tuple[DisputeLine, ...] = ()


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


def ledger_page(
    studio: Studio, query: Query, language: Language = ENGLISH, *, keeper: bool = True
) -> str:
    """Totals, bars and entries under the filters of the address, all of one moment; links to
    exports for a keeper, for whom alone a long ledger is verified as a whole: that takes minutes,
    and visitors are told what came since it was verified last."""
    ledger, proof = studio.ledger, None
    asking = bool(query.get("verify"))
    if ledger.size() <= VERIFIED_UNASKED or (asking and keeper):
        proof = ledger.verify()
    elif asking:
        proof = ledger.verify_new()
    with ledger.moment() as moment:
        selected = _filter(studio, moment, query)
        entries = moment.entries(selected, page=page_number(query), per_page=PER_PAGE)
        numbers = [entry.number for entry in entries.items]
        return ledger_view(
            totals=moment.totals(selected, most=BARS),
            entries=entries,
            disputes=moment.disputes(entries=numbers, per_page=PER_PAGE).items,
            runs=moment.runs(selected, per_page=1).total,
            proof=proof,
            artists=artist_choices(moment),
            styles=studio.collection.styles,
            query=query,
            language=language,
            exportable=keeper,
        )


def artists_page(studio: Studio, query: Query, language: Language = ENGLISH) -> str:
    """Everyone, or the artist whose id the address gives."""
    works: dict[str, list[Work]] = {}
    for work in studio.collection.works:
        for maker, _ in work.makers:
            works.setdefault(maker, []).append(work)
    artist_id = query.get("id")
    if not artist_id:
        balances = studio.ledger.balances()
        page = page_number(query)
        return all_artists(studio.shown_collection.artists, works, balances, page, language)
    artist = next((one for one in studio.shown_collection.artists if one.id == artist_id), None)
    if artist is None:
        return render(
            "notices.empty",
            language,
            words=language.say("There is no such artist here."),
            address="/artists",
            label=language.say("All artists"),
        )
    with studio.ledger.moment() as moment:
        if moment.artist(artist.id) is None:  # joined since the start
            known = KnownArtist(artist.id, artist.name, artist.status)
            nothing = Statement(known, None, 0, ())
            own, head = works.get(artist.id, []), moment.head()
            return one_artist(artist, own, nothing, [], head, language)
        months = moment.artist_months(artist.id)
        period = query.get("period", "").strip() or None
        read_filter(moment, {"period": period})  # a month that cannot be is told as everywhere
        statement = moment.artist_statement(artist.id, period, newest=LINES)
        disputes, head = moment.disputes(artist_id=artist.id).items, moment.head()
    own = works.get(artist.id, [])
    return one_artist(artist, own, statement, months, head, language, disputes)


def artist_choices(ledger: Reader) -> list[KnownArtist] | None:
    """The artists for a menu, by name; None where they are too many for one."""
    return ledger.artists() if ledger.artist_count() <= CHOICES else None


def ledger_view(
    *,
    totals: Totals,
    entries: Page[Entry],
    disputes: Sequence[Dispute] = (),
    runs: int,
    proof: Verification | None,
    artists: Sequence[KnownArtist] | None,
    styles: Sequence[str],
    query: Mapping[str, str],
    language: Language = ENGLISH,
    exportable: bool = True,
) -> str:
    """Everything below the title; `proof` is None where nobody has checked the chain, `artists`
    None where they are too many for a menu."""
    total = totals.total_micro
    about: dict[int, list[Dispute]] = {}
    for one in disputes:
        about.setdefault(one.entry, []).append(one)
    chain = UNCHECKED if proof is None else VERIFIED if proof.ok else BROKEN
    if proof is not None and proof.ok and not proof.whole:
        chain = VERIFIED_SINCE
    return render(
        "ledger",
        language,
        totals=totals,
        entries=entries,
        runs=runs,
        proof=proof,
        chain=language.say(chain),
        credited=totals.credited,
        unattributed=totals.unattributed_micro / total if total and totals.apportioned else None,
        shares=total_bars(totals, language),
        lines=[_line(entry, about.get(entry.number, ()), language) for entry in entries.items],
        artists=None if artists is None else [(one.id, one.name) for one in artists],
        styles=[(style, style_name(style, language)) for style in styles],
        exportable=exportable,
        chosen={name: query.get(name, "") for name in WORDS},
    )


def _line(entry: Entry, disputes: Sequence[Dispute], language: Language) -> Line:
    credited = [line for line in entry.postings if line.artist is not None]
    if entry.dispute is not None:  # what leaves an account and what comes to another
        credited = [line for line in credited if line.micro > 0]
    credited.sort(key=lambda line: -abs(line.micro))
    rest = sum(line.micro for line in entry.postings if line.account == UNATTRIBUTED)
    return Line(entry, tuple(credited), rest, dispute_lines(disputes, language))


def all_artists(
    artists: Sequence[Artist],
    works: Mapping[str, Sequence[Work]],
    balances: Mapping[tuple[str, str], int],
    page: int = 1,
    language: Language = ENGLISH,
) -> str:
    """One card per artist, page by page; `works` by artist id, `balances` by id and account."""
    booked = {who for who, _ in balances}
    shown = [one for one in artists if one.id in works or one.id in booked]  # others: named beside
    first = (page - 1) * ARTISTS_PER_PAGE
    cards = [
        _card(artist, works.get(artist.id, ()), balances, language)
        for artist in shown[first : first + ARTISTS_PER_PAGE]
    ]
    return render("artists", language, cards=Page(tuple(cards), page, ARTISTS_PER_PAGE, len(shown)))


def _card(
    artist: Artist,
    works: Sequence[Work],
    balances: Mapping[tuple[str, str], int],
    language: Language,
) -> Card:
    account = ARTIST if artist.payable else ESCROW
    return Card(
        id=artist.id,
        name=artist.name,
        first_works=tuple(work.id for work in works[:3]),
        styles=tuple(sorted({style_name(work.style, language) for work in works})),
        works=len(works),
        micro=balances.get((artist.id, account), 0),
        kept=not artist.payable,
    )


def one_artist(
    artist: Artist,
    works: Sequence[Work],
    statement: Statement,
    months: Sequence[str],
    head: str,
    language: Language = ENGLISH,
    disputes: Sequence[Dispute] = (),
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
        disputes=dispute_lines(disputes, language),
        as_of=now(),
    )
