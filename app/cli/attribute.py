"""`attribute`, `methods`, `score`: trace pictures, say how it is measured, score plain arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, CommonOptions, Method, StyleOption, Top, spread_options
from app.cli.output import complain, say, show_json, table, watch


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
    common: CommonOptions,
    as_json: AsJson = False,
) -> None:
    """Trace pictures. Which works shaped them, and who would be credited.

    With --json, one object per line, in the order given; a refused picture's object has `error`,
    and the exit code is 1.
    """
    from app.services.runs import trace_files
    from app.services.serialize import RefusalRecord, TraceRecord, attribution_lines

    refused = 0
    for traced in watch(trace_files(common.settings(), images, style, method, record=record)):
        if traced.error is not None:
            refused += 1
            if as_json:
                show_json(RefusalRecord.of(traced, traced.error))
            else:
                complain(traced.error.message)
            continue
        answer = TraceRecord.of_traced(traced, top)
        if as_json:
            show_json(answer)
            continue
        say(f"{traced.path}:")
        for line in attribution_lines(answer):
            say(line)
    if refused:
        raise typer.Exit(1)


def methods(as_json: AsJson = False) -> None:
    """List the methods, with their choices and needs."""
    from app.services.serialize import method_records

    rows = method_records()
    if as_json:
        show_json(rows)
    else:
        headers = (
            "name",
            "representation",
            "kernel",
            "works_scale",
            "query_scale",
            "stack",
            "query",
            "needs",
        )
        table(headers, [tuple(getattr(row, header) for header in headers) for row in rows])
        say("")
        for row in rows:
            say(f"{row.name}: {row.title}")
            say(f"    {row.formula}")
            say(f"    costs {row.cost}")


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

    scores = score_files(features, queries, output, method, lambda_)
    if as_json:
        show_json(scores)
    else:
        say(f"{scores.queries} queries x {scores.works} works by {scores.method}: {scores.output}")
