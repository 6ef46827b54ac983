"""`generate`: paint a picture, trace it and credit it, as the studio does."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, CommonOptions, Method, StyleOption, Top, spread_options
from app.cli.output import last, say, show_json


@spread_options
def generate(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also write it here.")
    ] = None,
    style: StyleOption = None,
    prompt: Annotated[
        str | None, typer.Option(help='Instead of --class: "a <class> painting".')
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same picture.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How closely to follow.")] = None,
    method: Method = "d-trak",
    book: Annotated[bool, typer.Option("--book/--no-book", help="Credit it.")] = True,
    top: Top = 3,
    *,
    common: CommonOptions,
    as_json: AsJson = False,
) -> None:
    """Paint, trace and credit a picture, as the studio does."""
    from app.services.collections import chosen_collection, class_of
    from app.services.picture_files import check_ending, save_picture
    from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute, to_the_end
    from app.services.serialize import GenerationRecord, attribution_lines
    from app.services.session import open_studio

    settings = common.settings()
    if output is not None:
        check_ending(output)
    style = class_of(chosen_collection(settings), style, prompt)
    studio = open_studio(settings)
    request = GenerateRequest(
        style, seed, steps, guidance, method, book=book, actor=getpass.getuser()
    )
    run = last(to_the_end(generate_and_attribute(studio, request)), RunFinished)
    if output is not None:
        save_picture(run.image, output)
    record = GenerationRecord.of_run(run, studio.outputs, top, output)
    if as_json:
        show_json(record)
        return
    say(f"Painted: {record.file}")
    for line in attribution_lines(record):
        say(line)
    assert run.view is not None
    entry = f", entry {run.view.entry}." if run.view.entry else "; nothing booked."
    if run.view.reversed:
        entry = f"; nothing booked: entry {run.view.entry} of this picture was taken back."
    say(f"Recorded as run {run.view.number}{entry}")
