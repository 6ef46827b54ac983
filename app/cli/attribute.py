"""`attribute`, `methods`, `score`: trace pictures, say how it is measured, score plain arrays.

In: pictures; or for `score`, npz files of arrays, of which nothing pickled is ever read. Out:
influences and shares; or a file with `scores [m, n]`.
"""

from __future__ import annotations

import getpass
import io
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, CommonOptions, Method, StyleOption, Top, spread_options
from app.cli.output import complain, say, show_json, table, watch
from core.errors import UsageError
from core.files import write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.services.serialize import ScoresRecord


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
    files = trace_files(
        common.settings(), images, style, method, record=record, actor=getpass.getuser()
    )
    for traced in watch(files):
        if traced.error is not None:
            refused += 1
            if as_json:
                show_json(RefusalRecord.of(traced, traced.error))
            else:
                complain(f"{traced.path}: {traced.error.message}")
            continue
        answer = TraceRecord.of_traced(traced, top)
        if as_json:
            show_json(answer)
            continue
        say(f"{traced.path}:")
        for line in attribution_lines(answer):
            say(line)
        if traced.run is not None and traced.run.view is not None and traced.run.view.reversed:
            say(f"  Nothing booked: entry {answer.entry} of this picture was taken back.")
        elif answer.entry is not None:
            say(f"  Recorded as entry {answer.entry} of the ledger.")
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
    scores = score_files(features, queries, output, method, lambda_)
    if as_json:
        show_json(scores)
    else:
        say(f"{scores.queries} queries x {scores.works} works by {scores.method}: {scores.output}")


def score_files(
    features: Path, queries: Path, output: Path, name: str, lambda_: float | None
) -> ScoresRecord:
    """Read, score, write. Raises `UsageError` for files that hold something else."""
    import numpy as np

    from app.services.serialize import ScoresRecord
    from core.attribution.methods import method
    from core.attribution.scoring.scorer import score as score_arrays

    row = method(name)
    works, residuals = _array(features, "features"), _array(features, "residuals", needed=False)
    vectors = _array(queries, "queries")
    assert works is not None and vectors is not None
    scores = score_arrays(row, works, vectors, lambda_, residuals)
    written = output if output.suffix == ".npz" else output.with_name(output.name + ".npz")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, scores=scores)
    write_bytes(written, buffer.getvalue())
    return ScoresRecord(
        method=name,
        works=scores.shape[1],
        queries=scores.shape[0],
        lambda_=lambda_,
        output=written,
    )


def _array(path: Path, name: str, *, needed: bool = True) -> NDArray[np.float64] | None:
    import numpy as np

    try:
        arrays = np.load(path, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        with arrays:
            if name in arrays:
                values = arrays[name]
                if values.dtype.kind not in "fiub":
                    raise ValueError(f"numbers of the kind {values.dtype}")
                return np.asarray(values, dtype=np.float64)
            held = ", ".join(arrays.files) or "nothing"
    except FileNotFoundError as error:
        raise UsageError(f"There is no file '{path}'. Check the path.") from error
    except (
        OSError,
        ValueError,
        TypeError,
        EOFError,
        SyntaxError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UsageError(
            f"'{path.name}' is not a readable npz file of plain numbers. Write it with numpy.savez."
        ) from error
    if needed:
        raise UsageError(f"'{path.name}' holds {held}, and no array '{name}'.")
    return None
