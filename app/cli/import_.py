"""`import`: pictures and what is said of them become a collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.options import AsJson
from app.cli.output import complain, last, say, show_json
from app.settings import downloads_allowed, read_settings
from core.errors import UsageError

if TYPE_CHECKING:
    from core.collection.importing.importer import ImportReport


def import_pictures(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC",
            help="A folder of styles, a table (CSV, TSV, JSON, JSON lines, Excel, OpenDocument), a "
            "tar, CIFAR (npz or binary batches), a data set of `datasets` (saved or parquet), or a "
            "name of the hub.",
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="The folder of the collection to make or add to."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Say what would happen; write nothing.")
    ] = False,
    size: Annotated[int, typer.Option(help="Side of the stored pictures, in pixels.")] = 128,
    name: Annotated[str | None, typer.Option(help="The collection's title.")] = None,
    kind: Annotated[
        Literal["auto", "folder", "csv", "json", "cifar", "datasets"],
        typer.Option(help="What SRC is. A name of the hub needs `datasets`."),
    ] = "auto",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,...",
            help="Which column of the table says what; in quotes, what every row says.",
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder or tar of a table's pictures, if not beside it."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="The table's encoding, if it is not recognised.")
    ] = None,
    style: Annotated[list[str] | None, typer.Option(help="Only this style; repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many works.")] = None,
    limit_per_artist: Annotated[
        int | None, typer.Option(help="At most so many per artist.")
    ] = None,
    prompts: Annotated[
        Literal["class", "caption"] | None,
        typer.Option(
            help="What works are learnt under: their class, or their captions (.txt beside the "
            "picture, or the table's); any prompt can be painted then."
        ),
    ] = None,
    permission: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="By whose word pictures are taken whose files say no to being learnt from.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a collection of pictures, or add to one.

    Run again, nothing is taken twice; every picture that was refused is named with its reason.
    """
    from app.services.importing import wishes_at_import
    from core.collection.importing.columns import column_map
    from core.collection.importing.importer import (
        Form,
        ImportOptions,
        ImportReport,
        NothingImported,
        Selection,
        iter_import,
        iter_preview,
    )

    form = Form(kind, column_map(columns or ()), encoding, pictures, downloads_allowed())
    chosen = Selection(tuple(style or ()), limit_per_artist, limit)
    wishes = wishes_at_import(read_settings())
    options: ImportOptions = {
        "size": size,
        "name": name,
        "form": form,
        "selection": chosen,
        "opt_outs": wishes,
        "permission": permission,
        "prompts": prompts,
    }
    if preview:
        events = iter_preview(source, to, **options)
    elif to is None:
        raise UsageError("Say where the collection shall be with --to DIR, or look with --preview.")
    else:
        events = iter_import(source, to, **options)
    try:
        report = last(events, ImportReport)
    except NothingImported as error:
        _show(error.report, to, as_json)
        raise
    _show(report, to, as_json, preview)


def _show(report: ImportReport, to: Path | None, as_json: bool, preview: bool = False) -> None:
    if as_json:
        from app.services.serialize import ImportRecord

        show_json(ImportRecord.of(report, to))
        return
    for refusal in report.refused:
        complain(f"{refusal.row}: {refusal.reason}")
    for remark in report.remarks:
        complain(f"{remark.row}: {remark.reason}")
    for one in report.duplicates:
        same = one.by == "content"
        words = "is the same picture as" if same else "was taken, but looks like"
        complain(f"{one.row}: {words} {one.work_id}.")
    title = report.collection.title
    if not report.written:
        title += " (preview)" if preview else " (nothing was written)"
    alike = len(report.duplicates) - report.twice
    say(
        f"{title}: {report.works} works by {report.artists} artists. "
        f"{report.imported} new, {report.updated} changed, {report.unchanged} unchanged, "
        f"{report.twice} twice, {alike} look alike, {len(report.refused)} refused, "
        f"{report.skipped} left out."
    )
    for note in report.notes:
        say(note)
    if report.questions:
        count = len(report.questions)
        waits = "One name waits" if count == 1 else f"{count} names wait"
        if preview:
            say(f"{waits} for your decision once this is imported.")
        else:
            say(f"{waits} for your decision: python -m app artists review --collection {to}")
