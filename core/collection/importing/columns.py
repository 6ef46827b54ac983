"""Which column of a table says what: by its name, by what a keeper said, by its cells.

In: a table and what was said of its columns. Out: the place of each field, and sentences on what
was read as what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from core.collection.importing.fields import FIELDS, SYNONYMS, compared_name, plain_text
from core.collection.importing.file_cells import is_address, named_file
from core.collection.importing.rows import PICTURE_ENDINGS
from core.collection.importing.table import Table
from core.errors import CollectionError, UsageError

Places = dict[str, list[int]]
_SHOWN = 12  # names of columns in a sentence


def column_map(texts: Sequence[str]) -> dict[str, str]:
    """'title=Title,artist=Artist Name' -> which column gives which field.

    A text in quotes is not a column's name but what every row says: 'style="Photograph"'.
    """
    columns: dict[str, str] = {}
    for text in texts:
        # a comma in a column's name is not an end: the next part begins with a field and '='
        for part in re.split(r",(?=\s*[a-z]+\s*=)", text):
            field, equals, column = (piece.strip() for piece in part.partition("="))
            if not equals or not column or field not in FIELDS:
                raise UsageError(
                    f"'{part.strip()}' maps nothing. Write field=Column, where the field is one of "
                    f"{', '.join(FIELDS)}."
                )
            if field == "file" and _quoted(column):
                raise UsageError(f"{column} cannot be every row's file. Name a column of files.")
            columns[field] = column
    return columns


def said_of_all(columns: Mapping[str, str]) -> dict[str, str]:
    """The fields that `columns` has in quotes: what is said of every row, where there is no table.

    >>> said_of_all({"style": "'Cubism'", "title": "Name"})
    {'style': 'Cubism'}
    """
    return {field: plain_text(column[1:-1]) for field, column in columns.items() if _quoted(column)}


def constants_of(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """The fields that are the same in every row, as `columns` (by field) has them in quotes."""
    return {
        field: plain_text(column[1:-1])
        for field, column in columns.items()
        if _quoted(column) and column not in table.header
    }


def columns_of(table: Table, columns: Mapping[str, str]) -> Places:
    """The places of each field, best first; `columns` (by field) wins over what the
    names suggest. Raises `CollectionError` for a column that the table does not have."""
    names = [compared_name(name) for name in table.header]
    places: Places = {
        field: [names.index(synonym) for synonym in synonyms if synonym in names]
        for field, synonyms in SYNONYMS.items()
    }
    constants = constants_of(table, columns)
    for field, column in columns.items():
        places[field] = [] if field in constants else [_place(table, column)]
    taken = {place for field in columns for place in places[field]}
    for field in places:
        if field not in columns:
            places[field] = [place for place in places[field] if place not in taken]
    if "file" not in columns:
        _find_files(table, places)
    return places


def columns_note(
    table: Table, places: Places, constants: Mapping[str, str], captions: Sequence[int] = ()
) -> tuple[str, ...]:
    """Which columns say what, and which say nothing here: none is passed over in silence.

    `captions`: the places of what a picture shows, whatever else they say.
    """
    places = {**places, "caption": list(captions)}
    used = {place for own in places.values() for place in own}
    named = [
        f"{field} from {' or '.join(repr(table.header[place]) for place in own)}"
        for field, own in places.items()
        if own and table.header and [table.header[place] for place in own] != [field]
    ]
    named += [f"{field} is '{text}' in every row" for field, text in constants.items()]
    rest = [name for place, name in enumerate(table.header) if name and place not in used]
    more = f" and {len(rest) - _SHOWN} more" if len(rest) > _SHOWN else ""
    sentences = (
        f"Columns of '{table.name}' were read so: {'; '.join(named)}." if named else "",
        f"Columns not read: {', '.join(rest[:_SHOWN])}{more}." if rest else "",
    )
    note = plain_text(" ".join(filter(None, sentences)), 1000)
    return (note,) if note else ()


def _quoted(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] and text[0] in "\"'" and bool(text[1:-1].strip())


def _find_files(table: Table, places: Places) -> None:
    """A column whose cells end like pictures holds the files, whatever it is called."""
    filled = _filled(table.sample)
    remote = {place: _share(filled.get(place, []), is_address) for place in places["file"]}
    by_name = [place for place, share in remote.items() if share < 0.5]
    mixed = [place for place, share in remote.items() if 0.5 <= share < 1]  # some are files
    by_content = [
        place
        for place, cells in sorted(filled.items())
        if _share(cells, _is_picture) > 0.8 and (not table.header or place < len(table.header))
    ]
    places["address"] += [place for place, share in remote.items() if share == 1]
    places["file"] = [*(by_name or by_content[:1]), *mixed]
    if not by_name and by_content:
        for field in places:
            if field != "file":
                places[field] = [one for one in places[field] if one != by_content[0]]


def _filled(rows: Sequence[Sequence[str]]) -> dict[int, list[str]]:
    """Cells that hold something, by column."""
    cells_of: dict[int, list[str]] = {}
    for place, cell in _cells(rows):
        cells_of.setdefault(place, []).append(cell)
    return cells_of


def _cells(rows: Sequence[Sequence[str]]) -> Iterator[tuple[int, str]]:
    for row in rows:
        for place, cell in enumerate(row):
            if cell.strip():
                yield place, cell.strip()


def _share(cells: Sequence[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, cells)) / len(cells) if cells else 0.0


def _is_picture(cell: str) -> bool:
    name = named_file(cell)
    return name.lower().endswith(PICTURE_ENDINGS) and "://" not in name


def _place(table: Table, column: str) -> int:
    """A column by its exact name, else by its name as it is compared, else by its number."""
    if column in table.header:
        return table.header.index(column)
    names = [compared_name(name) for name in table.header]
    if compared_name(column) in filter(None, names):
        return names.index(compared_name(column))
    width = len(table.header) or max((len(row) for row in table.sample), default=0)
    if column.isdecimal() and len(column) < 6 and 1 <= int(column) <= width:
        return int(column) - 1
    known = ", ".join(filter(None, table.header)) or f"1 to {width} (it has no header)"
    raise CollectionError(
        f"'{table.name}' has no column '{column}'. Its columns are: {known}. Correct --map."
    )
