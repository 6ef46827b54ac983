"""The ledger for other programs: CSV for spreadsheets, JSON for the rest; entry by entry.

In: entries, oldest first. Out: text in parts of some 64 KB. A cell that a spreadsheet would run as
a formula is written with an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from core.ledger.records import Entry

COLUMNS = (
    "entry",
    "date",
    "kind",
    "reverses",
    "reason",
    "run",
    "run_kind",
    "class",
    "rule",
    "account",
    "artist_id",
    "artist",
    "credit",
    "micro",
    "hash",
)
FORMULA = ("=", "+", "-", "@")
UNSEEN = ("Cc", "Cf", "Me", "Mn", "Zl", "Zp", "Zs")  # controls, zero-width signs, marks, spaces
BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters that leave the place empty
PART = 65_536  # characters
EXPORTED = ConfigDict(
    frozen=True,
    extra="forbid",
    from_attributes=True,
    defer_build=True,  # whoever only wants `credits` does not wait for the models
)


class ExportedPosting(BaseModel):
    """One line of an exported entry."""

    model_config = EXPORTED

    account: str = Field(
        description="`issued`, `artist`, `escrow` (nobody knows the maker) or `unattributed`"
    )
    artist_id: str | None = Field(description="Id of the artist; null: none")
    artist: str | None = Field(description="Name of the artist; null: none")
    micro: int = Field(description="Micro-credits; an entry's sum to 0")


class ExportedEntry(BaseModel):
    """One entry of an export, with its lines."""

    model_config = EXPORTED

    id: str = Field(description="Id of the entry")
    number: int = Field(description="From 1")
    kind: str = Field(description="`credit`, `reversal` or `adjustment` (a dispute moved it)")
    run_id: str | None = Field(description="Id of the run; null: none")
    rule_id: str = Field(description="Id of the share rule")
    reverses: int | None = Field(description="The entry it takes back; null: none")
    reversed_by: int | None = Field(description="The entry that takes it back; null: none")
    reason: str | None = Field(description="Of a reversal")
    actor: str | None = Field(description="Who reversed it")
    created_at: str = Field(description="UTC, ISO 8601")
    hash: str = Field(description="Of this entry and the one before")
    postings: tuple[ExportedPosting, ...] = Field(description="Its lines")
    run_kind: str = Field(description="`generation`, `upload` or `example`; empty: no run")
    style: str = Field(description="Class of the run")
    image_file: str = Field(description="Name of the kept picture; empty: not kept")


def credits(micro: int) -> str:
    """Micro-credits as credits, to the last one: 412000 -> 0.412000."""
    sign, whole = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}"


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    Programs drop what cannot be seen before they look, and take full-width signs for plain ones.
    """
    first = text.lstrip(" ")[:1]
    unseen = first != "" and (first in BLANK or unicodedata.category(first) in UNSEEN)
    return f"'{text}" if unseen or unicodedata.normalize("NFKC", first) in FORMULA else text


def as_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """One line per posting, with a header; numbers stay numbers."""
    return _in_parts(_lines(entries))


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A short table with a header, as the export writes it; texts in it are `neutral` already."""
    return "".join([_line(columns), *(_line(row) for row in rows)])


def for_spreadsheets(parts: Iterable[str]) -> Iterator[str]:
    """The same text with the mark by which spreadsheets know UTF-8, so that umlauts stay."""
    mark = "\ufeff"
    for part in parts:
        yield mark + part
        mark = ""


def _lines(entries: Iterable[Entry]) -> Iterator[str]:
    yield _line(COLUMNS)
    for entry in entries:
        for posting in entry.postings:
            yield _line(
                (
                    entry.number,
                    entry.created_at,
                    entry.kind,
                    entry.reverses or "",
                    neutral(entry.reason or ""),
                    entry.run_id or "",
                    entry.run_kind,
                    neutral(entry.style),
                    entry.rule_id,
                    posting.account,
                    neutral(posting.artist_id or ""),
                    neutral(posting.artist or ""),
                    credits(posting.micro),
                    posting.micro,
                    entry.hash,
                )
            )


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(list(cells))
    return buffer.getvalue()


def as_json(entries: Iterable[Entry]) -> Iterator[str]:
    """One JSON array of entries with their postings."""
    return _in_parts(_items(entries))


def _items(entries: Iterable[Entry]) -> Iterator[str]:
    separator = "["
    for entry in entries:
        values = ExportedEntry.model_validate(entry).model_dump()
        yield separator + "\n" + json.dumps(values, ensure_ascii=False)
        separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


def _in_parts(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in parts of `PART` characters or a little more.

    Each part costs a server a hop between threads.
    """
    part: list[str] = []
    length = 0
    for piece in pieces:
        part.append(piece)
        length += len(piece)
        if length >= PART:
            yield "".join(part)
            part, length = [], 0
    if part:
        yield "".join(part)
