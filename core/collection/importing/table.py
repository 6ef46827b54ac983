"""A table becomes records: CSV with commas, semicolons or tabs, JSON, JSON lines, a spreadsheet.

In: a file, and its text's encoding if somebody knows it. Out: `Table`: a header and numbered
records, with every record that cannot be read refused by its line; bytes that are no table of text
are refused by the name of what they are. Knows no column's meaning and no picture.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.collection.importing.fields import is_known, plain_text
from core.collection.importing.rows import PICTURE_ENDINGS, Refusal
from core.collection.importing.spreadsheet import SHEET_ENDINGS, read_sheets
from core.errors import CollectionError, UsageError

Syntax = Literal["csv", "json"]
DELIMITED_ENDINGS = (".csv", ".tsv", ".tab", ".txt", "")
JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_HEADER_WITHIN = 10
_TOTAL = re.compile(
    r"(?i)(?:grand )?(?:totals?|sum|summe|gesamt|insgesamt|anzahl|somme|totaal|aantal|totale|suma"
    r"|count|итого|всего)\b[\s:=.]*[\d.,]*(?:\s(?:works|objects|rows|records|werke|objekte))?"
)
_LISTS = ("works", "data", "items", "records", "objects", "rows", "artworks", "images")
_NAMES = (
    "full_name",
    "name",
    "display_name",
    "displayname",
    "cited_name",
    "label",
    "title",
    "value",
    "file",
    "file_name",
    "path",
    "image_url",
    "url",
)


@dataclass(frozen=True)
class TableRow:
    """One row: its number among the rows, and its cells, in the header's order."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Records under a header; a table without one has an empty header."""

    path: Path
    header: tuple[str, ...]
    records: tuple[TableRow | Refusal, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    @property
    def sample(self) -> list[tuple[str, ...]]:
        """Cells of the first records, to judge columns by."""
        return [one.cells for one in self.records[:200] if isinstance(one, TableRow)]


def read_table(path: Path, syntax: Syntax | None = None, encoding: str | None = None) -> Table:
    """Read `path`; without `syntax`, its ending decides between CSV, JSON and a spreadsheet."""
    if path.suffix.lower() in SHEET_ENDINGS:
        return _spreadsheet(path, encoding)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CollectionError(
            f"'{path.name}' could not be read. Check that you may open it."
        ) from error
    text, used_encoding = decoded(data, path.name, encoding)
    notes: tuple[str, ...] = ()
    if used_encoding == WESTERN and encoding is None:
        notes = (
            f"'{path.name}' is not UTF-8; it was read as Western text (Windows-1252). If names "
            "look wrong, name its encoding with --encoding.",
        )
    kind = syntax or ("json" if path.suffix.lower() in JSON_ENDINGS else "csv")
    return _json(path, text, notes) if kind == "json" else _delimited(path, text, notes)


# --- text and its encoding ---------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a spreadsheet (or another ZIP archive)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or Office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "a database"),
)
_SAVE_AS = "Save it as 'CSV UTF-8' and import again."
WESTERN = "cp1252"


