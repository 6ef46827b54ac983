"""What `gradio_client` calls by name: painting and reading, as the API under `/api/v1` does them.

In: plain typed values. Out: the objects that the verbs print with `--json`. A picture is brought to
`/api/v1/attributions`: Gradio's own uploads belong to a browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import gradio as gr

from app.services.errors import words_of
from app.services.jobs import FINISHED, Jobs
from app.services.ledger_filter import read_filter
from app.services.runs import GenerateRequest
from app.services.serialize import Record
from app.services.serialize_ledger import (
    EntriesPage,
    LedgerTotals,
    RecordedRun,
    StatementRecord,
    VerificationRecord,
)
from app.services.statements import statement_of
from app.web.access import Access
from app.web.callers import caller_of, owner_of
from app.web.formatting import run_page
from app.web.throttle import neighbourhood
from core.ledger.records import MOST_PAGES

LOOK = 0.2  # seconds between two looks at a job
PER_PAGE = 50


class NamedEndpoints:
    """The endpoints of one studio. Their names and defaults are part of the API."""

    def __init__(self, jobs: Jobs, access: Access) -> None:
        self.jobs, self.access, self.ledger = jobs, access, jobs.studio.ledger

    def offer(self) -> None:
        """Add them to the pages that are being built."""
        for endpoint in (
            self.paint,
            self.run,
            self.totals,
            self.entries,
            self.statement,
            self.verification,
        ):
            gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)

    async def paint(
        self,
        request: gr.Request,
        style: str,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        method: str = "d-trak",
    ) -> dict[str, Any]:
        """Paint a picture of a class, trace and credit it; the run with its influences. Waits for
        its turn; whoever stops waiting finds the run all the same."""
        caller = caller_of(request)
        client = request.client
        address = client.host if client is not None else ""
        order = GenerateRequest(style, seed, steps, guidance, method, actor=caller.actor)
        owner = owner_of(caller, self.access.visitor(request.headers), address)
        job = await _in_words(
            lambda: self.jobs.submit(order, owner=owner, address=neighbourhood(address))
        )
        while not job.ended:
            await asyncio.sleep(LOOK)
            job = self.jobs.progress(job.id) or job
        if job.state != FINISHED or job.view is None:
            raise gr.Error(job.words, print_exception=False)
        return RecordedRun.of(job.view, run_page(job.id)).plain()

    async def run(self, run_id: str) -> dict[str, Any]:
        """A run with its influences."""
        view = await _in_words(lambda: self.ledger.run(run_id))
        if view is None:
            raise gr.Error("There is no such run here.", print_exception=False)
        return RecordedRun.of(view, run_page(run_id)).plain()

    async def totals(self, artist: str = "", style: str = "", period: str = "") -> dict[str, Any]:
        """Net credit of every artist; filters as everywhere, "" for all."""
        words = {"artist": artist, "style": style, "period": period}
        return await self._read(
            lambda: LedgerTotals.of(self.ledger.totals(read_filter(self.ledger, words)))
        )

    async def entries(self, page: int = 1, artist: str = "", period: str = "") -> dict[str, Any]:
        """A page of entries, newest first."""
        words = {"artist": artist, "period": period}
        return await self._read(
            lambda: EntriesPage.of(
                self.ledger.entries(
                    read_filter(self.ledger, words),
                    page=min(max(1, page), MOST_PAGES),
                    per_page=PER_PAGE,
                )
            )
        )

    async def statement(self, artist: str, period: str = "") -> dict[str, Any]:
        """An artist's statement for a month (YYYY-MM), "" for all time."""

        return await self._read(
            lambda: StatementRecord.of(
                statement_of(self.ledger, artist, period=period or None, since=None, until=None)
            )
        )

    async def verification(self) -> dict[str, Any]:
        """Whether the ledger is whole."""
        return await self._read(lambda: VerificationRecord.model_validate(self.ledger.verify_new()))

    async def _read(self, read: Callable[[], Record]) -> dict[str, Any]:
        record: Record = await _in_words(read)
        return record.plain()


async def _in_words(work: Callable[[], Any]) -> Any:
    """Done in a thread; an error as Gradio shows it, in words alone."""
    try:
        return await asyncio.to_thread(work)
    except Exception as error:
        raise gr.Error(words_of(error), print_exception=False) from error
