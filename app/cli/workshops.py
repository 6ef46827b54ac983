"""`workshops`: the procedural painters, and the embedded collection made from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, group
from app.cli.output import run, say, show_json, table
from app.settings import EMBEDDED
from core.errors import CollectionError

verbs = group("The painters of the embedded collection.")


@verbs.command("list")
def list_workshops(as_json: AsJson = False) -> None:
    """List the workshops whose works the embedded collection holds."""
    from app.services.serialize import WorkshopRecord
    from core.workshops.roster import COLLECTION_HANDS

    rows = [WorkshopRecord.model_validate(hand) for hand in COLLECTION_HANDS]
    if as_json:
        show_json(rows)
    else:
        table(("slug", "name", "style"), [(row.slug, row.name, row.style) for row in rows])


@verbs.command("paint")
def paint(
    workshop: Annotated[str, typer.Option(metavar="SLUG", help="Whose hand; see `list`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="PNG or JPEG.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another work.")] = 0,
    size: Annotated[int, typer.Option(min=32, max=1024, help="Side in pixels.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Paint one new work by a workshop's hand."""
    from app.services.picture_files import save_picture
    from app.services.serialize import PaintingRecord
    from core.workshops.hand import paint_work, work_title
    from core.workshops.roster import hand as hand_of

    hand = hand_of(workshop)
    save_picture(paint_work(hand, seed, size), output)
    title = work_title(hand, seed)
    if as_json:
        painting = PaintingRecord(
            workshop=hand.slug,
            name=hand.name,
            style=hand.style,
            title=title,
            seed=seed,
            file=output,
        )
        show_json(painting)
    else:
        say(f"{title}, {hand.name} ({hand.style}), seed {seed}: {output}")


@verbs.command("build")
def build(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where the collection is built.")
    ] = Path("var/workshops"),
    scratch: Annotated[
        Path, typer.Option(metavar="DIR", help="Unfinished training; kept for resuming.")
    ] = Path("var/workshops-scratch"),
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare the result with the shipped files.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Paint, train and featurize the embedded collection again; compare it with what ships."""
    from app.services.serialize import RebuildRecord
    from app.services.workshops_build import compare, rebuild

    run(rebuild(to, scratch))
    if not check:
        say(f"Built in {to}.")
        return
    difference = compare(to, EMBEDDED)
    if as_json:
        show_json(RebuildRecord.model_validate(difference))
    else:
        say(difference.words)
    if not difference.same:
        raise CollectionError(
            f"The rebuilt collection differs from the shipped one in {len(difference.changed)} "
            f"files (the first: {difference.changed[0]}). Other versions or another processor "
            "round otherwise; pictures and tables must not differ."
        )
