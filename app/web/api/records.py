"""What is recorded, by program: runs, artists, the ledger and its proofs, how it was measured.

In: an opened studio. Out: routes that only read. Filters are those of the pages and the command
line.
"""

# no postponed annotations: FastAPI reads those of the routes, which name what stands beside them

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.responses import FileResponse, Response

from app.services.ledger_filter import find_artist, find_entry, read_filter, read_search
from app.services.ledger_proofs import proof_of
from app.services.report import ReportRecord, load_report, report_record
from app.services.serialize import MethodRecord, method_records
from app.services.serialize_disputes import DisputeRecord, DisputesPage
from app.services.serialize_jobs import ArtistsPage, RunsPage, StudioRecord
from app.services.serialize_ledger import (
    ArtistRecord,
    EntriesPage,
    EntryRecord,
    LedgerTotals,
    RecordedRun,
    StatementRecord,
    VerificationRecord,
)
from app.services.session import Studio
from app.services.statements import statement_of
from app.web.formatting import run_page
from app.web.routes import picture_file, recorded_run
from core.errors import UsageError
from core.ledger.records import (
    MOST_PAGES,
    Entry,
    KnownArtist,
    LedgerFilter,
    RunSearch,
    RunView,
)

PageNumber = Annotated[int, Query(ge=1, le=MOST_PAGES, description="Which page")]
PerPage = Annotated[int, Query(ge=1, le=200, description="How many per page")]
Day = Annotated[str | None, Query(max_length=20, description="YYYY-MM-DD, instead of a month")]
NAMES_GIVEN_AWAY = (
    "This entry credits somebody whose name is withheld, and the proof holds all that its hash "
    "covers. Whoever is entitled to it asks the studio's keeper (`ledger prove`)."
)
UNPUBLISHED = "Nothing of this ledger was published yet; a first entry publishes it."


