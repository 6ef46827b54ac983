"""The page where a stranger drops an evidence pack and reads what it proves; it needs no script.

In: a form with a file. Out: a page: whether it holds, who signed it, what follows from it and what
does not. Nothing of the pack is kept. The gate bounds its size; here it is how often, per address,
and how many at a time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from app.services.pack_verification_process import verified_apart
from app.services.serialize_provenance import PackRecord
from app.web.formatting import render
from app.web.language_choice import language_of
from app.web.sentences import marked
from app.web.throttle import Throttle, neighbourhood
from core.collection.images.open import safe_filename
from core.errors import ProvenanceError

PER_ADDRESS, WINDOW = 30, 900.0  # packs within so many seconds
AT_ONCE, WAITING = 2, 6  # packs that are verified, and that may wait for it
PATIENCE = 20.0  # seconds until whoever waits is sent away
BUSY = marked("Others are verifying packs just now. Try again in a minute.")
NO_FILE = marked("Choose the ZIP of an evidence pack first.")
NO_STORE = {"Cache-Control": "no-store"}


class Busy(Exception):
    """Too many want it at once."""


class Turns:
    """Whose pack is next. Whoever waits holds no thread: those are few, and everybody's."""

    def __init__(self) -> None:
        self._free, self._waiting = asyncio.Semaphore(AT_ONCE), 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A turn; raises `Busy` for one too many, and where none comes in time."""
        if self._free.locked() and self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


def verifying() -> APIRouter:
    """The routes; any studio verifies any studio's packs."""
    router, turns = APIRouter(), Turns()
    by_address = Throttle(PER_ADDRESS, WINDOW)

    def page(
        request: Request, *, status: int = 200, words: str = "", answer: PackRecord | None = None
    ) -> HTMLResponse:
        html = render(
            "verify",
            language_of(request.headers),
            base=f"{request.scope.get('root_path', '')}/",
            words=words,
            answer=answer,
        )
        return HTMLResponse(html, status, headers=NO_STORE)

    @router.get("/verify")
    def form(request: Request) -> HTMLResponse:
        return page(request)

    @router.post("/verify")
    async def verify(request: Request) -> HTMLResponse:
        address = neighbourhood(request.client.host if request.client else "")
        wait = by_address.take(address)
        if wait:
            minutes = math.ceil(wait / 60)
            words = language_of(request.headers).count(
                "That was tried too often. Wait %(minutes)s minute, then try again.",
                "That was tried too often. Wait %(minutes)s minutes, then try again.",
                minutes,
                minutes=minutes,
            )
            return page(request, status=429, words=words)
        try:
            sent = await request.form(max_files=1, max_fields=1)
        except HTTPException:  # more than one file, or nothing that a form sends
            return page(request, status=400, words=NO_FILE)
        file = sent.get("pack")
        try:
            if not isinstance(file, UploadFile) or not file.size:
                return page(request, status=400, words=NO_FILE)
            async with turns.one():
                data, name = await file.read(), safe_filename(file.filename or "")
                answer = await run_in_threadpool(verified_apart, data, name)
        except Busy:
            return page(request, status=503, words=BUSY)
        except ProvenanceError as error:
            return page(request, status=422, words=error.message)
        finally:
            await sent.close()
        return page(request, answer=answer)

    return router
