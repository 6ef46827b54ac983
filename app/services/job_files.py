"""Jobs on the disk: what was promised outlives the server that promised it.

In: a job. Out: the same job, to the server that is started next. Every server has a folder of its
own below `jobs`, under a lock that ends with it; whoever starts takes over what dead ones left. A
picture that was brought lies beside its job until it is traced. Runs nothing.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from app.services.runs import GenerateRequest, UploadRequest
from core.errors import CreditlineError, StoreError
from core.files import sweep, write_text
from core.ledger.records import GENERATION, UPLOAD
from core.ledger.write import new_id
from core.work_queue import give_up

WORDS_KEPT = 24 * 3600.0  # seconds for which the words of a job that became no run are kept
LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class KeptJob:
    """A job as it is written down. `owner`: a digest, of whom it is; `begun`: how often it was
    started; `repeats`: the run that it paints again. `words`: why it ended without a run, "" while
    it has not; `state` as in `jobs`. Of an upload, `request.source` is the copy beside the job."""

    id: str
    request: GenerateRequest | UploadRequest
    owner: str
    created_at: str
    repeats: str | None = None
    begun: int = 0
    state: str = ""
    words: str = ""

    @property
    def kind(self) -> str:
        """As the run's: `generation` or `upload`."""
        return GENERATION if isinstance(self.request, GenerateRequest) else UPLOAD


class JobFiles:
    """The jobs of one server. Safe between servers; within one, ask from one thread per job.

    Once it is closed nothing is written or removed: what lies there is the next server's.
    """

    def __init__(self, folder: Path) -> None:
        self.closed = False
        self._all = folder
        self._own: Path | None = None
        self._lock: FileLock | None = None

    def write(self, job: KeptJob) -> None:
        """Keep it as it is now. Raises `StoreError`, in words, where the disk does not take it."""
        if self.closed:
            return
        values = asdict(job) | {"kind": job.kind}
        values["request"].pop("source", None)  # follows from where the job lies
        try:
            write_text(self._folder() / f"{job.id}.json", json.dumps(values, sort_keys=True))
        except (CreditlineError, OSError) as error:
            cause = error.message if isinstance(error, CreditlineError) else error.strerror
            raise StoreError(
                f"The job cannot be kept, so it was not begun ({cause}). Try again when there is "
                "room."
            ) from error

    def keep_upload(self, job_id: str, source: Path) -> Path:
        """A copy of a picture that was brought, which nobody sweeps before it is traced."""
        try:
            place = self._folder() / f"{job_id}.upload"
            shutil.copyfile(source, place)
        except OSError as error:
            self.remove_upload(job_id)
            raise StoreError(
                f"The picture cannot be kept ({error.strerror or error}). Choose it again."
            ) from error
        return place

    def remove(self, job_id: str) -> None:
        """It has become a run, or nobody needs its words any more."""
        if self.closed:
            return
        for file in self._folder().glob(f"{job_id}.*"):
            with suppress(OSError):  # taken over again, it is recognised as done
                file.unlink(missing_ok=True)

    def remove_upload(self, job_id: str) -> None:
        """The picture that was brought, where the job is over and its words stay."""
        if self.closed:
            return
        with suppress(OSError):
            (self._folder() / f"{job_id}.upload").unlink(missing_ok=True)

    def taken_over(self) -> list[KeptJob]:
        """What servers that are gone have left, the oldest first; it is this server's now.

        Raises `StoreError` where the folder cannot be read or written.
        """
        jobs: list[KeptJob] = []
        try:
            own = self._folder()
            with FileLock(self._all / LOCK):
                for folder in sorted(path for path in self._all.iterdir() if path.is_dir()):
                    if folder != own:
                        jobs += self._from(folder, own)
        except OSError as error:
            raise StoreError(
                f"What was under way when the studio was stopped cannot be read "
                f"({error.strerror or error}). Check the folder 'jobs' in CREDITLINE_HOME."
            ) from error
        return sorted(jobs, key=lambda job: (job.created_at, job.id))

    def _from(self, folder: Path, own: Path) -> Iterator[KeptJob]:
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return  # its server lives
        sweep(folder)
        for file in sorted(folder.glob("*.upload")):
            file.replace(own / file.name)
        for file in sorted(folder.glob("*.json")):  # last: what has no job is nobody's
            stale = time.time() - file.stat().st_mtime > WORDS_KEPT
            moved = file.replace(own / file.name)
            job = self._read(moved)
            if job is None or (job.words and stale):
                self.remove(moved.stem)
            else:
                yield job
        give_up(lock)
        with suppress(OSError):
            folder.rmdir()

    def _read(self, file: Path) -> KeptJob | None:
        """None for a file that nobody here has written."""
        try:
            values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            request, kind = values.pop("request"), values.pop("kind")
            if kind == GENERATION:
                return KeptJob(**values, request=GenerateRequest(**request))
            place = file.with_suffix(".upload")
            return KeptJob(**values, request=UploadRequest(source=place, **request))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _folder(self) -> Path:
        """This server's own, made and locked when it is first needed."""
        if self.closed:
            raise OSError("the studio is being stopped")
        if self._own is None:
            own = self._all / new_id()
            self._all.mkdir(parents=True, exist_ok=True)
            with FileLock(self._all / LOCK):  # nobody takes it over before it is locked
                own.mkdir()
                self._lock = FileLock(own / LOCK)
                self._lock.acquire()
            self._own = own
        return self._own

    def close(self) -> None:
        """Leave what is unfinished to the next server."""
        self.closed = True
        if self._own is not None and self._lock is not None:
            empty = not any(self._own.glob("*.json"))
            give_up(self._lock)
            if empty:
                shutil.rmtree(self._own, ignore_errors=True)
            self._own = self._lock = None
