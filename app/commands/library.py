"""`collections` and `import`: what the studio can learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.commands.options import AsJson
from app.settings import read_settings
from app.terminal import complain, last, say, show_json, table
from core.collection.types import Collection


def collections(as_json: AsJson = False) -> None:
    """List the collections at hand."""
    from app.shelf import readable_collections

    found, unreadable = readable_collections(read_settings())
    for sentence in unreadable:
        complain(sentence)
    if as_json:
        show_json([_listed(one) for one in found])
    elif found:
        table(
            ("name", "works", "artists", "classes", "path"),
            [
                (one.name, len(one.works), len(one.artists), ", ".join(one.styles), one.path)
                for one in found
            ],
        )
    else:
        say("No collections at hand. Make one: python -m app import PICTURES --to DIR")


def _listed(collection: Collection) -> dict[str, object]:
    return {
        "name": collection.name,
        "path": collection.path,
        "classes": collection.styles,
        "works": len(collection.works),
        "artists": len(collection.artists),
    }


def import_pictures(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of styles or CSV manifest")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The collection to make")],
    size: Annotated[int, typer.Option(help="Side of the stored pictures, in pixels.")] = 128,
    name: Annotated[str | None, typer.Option(help="The collection's title.")] = None,
    kind: Annotated[Literal["auto", "folder", "csv"], typer.Option(help="What SRC is.")] = "auto",
    style: Annotated[list[str] | None, typer.Option(help="Only this style; repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many works.")] = None,
    limit_per_artist: Annotated[int | None, typer.Option(help="At most so many an artist.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a collection of pictures, or add to one.

    Run again, nothing is taken twice; every picture that was refused is named with its reason.
    """
    from core.collection.importers import ImportReport, Selection, iter_import

    chosen = Selection(tuple(style or ()), limit_per_artist, limit)
    events = iter_import(source, to, size=size, name=name, kind=kind, selection=chosen)
    report = last(events, ImportReport)
    counted = {
        "name": report.collection.name,
        "path": to,
        "works": report.works,
        "artists": report.artists,
        "imported": report.imported,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
        "refused": report.refused,
        "duplicates": report.duplicates,
        "notes": report.notes,
    }
    if as_json:
        show_json(counted)
        return
    for refusal in report.refused:
        complain(f"{refusal.row}: {refusal.reason}")
    say(
        f"{report.collection.title}: {report.works} works by {report.artists} artists. "
        f"{report.imported} new, {report.updated} changed, {report.unchanged} unchanged, "
        f"{len(report.duplicates)} twice, {len(report.refused)} refused, "
        f"{report.skipped} left out."
    )
    for note in report.notes:
        say(note)