def decoded(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """Text and encoding; `encoding` wins over every guess. Raises CollectionError by name."""
    if not data:
        raise CollectionError(f"'{name}' is empty: it holds no bytes. Export the table again.")
    for signature, what in _FOREIGN:
        if data.startswith(signature):
            raise CollectionError(f"'{name}' is {what}, not a table of text. {_SAVE_AS}")
    chosen = encoding or _marked(data)
    if chosen:
        return _by(chosen, data, name), chosen
    if b"\0" in data[:4096]:
        return _without_mark(data, name)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _western(data, name), WESTERN


def _marked(data: bytes) -> str:
    return next((encoding for mark, encoding in _BOMS if data.startswith(mark)), "")


def _by(encoding: str, data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise UsageError(
            f"There is no encoding '{encoding}'. Try utf-8, utf-16, cp1252, cp1251 or latin-1."
        ) from error
    except UnicodeError as error:
        raise CollectionError(
            f"'{name}' is not {encoding} text all through, so names would be garbled. {_SAVE_AS}"
        ) from error


def _without_mark(data: bytes, name: str) -> tuple[str, str]:
    """UTF-16 as programs write it that leave out the mark: every other byte of ASCII is zero."""
    sample = data[:4096]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if zeros.count(0) > 0.6 * len(zeros) and "\0" not in (text := _by(encoding, data, name)):
            return text, encoding
    raise CollectionError(f"'{name}' is not text but a binary file. {_SAVE_AS}")


def _western(data: bytes, name: str) -> str:
    """Windows-1252, if what it gives reads as a Western language: accents among plain letters.

    Cyrillic or Greek in a code page of their own would come out as runs of accented letters; that
    is refused, because every name would be wrong and nobody would know.
    """
    refused = CollectionError(
        f"'{name}' is neither UTF-8 nor Western (Windows-1252) text, so names would be garbled. "
        "Save it as 'CSV UTF-8', or name its encoding with --encoding (cp1251 for Cyrillic)."
    )
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError as error:
        raise refused from error
    accented = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    strange = [word for word in accented if re.search(r"[^\x00-\x7f]{3}", word)]
    if re.search(r"[\x00-\x08\x0e-\x1f]", text) or len(strange) > 0.1 * len(accented):
        raise refused
    return text


# --- CSV ---------------------------------------------------------------------------------------


def _delimited(path: Path, text: str, notes: tuple[str, ...]) -> Table:
    marked = re.match(r"sep=(.)\r?\n", text)  # Excel's own way to name the delimiter
    delimiter = marked[1] if marked else _delimiter(path.name, text)
    rows = list(_rows(text[marked.end() :] if marked else text, delimiter))
    return _tabulated(path, rows, notes)


def _tabulated(path: Path, rows: list[tuple[str, ...] | str], notes: tuple[str, ...]) -> Table:
    """Rows under their header, which may stand below a title; totals at the end are no rows."""
    while rows and _is_blank(rows[0]):
        rows.pop(0)
    above = _header_place(rows)
    if above:
        notes += (f"Lines above the header of '{path.name}' were passed over: {above}.",)
        rows = rows[above:]
    rows, totals = _without_totals(rows)
    if totals:
        notes += (f"Totals at the end of '{path.name}' were passed over: {totals}.",)
    first = rows[0] if rows and isinstance(rows[0], tuple) else ()
    body = [row for row in rows[1:] if isinstance(row, tuple)]
    headed = _is_header(first, body)
    if not headed and first:
        notes += (f"'{path.name}' has no header; its first line is a row like the others.",)
    records = tuple(_numbered(rows[1:] if headed else rows))
    if headed and not records:
        notes += (f"'{path.name}' has a header and no rows: there is nothing to import in it.",)
    header = tuple(cell.strip() for cell in first) if headed else ()
    return Table(path, header, records, notes)


def _is_blank(row: tuple[str, ...] | str) -> bool:
    return isinstance(row, tuple) and not any(cell.strip() for cell in row)


def _header_place(rows: Sequence[tuple[str, ...] | str]) -> int:
    """How many rows stand above the header: a title, a date, who exported it; usually none.

    A row below the first is the header only where it has two known names of columns or more, and
    no row above it has any.
    """
    for place, row in enumerate(rows[:_HEADER_WITHIN]):
        known = sum(map(is_known, row)) if isinstance(row, tuple) else 0
        if known:
            return place if known > 1 else 0
    return 0


def _without_totals(
    rows: list[tuple[str, ...] | str],
) -> tuple[list[tuple[str, ...] | str], int]:
    """The rows without those at the end that sum up: 'Total: 12'."""
    end = len(rows)
    totals = 0
    while end > 1:
        row = rows[end - 1]
        if not _is_blank(row):
            filled = (
                [cell.strip() for cell in row if cell.strip()] if isinstance(row, tuple) else []
            )
            if not (1 <= len(filled) <= 3 and _TOTAL.fullmatch(filled[0]) and len(row) > 1):
                break
            if not all(_is_number(cell) for cell in filled[1:]):
                break
            totals += 1
        end -= 1
    return (rows[:end] if totals else rows), totals


def _rows(text: str, delimiter: str) -> Iterable[tuple[str, ...] | str]:
    """Cells, or the sentence with which a record is refused; reading goes on at the next line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begun = reader.line_num + 1
        try:
            yield tuple(next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                yield (
                    f"Line {begun} opens a quoted cell that is never closed: the table is cut off, "
                    f"or a quote is missing. Lines {begun} to {reader.line_num} were not read."
                )
                return
            yield f"Line {reader.line_num} is not well formed ({error}). Correct its quotes."


def _numbered(rows: Iterable[tuple[str, ...] | str]) -> Iterable[TableRow | Refusal]:
    """Rows by number; empty lines are not rows, but count as lines of the table."""
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str):
            yield Refusal(f"{number}: unreadable", row)
        elif any(cell.strip() for cell in row):
            yield TableRow(number, row)


def _delimiter(name: str, text: str) -> str:
    """The one by which the first lines fall into the most equal rows of more than one cell."""
    sample = "\n".join(text[:100_000].splitlines()[:50])
    scores = {}
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in _rows(sample, delimiter) if isinstance(row, tuple) and row]
        usual = widths[0] if widths else 1
        if usual == 1 and widths:  # a title above the table
            usual = max(widths, key=widths.count)
        if usual > 1:
            scores[delimiter] = (sum(width == usual for width in widths) / len(widths), usual)
    if scores:
        return max(scores, key=lambda mark: scores[mark])
    first = text.partition("\n")[0]
    if "|" in first or "^" in first:
        raise CollectionError(
            f"The cells of '{name}' are divided by '{'|' if '|' in first else '^'}', which is not "
            f"read here. Save the table with {', '.join(_DELIMITERS.values())}."
        )
    return " " if re.match(r"\d+ \S+\s*$", first) else ","


def _is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: it names no picture, and differs in kind from others.

    Names of columns are known ones or words without capitals and spaces, or stand over numbers.
    """
    if not first or any(cell.strip().lower().endswith(PICTURE_ENDINGS) for cell in first):
        return False
    if any(is_known(cell) for cell in first):
        return True
    words = [cell.strip() for cell in first if cell.strip()]
    if any(_is_number(word) for word in words):
        return False
    if words and all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", word) for word in words):
        return True
    columns = [[row[place] for row in body if place < len(row)] for place in range(len(first))]
    return any(cells and all(map(_is_number, cells)) for cells in columns)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", text.strip()))


# --- spreadsheets ------------------------------------------------------------------------------


def _spreadsheet(path: Path, encoding: str | None) -> Table:
    """The first sheet with a header that is known, else the first that holds anything."""
    if encoding is not None:
        raise UsageError(
            f"'{path.name}' is a spreadsheet and has no encoding. Leave out --encoding."
        )
    filled = [sheet for sheet in read_sheets(path) if not all(map(_is_blank, sheet.rows))]
    if not filled:
        raise CollectionError(f"'{path.name}' holds no cells. Fill in its first sheet.")
    sheet = next((one for one in filled if _has_known_header(one.rows)), filled[0])
    notes: tuple[str, ...] = ()
    others = [one.name for one in filled if one is not sheet]
    if others:
        notes += (
            f"Of '{path.name}' the sheet '{plain_text(sheet.name, 60)}' was read; others were "
            f"not: {plain_text(', '.join(others), 200)}.",
        )
    width = max(
        (place + 1 for row in sheet.rows for place, cell in enumerate(row) if cell), default=0
    )
    table = _tabulated(path, [row[:width] for row in sheet.rows], notes)
    header = [cell.strip() for cell in table.header]
    records = tuple(
        one
        for one in table.records
        if isinstance(one, Refusal) or not _repeats_header(one.cells, header)
    )
    typed = [header[place] for place in sheet.typed_years if place < len(header) and header[place]]
    said = table.notes
    if typed:
        said += (
            f"Years in {', '.join(map(repr, typed))} are shown as days of 1902 to 1905 by the "
            "spreadsheet's format for dates; they were read as the years that were typed.",
        )
    return Table(path, table.header, records, said)


def _has_known_header(rows: Sequence[tuple[str, ...]]) -> bool:
    top = [row for row in rows if not _is_blank(row)][:_HEADER_WITHIN]
    return any(sum(map(is_known, row)) > 1 for row in top)


def _repeats_header(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row only says again what the header says: the lower half of merged cells."""
    pairs = [
        (cell.strip(), head) for cell, head in zip(cells, header, strict=False) if cell.strip()
    ]
    return bool(pairs) and all(cell == head for cell, head in pairs)


# --- JSON --------------------------------------------------------------------------------------


def _json(path: Path, text: str, notes: tuple[str, ...]) -> Table:
    try:
        value: Any = json.loads(text)
    except RecursionError as error:
        raise CollectionError(
            f"'{path.name}' is nested more deeply than any list of works. Export it again."
        ) from error
    except ValueError as error:
        return _json_lines(path, text, notes, error)
    if isinstance(value, dict) and (key := _list_in(value)):
        value = value[key]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise CollectionError(
            f"'{path.name}' holds no list of works. Write a list of objects, or one object per "
            "line."
        )
    return _of_objects(path, list(enumerate(value, start=1)), [], notes)


def _list_in(mapping: Mapping[str, Any]) -> str:
    """The key under which the works stand, in a file that wraps them."""
    lists = [
        key
        for key, value in mapping.items()
        if isinstance(value, list) and any(isinstance(one, dict) for one in value)
    ]
    named = [key for key in _LISTS if key in lists]
    plain = [key for key, value in mapping.items() if isinstance(value, str)]
    return (named or lists)[0] if lists and not plain else ""


def _json_lines(path: Path, text: str, notes: tuple[str, ...], error: ValueError) -> Table:
    good: list[tuple[int, Any]] = []
    bad: list[tuple[int, str]] = []
    # by line feeds alone: a title may hold one of the other characters that splitlines() cuts at
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            good.append((number, json.loads(line)))
        except (ValueError, RecursionError):
            bad.append((number, f"Line {number} is not a JSON object, or only part of one."))
    if not good:
        raise CollectionError(
            f"'{path.name}' is neither JSON nor JSON lines ({error}). Export it again."
        ) from error
    return _of_objects(path, good, bad, notes)


def _of_objects(
    path: Path,
    entries: Sequence[tuple[int, Any]],
    bad: Sequence[tuple[int, str]],
    notes: tuple[str, ...],
) -> Table:
    header = tuple(dict.fromkeys(key for _, one in entries if isinstance(one, dict) for key in one))
    rows: dict[int, TableRow | Refusal] = {
        number: Refusal(f"{number}: unreadable", reason) for number, reason in bad
    }
    for number, one in entries:
        if isinstance(one, dict):
            rows[number] = TableRow(number, tuple(_cell(one.get(key)) for key in header))
        else:
            rows[number] = Refusal(f"{number}: unreadable", "This entry is not a JSON object.")
    if not rows:
        notes += (f"'{path.name}' lists no works: there is nothing to import in it.",)
    return Table(path, header, tuple(rows[number] for number in sorted(rows)), notes)


def _cell(value: Any) -> str:
    """A value as text: of a nested object its name, of a list all names."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return next((_cell(value[key]) for key in _NAMES if value.get(key)), "")
    if isinstance(value, list):
        return "; ".join(filter(None, map(_cell, value)))
    return plain_text(str(value), 5000)
