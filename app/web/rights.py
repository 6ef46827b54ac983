"""Disputes, a keeper's corrections, the training summary: pages and forms without script.

In: who asks, and what their form says. Out: a page, or the way to where the change is seen. What is
done is `app.services.disputes`, `removal` and `artists`; who may is the gate's to say.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.services.artists import opt_out, opt_outs_file, opted_out_here
from app.services.disputes import (
    comment_dispute,
    find_dispute,
    open_dispute,
    resolve_dispute,
)
from app.services.ledger_filter import find_artist, find_entry
from app.services.removal import take_out
from app.services.session import Studio
from app.services.training_summary import TrainingSummary, summary_markdown
from app.web.callers import caller_of
from app.web.formatting import counted, numbered, render
from app.web.language_choice import language_of
from app.web.pages.ledger import page_number
from app.web.views.disputes import dispute_lines
from core.accounts.roles import Action
from core.collection.artists.opt_outs import Wish, read_opt_outs, today
from core.collection.importing.fields import plain_text
from core.collection.importing.reservations import read_reservations
from core.collection.store import load_collection
from core.errors import CreditlineError

PER_PAGE = 20
LISTED = 200  # signals of works that the page names
NO_STORE = {"Cache-Control": "no-store"}
Field = Annotated[str, Form()]


def rights(studio: Studio) -> APIRouter:
    """The routes of one studio."""
    router = APIRouter()
    ledger = studio.ledger

    def back(request: Request, address: str) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}{address}", 303, NO_STORE)

    def disputes_page(request: Request, words: str = "", number: str = "") -> HTMLResponse:
        query, language, caller = (
            request.query_params,
            language_of(request.headers),
            caller_of(request),
        )
        chosen, status = number or query.get("number", ""), 400 if words else 200
        page = page_number(dict(query))
        listed = ledger.disputes(page=page, per_page=PER_PAGE)
        items = listed.items
        if chosen:
            try:
                items = (find_dispute(ledger, chosen),)
            except CreditlineError as error:
                items, words, status = (), words or error.message, status if words else 404
        html = render(
            "disputes",
            language,
            base=f"{request.scope.get('root_path', '')}/",
            lines=dispute_lines(items, language),
            single=bool(chosen),
            page=page,
            pages=1 if chosen else listed.pages,
            words=words,
            entry=query.get("entry", "")[:64],
            artist=query.get("artist", "")[:200],
            may_comment=caller.may(Action.COMMENT),
            may_resolve=caller.may(Action.REVERSE),
        )
        return HTMLResponse(html, status, headers=NO_STORE)

    @router.get("/disputes")
    def disputes(request: Request) -> HTMLResponse:
        return disputes_page(request)

    @router.post("/disputes")
    def opened(
        request: Request, entry: Field = "", artist: Field = "", reason: Field = ""
    ) -> Response:
        try:
            made = open_dispute(
                ledger, entry, artist, reason=reason, actor=caller_of(request).actor
            )
        except CreditlineError as error:
            return disputes_page(request, error.message)
        return back(request, f"/disputes?number={made.number}")

    @router.post("/disputes/comment")
    def commented(request: Request, number: Field = "", reason: Field = "") -> Response:
        try:
            made = comment_dispute(ledger, number, reason=reason, actor=caller_of(request).actor)
        except CreditlineError as error:
            return disputes_page(request, error.message, number)
        return back(request, f"/disputes?number={made.number}")

    @router.post("/disputes/resolve")
    def resolved(
        request: Request,
        number: Field = "",
        outcome: Field = "",
        paid_to: Field = "",
        reason: Field = "",
    ) -> Response:
        try:
            made = resolve_dispute(
                ledger,
                number,
                outcome,
                paid_to if outcome == "upheld" else "",
                reason=reason,
                actor=caller_of(request).actor,
                unpaid=studio.collection.unpaid,
                opted_out=opted_out_here(studio.settings, studio.collection),
            )
        except CreditlineError as error:
            return disputes_page(request, error.message, number)
        return back(request, f"/disputes?number={made.number}")

    def corrections_page(request: Request, words: str = "", done: str = "") -> HTMLResponse:
        query = request.query_params
        html = render(
            "corrections",
            language_of(request.headers),
            base=f"{request.scope.get('root_path', '')}/",
            words=words,
            done=done,
            entry=query.get("entry", "")[:64],
            artist=query.get("artist", "")[:200],
        )
        return HTMLResponse(html, 400 if words else 200, headers=NO_STORE)

    @router.get("/corrections")
    def corrections(request: Request) -> HTMLResponse:
        return corrections_page(request)

    @router.post("/corrections/reverse")
    def reverse(request: Request, entry: Field = "", reason: Field = "") -> HTMLResponse:
        try:
            number = find_entry(ledger, entry.strip()).number
            made = ledger.reverse(number, reason=reason, actor=caller_of(request).actor)
        except CreditlineError as error:
            return corrections_page(request, error.message)
        done = language_of(request.headers).say(
            "Entry %(entry)s is reversed by entry %(reversal)s.",
            entry=numbered(number),
            reversal=numbered(made.number),
        )
        return corrections_page(request, done=done)

    @router.post("/corrections/remove")
    def remove(
        request: Request, works: Field = "", artist: Field = "", reason: Field = ""
    ) -> HTMLResponse:
        language, caller = language_of(request.headers), caller_of(request)
        try:
            gone = take_out(
                studio.settings,
                studio.collection.path,
                works=[one.strip() for one in works.split(",") if one.strip()],
                artists=[artist.strip()] if artist.strip() else [],
                reason=f"{plain_text(reason)} (by {caller.actor})",
            )
        except CreditlineError as error:
            return corrections_page(request, error.message)
        works_gone = counted(len(gone.removed), "work", language)
        done = language.say("Taken out: %(works)s.", works=works_gone)
        return corrections_page(request, done=done)

    @router.post("/corrections/opt-out")
    def opted_out(
        request: Request, artist: Field = "", source: Field = "", name: Field = "shown"
    ) -> HTMLResponse:
        language, caller = language_of(request.headers), caller_of(request)
        try:
            collection = load_collection(studio.collection.path, check_files=False)
            ledger.know_artists(collection.artist_names)
            meant = collection.artist(find_artist(ledger, artist.strip()).id)
            wish = Wish(
                name=meant.name,
                identifiers=meant.identifiers,
                also_written=meant.written,
                source=plain_text(source) or f"kept by {caller.actor}",
                date=today(),
            )
            opt_out(
                studio.settings,
                collection,
                ledger,
                [wish],
                actor=caller.actor,
                masked=name == "withheld",
            )
        except CreditlineError as error:
            return corrections_page(request, error.message)
        shown = ledger.artist(meant.id)
        who = meant.id if shown is None or shown.masked else shown.name
        done = language.say("Kept. Opted out: %(artists)s.", artists=who)
        return corrections_page(request, done=done)

    def summed_up() -> TrainingSummary:
        wishes = read_opt_outs(opt_outs_file(studio.settings))
        return TrainingSummary.of(studio.collection, wishes)

    @router.get("/summary")
    def summary(request: Request) -> HTMLResponse:
        kept = [one for one in read_reservations(studio.collection.path) if one.work_id]
        html = render(
            "summary",
            language_of(request.headers),
            base=f"{request.scope.get('root_path', '')}/",
            summary=summed_up(),
            wishes=kept[:LISTED],
        )
        return HTMLResponse(html, headers=NO_STORE)

    @router.get("/summary.md")
    def summary_file() -> Response:
        return Response(summary_markdown(summed_up()), media_type="text/markdown; charset=utf-8")

    @router.get("/summary.json")
    def summary_json() -> Response:
        return Response(summed_up().model_dump_json(indent=1), media_type="application/json")

    return router
