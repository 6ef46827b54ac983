"""Files over HTTP: works, runs, exports, evidence. Looked up by id, never by path.

In: an opened studio. Out: a router. Everything else of the disk stays out of reach.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from app.services.artist_ablation import answer_picture
from app.services.evidence_pack import evidence_pack
from app.services.ledger_filter import read_filter
from app.services.run_tables import credit_table, works_table
from app.services.serialize import Record
from app.services.serialize_ledger import RecordedRun
from app.services.session import Studio
from app.services.statements import MEDIA, statement_file, statement_of
from app.web.formatting import run_page
from app.web.views.credit import names_in
from core.errors import CreditlineError, UsageError
from core.evaluation.artist_ablation import DEFAULT_WAY
from core.ledger.export import for_spreadsheets
from core.ledger.records import LedgerFilter, RunView

RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# a picture can be withdrawn: nobody between the studio and a browser keeps it
CACHED = "private, max-age=86400"


def media(studio: Studio) -> APIRouter:
    """Routes for pictures, exports and evidence."""
    router = APIRouter()

    def run_of(run_id: str) -> RunView:
        return recorded_run(studio, run_id)

    def names_of(view: RunView) -> Mapping[str, str]:
        known = {one.id: one.name for one in studio.ledger.artists()}
        return {**known, **names_in(view.record)}

    def picture_of(view: RunView) -> Path:
        return picture_file(studio, view)

    def file_of(work_id: str) -> Path:
        try:
            path = studio.collection.image_path(studio.collection.work(work_id))
        except CreditlineError as error:
            raise HTTPException(404, "There is no such work here.") from error
        if not path.is_file():
            raise HTTPException(404, "The picture of this work is missing.")
        return path

    def small(path: Path) -> FileResponse:
        try:
            thumbnail = studio.thumbnails.of(path)
        except CreditlineError as error:
            raise HTTPException(404, error.message) from error
        return FileResponse(thumbnail, headers={"Cache-Control": CACHED})

    @router.get("/media/works/{work_id}")
    def work(work_id: str) -> FileResponse:
        return FileResponse(file_of(work_id), headers={"Cache-Control": CACHED})

    @router.get("/media/thumbnails/works/{work_id}")
    def work_thumbnail(work_id: str) -> FileResponse:
        return small(file_of(work_id))

    @router.get("/media/thumbnails/runs/{run_id}")
    def run_thumbnail(run_id: str) -> FileResponse:
        return small(picture_of(run_of(run_id)))

    @router.get("/media/runs/{run_id}.png")
    def picture(run_id: str, download: bool = False) -> FileResponse:
        view = run_of(run_id)
        name = f"creditline-{view.number:06d}.png" if download else None
        headers = {"Cache-Control": CACHED}
        return FileResponse(
            picture_of(view), media_type="image/png", filename=name, headers=headers
        )

    @router.get("/media/runs/{run_id}/without/{artist_id}.png")
    def without(run_id: str, artist_id: str, way: str = DEFAULT_WAY) -> FileResponse:
        run_of(run_id)
        path = answer_picture(studio, run_id, artist_id, way)
        if path is None:
            raise HTTPException(404, "Nobody has asked this of this run yet.")
        return FileResponse(path, media_type="image/png", headers={"Cache-Control": CACHED})

    @router.get("/runs/{run_id}.json")
    def run_json(run_id: str) -> Response:
        return Response(_pretty(_recorded(run_of(run_id))), media_type="application/json")

    @router.get("/runs/{run_id}/credit.csv")
    def run_credit(run_id: str) -> Response:
        view = run_of(run_id)
        return _table(view, credit_table(view, names_of(view)), "credit")

    @router.get("/runs/{run_id}/works.csv")
    def run_works(run_id: str) -> Response:
        view = run_of(run_id)
        return _table(view, works_table(view), "works")

    @router.get("/runs/{run_id}/evidence.zip")
    def evidence(run_id: str) -> Response:
        run_of(run_id)
        try:
            pack = evidence_pack(studio, run_id, run_page(run_id))
        except UsageError as error:
            raise HTTPException(404, error.message) from error
        except CreditlineError as error:
            raise HTTPException(503, error.message) from error
        return _file(pack.data, "application/zip", pack.name)

    @router.get("/statements/{artist_id}.{kind}")
    def statement(artist_id: str, kind: str, request: Request) -> Response:
        words = {name: request.query_params.get(name) for name in ("period", "since", "until")}
        try:
            made = statement_of(studio.ledger, artist_id, **words)
            data = statement_file(made, kind)
        except CreditlineError as error:
            raise HTTPException(400, error.message) from error
        period = made.period or f"{words['since'] or 'all'}-{words['until'] or 'now'}"
        name = re.sub(r"[^A-Za-z0-9-]", "_", f"creditline-{made.artist.id}-{period}")
        return _file(data, MEDIA[kind], f"{name}.{kind}")

    def selected(query: Mapping[str, str]) -> LedgerFilter:
        try:
            return read_filter(studio.ledger, query, lambda: studio.collection.styles)
        except CreditlineError as error:
            raise HTTPException(400, error.message) from error

    @router.get("/ledger.csv")
    def csv(request: Request) -> StreamingResponse:
        parts = for_spreadsheets(studio.ledger.export_csv(selected(request.query_params)))
        return _stream(parts, "text/csv; charset=utf-8", "creditline-ledger.csv")

    @router.get("/ledger.json")
    def ledger_json(request: Request) -> StreamingResponse:
        parts = studio.ledger.export_json(selected(request.query_params))
        return _stream(parts, "application/json", "creditline-ledger.json")

    return router


def recorded_run(studio: Studio, run_id: str) -> RunView:
    """The run with this id, 404 where there is none."""
    view = studio.ledger.run(run_id) if RUN_ID.fullmatch(run_id) else None
    if view is None:
        raise HTTPException(404, "There is no such run here.")
    return view


def picture_file(studio: Studio, view: RunView) -> Path:
    """Where the picture of a run lies, 404 where it is no longer kept."""
    path = studio.outputs / Path(view.record.image_file).name
    if not view.record.image_file or not path.is_file():
        raise HTTPException(404, "The picture of this run is no longer kept.")
    return path


def _recorded(view: RunView) -> RecordedRun:
    return RecordedRun.of(view, run_page(view.record.id))


def _pretty(record: Record | None) -> bytes:
    """One key a line, sorted; null for nothing."""
    value = None if record is None else record.plain()
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _file(data: bytes, kind: str, name: str) -> Response:
    return Response(
        data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _spreadsheet(text: str) -> bytes:
    return "".join(for_spreadsheets([text])).encode()


def _table(view: RunView, text: str, what: str) -> Response:
    name = f"creditline-{view.number:06d}-{what}.csv"
    return _file(_spreadsheet(text), "text/csv; charset=utf-8", name)


def _stream(parts: Any, kind: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(parts, media_type=kind, headers=headers)
