"""What an import would do, or did: figures, artists, and every row that was refused or is twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.web.views.html import counted, e, style_name
from app.web.views.notices import done, trouble, waiting
from core.collection.importing.report import ImportReport

AT_FIRST, SHOWN = 12, 200  # rows of a list, unfolded and folded; the command line shows all


def preview(report: ImportReport) -> str:
    """Before anything is written."""
    new, rest = report.imported, report.works - report.imported
    if not report.works:
        head = trouble("None of the rows could be taken; the reasons stand below.", "Nothing to do")
        return (waiting("There are no rows.") if not report.rows else head) + _details(report)
    words = f"Nothing is written yet. {counted(new, 'work')} would be added"
    words += f" to {counted(rest, 'work')} that are there." if rest else "."
    return waiting(words) + _details(report)


def result(report: ImportReport) -> str:
    """After an import; and what comes next."""
    name = e(report.collection.path.name)
    steps = (
        "<p>Next, in a terminal, the collection is taught to a model and its features are kept:</p>"
        f"<pre>python -m app train CREDITLINE_HOME/collections/{name} --base MODEL\n"
        f"python -m app featurize CREDITLINE_HOME/collections/{name}\n"
        f"python -m app serve --collection {name}</pre>"
    )
    words = (
        f"{report.collection.title}: {counted(report.imported, 'work')} added, "
        f"{report.updated:,} changed, {report.unchanged:,} unchanged."
    )
    return done(words) + steps + _details(report)


def refused(words: str, report: ImportReport) -> str:
    """Nothing could be taken: why, row by row."""
    return trouble(words) + _details(report)


def _details(report: ImportReport) -> str:
    alike = len(report.duplicates) - report.twice
    span = report.years
    figures = {
        "Rows": f"{report.rows:,}",
        "Works": f"{report.works:,}",
        "Artists": f"{report.artists:,}",
        "Styles": f"{len(report.collection.styles):,}",
        "Years": f"{span[0]} to {span[1]}" if span else "none",
        "Without licence": f"{report.unlicensed:,}",
        "Refused": f"{len(report.refused):,}",
        "Twice": f"{report.twice:,}",
        "Look alike": f"{alike:,}",
    }
    cells = "".join(f"<div><dt>{e(k)}</dt><dd>{e(v)}</dd></div>" for k, v in figures.items())
    notes = "".join(f"<li>{e(note)}</li>" for note in report.notes[:SHOWN])
    return (
        f'<dl class="cl-figures">{cells}</dl>'
        + (f"<ul>{notes}</ul>" if notes else "")
        + _table("Refused", ("Row", "Reason"), [(one.row, one.reason) for one in report.refused])
        + _table("Twice", ("Row", "Why"), _duplicates(report))
        + _table(
            "Taken, but not all as written", ("Row", "What"),
            [(one.row, one.reason) for one in report.remarks],
        )
        + _table("Artists", ("Artist", "Works", "Styles", "Also written"), _artists(report))
    )  # fmt: skip


def _duplicates(report: ImportReport) -> list[tuple[str, ...]]:
    titles = {work.id: work.title for work in report.collection.works}
    return [
        (
            one.row,
            f"The same picture as '{titles.get(one.work_id, one.work_id)}'; taken once."
            if one.by == "content"
            else f"Taken, but it looks like '{titles.get(one.work_id, one.work_id)}' "
            f"({one.distance} of 64 bits differ).",
        )
        for one in report.duplicates
    ]


def _artists(report: ImportReport) -> list[tuple[str, ...]]:
    works = Counter(work.artist_id for work in report.collection.works)
    styles: dict[str, set[str]] = {}
    for work in report.collection.works:
        styles.setdefault(work.artist_id, set()).add(style_name(work.style))
    ordered = sorted(report.collection.artists, key=lambda artist: -works[artist.id])
    return [
        (
            artist.name,
            f"{works[artist.id]:,}",
            ", ".join(sorted(styles.get(artist.id, ()))),
            "; ".join(artist.written),
        )
        for artist in ordered
    ]


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    first, folded = rows[:AT_FIRST], rows[AT_FIRST:SHOWN]
    rest = ""
    if folded:
        rest = f"<details><summary>{len(folded):,} more</summary>{_grid(heads, folded)}</details>"
    left = len(rows) - SHOWN
    if left > 0:
        rest += f'<p class="cl-quiet">and {left:,} more; the command line lists all.</p>'
    return f"<h3>{e(title)}</h3>{_grid(heads, first)}{rest}"


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{e(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{e(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="cl-scroll"><table class="cl-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
