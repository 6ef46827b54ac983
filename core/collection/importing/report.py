"""What an import did, or would do: every row of the source stands in it once.

In: counts and lists that the importer kept. Out: frozen values. Knows no source and no page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.collection.importing.fields import year_range
from core.collection.importing.rows import Refusal
from core.collection.types import Collection
from core.errors import CollectionError, UsageError


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
