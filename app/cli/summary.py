"""`summary`: what a collection's model learnt from, in the form of the EU's public summary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, CollectionOption
from app.cli.output import say, show_json
from app.settings import read_settings


def summary(
    collection: CollectionOption = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A Markdown file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Summarise the training content, after the EU's template (Article 53(1)(d) of the AI Act).

    Counted from the collection's own tables; what only its keeper knows is marked as open.
    """
    from app.services.artists import opt_outs_file
    from app.services.collections import chosen_path
    from app.services.training_summary import TrainingSummary, summary_markdown
    from core.collection.artists.opt_outs import read_opt_outs
    from core.collection.store import load_collection
    from core.files import write_text

    settings = read_settings(collection=collection)
    opened = load_collection(chosen_path(settings), check_files=False)
    made = TrainingSummary.of(opened, read_opt_outs(opt_outs_file(settings)))
    if output is not None:
        write_text(output, summary_markdown(made))
    if as_json:
        show_json(made)
    elif output is not None:
        say(f"Written: {output}")
    else:
        say(summary_markdown(made).rstrip())
