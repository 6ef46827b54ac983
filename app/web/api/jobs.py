"""Painting and tracing by program: a job is begun, and watched until it is a run.

In: what to paint, or a picture. Out: 202 with the job's address; its progress, once or as events.
"""

# no postponed annotations: FastAPI reads those of the routes, which name what stands beside them

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.services.jobs import FINISHED, JobProgress, Jobs, recorded_job
from app.services.runs import GenerateRequest, UploadRequest
from app.services.serialize_jobs import GenerationOrder, JobRecord
from app.web.callers import Callers, caller_of, owner_of
from app.web.events import Events
from app.web.formatting import run_page
from app.web.routes import RUN_ID
from app.web.throttle import neighbourhood
from core.accounts.roles import Action
from core.files import write_via
from core.ledger.write import new_id

LOOK = 0.2  # seconds between two looks at a job that is watched
NO_JOB = "There is no such job here; perhaps it ended without a run some time ago."
NOT_YOURS = "Only whoever began a job can cancel it."
BLOCK = 1 << 20


def job_routes(jobs: Jobs, callers: Callers, events: Events) -> APIRouter:
    """The routes of one studio's jobs."""
    router = APIRouter(tags=["jobs"])
    temporary = jobs.studio.settings.temporary

    def shown(job: JobProgress, request: Request) -> JobRecord:
        root = str(request.scope.get("root_path", ""))
        below = root.removesuffix("/api/v1")
        return JobRecord.of(job, root, f"{below}{run_page(job.id)}")

    def begun(
        request: Request, response: Response, order: GenerateRequest | UploadRequest
    ) -> JobRecord:
        caller, address = caller_of(request), _address(request)
        visitor = callers.access.visitor(request.headers)
        job = jobs.submit(
            order, owner=owner_of(caller, visitor, address), address=neighbourhood(address)
        )
        record = shown(job, request)
        response.headers["Location"] = record.job
        return record

    def known(job_id: str) -> JobProgress:
        job = jobs.progress(job_id)
        gone = job is not None and job.state == FINISHED and jobs.studio.ledger.run(job_id) is None
        if job is not None and not gone:  # of a deleted run nobody hears what was in it
            return job
        view = jobs.studio.ledger.run(job_id) if RUN_ID.fullmatch(job_id) else None
        if view is None:
            raise HTTPException(404, NO_JOB)
        return recorded_job(view)  # of before the last restart

    async def watching(request: Request) -> AsyncIterator[None]:
        with events.watched(_address(request)):
            yield

    Known = Annotated[JobProgress, Depends(known)]

    @router.post("/generations", status_code=202, summary="Paint a picture, trace and credit it")
    def generate(order: GenerationOrder, request: Request, response: Response) -> JobRecord:
        """Begins a job. Its progress is at `job`, or as events at `events`; then there is `run`."""
        caller = caller_of(request)
        events.count(caller, _address(request))
        seed = random.SystemRandom().randrange(1_000_000) if order.seed is None else order.seed
        return begun(
            request,
            response,
            GenerateRequest(
                order.style,
                seed,
                order.steps,
                order.guidance,
                order.method,
                book=order.book,
                actor=caller.actor,
            ),
        )

    @router.post("/attributions", status_code=202, summary="Trace a picture that you bring")
    def attribute(
        request: Request,
        response: Response,
        file: Annotated[
            UploadFile, File(description="PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF; at most 25 MB")
        ],
        style: Annotated[
            str | None,
            Form(alias="class", description="A class of the collection; without: the model says"),
        ] = None,
        method: Annotated[str, Form(max_length=40, description="How it is measured")] = "d-trak",
        record: Annotated[
            bool, Form(description="Whether credit is recorded; needs the scope `record`")
        ] = False,
    ) -> JobRecord:
        """Begins a job, as `/generations` does. Nobody is credited unless you ask."""
        caller = caller_of(request)
        if record and not caller.may(Action.RECORD):
            raise HTTPException(403, callers.refusal(Action.RECORD, caller))
        events.count(caller, _address(request))
        name = Path(file.filename or "").name[:200] or "picture"
        place = temporary / f"api-{new_id()}"
        write_via(place, lambda draft: _copied(file, draft))
        try:
            order = UploadRequest(
                place,
                name,
                style or None,
                method,
                book=record,
                actor=caller.actor,
                named=caller.may(Action.RECORD),
            )
            return begun(request, response, order)
        finally:
            place.unlink(missing_ok=True)

    @router.get("/jobs/{job_id}", summary="How far a job is")
    def job(job: Known, request: Request) -> JobRecord:
        """Its place in the queue and the time left, or the step; in the end its run."""
        return shown(job, request)

    @router.get(
        "/jobs/{job_id}/events",
        response_class=EventSourceResponse,
        dependencies=[Depends(watching)],
        summary="A job's progress as server-sent events",
    )
    async def progress(job: Known, request: Request) -> AsyncIterator[ServerSentEvent]:
        """One event whenever something changes, named after the job's state, until it has ended."""
        before: JobRecord | None = None
        while True:
            newest = jobs.progress(job.id) or job
            record = shown(newest, request)
            if before is None or _differ(before, record):
                before = record
                yield ServerSentEvent(event=record.state, data=record.plain())
            if newest.ended:
                return
            await asyncio.sleep(LOOK)

    @router.post("/jobs/{job_id}/cancel", summary="Cancel a job")
    def cancel(job: Known, request: Request) -> JobRecord:
        """Nothing is recorded then; where that comes too late, the answer is the finished job."""
        owner = owner_of(
            caller_of(request), callers.access.visitor(request.headers), _address(request)
        )
        if not jobs.is_of(job.id, owner):
            raise HTTPException(403, NOT_YOURS)
        return shown(jobs.cancel(job.id) or job, request)

    return router


def _differ(before: JobRecord, after: JobRecord) -> bool:
    """Whether there is anything to say: seconds alone are said when a whole one has passed."""
    if before.model_copy(update={"seconds_left": after.seconds_left}) != after:
        return True
    return round(before.seconds_left or 0) != round(after.seconds_left or 0)


def _copied(file: UploadFile, place: Path) -> None:
    with place.open("wb") as out:
        while block := file.file.read(BLOCK):
            out.write(block)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
