"""The ledger for other programs: CSV for spreadsheets, JSON for the rest; entry by entry.

In: entries, oldest first. Out: text in parts. A cell that a spreadsheet would run as a formula is
written with an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from core.ledger.records import Entry

COLUMNS = (
    "entry", "date", "kind", "reverses", "reason", "run", "run_kind", "class", "rule", "account",
    "artist_id", "artist", "credit", "micro", "hash",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def credits(micro: int) -> str:
    """Micro-credits as credits, to the last one: 412000 -> 0.412000."""
    sign, whole = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}"


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def as_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """One line a posting, with a header; numbers stay numbers."""
    yield _line(COLUMNS)
    for entry in entries:
        for posting in entry.postings:
            yield _line(
                (
                    entry.number, entry.created_at, entry.kind, entry.reverses or "",
                    neutral(entry.reason or ""), entry.run_id or "", entry.run_kind,
                    neutral(entry.style), entry.rule_id, posting.account,
                    neutral(posting.artist_id or ""), neutral(posting.artist or ""),
                    credits(posting.micro), posting.micro, entry.hash,
                )
            )  # fmt: skip


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(list(cells))
    return buffer.getvalue()


def as_json(entries: Iterable[Entry]) -> Iterator[str]:
    """One JSON array of entries with their postings."""
    separator = "["
    for entry in entries:
        yield separator + "\n" + json.dumps(asdict(entry), ensure_ascii=False)
        separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"
