"""A statement as a file: CSV for spreadsheets, Parquet for programs; the same rows in both.

In: a `Statement` with all its lines. Out: text or bytes. The first row is the opening balance, the
last the closing one; between them each entry, and what is in escrow in columns of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from core.errors import UsageError
from core.ledger.export import credits, csv_text, neutral
from core.ledger.hashes import GENESIS
from core.ledger.records import ESCROW, Entry, Statement
from core.ledger.statement import posted

COLUMNS = (
    "line",
    "entry",
    "date",
    "kind",
    "dispute",
    "reverses",
    "reason",
    "run",
    "rule",
    "artist_id",
    "artist",
    "credit",
    "micro",
    "balance_micro",
    "escrow_micro",
    "escrow_balance_micro",
    "hash",
)
TEXTS = ("line", "date", "kind", "reason", "run", "rule", "artist_id", "artist", "credit", "hash")
Row = tuple[object, ...]


def rows_of(statement: Statement) -> Iterator[Row]:
    """One row per line, in the order of `COLUMNS`; None where there is nothing to say."""
    artist, balance, escrow = statement.artist, statement.opening, statement.escrow_opening

    def bound(line: str, day: str | None, micro: int, kept: int, head: str) -> Row:
        about = (artist.id, artist.name, credits(micro), None, micro, None, kept)
        return (line, None, day, *[None] * 6, *about, None if head == GENESIS else head)

    yield bound("opening", statement.since, balance, escrow, statement.head_before)
    for entry, micro in statement.lines:
        kept = posted(entry, ESCROW, artist.id)
        balance, escrow = balance + micro, escrow + kept
        about = (artist.id, artist.name, credits(micro), micro, balance, kept, escrow, entry.hash)
        yield ("entry", *_of(entry), *about)
    yield bound("closing", statement.until, balance, escrow, statement.head_after)


def _of(entry: Entry) -> Row:
    return (
        entry.number,
        entry.created_at,
        entry.kind,
        entry.dispute,
        entry.reverses,
        entry.reason,
        entry.run_id,
        entry.rule_id,
    )


def statement_csv(statement: Statement) -> str:
    """As CSV, with a header; no cell is a formula."""
    texts = {place for place, name in enumerate(COLUMNS) if name in TEXTS and name != "credit"}
    return csv_text(
        COLUMNS,
        (
            [
                "" if cell is None else neutral(str(cell)) if place in texts else cell
                for place, cell in enumerate(row)
            ]
            for row in rows_of(statement)
        ),
    )


def statement_parquet(statement: Statement) -> bytes:
    """As Parquet: integers as int64, the rest as text. Raises `UsageError` without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(
            "Parquet needs the library pyarrow: pip install -e '.[parquet]'. CSV needs nothing."
        ) from error
    fields = [
        pyarrow.field(name, pyarrow.string() if name in TEXTS else pyarrow.int64())
        for name in COLUMNS
    ]
    columns = list(zip(*rows_of(statement), strict=True))
    arrays = [pyarrow.array(column, one.type) for column, one in zip(columns, fields, strict=True)]
    notes = {
        "unit": "credits, one for each picture, estimated by influence; not money",
        "since": statement.since or "",
        "until": statement.until or "",
    }
    table = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields, metadata=notes))
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()