def record_routes(studio: Studio) -> APIRouter:
    """The routes of one studio's records."""
    router = APIRouter()
    ledger = studio.ledger

    def chosen(
        artist: Annotated[str | None, Query(max_length=200, description="Id or name")] = None,
        style: Annotated[
            str | None, Query(alias="class", max_length=200, description="A class")
        ] = None,
        kind: Annotated[
            str | None, Query(max_length=20, description="`generation`, `upload` or `example`")
        ] = None,
        since: Annotated[
            str | None, Query(max_length=20, description="YYYY-MM-DD, from this day on")
        ] = None,
        until: Annotated[
            str | None, Query(max_length=20, description="YYYY-MM-DD, this day included")
        ] = None,
        period: Annotated[
            str | None, Query(max_length=20, description="YYYY-MM, instead of days")
        ] = None,
    ) -> LedgerFilter:
        words = {
            "artist": artist,
            "style": style,
            "kind": kind,
            "since": since,
            "until": until,
            "period": period,
        }
        return read_filter(ledger, words, lambda: studio.collection.styles)

    def searched(
        verdict: Annotated[
            str | None,
            Query(max_length=20, description="`familiar`, `uncertain` or `unfamiliar`"),
        ] = None,
        text: Annotated[
            str | None, Query(max_length=200, description="Of a file's name; or a run's number")
        ] = None,
    ) -> RunSearch:
        return read_search({"verdict": verdict, "text": text})

    def run_of(run_id: str) -> RunView:
        return recorded_run(studio, run_id)

    def artist_of(artist: str) -> KnownArtist:
        try:
            return find_artist(ledger, artist)
        except UsageError as error:
            raise HTTPException(404, error.message) from error

    def entry_of(entry: str) -> Entry:
        try:
            return find_entry(ledger, entry)
        except UsageError as error:
            raise HTTPException(404, "There is no such entry in this ledger.") from error

    Chosen = Annotated[LedgerFilter, Depends(chosen)]
    Searched = Annotated[RunSearch, Depends(searched)]
    Run = Annotated[RunView, Depends(run_of)]
    Artist = Annotated[KnownArtist, Depends(artist_of)]
    OneEntry = Annotated[Entry, Depends(entry_of)]

    @router.get("/studio", tags=["studio"], summary="What this studio paints with")
    def about() -> StudioRecord:
        """Its collection, with the classes and methods that can be asked for."""
        return StudioRecord.of(studio)

    @router.get("/methods", tags=["studio"], summary="How influence can be measured")
    def methods() -> list[MethodRecord]:
        """Every method, its choices and what it needs; `served`: whether a studio can answer."""
        return method_records()

    @router.get("/report", tags=["studio"], summary="How far credits can be trusted")
    def report() -> ReportRecord:
        """What was measured of this collection, as the Method page shows it."""
        kept = load_report(studio.collection)
        if kept is None:
            raise HTTPException(404, "This collection has no report; `evaluate report` makes one.")
        return report_record(kept)

    @router.get("/runs", tags=["runs"], summary="Runs, newest first")
    def runs(
        selected: Chosen, search: Searched, page: PageNumber = 1, per_page: PerPage = 24
    ) -> RunsPage:
        """Everything painted and traced here, filtered; influences are with each run."""
        some = ledger.runs(selected, search, page=page, per_page=per_page)
        return RunsPage.of(some, tuple(run_page(view.record.id) for view in some.items))

    @router.get("/runs/{run_id}", tags=["runs"], summary="One run with its influences")
    def run(run: Run) -> RecordedRun:
        """The recipe, the shares, and which works shaped the picture."""
        return RecordedRun.of(run, run_page(run.record.id))

    @router.get(
        "/runs/{run_id}/picture.png",
        tags=["runs"],
        summary="A run's picture",
        response_class=FileResponse,
        responses={200: {"content": {"image/png": {}}}},
    )
    def picture(run: Run) -> FileResponse:
        """As it was painted, with its recipe; of an upload, the copy that is kept."""
        return FileResponse(picture_file(studio, run), media_type="image/png")

    @router.get("/artists", tags=["artists"], summary="Artists, by name")
    def artists(page: PageNumber = 1, per_page: PerPage = 100) -> ArtistsPage:
        """Everybody whom the ledger knows."""
        return ArtistsPage.of(ledger.artists(), page, per_page)

    @router.get("/artists/{artist}", tags=["artists"], summary="One artist's status and credit")
    def artist(artist: Artist) -> ArtistRecord:
        """By id or name."""
        return ArtistRecord.of(ledger, artist.id)

    @router.get("/artists/{artist}/statement", tags=["artists"], summary="An artist's statement")
    def statement(
        artist: Artist,
        period: Annotated[
            str | None, Query(max_length=20, description="YYYY-MM; without: all time")
        ] = None,
        since: Day = None,
        until: Day = None,
    ) -> StatementRecord:
        """The balance before, every entry of the period, the balance after."""
        return StatementRecord.of(
            statement_of(ledger, artist.id, period=period, since=since, until=until)
        )

    @router.get("/disputes", tags=["ledger"], summary="Disputes, newest first")
    def disputes(only_open: bool = False, page: PageNumber = 1) -> DisputesPage:
        """Each with every step: who said what, and which entry moved credit."""
        return DisputesPage.of(ledger.disputes(only_open=only_open, page=page))

    @router.get("/disputes/{number}", tags=["ledger"], summary="One dispute")
    def dispute(number: Annotated[int, Path(ge=1, le=10**9)]) -> DisputeRecord:
        """With every step."""
        one = ledger.dispute(number)
        if one is None:
            raise HTTPException(404, "There is no such dispute in this ledger.")
        return DisputeRecord.model_validate(one)

    @router.get("/ledger/totals", tags=["ledger"], summary="Net credit of every artist")
    def totals(selected: Chosen) -> LedgerTotals:
        """And what no artist gets."""
        return LedgerTotals.of(ledger.totals(selected))

    @router.get("/ledger/entries", tags=["ledger"], summary="Entries, newest first")
    def entries(selected: Chosen, page: PageNumber = 1, per_page: PerPage = 50) -> EntriesPage:
        """A page of the chosen entries."""
        return EntriesPage.of(ledger.entries(selected, page=page, per_page=per_page))

    @router.get("/ledger/entries/{entry}", tags=["ledger"], summary="One entry")
    def entry(entry: OneEntry) -> EntryRecord:
        """By number or id."""
        return EntryRecord.of(entry)

    @router.get(
        "/ledger/entries/{entry}/proof",
        tags=["ledger"],
        summary="Proof that an entry is in the ledger",
    )
    def proof(entry: OneEntry) -> dict[str, Any]:
        """What `ledger prove` writes; `ledger check` needs it and the public key, no ledger."""
        if ledger.masked().intersection(
            line.artist_id for line in entry.postings if line.artist_id
        ):
            raise HTTPException(409, NAMES_GIVEN_AWAY)
        values: dict[str, Any] = json.loads(proof_of(ledger, entry.number).text())
        return values

    @router.get("/ledger/verification", tags=["ledger"], summary="Whether the ledger is whole")
    def verification() -> VerificationRecord:
        """What came after the last verified head, recomputed now."""
        return VerificationRecord.model_validate(ledger.verify_new())

    @router.get(
        "/ledger/checkpoints",
        tags=["ledger"],
        summary="Every published checkpoint",
        response_class=Response,
        responses={200: {"content": {"application/jsonl": {}}}},
    )
    def checkpoints() -> Response:
        """Signed, a line each. Whoever keeps a copy finds a rewritten past by it."""
        return published("checkpoints", "application/jsonl")

    @router.get(
        "/ledger/key.pem",
        tags=["ledger"],
        summary="The public key of the checkpoints",
        response_class=Response,
        responses={200: {"content": {"application/x-pem-file": {}}}},
    )
    def key() -> Response:
        """Ed25519; a key that was changed stands beside the ones before."""
        return published("public_key", "application/x-pem-file")

    def published(which: str, kind: str) -> Response:
        try:
            return Response(getattr(ledger.publisher, which).read_bytes(), media_type=kind)
        except OSError as error:
            raise HTTPException(404, UNPUBLISHED) from error

    return router
