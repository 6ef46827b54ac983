"""Jobs: what is painted or traced goes on whoever watches, and each comes in its turn.

In: a request, and whose it is. Out: a job that has the id of its run from the first moment, and at
any time how far it is: its place and the time left, the step, the run; or, in words, why there is
none. A job that was promised is written down first (`job_files`): after a restart it goes on, or is
said to be interrupted. Knows no page and no route.
"""

from __future__ import annotations

import hashlib
import heapq
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from PIL import Image

from app.services.cancellation import Cancellation
from app.services.errors import keep_report, words_of
from app.services.fair_queue import FairQueue
from app.services.job_files import JobFiles, KeptJob
from app.services.job_times import JobTimes
from app.services.runs import (
    Event,
    GenerateRequest,
    Painting,
    RunFinished,
    Tracing,
    Unrecorded,
    Untraced,
    UploadRequest,
    book_again,
    generate_and_attribute,
    recipe_of,
    require_method,
    trace_upload,
)
from app.services.session import Studio
from core.errors import BusyError, CreditlineError
from core.ledger.records import RunView
from core.ledger.write import new_id, now

WAITING, RUNNING, FINISHED = "waiting", "running", "finished"
FAILED, CANCELLED, INTERRUPTED = "failed", "cancelled", "interrupted"
UNRECORDED, UNTRACED = "unrecorded", "untraced"  # the picture is kept all the same
STATES = (WAITING, RUNNING, FINISHED, FAILED, CANCELLED, INTERRUPTED, UNRECORDED, UNTRACED)
AT_ONCE = 2  # a picture that takes long to open does not hold up everybody else's
BEGUN_AT_MOST = 2  # what was under way at two restarts may well have been their cause
ENDED_KEPT = 200  # jobs that are over and still known; runs are in the ledger
STOPPING = (
    "The studio is being stopped. What was promised is kept and goes on when it is started again, "
    "at this same address."
)
STOPPED_TWICE = (
    "The studio was stopped twice while this was under way, so it is not tried again. Nothing was "
    "recorded; start it once more if you like."
)
NOT_KEPT = (
    "The studio was restarted before this picture was traced, and the picture is no longer here. "
    "Nothing was recorded; bring it again."
)
CANCELLED_WORDS = "Cancelled; nothing was recorded."
OWN_FULL = "You have several pictures under way already. Wait until one is finished."
NEAR_FULL = "Several pictures from your network are under way already. Wait until one is finished."
ALL_FULL = "Too many pictures are waiting here just now. Try again in a few minutes."


@dataclass(frozen=True, kw_only=True)
class JobLimits:
    """How many jobs may wait or run at a time."""

    per_owner: int = 4
    per_address: int = 16
    altogether: int = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class JobProgress:
    """How far a job is. `position`: 1 for the next that starts; `seconds_left`: until its result,
    as it looks now; None where nothing is known yet. `steps`: of those that are painted, how many
    of how many; `works`: among how many influence is being traced. `preview`: the picture as far as
    it is. `words`: why it ended without a run."""

    id: str
    kind: str
    state: str
    created_at: str
    position: int | None = None
    seconds_left: float | None = None
    steps: tuple[int, int] | None = None
    works: int | None = None
    notes: tuple[str, ...] = ()
    preview: Image.Image | None = None
    repeats: str | None = None
    style: str = ""
    name: str = ""
    view: RunView | None = None
    unrecorded: Unrecorded | None = None
    kept_file: str = ""
    words: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it here."""
        return self.state not in (WAITING, RUNNING)


@dataclass(eq=False, kw_only=True)
class _Job:
    kept: KeptJob
    address: str = ""
    state: str = WAITING
    cancellation: Cancellation[Event] = field(default_factory=Cancellation)
    steps: tuple[int, int] | None = None
    works: int | None = None
    notes: tuple[str, ...] = ()
    preview: Image.Image | None = None
    view: RunView | None = None
    unrecorded: Unrecorded | None = None
    kept_file: str = ""
    words: str = ""

    @property
    def id(self) -> str:
        return self.kept.id

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it for good; what a stop cuts short goes on later."""
        return self.kept.state == CANCELLED

    @property
    def over(self) -> bool:
        """Whether nothing of it is still to come: not now, not by a retry, not after a restart."""
        return self.state == FINISHED or (self.state != RUNNING and bool(self.kept.state))


