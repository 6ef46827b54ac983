"""What the buttons of the first page do to a run: begun, watched, cancelled, recorded after all.

In: what the form says, and whose page it is. Out: updates of the page's components by their names.
A page only watches: what it began goes on without it, and its address leads back to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gradio as gr

from app.services.errors import words_of
from app.services.jobs import (
    CANCELLED,
    FINISHED,
    STOPPING,
    UNRECORDED,
    UNTRACED,
    WAITING,
    JobProgress,
    Jobs,
)
from app.services.runs import GenerateRequest, UploadRequest
from app.web.access import Access
from app.web.callers import caller_of, owner_of
from app.web.events import NOT_YOURS
from app.web.formatting import numbered, render
from app.web.language import Language
from app.web.language_choice import language_of
from app.web.pages.run import (
    BETWEEN_UPDATES,
    finished,
    heard_of,
    idle,
    shown,
    trouble,
    under_way,
    unrecorded,
    update,
)
from app.web.sentences import marked
from app.web.throttle import neighbourhood
from app.web.uploads import Uploads
from core.accounts.roles import Action
from core.errors import LedgerError

PAGES_KNOWN = 1000  # pages whose jobs Cancel finds; far more than can be under way at once
LOOK = 0.1  # seconds between two looks at a job
BETWEEN_PLACES = 1.0  # seconds between two drawings of a place in the queue: it is read aloud
NOT_TO_RECORD = marked(
    "Recording credit for an upload needs a curator's account. Sign in at the top of the page, or "
    "trace it without recording."
)
NOT_YOURS_TO_RECORD = marked(
    "Only whoever began this picture can have it recorded, or a curator. Sign in at the top of the "
    "page."
)


class RunEvents:
    """What the buttons of the page do to a run; it knows which jobs a page has begun or watches."""

    def __init__(self, jobs: Jobs, access: Access, uploads: Uploads) -> None:
        self.jobs, self.studio = jobs, jobs.studio
        self.access, self.uploads = access, uploads
        self._of_page: dict[str | None, str] = {}  # the newest last

    # --- begun -------------------------------------------------------------------------------

    async def generate(
        self,
        style: str,
        seed: float | None,
        steps: float,
        guidance: float,
        method: str,
        page: gr.Request,
    ) -> AsyncIterator[list[Any]]:
        """Paint, trace and book a picture."""
        request = GenerateRequest(
            style,
            int(seed or 0),
            int(steps),
            float(guidance),
            method,
            actor=caller_of(page).actor,
        )
        async for shown_ in self._begun(page, lambda: self._submit(request, page)):
            yield shown_

    async def again(self, run_id: str, page: gr.Request) -> AsyncIterator[list[Any]]:
        """Paint a run from its own recipe, and say whether the picture is the same."""
        async for shown_ in self._begun(page, lambda: self._submit_again(run_id, page)):
            yield shown_

    async def trace(
        self, file: str | None, style: str, method: str, book: bool, page: gr.Request
    ) -> AsyncIterator[list[Any]]:
        """Trace a picture that was brought."""
        language, caller = language_of(page.headers), caller_of(page)
        if not file:
            yield trouble(language.say("Choose a picture first."), language)
            return
        if not self.uploads.owns(self.access.visitor(page.headers), file):
            yield trouble(NOT_YOURS, language)
            return
        if book and not caller.may(Action.RECORD):  # the page does not offer it
            yield trouble(NOT_TO_RECORD, language)
            return
        request = UploadRequest(
            Path(file),
            Path(file).name,
            style or None,
            method,
            book=book,
            actor=caller.actor,
            named=caller.may(Action.RECORD),  # of a visitor nothing is kept that may name them
        )
        async for shown_ in self._begun(page, lambda: self._submit(request, page)):
            yield shown_

    def _submit(
        self,
        request: GenerateRequest | UploadRequest,
        page: gr.Request,
        repeats: str | None = None,
    ) -> JobProgress:
        return self.jobs.submit(
            request, owner=self.owner(page), address=_address(page), repeats=repeats
        )

    def _submit_again(self, run_id: str, page: gr.Request) -> JobProgress | None:
        view = self.studio.ledger.run(run_id)
        if view is None or view.record.seed is None:
            return None
        record = view.record
        request = GenerateRequest(
            record.style,
            int(record.seed or 0),
            record.steps,
            record.guidance,
            record.method,
            actor=caller_of(page).actor,
        )
        return self._submit(request, page, repeats=run_id)

    async def _begun(
        self, page: gr.Request, begin: Callable[[], JobProgress | None]
    ) -> AsyncIterator[list[Any]]:
        """What `begin` has put into the queue, watched to its end."""
        language = language_of(page.headers)
        try:
            job = await asyncio.to_thread(begin)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words, the log the story
            yield trouble(words_of(error), language)
            return
        if job is None:
            words = language.say("This run cannot be painted again: its recipe is not at hand.")
            yield trouble(words, language)
            return
        async for shown_ in self.watch(job.id, page):
            yield shown_

    # --- watched -----------------------------------------------------------------------------

    async def watch(self, job_id: str | None, page: gr.Request) -> AsyncIterator[list[Any]]:
        """How far a job is, as often as that changes, and what it ended with."""
        language, own = language_of(page.headers), False
        before: tuple[Any, ...] = ()
        moment = 0.0
        while job_id and (job := self.jobs.progress(job_id)) is not None:
            if not before:
                own = self.jobs.is_of(job_id, self.owner(page))
                self._remember(page.session_hash, job_id)
            try:
                if job.ended:
                    yield await asyncio.to_thread(self._ended, job, language, page)
                    return
                looks, passed = _looks(job), time.monotonic() - moment
                between = BETWEEN_PLACES if job.state == WAITING else BETWEEN_UPDATES
                if looks != before and (looks[:3] != before[:3] or passed >= between):
                    before, moment = looks, time.monotonic()
                    yield await asyncio.to_thread(under_way, job, language, own=own)
            except Exception as error:  # noqa: BLE001 - the edge: a person gets words
                yield trouble(words_of(error), language)
                return
            await asyncio.sleep(LOOK)

    def _ended(self, job: JobProgress, language: Language, page: gr.Request) -> list[Any]:
        """What a job ended with."""
        if job.state == FINISHED and self.studio.ledger.run(job.id) is None:
            words = language.say("There is no such run; it may have been deleted.")
            return trouble(words, language)
        if job.state == FINISHED and job.view is not None:
            before = None if job.repeats is None else self.studio.ledger.run(job.repeats)
            notes = " ".join(language.translated(note) for note in job.notes)
            return finished(self.studio, job.view, before, notes, language)
        words = language.translated(job.words)
        if job.state == UNRECORDED:
            kept = language.say("The picture is kept; retry when the cause is gone.")
            return update(
                status=unrecorded(f"{words} {kept}", language),
                retry=gr.update(visible=self._may_record(job.id, page)),
                run_id=job.id,
                **idle(),
            )
        if job.state == UNTRACED:
            kept = language.say(
                "The picture is kept (%(file)s); nothing was recorded.", file=job.kept_file
            )
            title = language.say("It could not be traced")
            status = render("notices.trouble", language, words=f"{words} {kept}", title=title)
            return update(status=status, **idle())
        if job.state == CANCELLED:
            return update(status=render("notices.waiting", words=words), **idle())
        if job.words == STOPPING:  # it goes on later, and the page asks for it again
            status = render("notices.waiting", words=words, **heard_of(job))
            return update(status=status, **idle())
        return trouble(words, language)

    def opened(self, run_id: str, page: gr.Request) -> list[Any] | None:
        """Of an address whose run is not recorded (yet): how far it is, or why there is none."""
        job, language = self.jobs.progress(run_id), language_of(page.headers)
        if job is None:
            return None
        if job.state == FINISHED and self.studio.ledger.run(run_id) is None:
            return None  # deleted since
        if job.ended:
            return self._ended(job, language, page)
        own = self.jobs.is_of(run_id, self.owner(page))
        return under_way(job, language, own=own, alone=True)

    # --- cancelled, recorded after all ---------------------------------------------------------

    def cancelled(self, request: gr.Request) -> list[Any]:
        """Cancel this page's job; where that came too late, show what was recorded."""
        language = language_of(request.headers)
        job_id, job = self._of_page.pop(request.session_hash, None), None
        if job_id is not None:
            if not self.jobs.is_of(job_id, self.owner(request)):
                return update(**idle())  # whoever only watches is not offered to cancel
            job = self.jobs.cancel(job_id)
        if job is None or job.state == CANCELLED:
            words = language.say("Cancelled. The last preview stays here; nothing was recorded.")
            return update(status=render("notices.waiting", words=words), **idle())
        if job.state == FINISHED and job.view is not None:
            words = language.say("It was too late to cancel.")
            return finished(self.studio, job.view, None, words, language)
        return self._ended(job, language, request)

    def retry(self, run_id: str, request: gr.Request) -> list[Any]:
        """Record what could not be recorded, for whoever began it."""
        language = language_of(request.headers)
        if not self._may_record(run_id, request):
            return trouble(NOT_YOURS_TO_RECORD, language)
        try:
            view = self.jobs.record_again(run_id)
        except LedgerError as error:
            return update(status=unrecorded(error.message, language))
        if view is None:
            return trouble(language.say("There is nothing left to record."), language)
        words = language.say("Recorded as %(run)s.", run=numbered(view.number))
        return shown(self.studio, view, render("notices.done", words=words), language)

    def _may_record(self, job_id: str, page: gr.Request) -> bool:
        """Their own; and whoever may record credit at all, as everybody on their own machine."""
        return self.jobs.is_of(job_id, self.owner(page)) or caller_of(page).may(Action.RECORD)

    def owner(self, page: gr.Request) -> str:
        """Whose job it is that this page begins."""
        return owner_of(caller_of(page), self.access.visitor(page.headers), _address(page))

    def _remember(self, page: str | None, job_id: str) -> None:
        self._of_page.pop(page, None)
        while len(self._of_page) >= PAGES_KNOWN:
            self._of_page.pop(next(iter(self._of_page)))
        self._of_page[page] = job_id


def _looks(job: JobProgress) -> tuple[Any, ...]:
    """What decides whether it has to be drawn again: at once, and when there is time."""
    left = None if job.seconds_left is None else round(job.seconds_left)
    return job.state, job.works, id(job.preview), job.position, left, job.steps


def _address(page: gr.Request) -> str:
    client = getattr(page, "client", None)
    return neighbourhood(client.host) if client is not None else ""
