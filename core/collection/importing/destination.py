"""The folder that an import fills, and its log: empty, new, or a collection that gets more works.

In: paths and the size of pictures. Out: the collection that is there, or an empty one; what earlier
imports took of it (`imported.csv` beside its tables): a picture's source, the work it became, what
was said, how it looks. A missing or damaged log only costs decoding again. One import at a time
fills a folder; what a killed one left half-written is swept away. Knows no source.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from core.collection.images.near_duplicates import look_of
from core.collection.images.open import open_image
from core.collection.importing.fields import plain_text, readable, slug
from core.collection.importing.rows import Candidate
from core.collection.store import MANIFEST, load_collection, table_text
from core.collection.types import Collection, Work
from core.errors import CollectionError, ImageRefused
from core.files import sweep, write_text
from core.work_queue import give_up

IMPORTED = "imported.csv"
_COLUMNS = ("source_sha256", "work_id", "said_sha256", "look")
_LOCK = ".import.lock"
# questions and answers may be there before the first work: of names near to one who opted out
_OURS = frozenset(
    {"images", IMPORTED, "works.csv", "artists.csv", "questions.csv", "decisions.csv"}
)


def target_of(source: Path, destination: Path | None, size: int, name: str | None) -> Collection:
    """The collection already in `destination`, or an empty one; raises where neither can be."""
    if not 8 <= size <= 1024:
        raise CollectionError(f"A picture size of {size} is not possible. Choose 8 to 1024.")
    if destination is None:
        title = plain_text(name or readable(source.resolve().stem)) or "Collection"
        return Collection(Path(".preview"), slug(title), title, "", size, (), ())
    if destination.resolve() == source.resolve():
        raise CollectionError(
            "The pictures and the new collection would share one folder. Choose another target."
        )
    if (destination / MANIFEST).is_file():
        existing = load_collection(destination, check_files=False)
        if existing.image_size != size:
            raise CollectionError(
                f"The collection '{existing.name}' holds pictures of {existing.image_size} pixels, "
                f"not {size}. Import with that size, or into another folder."
            )
        return existing if name is None else replace(existing, title=name, name=slug(name))
    if destination.exists():
        _check_ours(destination)
    title = plain_text(name or readable(destination.resolve().name)) or "Collection"
    return Collection(destination, slug(title), title, "", size, (), ())


@contextlib.contextmanager
def opened_target(
    source: Path, destination: Path, size: int, name: str | None
) -> Iterator[Collection]:
    """The folder, for this import alone; one that stays empty is taken away again."""
    made = [path for path in (destination, *destination.parents) if not path.exists()]
    try:
        destination.mkdir(parents=True, exist_ok=True)
        lock = FileLock(destination / _LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise CollectionError(
            f"Another import is filling '{destination.name}'. Wait until it has ended."
        ) from error
    except OSError as error:
        raise CollectionError(
            f"'{destination.name}' cannot be written ({error.strerror or error}). Choose a folder "
            "you may write to."
        ) from error
    try:
        for folder in (destination, destination / "images"):
            sweep(folder)
        yield target_of(source, destination, size, name)
    finally:
        give_up(lock)
        for path in made:
            with contextlib.suppress(OSError):  # not empty: it holds the collection
                path.rmdir()


@contextlib.contextmanager
def no_import_beside(collection: Collection) -> Iterator[Collection]:
    """Hold imports and other changes off while the tables are changed: one would write them as it
    read them. Gives the collection as it is then. Raises `CollectionError` where one is at work."""
    lock = FileLock(collection.path / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise CollectionError(
            f"An import is filling '{collection.path.name}', and would undo "
            "what is done now. Wait until it has ended."
        ) from error
    except OSError as error:
        raise CollectionError(
            f"'{collection.path.name}' cannot be written ({error.strerror or error}). Make it "
            "writable, or work on a copy."
        ) from error
    try:
        there = (collection.path / MANIFEST).is_file()  # before its first work it is not
        yield load_collection(collection.path, check_files=False) if there else collection
    finally:
        give_up(lock)


def _check_ours(destination: Path) -> None:
    if not destination.is_dir():
        raise CollectionError(f"'{destination.name}' is a file. Choose a folder.")
    strangers = [
        entry.name
        for entry in destination.iterdir()
        if entry.name not in _OURS and not entry.name.startswith(".")
    ]
    if strangers:
        raise CollectionError(
            f"The folder '{destination.name}' holds other things (such as '{strangers[0]}'). "
            "Choose an empty or a new folder."
        )


@dataclass(frozen=True)
class LogEntry:
    """The work that a source picture became, a digest of what was said of it, and its look."""

    work_id: str = ""
    description: str = ""
    look: str = ""


class ImportLog:
    """Records by the digest of the source picture."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._by_source = self._read()
        self._looks = {one.work_id: one.look for one in self._by_source.values()}

    def of(self, source_sha: str) -> LogEntry:
        """What is known of a source picture; an empty record for a new one."""
        return self._by_source.get(source_sha, LogEntry())

    def keep(self, source_sha: str, record: LogEntry) -> None:
        """Remember, in place of what was known."""
        self._by_source[source_sha] = record
        self._looks[record.work_id] = record.look

    def forget_words(self, work_ids: Container[str]) -> None:
        """Forget what was said of these works, so that the next import reads their rows again."""
        for source_sha, one in self._by_source.items():
            if one.work_id in work_ids:
                self._by_source[source_sha] = replace(one, description="")

    def look(self, work: Work) -> str:
        """How a work looks: from the record, or from its picture."""
        if not self._looks.get(work.id):
            try:
                picture = open_image(self.collection.image_path(work)).image
            except ImageRefused:  # lost or damaged: it looks like nothing
                return ""
            self._looks[work.id] = look_of(picture)
        return self._looks[work.id]

    def save(self) -> None:
        """Write imported.csv."""
        kept = {
            sha: replace(one, look=one.look or self._looks.get(one.work_id, ""))
            for sha, one in self._by_source.items()
        }
        rows = ((sha, one.work_id, one.description, one.look) for sha, one in kept.items())
        write_text(self.collection.path / IMPORTED, table_text(_COLUMNS, rows))

    def _read(self) -> dict[str, LogEntry]:
        try:
            with (self.collection.path / IMPORTED).open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            return {
                row["source_sha256"]: LogEntry(
                    row["work_id"], row["said_sha256"], row.get("look") or ""
                )
                for row in rows
            }
        except (OSError, KeyError, csv.Error, UnicodeDecodeError):
            return {}


def description_digest(row: Candidate) -> str:
    """Changes when the source says something else of the picture."""
    text = json.dumps(row.description, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
