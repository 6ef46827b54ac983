"""Files and folders that are either the old or the new, never half of one.

In: a destination, and bytes, a text or whoever writes. Out: the thing, complete and on the disk.
What is being written lies beside it under a name of its own; what a killed process left of that is
swept. And a JSON file is read, or refused in its reader's words. Knows no other format.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

from core.errors import CollectionError, CreditlineError

# .MACHINE-PROCESS-START-RANDOM.part: whose draft it is, so that nobody takes a living one away
DRAFT = re.compile(r"\.([0-9a-f]{8})-([0-9]+)-([0-9a-f]{8})-[0-9a-f]{16}\.part")
# as earlier versions named theirs
OLDER = re.compile(r"\..+\.part|(model|lora.*)?\.unfinished")
ABANDONED = 24 * 3600.0  # seconds after which a draft of another machine is nobody's
MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
START = secrets.token_hex(4)  # process numbers come again
BLOCK = 1 << 20

T = TypeVar("T")

_swept: set[Path] = set()


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data`; parents are created. Raises `CollectionError`, the old file untouched."""
    write_via(path, lambda draft: draft.write_bytes(data))


def write_text(path: Path, text: str) -> None:
    """UTF-8, line ends as given."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CollectionError(
            f"'{path.name}' was not written: a text holds half a character (a lone surrogate). "
            "Correct the text, then try again."
        ) from error
    write_bytes(path, data)


def write_via(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a file at the path it gets, sync it, then rename it over `path`.

    Raises `CollectionError` where the disk does not take it; what `write` raises passes.
    """
    with _draft(path) as draft:
        write(draft)
        _sync(draft)
        os.replace(draft, path)


def write_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` fill an empty folder, sync it, then rename it to `path`: all of it or nothing.

    What lay there before is replaced.
    """
    with _draft(path) as draft:
        draft.mkdir()
        fill(draft)
        for file in draft.rglob("*"):
            if file.is_file():
                _sync(file)
        if path.is_dir():
            shutil.rmtree(path)
        draft.rename(path)


def sweep(folder: Path) -> None:
    """Remove drafts that a killed process left right in `folder`; a living one's stay."""
    for path in [*folder.glob("*.part"), *folder.glob("*.unfinished")]:
        match = DRAFT.fullmatch(path.name)
        if _abandoned(path, match) if match else OLDER.fullmatch(path.name):
            _remove(path)


def checksum(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            total.update(block)
    return total.hexdigest()


def read_json(
    path: Path,
    parse: Callable[[Any], T],
    *,
    missing: str,
    damaged: str,
    error: type[CreditlineError],
) -> T:
    """What `parse` makes of a file's JSON. Raises `error` with the sentence `missing` where there
    is no file, and with `damaged` where it cannot be read or is not what `parse` expects."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as fault:
        raise error(missing) from fault
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise error(damaged) from fault


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A name beside `path` that nobody else has; nothing is left there in the end."""
    name = f".{MACHINE}-{os.getpid()}-{START}-{secrets.token_hex(8)}.part"
    draft = path.with_name(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent not in _swept:
            sweep(path.parent)
            _swept.add(path.parent)
        yield draft
    except OSError as error:
        cause = error.strerror or str(error) or "unknown cause"
        raise CollectionError(
            f"'{path.name}' could not be written ({cause.lower()}); an old file is untouched. "
            "Free some space or choose a folder you may write to, then try again."
        ) from error
    finally:
        _remove(draft)


def _abandoned(path: Path, match: re.Match[str]) -> bool:
    machine, process, start = match[1], int(match[2]), match[3]
    if machine == MACHINE:
        if process == os.getpid():
            return start != START
        if not psutil.pid_exists(process):
            return True
    try:
        return time.time() - path.stat().st_mtime > ABANDONED
    except FileNotFoundError:  # it was finished at this moment
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())
