"""`generate`, `attribute`, `methods`: paint a picture, trace pictures, say how it is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, Method, Where, spread_options
from app.cli.output import complain, say, show_json, table

StyleOption = Annotated[str | None, typer.Option("--class", metavar="C", help="The class.")]
Top = Annotated[int, typer.Option(min=1, help="How many works to name on each side.")]


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
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Paint, trace and credit a picture, as the studio does."""
    from app.services.answers import Wish, paint_and_trace

    wish = Wish(style, prompt, seed, steps, guidance, method, book, top, output)
    told = paint_and_trace(where.settings(), wish)
    if as_json:
        show_json(told.record)
    else:
        for line in told.lines:
            say(line)


@spread_options
def attribute(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures to trace.")],
    style: StyleOption = None,
    method: Method = "d-trak",
    top: Top = 10,
    record: Annotated[
        bool, typer.Option("--record/--no-record", help="Book the credit in the ledger.")
    ] = False,
    *,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Trace pictures. Which works shaped them, and who would be credited.

    With --json, one object a line, in the order given; a refused picture's object has `error`, and
    the exit code is 1.
    """
    from app.services.answers import Question, trace

    question = Question(tuple(images), style, method, top, record)
    refused = 0
    for told in trace(where.settings(), question):
        refused += told.error is not None
        if as_json:
            show_json(told.record)
        elif told.error is not None:
            complain(told.error.message)
        else:
            for line in told.lines:
                say(line)
    if refused:
        raise typer.Exit(1)


def methods(as_json: AsJson = False) -> None:
    """List the methods, with their choices and needs."""
    from app.services.answers import method_rows

    rows = method_rows()
    if as_json:
        show_json(rows)
    else:
        headers = ("name", "representation", "kernel", "works_scale", "query_scale", "stack",
                   "query", "needs")  # fmt: skip
        table(headers, [tuple(row[header] for header in headers) for row in rows])
        say("")
        for row in rows:
            say(f"{row['name']}: {row['title']}")
            say(f"    {row['formula']}")
            say(f"    costs {row['cost']}")


def score(
    features: Annotated[
        Path, typer.Option(metavar="F.npz", help="An array `features`: [n, k], or [c, n, k].")
    ],
    queries: Annotated[
        Path, typer.Option(metavar="Q.npz", help="An array `queries`: [m, k], or [c, m, k].")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="S.npz", help="Gets `scores` [m, n].")
    ],
    method: Method = "d-trak",
    lambda_: Annotated[
        float | None,
        typer.Option("--lambda", help="The ridge; without it, the scale-free default rule."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score plain arrays by any method: positive is a proponent.

    Checkpoint and ensemble methods take stacks. DAS also needs `residuals` [n] in F.npz; outcome
    methods take who was in each of s trainings, [n, s], and the queries' losses, [m, s].
    """
    from app.services.score import score_files

    told = score_files(features, queries, output, method, lambda_)
    if as_json:
        show_json(told)
    else:
        say(f"{told.queries} queries x {told.works} works by {told.method}: {told.output}")
