"""The child's side of reading a spreadsheet: its sheets as rows of text, on standard output.

In: the bytes of an XLSX, XLSB, XLS or ODS file on standard input. Out: one JSON object, `sheets`
(name and rows) or `refused` (a sentence without the file's name). Run by `spreadsheet` as a module
of its own, because a hostile sheet can end the process that reads it: two cells far apart claim
half a terabyte. Nothing is unpacked beyond the limits, and pictures inside are never looked at.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

try:
    import resource
except ImportError:  # Windows: the parent's clock is the only limit
    resource = None  # type: ignore[assignment]

_MIB = 1024 * 1024
MEMORY = 2048 * _MIB  # bytes of address space
MAX_UNPACKED = 200 * _MIB  # bytes of all parts of a zipped spreadsheet
MAX_PARTS = 5000
MAX_CELLS = 4_000_000
_TOO_LARGE = "unpacks to more than any table needs. Save its one sheet as 'CSV UTF-8'."
_DAMAGED = "cannot be read as a spreadsheet. Open it, save it again as XLSX or as 'CSV UTF-8'."
_PARTS = (".xml", ".rels", ".bin", "mimetype")
_FIRST_TYPED, _LAST_TYPED = date(1902, 9, 26), date(1905, 9, 30)  # the days 1000 to 2100 of Excel
_EPOCH = date(1899, 12, 30)


class _RefusedError(Exception):
    """A file that is not read; the words are for a person."""


def main() -> None:
    """Read standard input, answer on standard output."""
    data = sys.stdin.buffer.read()
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer: dict[str, Any] = {"sheets": list(_sheets(data))}
    except _RefusedError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": _TOO_LARGE}
    sys.stdout.write(json.dumps(answer))


def _sheets(data: bytes) -> Iterator[dict[str, Any]]:
    import python_calamine

    try:
        book = python_calamine.load_workbook(io.BytesIO(_bounded(data)))
    except python_calamine.PasswordError as error:
        raise _RefusedError("is locked by a password. Save it without one.") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise _RefusedError(_DAMAGED) from error
    cells = 0
    for place, about in enumerate(book.sheets_metadata):
        if about.visible is not python_calamine.SheetVisibleEnum.Visible:
            continue
        if about.typ is not python_calamine.SheetTypeEnum.WorkSheet:
            continue
        try:
            sheet = book.get_sheet_by_index(place)
        except (python_calamine.CalamineError, OSError, ValueError) as error:
            raise _RefusedError(_DAMAGED) from error
        cells += sheet.height * sheet.width
        if cells > MAX_CELLS:
            raise _RefusedError(_TOO_LARGE)
        values = sheet.to_python(skip_empty_area=False) if sheet.height else []
        _fill_merged(values, sheet.merged_cell_ranges or [])
        typed = _years_shown_as_dates(values)
        rows = [[_text(value, place in typed) for place, value in enumerate(row)] for row in values]
        yield {"name": about.name, "rows": rows, "typed": sorted(typed)}


def _bounded(data: bytes) -> bytes:
    """The parts of a zipped spreadsheet that hold cells, packed again within the limits.

    What a part claims to hold is not believed: it is unpacked here, as far as the limit.
    """
    if not data.startswith(b"PK"):
        return data
    packed, total = io.BytesIO(), 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(packed, "w") as target:
            parts = [one for one in archive.infolist() if one.filename.lower().endswith(_PARTS)]
            if len(parts) > MAX_PARTS:
                raise _RefusedError(_TOO_LARGE)
            for part in parts:
                with archive.open(part) as stream:
                    content = stream.read(MAX_UNPACKED - total + 1)
                total += len(content)
                if total > MAX_UNPACKED:
                    raise _RefusedError(_TOO_LARGE)
                target.writestr(part.filename, content)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise _RefusedError(_DAMAGED) from error
    except (NotImplementedError, RuntimeError) as error:  # a method of packing; a password
        raise _RefusedError("is locked, or packed in an unusual way. Save it again.") from error
    return packed.getvalue()


def _fill_merged(
    rows: list[list[Any]], ranges: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """What a merged cell says, it says of every row that it spans."""
    budget = MAX_CELLS
    for (top, left), (bottom, _) in ranges:
        budget -= bottom - top
        if budget < 0:
            return
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if left < len(rows[row]) and rows[row][left] == "":
                rows[row][left] = rows[top][left]


def _years_shown_as_dates(rows: list[list[Any]]) -> set[int]:
    """Columns of years that Excel shows as days: '1889' typed into a cell for dates is 1905."""
    dates: dict[int, list[bool]] = {}
    for row in rows:
        for place, value in enumerate(row):
            if isinstance(value, date):
                day = value.date() if isinstance(value, datetime) else value
                dates.setdefault(place, []).append(_FIRST_TYPED <= day <= _LAST_TYPED)
    return {place for place, typed in dates.items() if all(typed)}


def _text(value: Any, is_typed: bool) -> str:
    """A cell as a person reads it: 1889.0 is '1889', the first of January 1889 is '1889'."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        if is_typed:
            return str((value - _EPOCH).days)
        return str(value.year) if (value.month, value.day) == (1, 1) else value.isoformat()
    if isinstance(value, time | timedelta):
        return str(value)
    return re.sub(r"_x000[dDaA]_", "\n", str(value))


if __name__ == "__main__":
    main()
