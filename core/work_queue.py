"""Locks on files; and one file, one maker: several processes share the work on a folder.

In: jobs, each with the file it leaves behind. Out: those that this process is to do, one by one.
A claim is a lock that ends with its process, so a killed one loses nothing but its own job.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

J = TypeVar("J")
LOOK_AGAIN = 0.2  # seconds between two looks at what others are making


def unmade(jobs: Mapping[Path, J], *, patient: bool = True) -> Iterator[J]:
    """Jobs whose file is missing and that nobody else is doing; ends when every file is there, or,
    not `patient`, when all others are being made.

    The claim is held until the next job is asked for, by when the caller has made the file. A job
    that another process gave up comes round again.
    """
    waiting = dict(jobs)
    while waiting:
        for file, job in list(waiting.items()):
            if not file.is_file():
                yield from _claimed(file, job)
            if file.is_file():
                del waiting[file]
        if not patient:
            return
        if waiting:
            time.sleep(LOOK_AGAIN)


def made(jobs: Mapping[Path, J]) -> int:
    """How many of the files are there."""
    return sum(file.is_file() for file in jobs)


def _claimed(file: Path, job: J) -> Iterator[J]:
    file.parent.mkdir(parents=True, exist_ok=True)
    place = file.with_name(f".{file.name}.lock")
    lock = FileLock(place, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return
    try:
        if not file.is_file():
            yield job
            if not file.is_file():
                raise RuntimeError(f"a job ended without its file {file.name}")
    finally:
        if file.is_file():  # whoever locks a new one sees the finished file
            give_up(lock)
        else:
            lock.release()


def give_up(lock: FileLock) -> None:
    """Release a lock and take its file away."""
    place = Path(lock.lock_file)
    # first the name: whoever comes next locks a file of its own
    with suppress(PermissionError):  # Windows removes no open file
        place.unlink(missing_ok=True)
    lock.release()
    if os.name == "nt":
        with suppress(PermissionError):  # somebody else has it by now
            place.unlink(missing_ok=True)
