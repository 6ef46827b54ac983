"""An artist's statement for a period, as a value or as a file.

In: a ledger, an artist, the words of a period (a month, or days, both included). Out: the
statement; its bytes. Knows no page and no verb.
"""

from __future__ import annotations

from app.services.ledger_filter import find_artist, read_filter
from core.errors import UsageError
from core.ledger.ledger import Reader
from core.ledger.records import Statement
from core.ledger.statement_files import statement_csv, statement_parquet

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def statement_of(
    ledger: Reader, artist: str, *, period: str | None, since: str | None, until: str | None
) -> Statement:
    """Every line of it; `UsageError` for an artist, a month or a day that there is not."""
    days = read_filter(ledger, {"period": period, "since": since, "until": until})
    who = find_artist(ledger, artist).id
    if period and period.strip():
        return ledger.artist_statement(who, period.strip())
    return ledger.artist_statement(who, days=(days.since, days.until))


def statement_file(statement: Statement, kind: str) -> bytes:
    """The statement as `csv` (with the mark by which spreadsheets know UTF-8) or `parquet`."""
    if kind == "csv":
        return ("\ufeff" + statement_csv(statement)).encode()
    if kind == "parquet":
        return statement_parquet(statement)
    raise UsageError(f"There is no statement as '{kind}'. Choose one of: {', '.join(MEDIA)}.")
