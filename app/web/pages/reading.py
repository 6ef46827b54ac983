"""The pages that only read: Ledger, Artists, History, Method. Their address says what they show.

Filters are links and forms, so that every view has an address of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from app.services.errors import words_of
from app.services.ledger_filter import read_filter
from app.services.report import load_report
from app.services.run_record import RULE_IN_FORCE
from app.services.session import Studio
from app.web.formatting import render
from app.web.views import ledger as ledger_view
from app.web.views import method as method_view
from core.attribution.methods import METHODS
from core.collection.removal import removed_works
from core.collection.types import Work
from core.ledger.ledger import Reader
from core.ledger.records import KnownArtist, LedgerFilter, Statement

PER_PAGE, RUNS_PER_PAGE = 50, 36
VERIFIED_UNASKED = 500  # entries; a longer ledger is verified on request

Query = dict[str, str]


def reading_page(
    blocks: gr.Blocks, title: str, lead: str, name: str, show: Callable[[Query], str]
) -> None:
    """A title and what `show` makes of the address's query, whenever the page is opened."""
    gr.HTML(render("macros.title", words=title, lead=lead))
    body = gr.HTML(elem_id=name, elem_classes=["cl-page"])

    def opened(request: gr.Request) -> str:
        try:
            return show(dict(request.query_params))
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words, the log the story
            return render("notices.trouble", words=words_of(error))

    blocks.load(opened, None, body, queue=False, api_visibility="private", show_progress="hidden")


def _page_number(query: Query) -> int:
    text = query.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def _filter(studio: Studio, ledger: Reader, query: Query) -> LedgerFilter:
    return read_filter(ledger, query, lambda: studio.collection.styles)


def ledger_page(studio: Studio, query: Query) -> str:
    """Totals, bars and entries under the filters of the address, all of one moment."""
    ledger = studio.ledger
    verifying = bool(query.get("verify")) or ledger.size() <= VERIFIED_UNASKED
    proof = ledger.verify() if verifying else None
    with ledger.moment() as moment:
        selected = _filter(studio, moment, query)
        return ledger_view.page(
            totals=moment.totals(selected),
            entries=moment.entries(selected, page=_page_number(query), per_page=PER_PAGE),
            runs=moment.runs(selected, per_page=1).total,
            proof=proof,
            artists=moment.artists(),
            styles=studio.collection.styles,
            query=query,
        )


def artists_page(studio: Studio, query: Query) -> str:
    """Everyone, or the artist whose id the address gives."""
    works: dict[str, list[Work]] = {}
    for work in studio.collection.works:
        works.setdefault(work.artist_id, []).append(work)
    artist_id = query.get("id")
    if not artist_id:
        totals = {row.artist_id: row for row in studio.ledger.totals().artists}
        return ledger_view.all_artists(studio.collection.artists, works, totals)
    artist = next((one for one in studio.collection.artists if one.id == artist_id), None)
    if artist is None:
        return render(
            "notices.empty",
            words="There is no such artist here.",
            address="/artists",
            label="All artists",
        )
    with studio.ledger.moment() as moment:
        if artist.id not in {one.id for one in moment.artists()}:  # joined since the start
            known = KnownArtist(artist.id, artist.name, artist.status)
            nothing = Statement(known, None, 0, ())
            return ledger_view.one_artist(artist, works.get(artist.id, []), nothing, [])
        ever = moment.artist_statement(artist.id)
        months = sorted({entry.created_at[:7] for entry, _ in ever.lines}, reverse=True)
        period = query.get("period")
        read_filter(moment, {"period": period})  # a month that cannot be is told as everywhere
        statement = moment.artist_statement(artist.id, period) if period else ever
    return ledger_view.one_artist(artist, works.get(artist.id, []), statement, months)


def history_page(studio: Studio, query: Query) -> str:
    """Every run, newest first."""
    selected = _filter(studio, studio.ledger, query)
    runs = studio.ledger.runs(selected, page=_page_number(query), per_page=RUNS_PER_PAGE)
    kept = {name: query.get(name, "") for name in ("style", "kind")}
    return render("history", runs=runs, query=kept)


def method_page(studio: Studio, query: Query) -> str:
    """How it works, and the exact choices."""
    now = studio.engine.facts
    collection, spec = now.collection, now.spec
    facts = {
        "Works": f"{len(collection.works):,}",
        "Artists": f"{len(collection.artists):,}",
        "Classes": f"{len(collection.styles):,}",
        "Objective": f"L_{spec.objective}",
        "Timesteps (K)": spec.timesteps.count,
        "Noise": spec.noise.mode,
        "Features (k)": f"{spec.projection.dimension:,}",
        "Ridge (lambda)": f"{now.lambda_:.3g}",
        "Works here on": str(studio.engine.device),
    }
    if now.added:
        facts["Added since the kernel was fitted"] = f"{now.added:,}"
    if gone := len(removed_works(collection.path)):
        facts["Taken out; still known to the model"] = f"{gone:,}"
    return method_view.page(
        collection=collection,
        methods=tuple(METHODS.values()),
        at_hand=now.methods_available,
        facts=facts,
        report=load_report(collection),
        rules=(RULE_IN_FORCE, *studio.ledger.rules()),
    )
