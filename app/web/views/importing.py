"""What an import would do, or did: figures, artists, and every row that was refused or is twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.web.formatting import number, render, style_name
from core.collection.importing.report import Duplicate, ImportReport


@dataclass(frozen=True)
class Listing:
    """A table under its title; the template folds what is long."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def preview(report: ImportReport) -> str:
    """Before anything is written."""
    return render("importing.preview", report=report, lists=_lists(report))


def result(report: ImportReport) -> str:
    """After an import; and what comes next."""
    return render("importing.result", report=report, lists=_lists(report))


def refused(words: str, report: ImportReport) -> str:
    """Nothing could be taken: why, row by row."""
    return render("importing.refused", words=words, report=report, lists=_lists(report))


def _lists(report: ImportReport) -> tuple[Listing, ...]:
    titles = {work.id: work.title for work in report.collection.works}
    remarks = [(one.row, one.reason) for one in report.remarks]
    return (
        Listing("Refused", ("Row", "Reason"), [(one.row, one.reason) for one in report.refused]),
        Listing(
            "Twice",
            ("Row", "Why"),
            [
                (one.row, _same(one, titles.get(one.work_id, one.work_id)))
                for one in report.duplicates
            ],
        ),
        Listing("Taken, but not all as written", ("Row", "What"), remarks),
        Listing("Artists", ("Artist", "Works", "Styles", "Also written"), _artists(report)),
    )


def _same(duplicate: Duplicate, title: str) -> str:
    if duplicate.by == "content":
        return f"The same picture as '{title}'; taken once."
    return f"Taken, but it looks like '{title}' ({duplicate.distance} of 64 bits differ)."


def _artists(report: ImportReport) -> list[tuple[str, ...]]:
    works = Counter(work.artist_id for work in report.collection.works)
    styles: dict[str, set[str]] = {}
    for work in report.collection.works:
        styles.setdefault(work.artist_id, set()).add(style_name(work.style))
    return [
        (
            artist.name,
            number(works[artist.id]),
            ", ".join(sorted(styles.get(artist.id, ()))),
            "; ".join(artist.written),
        )
        for artist in sorted(report.collection.artists, key=lambda artist: -works[artist.id])
    ]