class Jobs:
    """The jobs of one studio; safe to ask from any thread."""

    def __init__(
        self, studio: Studio, limits: JobLimits | None = None, *, at_once: int = AT_ONCE
    ) -> None:
        self.studio, self.limits = studio, limits or JobLimits()
        self._files = JobFiles(studio.settings.jobs)
        self._news = threading.Condition()
        self._waiting: FairQueue[_Job] = FairQueue()
        self._running: list[_Job] = []
        self._jobs: dict[str, _Job] = {}
        self._times = JobTimes()
        self._at_once = at_once
        self._workers: list[threading.Thread] = []
        self._closed = False

    # --- asking ------------------------------------------------------------------------------

    def submit(
        self,
        request: GenerateRequest | UploadRequest,
        *,
        owner: str,
        address: str = "",
        repeats: str | None = None,
    ) -> JobProgress:
        """A job that is promised: from here on it has an id, which becomes that of its run.

        Raises `UsageError` for what cannot be painted or traced here, `BusyError` for one too many
        of an owner or an address, `StoreError` where the disk does not take it.
        """
        request, digest = replace(self._checked(request), run_id=new_id()), digest_of(owner)
        assert request.run_id is not None
        with self._news:
            self._require_room(digest, address)
        if isinstance(request, UploadRequest):
            copy = self._files.keep_upload(request.run_id, request.source)
            request = replace(request, source=copy)
        kept = KeptJob(
            id=request.run_id or "",
            request=request,
            owner=digest,
            created_at=now(),
            repeats=repeats,
        )
        try:
            with self._news:
                self._require_room(digest, address)  # others came meanwhile
                self._files.write(kept)
                job = _Job(kept=kept, address=address)
                self._add(job)
                return self._progress(job)
        except CreditlineError:
            with self._news:
                self._files.remove(kept.id)
            raise

    def _checked(self, request: GenerateRequest | UploadRequest) -> GenerateRequest | UploadRequest:
        """The request as it can be done here, whatever is usual when its turn comes."""
        if isinstance(request, GenerateRequest):
            steps, guidance = recipe_of(self.studio, request)
            return replace(request, steps=steps, guidance=guidance)
        require_method(self.studio, request.method)
        if request.style is not None:
            self.studio.engine.require_style(request.style)
        return request

    def progress(self, job_id: str) -> JobProgress | None:
        """How far it is; None for one that is not known here."""
        with self._news:
            job = self._jobs.get(job_id)
            return None if job is None else self._progress(job)

    def is_of(self, job_id: str, owner: str) -> bool:
        """Whether this job is the owner's."""
        with self._news:
            job = self._jobs.get(job_id)
            return job is not None and job.kept.owner == digest_of(owner)

    def cancel(self, job_id: str) -> JobProgress | None:
        """Cancel it, if that is not too late: what it is afterwards says which. None: not known.

        Waits where it is being recorded at this moment. What is cancelled is not begun again after
        a restart either, however this server ends.
        """
        with self._news:
            job = self._jobs.get(job_id)
            if job is None:
                return None
            if self._files.closed:  # it is the next server's already
                return self._progress(job)
            if job.state == WAITING and self._waiting.remove(job):
                job.cancellation.cancel()
                self._end(job, CANCELLED, CANCELLED_WORDS)
            late = job.state == RUNNING and not job.cancellation.cancel()
            if job.state == RUNNING and not late:  # its thread ends at its next step
                self._keep_words(job, CANCELLED, CANCELLED_WORDS)
            if not late:
                return self._progress(job)
        job.cancellation.outcome()
        with self._news:
            self._news.wait_for(lambda: job.state != RUNNING)
            return self._progress(job)

    def record_again(self, job_id: str) -> RunView | None:
        """Record what the ledger could not take; None where there is no such thing (any more).

        Raises `LedgerError` where it still cannot.
        """
        with self._news:
            job = self._jobs.get(job_id)
            left = None if job is None else job.unrecorded
        if job is None or left is None:
            return None
        view = book_again(self.studio, left)
        with self._news:
            job.unrecorded, job.view = None, view
            self._end(job, FINISHED)
        return view

    # --- restarts ----------------------------------------------------------------------------

    def resume(self) -> int:
        """Take over what a server that is gone has promised; how many of it go on."""
        goes_on = 0
        with self._news:
            for kept in self._files.taken_over():
                if kept.id in self._jobs:  # earlier versions could leave a job in two folders
                    continue
                job = _Job(kept=kept, state=kept.state or WAITING, words=kept.words)
                if (view := self.studio.ledger.run(kept.id)) is not None:
                    job.view = view  # it was recorded, and its server ended before it said so
                    self._jobs[job.id] = job
                    self._end(job, FINISHED)
                elif kept.words:
                    self._jobs[job.id] = job
                    self._files.remove_upload(job.id)
                elif isinstance(kept.request, UploadRequest) and not kept.request.source.is_file():
                    self._jobs[job.id] = job
                    self._end(job, INTERRUPTED, NOT_KEPT)
                elif kept.begun >= BEGUN_AT_MOST:
                    self._jobs[job.id] = job
                    self._end(job, INTERRUPTED, STOPPED_TWICE)
                else:
                    self._add(job)
                    goes_on += 1
        return goes_on

    def close(self) -> None:
        """Begin nothing more, and say so to whoever watches; what runs may still finish."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def stop(self, patience: float = 1.0) -> None:
        """Close; what runs is recorded or rolled back within `patience` seconds, and goes on after
        the next start as does what waits."""
        self.close()
        with self._news:
            running, workers = list(self._running), list(self._workers)
        for job in running:
            job.cancellation.cancel()
        until = time.monotonic() + patience
        for worker in workers:
            worker.join(max(0.0, until - time.monotonic()))
        with self._news:  # never between a look at the files and what is done to them
            self._files.close()

    # --- the work ----------------------------------------------------------------------------

    def _add(self, job: _Job) -> None:
        self._jobs[job.id] = job
        self._waiting.put(job.kept.owner, job)
        if len(self._workers) < self._at_once:
            thread = threading.Thread(target=self._work, name="job", daemon=True)
            self._workers.append(thread)
            thread.start()
        self._news.notify_all()

    def _work(self) -> None:
        """One thread: the next job, whenever there is one, until the studio stops."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or len(self._waiting))
                job = None if self._closed else self._waiting.take()
                if job is None:
                    return
                job.state = RUNNING
                self._running.append(job)
                self._times.begin(job.id)
            last: Event | None = None
            trouble: str | None = None
            try:
                last = self._run(job)
            except Exception as error:  # noqa: BLE001 - the edge: whoever asked gets words
                trouble = words_of(error)
            with self._news:
                self._running.remove(job)
                state, words = self._ended(job, last, trouble)
                try:
                    self._settle(job, state, words)
                except Exception as error:  # noqa: BLE001 - all other jobs need this thread
                    keep_report(error)
                    job.state, job.words = state, words
                self._news.notify_all()

    def _settle(self, job: _Job, state: str, words: str) -> None:
        """What ended is written down, or that it is still to come."""
        self._times.end(job.id, _work_in(job.kept), finished=state == FINISHED)
        if state in (INTERRUPTED, UNRECORDED):  # its file stays: the next server goes on with it
            job.state, job.words, job.preview = state, words, None
            job.kept = replace(job.kept, begun=job.kept.begun - 1)
            with suppress(CreditlineError):
                self._files.write(job.kept)
        else:
            self._end(job, state, words)

    def _run(self, job: _Job) -> Event | None:
        """All of it; returns what it ended with, None where it was cancelled."""
        with self._news:  # what a cancel writes meanwhile stays written
            job.kept = replace(job.kept, begun=job.kept.begun + 1)
            self._files.write(job.kept)
        last: Event | None = None
        for event in self._events(job.kept.request, job.cancellation):
            last = event
            if isinstance(event, Painting | Tracing):
                with self._news:
                    self._happened(job, event)
        return None if isinstance(last, Painting | Tracing) else last

    def _events(
        self, request: GenerateRequest | UploadRequest, cancellation: Cancellation[Event]
    ) -> Iterator[Event]:
        if isinstance(request, GenerateRequest):
            return generate_and_attribute(self.studio, request, cancellation)
        return trace_upload(self.studio, request, cancellation)

    def _happened(self, job: _Job, event: Painting | Tracing) -> None:
        if isinstance(event, Painting):
            job.steps = (event.done, event.total)
            job.preview = event.preview or job.preview
            self._times.step(job.id, event.seconds_left)
        else:
            job.works, job.notes, job.preview = event.works, event.notes, event.image

    def _ended(self, job: _Job, last: Event | None, trouble: str | None) -> tuple[str, str]:
        """The state in which a job ends, and its words; `trouble`: those of what failed."""
        if isinstance(last, RunFinished):
            job.view = last.view
            return FINISHED, ""
        if isinstance(last, Unrecorded):
            job.unrecorded = last
            return UNRECORDED, last.error.message
        if isinstance(last, Untraced):
            job.kept_file = last.file
            return UNTRACED, last.error.message
        if trouble is not None and not job.cancelled:
            return FAILED, trouble
        if self._closed and not job.cancelled:
            return INTERRUPTED, STOPPING
        return CANCELLED, CANCELLED_WORDS

    def _end(self, job: _Job, state: str, words: str = "") -> None:
        """It is over. A run needs no file; the words of everything else are kept for a while."""
        job.state, job.words, job.preview = state, words, None
        if state == FINISHED:
            self._files.remove(job.id)
        elif self._keep_words(job, state, words):
            self._files.remove_upload(job.id)
        over = [one for one in self._jobs.values() if one.over]
        for one in over[:-ENDED_KEPT]:
            self._files.remove(one.id)
            del self._jobs[one.id]
        self._news.notify_all()

    def _keep_words(self, job: _Job, state: str, words: str) -> bool:
        """Write down why it becomes no run. False where the disk does not take that: after a
        restart it is simply tried again, or, where it was cancelled, not known any more."""
        job.kept = replace(job.kept, state=state, words=words)
        try:
            self._files.write(job.kept)
        except CreditlineError:
            if state == CANCELLED:
                self._files.remove(job.id)
            return False
        return True

    # --- how far -----------------------------------------------------------------------------

    def _require_room(self, owner: str, address: str) -> None:
        under_way = [*self._waiting.order(), *self._running]
        owners = Counter(job.kept.owner for job in under_way)
        addresses = Counter(job.address for job in under_way)
        if self._closed:
            raise BusyError(STOPPING)
        if owners[owner] >= self.limits.per_owner:
            raise BusyError(OWN_FULL)
        if address and addresses[address] >= self.limits.per_address:
            raise BusyError(NEAR_FULL)
        if len(under_way) >= self.limits.altogether:
            raise BusyError(ALL_FULL)

    def _progress(self, job: _Job) -> JobProgress:
        position, seconds_left = self._place(job)
        request = job.kept.request
        state, words = job.state, job.words
        if state == RUNNING and job.cancelled:
            state, words = CANCELLED, CANCELLED_WORDS
        elif state in (WAITING, RUNNING) and self._closed:
            state, words = INTERRUPTED, STOPPING
        return JobProgress(
            id=job.id,
            kind=job.kept.kind,
            state=state,
            created_at=job.kept.created_at,
            position=position,
            seconds_left=seconds_left,
            steps=job.steps,
            works=job.works,
            notes=job.notes,
            preview=job.preview,
            repeats=job.kept.repeats,
            style=request.style or "",
            name=request.name if isinstance(request, UploadRequest) else "",
            view=job.view,
            unrecorded=job.unrecorded,
            kept_file=job.kept_file,
            words=words,
        )

    def _place(self, job: _Job) -> tuple[int | None, float | None]:
        """Where it stands, and the seconds until its result."""
        free = [self._left(one) for one in self._running]
        if job.state == RUNNING:
            return None, self._left(job)
        if job.state != WAITING:
            return None, None
        known: list[float] = [left or 0.0 for left in free]
        known += [0.0] * (self._at_once - len(known))
        heapq.heapify(known)
        certain = None not in free
        for position, one in enumerate(self._waiting.order(), start=1):
            cost = self._times.of(_work_in(one.kept))
            certain = certain and cost is not None
            ends = heapq.heappop(known) + (cost or 0.0)
            heapq.heappush(known, ends)
            if one is job:
                return position, ends if certain else None
        return None, None

    def _left(self, job: _Job) -> float | None:
        return self._times.left(job.id, _work_in(job.kept))


def recorded_job(view: RunView) -> JobProgress:
    """What is still known of the job of a run that was recorded earlier."""
    record = view.record
    return JobProgress(
        id=record.id,
        kind=record.kind,
        state=FINISHED,
        created_at=record.created_at,
        style=record.style,
        name=record.title,
        view=view,
    )


def _work_in(kept: KeptJob) -> tuple[str, int | None]:
    """What the time of a job depends on: its kind, and how many steps are painted."""
    request = kept.request
    return kept.kind, request.steps if isinstance(request, GenerateRequest) else None


def digest_of(owner: str) -> str:
    """An owner as it is kept: told apart from others, and by itself saying nothing."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
