"""Pictures and what is said of them become a collection; run again, nothing happens twice.

In: a folder of styles or a CSV manifest. Out: a collection directory and an `ImportReport` in
which every row is accounted for. Knows no model; downloads nothing.

The tables are written last, so an import that is interrupted leaves the collection as it was.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image

from core.collection.atomic import write_bytes, write_text
from core.collection.images import open_image, to_square
from core.collection.manifests import (
    UNKNOWN_ARTIST,
    Candidate,
    Kind,
    Refusal,
    candidates,
)
from core.collection.slugs import plain_text, readable, slug
from core.collection.store import MANIFEST, load_collection, save_collection, table_text
from core.collection.types import Artist, Collection, Work
from core.errors import CollectionError, ImageRefused
from core.progress import Progress

__all__ = [
    "Duplicate",
    "ImportReport",
    "Refusal",
    "Selection",
    "import_collection",
    "iter_import",
]

IMPORTED = "imported.csv"
_IMPORTED_COLUMNS = ("source_sha256", "work_id", "said_sha256")
_OURS = frozenset({"images", IMPORTED, "works.csv", "artists.csv"})

Encoding = Literal["jpeg", "png"]


@dataclass(frozen=True)
class Duplicate:
    """A row whose picture is already there as the work `work_id`."""

    row: str
    work_id: str


@dataclass(frozen=True)
class Selection:
    """Which rows to take: these styles (all if empty), at most so many works of an artist."""

    styles: Sequence[str] = ()
    limit_per_artist: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class ImportReport:
    """What an import did. `works` and `artists` count the collection afterwards.

    rows = imported + updated + unchanged + skipped + len(refused) + len(duplicates)
    """

    collection: Collection
    imported: int
    updated: int
    unchanged: int
    skipped: int
    refused: tuple[Refusal, ...]
    duplicates: tuple[Duplicate, ...]
    notes: tuple[str, ...] = ()

    @property
    def works(self) -> int:
        """Works in the collection now."""
        return len(self.collection.works)

    @property
    def artists(self) -> int:
        """Artists in the collection now."""
        return len(self.collection.artists)

    @property
    def rows(self) -> int:
        """Rows or files the source held."""
        taken = self.imported + self.updated + self.unchanged + self.skipped
        return taken + len(self.refused) + len(self.duplicates)


def import_collection(
    source: Path,
    destination: Path,
    *,
    size: int = 128,
    name: str | None = None,
    kind: Kind = "auto",
    selection: Selection = Selection(),
    encoding: Encoding = "jpeg",
) -> ImportReport:
    """`iter_import` without the progress."""
    for event in iter_import(
        source,
        destination,
        size=size,
        name=name,
        kind=kind,
        selection=selection,
        encoding=encoding,
    ):
        if isinstance(event, ImportReport):
            return event
    raise CollectionError("The import ended early. Run it again.")


def iter_import(
    source: Path,
    destination: Path,
    *,
    size: int = 128,
    name: str | None = None,
    kind: Kind = "auto",
    selection: Selection = Selection(),
    encoding: Encoding = "jpeg",
) -> Generator[Progress | ImportReport, None, None]:
    """Import `source` into `destination`; one Progress a row, then the report.

    Pictures are stored size x size by the rule of `to_square`. A picture that is already there
    stays; works of earlier imports stay too, and new ones follow them.
    """
    if not 8 <= size <= 1024:
        raise CollectionError(f"A picture size of {size} is not possible. Choose 8 to 1024.")
    base = _start(Path(source), Path(destination), size, name)
    rows = candidates(Path(source), kind)
    run = _Import(base, size, encoding, selection)
    for done, row in enumerate(rows):
        yield Progress("Importing pictures", done, len(rows), row.row)
        run.take(row)
    report = run.finish(len(rows))
    yield Progress("Importing pictures", len(rows), len(rows))
    yield report


def _start(source: Path, destination: Path, size: int, name: str | None) -> Collection:
    """The collection already in `destination`, or an empty one."""
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
    title = plain_text(name or readable(destination.resolve().name)) or "Collection"
    return Collection(destination, slug(title), title, "", size, (), ())


@dataclass
class _Import:
    """One run: what is there, what was seen, what became of each row."""

    base: Collection
    size: int
    encoding: Encoding
    selection: Selection
    works: dict[str, Work] = field(default_factory=dict)
    artists: dict[str, Artist] = field(default_factory=dict)
    records: dict[str, tuple[str, str]] = field(default_factory=dict)  # source sha -> id, said
    stored: dict[str, str] = field(default_factory=dict)  # sha of stored file -> work id
    claimed: set[str] = field(default_factory=set)  # work ids this run has met
    outcomes: Counter[str] = field(default_factory=Counter)
    per_artist: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    spellings: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.works = {work.id: work for work in self.base.works}
        self.artists = {artist.id: artist for artist in self.base.artists}
        self.records = _read_records(self.base.path / IMPORTED)
        self.stored = {work.sha256: work.id for work in self.base.works}
        self.wanted = {slug(style) for style in self.selection.styles}

    def take(self, row: Candidate | Refusal) -> None:
        """Account for one row: exactly one counter or list grows by one."""
        if isinstance(row, Refusal):
            self.refused.append(row)
            return
        artist_id = slug(row.artist)
        if not self._is_selected(row, artist_id):
            self.outcomes["skipped"] += 1
            return
        try:
            outcome = self._store(row, artist_id)
        except ImageRefused as error:
            self.refused.append(Refusal(row.row, error.message))
            return
        if isinstance(outcome, Duplicate):
            self.duplicates.append(outcome)
            return
        self.outcomes[outcome] += 1
        self.per_artist[artist_id] += 1
        self.spellings.setdefault(artist_id, set()).add(row.artist)

    def finish(self, rows: int) -> ImportReport:
        """Write the tables, unless nothing changed or nothing could be taken."""
        if not self.works:
            reason = f" The first refusal: {self.refused[0].reason}" if self.refused else ""
            raise CollectionError(
                f"Nothing was imported: of {rows} rows none could be taken.{reason} "
                "Correct the source and import again."
            )
        collection = replace(
            self.base, works=tuple(self.works.values()), artists=tuple(self.artists.values())
        )
        # the record first: without its work it is forgotten, without it a work would look doubled
        records = ((sha, *record) for sha, record in self.records.items())
        write_text(self.base.path / IMPORTED, table_text(_IMPORTED_COLUMNS, records))
        if collection != self.base or not (self.base.path / MANIFEST).is_file():
            save_collection(collection)
        return ImportReport(
            collection,
            self.outcomes["imported"],
            self.outcomes["updated"],
            self.outcomes["unchanged"],
            self.outcomes["skipped"],
            tuple(self.refused),
            tuple(self.duplicates),
            self._notes(),
        )

    def _is_selected(self, row: Candidate, artist_id: str) -> bool:
        chosen = self.selection
        if self.wanted and slug(row.style) not in self.wanted:
            return False
        most = chosen.limit_per_artist
        if most is not None and self.per_artist[artist_id] >= most:
            return False
        return chosen.limit is None or sum(self.per_artist.values()) < chosen.limit

    def _store(self, row: Candidate, artist_id: str) -> str | Duplicate:
        """Bring one picture in, or find that it is there."""
        source_sha, said = _digest_of(row.path), _digest_of_said(row)
        known_id, known_said = self.records.get(source_sha, ("", ""))
        if known_id in self.claimed:
            return Duplicate(row.row, known_id)
        known = self.works.get(known_id)
        if known is not None and _is_intact(self.base.image_path(known), known.sha256):
            self.claimed.add(known_id)
            if said == known_said:
                return "unchanged"
            self._credit(artist_id, row.artist)
            self.works[known_id] = _described(known, row, artist_id)
            self.records[source_sha] = (known_id, said)
            return "updated"
        opened = open_image(row.path)
        data = _encoded(to_square(opened.image, self.size), self.encoding)
        stored_sha = hashlib.sha256(data).hexdigest()
        twin = self.stored.get(stored_sha)
        if twin is not None and known is None:
            return Duplicate(row.row, twin)
        work_id = known_id if known is not None else f"{artist_id}-{source_sha[:10]}"
        file = f"images/{work_id}.{'jpg' if self.encoding == 'jpeg' else 'png'}"
        write_bytes(self.base.path / file, data)
        self._credit(artist_id, row.artist)
        if known is not None and said == known_said:
            self.works[work_id] = replace(known, file=file, sha256=stored_sha)
        else:
            bare = Work(work_id, file, "", "", "", "", "", "", stored_sha)
            self.works[work_id] = _described(bare, row, artist_id)
        self.records[source_sha] = (work_id, said)
        self.stored[stored_sha] = work_id
        self.claimed.add(work_id)
        return "imported" if known is None else "updated"

    def _credit(self, artist_id: str, name: str) -> None:
        self.artists.setdefault(artist_id, Artist(artist_id, artist_id, name))

    def _notes(self) -> tuple[str, ...]:
        notes = [
            f"Taken as one artist: {', '.join(sorted(names))}."
            for names in self.spellings.values()
            if len(names) > 1
        ]
        unknown = self.per_artist[slug(UNKNOWN_ARTIST)]
        if unknown:
            notes.append(f"{unknown} works name no artist; they stand under '{UNKNOWN_ARTIST}'.")
        return tuple(notes)


def _described(work: Work, row: Candidate, artist_id: str) -> Work:
    return replace(
        work,
        title=row.title,
        artist_id=artist_id,
        style=row.style,
        year=row.year,
        licence=row.licence,
        source=row.source,
    )


def _encoded(image: Image.Image, encoding: Encoding) -> bytes:
    """The stored file's bytes: JPEG of quality 95 without colour subsampling, or PNG."""
    buffer = BytesIO()
    if encoding == "jpeg":
        image.save(buffer, "JPEG", quality=95, subsampling=0, optimize=True)
    else:
        image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _digest_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImageRefused(
            "The file could not be read. Check that you may open it, then import again."
        ) from error


def _digest_of_said(row: Candidate) -> str:
    text = json.dumps(row.said, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _is_intact(path: Path, sha256: str) -> bool:
    try:
        return _digest_of(path) == sha256
    except ImageRefused:
        return False


def _read_records(path: Path) -> dict[str, tuple[str, str]]:
    """What earlier imports took; a missing or damaged record only costs decoding again."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {row["source_sha256"]: (row["work_id"], row["said_sha256"]) for row in rows}
    except (OSError, KeyError, csv.Error, UnicodeDecodeError):
        return {}
