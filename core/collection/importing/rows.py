"""What a source offers: a picture with what is said of it, or a row refused with its reason; and
which of the rows to take.

In: values that a reader found. Out: frozen rows and the bytes of a picture. Knows no file format.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.collection.images.container_limits import LIMITS
from core.collection.images.open import read_regular
from core.collection.importing.credit_lines.line import CreditCells
from core.errors import ImageRefused, UsageError

UNKNOWN_ARTIST = "Unknown artist"
UNTITLED = "Untitled"
PICTURE_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".avif",
)

Identifiers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Refusal:
    """A row or file that was not imported, and the sentence that says why."""

    row: str
    reason: str


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture inside something else (an archive, a table): its bytes, read when needed."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Candidate:
    """A picture and what its source says of it; `row` names it in reports.

    `doubts` are sentences on what could not be taken as written (an identifier, a year). `makers`:
    what the row says of them, where that is more than the `artist`. `caption`: what somebody wrote
    that the picture shows; `caption_cut`, whether more was written than a prompt may hold.
    """

    row: str
    picture: Path | EmbeddedPicture
    title: str
    artist: str
    style: str
    year: str
    licence: str
    source: str
    identifiers: Identifiers = ()
    doubts: tuple[str, ...] = ()
    makers: CreditCells | None = None
    caption: str = ""
    caption_cut: bool = False

    @property
    def credit_cells(self) -> CreditCells:
        """What is said of its makers; where that is one cell, the artist."""
        if self.makers is not None:
            return self.makers
        return CreditCells(name=self.artist, identifiers=self.identifiers)

    @property
    def description(self) -> tuple[str, ...]:
        """All that the source says of the picture; changes when a cell changes."""
        words = (self.title, self.artist, self.style, self.year, self.licence, self.source)
        cells = self.credit_cells
        qualified = (cells.role, cells.prefix, cells.suffix, cells.bio, cells.born, cells.died)
        further = (*qualified, cells.nationality, cells.sort_name)
        return (
            *words,
            *(f"{kind} {value}" for kind, value in cells.identifiers),
            *(further if any(further) else ()),
            *((f"caption {self.caption}",) if self.caption else ()),
        )


@dataclass(frozen=True)
class Reading:
    """Every row of a source, in its order, and what is to be said of the source as a whole."""

    rows: Sequence[Candidate | Refusal]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Which rows to take: these styles (all if empty), at most so many works per artist."""

    styles: Sequence[str] = ()
    limit_per_artist: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for most in (self.limit, self.limit_per_artist):
            if most is not None and most < 1:
                raise UsageError(f"A limit of {most} would take nothing. Choose 1 or more.")


EVERYTHING = Selection()


def picture_bytes(picture: Path | EmbeddedPicture) -> bytes:
    """The picture's bytes; of one that is too large, just enough to be refused for it."""
    if isinstance(picture, EmbeddedPicture):
        return picture.read()
    try:
        data = read_regular(picture, LIMITS.max_bytes + 1)
    except (OSError, ValueError) as error:
        raise ImageRefused(
            "The file could not be read. Check that you may open it, then import again."
        ) from error
    if data is None:
        raise ImageRefused("This is a pipe or a device, not a file. Take it out of the folder.")
    return data
