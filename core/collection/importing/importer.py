"""Pictures and what is said of them become a collection; run again, nothing happens twice.

In: a source in any form that `sources` reads. Out: a collection directory and an `ImportReport` in
which every row is accounted for; or the report alone, as a preview. Knows no model; downloads
nothing. The tables are written last, so an interrupted import leaves the collection as it was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from PIL import Image

from core.collection.artists.opt_outs import OptOuts, today
from core.collection.artists.questions import Question, read_questions, save_questions
from core.collection.images.near_duplicates import look_alikes, look_of
from core.collection.images.open import open_image, to_square
from core.collection.importing.captions import cut_note
from core.collection.importing.credit_lines.line import CreditLine
from core.collection.importing.crediting import Crediting
from core.collection.importing.destination import (
    ImportLog,
    LogEntry,
    description_digest,
    opened_target,
    target_of,
)
from core.collection.importing.fields import plain_text, slug, year_range
from core.collection.importing.reservations import (
    KeptReservation,
    Reservation,
    refusing,
    reservations_of,
    save_reservations,
)
from core.collection.importing.rows import (
    EVERYTHING,
    UNTITLED,
    Candidate,
    Refusal,
    Selection,
    picture_bytes,
)
from core.collection.importing.sources import UNKNOWN, Form, read_source
from core.collection.removal import removed_works
from core.collection.store import BY_CAPTION, MANIFEST, save_collection
from core.collection.types import UNKNOWN_MAKER, Collection, Contributor, Work
from core.errors import CollectionError, ImageRefused
from core.files import write_bytes
from core.progress import Progress

__all__ = [
    "Duplicate",
    "Form",
    "ImportReport",
    "NothingImported",
    "Refusal",
    "Selection",
    "import_collection",
    "iter_import",
    "iter_preview",
]

Encoding = Literal["jpeg", "png"]
_SHOWN_STYLES = 20
NO_WISHES = OptOuts()
ASK = (
    "Nothing was taken. Ask whoever holds the rights; with their word, write the permission into "
    "the form, or import it with --permission."
)


@dataclass(frozen=True)
class Duplicate:
    """A row whose picture is there as the work `work_id`: the same one, or one that looks alike.

    By "content" the picture is the same and was not taken again. By "look" it was taken: two
    prints of one block look alike and are two works; `distance` is in bits of 64.
    """

    row: str
    work_id: str
    by: Literal["content", "look"] = "content"
    distance: int = 0


@dataclass(frozen=True)
class ImportReport:
    """What an import did. `works` and `artists` count the collection afterwards.

    rows = imported + updated + unchanged + skipped + len(refused) + rows twice by content
    """

    collection: Collection
    imported: int
    updated: int
    unchanged: int
    skipped: int
    refused: tuple[Refusal, ...]
    duplicates: tuple[Duplicate, ...]
    notes: tuple[str, ...] = ()
    remarks: tuple[Refusal, ...] = ()  # taken, but something of it could not be read as written
    written: bool = True
    questions: tuple[Question, ...] = ()  # what a person has to decide

    @property
    def works(self) -> int:
        """Works in the collection now."""
        return len(self.collection.works)

    @property
    def artists(self) -> int:
        """Artists in the collection now."""
        return len(self.collection.artists)

    @property
    def twice(self) -> int:
        """Rows that were not taken because their picture is there already."""
        return sum(one.by == "content" for one in self.duplicates)

    @property
    def rows(self) -> int:
        """Rows or files the source held."""
        taken = self.imported + self.updated + self.unchanged + self.skipped
        return taken + len(self.refused) + self.twice

    @property
    def years(self) -> tuple[int, int] | None:
        """First and last year of the works, as far as they can be read."""
        spans = [span for work in self.collection.works if (span := year_range(work.year))]
        return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None

    @property
    def unlicensed(self) -> int:
        """Works of which no licence is stated."""
        return sum(not work.licence for work in self.collection.works)


class NothingImported(CollectionError):
    """Of all rows, none could be taken; the report says why of each."""

    def __init__(self, report: ImportReport) -> None:
        rows = f"{report.rows} rows" if report.rows != 1 else "1 row"
        if report.skipped and not report.refused:
            words = f"the chosen styles and limits left out all {rows}. Choose others."
        else:
            reason = f" The first refusal: {report.refused[0].reason}" if report.refused else ""
            left = f" {report.skipped} were left out by the options." if report.skipped else ""
            words = (
                f"of {rows} none could be taken.{reason}{left} Correct the source and import again."
            )
        super().__init__(f"Nothing was imported: {words}")
        self.report = report


class ImportOptions(TypedDict, total=False):
    """How to import. `size`: the side of the stored pictures in pixels (128). `name`: the
    collection's title (the folder's). `form`: what is known of the source. `selection`: which rows
    to take (all). `encoding`: how pictures are stored ("jpeg"). `opt_outs`: who is not learnt
    from. `permission`: by whose word works are taken whose files say no ("": none is).
    `prompts`: what works are learnt under, "class" or "caption" (as the collection has it; a new
    one, class)."""

    size: int
    name: str | None
    form: Form
    selection: Selection
    encoding: Encoding
    opt_outs: OptOuts
    permission: str
    prompts: str | None


Events = Generator[Progress | ImportReport, None, None]


def import_collection(
    source: Path, destination: Path, **options: Unpack[ImportOptions]
) -> ImportReport:
    """`iter_import` without the progress."""
    for event in iter_import(source, destination, **options):
        if isinstance(event, ImportReport):
            return event
    raise CollectionError("The import ended early. Run it again.")


def iter_import(source: Path, destination: Path, **options: Unpack[ImportOptions]) -> Events:
    """Import `source` into `destination`; one Progress per row, then the report.

    Pictures are stored size x size by the rule of `to_square`. A picture that is already there
    stays; works of earlier imports stay too, and new ones follow them. Raises `NothingImported`
    where every row was refused.
    """
    return _events(Path(source), Path(destination), write=True, **options)


def iter_preview(
    source: Path, destination: Path | None = None, **options: Unpack[ImportOptions]
) -> Events:
    """What `iter_import` would do, found by doing it without writing anything."""
    return _events(Path(source), destination, write=False, **options)


def _events(
    source: Path,
    destination: Path | None,
    *,
    write: bool,
    size: int = 128,
    name: str | None = None,
    form: Form = UNKNOWN,
    selection: Selection = EVERYTHING,
    encoding: Encoding = "jpeg",
    opt_outs: OptOuts = NO_WISHES,
    permission: str = "",
    prompts: str | None = None,
) -> Events:
    base = target_of(source, destination, size, name)  # refuse what is impossible before reading
    reading = read_source(source, form)
    opened = opened_target(source, base.path, size, name) if write else nullcontext(base)
    phase = "Importing pictures" if write else "Looking at pictures"
    with opened as base:
        run = _Import(
            base,
            size,
            encoding,
            selection,
            reading.notes,
            write,
            opt_outs,
            permission,
            prompts,
        )
        credit = run.crediting.lines(reading.rows)
        for done, row in enumerate(reading.rows):
            yield Progress(phase, done, len(reading.rows), row.row)
            run.take(row, credit.get(done))
        report = run.finish() if write else run.report()
    yield Progress(phase, len(reading.rows), len(reading.rows))
    yield report


@dataclass(frozen=True)
class _ImportedRow:
    """A row that is a work now, or was one."""

    outcome: Literal["imported", "updated", "unchanged"]
    work_id: str


@dataclass
class _Import:
    """One run: what is there, what was seen, what became of each row."""

    base: Collection
    size: int
    encoding: Encoding
    selection: Selection
    notes: tuple[str, ...]
    write: bool
    opt_outs: OptOuts
    permission: str
    prompts: str | None = None
    works: dict[str, Work] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)  # sha of stored file -> work id
    claimed: dict[str, str] = field(default_factory=dict)  # work ids this run has met -> row
    outcomes: Counter[str] = field(default_factory=Counter)
    per_artist: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    remarks: list[Refusal] = field(default_factory=list)
    cut_captions: list[str] = field(default_factory=list)  # rows, as reports name them
    duplicates: list[Duplicate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.works = {work.id: work for work in self.base.works}
        self.crediting = Crediting(self.base, self.opt_outs)
        self.records = ImportLog(self.base)
        self.stored = {work.sha256: work.id for work in self.base.works}
        self.selected_styles = {slug(style) for style in self.selection.styles}
        self.styles: dict[str, str] = {}  # by slug, as the collection writes them
        self.spellings: dict[str, set[str]] = {}  # of this run
        self.offered: dict[str, str] = {}  # styles of the source, taken or not
        for work in self.base.works:
            self.styles.setdefault(slug(work.style), work.style)
        self.reservations: list[KeptReservation] = []
        self.left = {one.sha256: one for one in removed_works(self.base.path)}
        self.left |= {one.id: one for one in self.left.values()}

    def take(self, row: Candidate | Refusal, line: CreditLine | None) -> None:
        """Account for one row: exactly one counter or list grows by one."""
        if isinstance(row, Refusal) or line is None:
            assert isinstance(row, Refusal)
            self.refused.append(row)
            return
        identified = self.crediting.identified(line)
        made_by = identified.contributors
        artist_id = made_by[0].artist_id
        self.offered.setdefault(slug(row.style), row.style)
        if not self._is_selected(row, artist_id):
            self.outcomes["skipped"] += 1
            return
        try:
            taken = self._store(row, line, made_by)
        except ImageRefused as error:
            self.refused.append(Refusal(row.row, error.message))
            return
        if isinstance(taken, Duplicate):
            self.duplicates.append(taken)
            return
        if isinstance(taken, Refusal):
            self.refused.append(taken)
            return
        work = self.works[taken.work_id]
        self.outcomes[taken.outcome] += 1
        for credited, _ in work.makers:  # others than the row's, where a curator says so
            self.per_artist[credited] += 1
        style = self._style_of(row)
        self.spellings.setdefault(style, {style}).add(row.style)
        if row.caption_cut:
            self.cut_captions.append(row.row)
        self.remarks += [Refusal(row.row, doubt) for doubt in (*row.doubts, *line.doubts)]
        if identified.question and work.makers[0][0] == artist_id:
            self.crediting.ask_about(row, line, identified.question)

    def finish(self) -> ImportReport:
        """Write the tables, unless nothing changed or nothing could be taken."""
        report = self.report()
        if self.reservations:  # also of what was not taken: the wish is kept
            save_reservations(self.base.path, self.reservations)
        if not report.works:
            if self.crediting.questions:  # else the one answer that helps could never be given
                save_questions(self.base.path, self.crediting.questions.values())
            if report.rows:
                raise NothingImported(replace(report, written=False))
            return replace(report, written=False)
        # the record first: without its work it is forgotten, without it a work would look doubled
        self.records.save()
        asked_before = {one.key: one for one in read_questions(self.base.path) if one.standing}
        save_questions(self.base.path, (asked_before | self.crediting.questions).values())
        if report.collection != self.base or not (self.base.path / MANIFEST).is_file():
            save_collection(report.collection)
        return report

    def report(self) -> ImportReport:
        """What became of every row."""
        register = self.crediting.register
        works = self.crediting.works(tuple(self.works.values()))
        by_caption = self.base.by_caption if self.prompts is None else self.prompts == BY_CAPTION
        collection = replace(
            self.base, works=works, artists=register.artists, by_caption=by_caption
        )
        unknown = self.per_artist[UNKNOWN_MAKER]
        counted = "1 work names" if unknown == 1 else f"{unknown} works name"
        nameless = f"{counted} no maker: they stand under 'Unknown maker', whom nobody pays."
        return ImportReport(
            collection,
            self.outcomes["imported"],
            self.outcomes["updated"],
            self.outcomes["unchanged"],
            self.outcomes["skipped"],
            tuple(self.refused),
            (*self.duplicates, *self._look_alikes()),
            (
                *self.notes,
                *register.notes(),
                *self._style_notes(),
                *([nameless] * bool(unknown)),
                *_caption_notes(collection),
                *cut_note(self.cut_captions),
            ),
            (*self.remarks, *self.crediting.remarks),
            self.write,
            tuple(self.crediting.questions.values()),
        )

    def _style_of(self, row: Candidate) -> str:
        """The row's style, spelt as the first that was met: 'Baroque' and 'baroque' are one."""
        return self.styles.setdefault(slug(row.style), row.style)

    def _style_notes(self) -> list[str]:
        merged = [
            f"Taken as one style: {'; '.join(sorted(spelt))}."
            for spelt in self.spellings.values()
            if len(spelt) > 1
        ]
        there = sorted(self.offered.values())
        more = f" and {len(there) - _SHOWN_STYLES} more" if len(there) > _SHOWN_STYLES else ""
        named = f"{', '.join(there[:_SHOWN_STYLES])}{more}"
        return merged + [
            f"No row is of the style '{style}'. There are: {named}."
            for style in self.selection.styles
            if there and slug(style) not in self.offered
        ]

    def _described(
        self, work: Work, row: Candidate, line: CreditLine, made_by: tuple[Contributor, ...]
    ) -> Work:
        """The work as the row says; where the row says nothing, what was known of it stays."""
        if not work.artist_id or not _says_nothing(made_by):
            work = self.crediting.credited(work, row, line, made_by)
        return replace(
            work,
            title=row.title if row.title != UNTITLED or not work.title else work.title,
            style=self._style_of(row),
            year=row.year or work.year,
            licence=row.licence or work.licence,
            source=row.source or work.source,
            caption=row.caption or work.caption,
        )

    def _look_alikes(self) -> list[Duplicate]:
        """Rows of this run whose picture looks like a work that stands before it."""
        ids = list(self.works)
        looks = [self.records.look(self.works[one]) for one in ids]
        places = [place for place, one in enumerate(ids) if one in self.claimed]
        return [
            Duplicate(self.claimed[ids[place]], ids[nearest], "look", bits)
            for place, nearest, bits in look_alikes(looks, places)
        ]

    def _is_selected(self, row: Candidate, artist_id: str) -> bool:
        chosen = self.selection
        if self.selected_styles and slug(row.style) not in self.selected_styles:
            return False
        most = chosen.limit_per_artist
        if most is not None and self.per_artist[artist_id] >= most:
            return False
        return chosen.limit is None or sum(self.per_artist.values()) < chosen.limit

    def _store(
        self, row: Candidate, line: CreditLine, made_by: tuple[Contributor, ...]
    ) -> _ImportedRow | Duplicate | Refusal:
        """Bring one picture in, or find that it is there, or that it was taken out."""
        source = picture_bytes(row.picture)
        source_sha, description = hashlib.sha256(source).hexdigest(), description_digest(row)
        record = self.records.of(source_sha)
        if record.work_id in self.claimed:
            return Duplicate(row.row, record.work_id)
        known = self.works.get(record.work_id)
        if known is not None and _is_intact(self.base.image_path(known), known.sha256):
            self.claimed[known.id] = row.row
            if description == record.description:
                return _ImportedRow("unchanged", known.id)
            self.works[known.id] = self._described(known, row, line, made_by)
            self.records.keep(source_sha, replace(record, description=description))
            return _ImportedRow("updated", known.id)
        if known is None and (wish := self.crediting.refusal(row, line, made_by, source_sha)):
            return Refusal(row.row, wish)
        signals = reservations_of(source)
        no = refusing(signals)
        if known is None and no is not None and not self.permission:
            self._keep(signals, source_sha, "")
            return Refusal(row.row, f"{no.words}. {ASK}")
        square = to_square(open_image(source, row.picture.name).image, self.size)
        data = _encoded(square, self.encoding)
        stored_sha = hashlib.sha256(data).hexdigest()
        twin = self.stored.get(stored_sha)
        if twin is not None and known is None:
            return Duplicate(row.row, twin)
        name = made_by[0].artist_id
        work_id = known.id if known is not None else f"{name}-{source_sha[:10]}"
        if gone := self.left.get(stored_sha) or self.left.get(work_id):
            return Refusal(row.row, f"was taken out of this collection on {gone.date}: stays out")
        file = f"images/{work_id}.{'jpg' if self.encoding == 'jpeg' else 'png'}"
        if self.write:
            write_bytes(self.base.path / file, data)
        work = known or Work(work_id, file, "", "", "", "", "", "", stored_sha)
        work = replace(work, file=file, sha256=stored_sha)
        if known is None or description != record.description:
            work = self._described(work, row, line, made_by)
        if no is not None and self.permission:
            self.remarks.append(
                Refusal(row.row, f"{no.words}; taken by permission: {self.permission}.")
            )
        self._keep(signals, source_sha, work_id)
        self.works[work_id] = work
        self.records.keep(source_sha, LogEntry(work_id, description, look_of(square)))
        self.stored[stored_sha] = work_id
        self.claimed[work_id] = row.row
        return _ImportedRow("imported" if known is None else "updated", work_id)

    def _keep(self, signals: tuple[Reservation, ...], sha256: str, work_id: str) -> None:
        """What a file says of being learnt from, with the day and the permission."""
        self.reservations += [
            KeptReservation(
                sha256=sha256,
                work_id=work_id,
                signal=one.signal,
                says=one.says,
                detail=one.detail,
                date=today(),
                permission=plain_text(self.permission) if one.reserved else "",
            )
            for one in signals
        ]


def _caption_notes(collection: Collection) -> list[str]:
    """How many works have a caption, where that decides what they are learnt under."""
    if not collection.by_caption:
        return []
    named = sum(bool(work.caption) for work in collection.works)
    return [
        f"Prompts are captions: {named} of {len(collection.works)} works have one; the others are "
        "learnt under their class."
    ]


def _says_nothing(made_by: tuple[Contributor, ...]) -> bool:
    return [one.artist_id for one in made_by] == [UNKNOWN_MAKER]


def _encoded(image: Image.Image, encoding: Encoding) -> bytes:
    """The stored file's bytes: JPEG of quality 95 without colour subsampling, or PNG."""
    buffer = BytesIO()
    if encoding == "jpeg":
        image.save(buffer, "JPEG", quality=95, subsampling=0, optimize=True)
    else:
        image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _is_intact(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(picture_bytes(path)).hexdigest() == sha256
    except ImageRefused:
        return False
