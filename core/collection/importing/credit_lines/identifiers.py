"""Identifiers beside names: which is whose, and names that are nothing but an identifier.

In: cells of identifiers, the text of a name's cell. Out: one list of checked identifiers per
name, and
sentences on those that could not be given to anybody. Knows no role.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from core.collection.importing.fields import identifier

LOCAL = "local"  # the number of a maker in the museum's own table: kept as it is written
Pair = tuple[str, str]
_ABSENT = frozenset({"", "0", "none", "null", "nan", "n/a", "-", "unknown"})
_ADDRESSES = (
    (
        "wikidata",
        re.compile(
            r"(?:https?:)?//(?:www\.|m\.)?wikidata\.org/(?:wiki|entity)/(?P<v>Q\d+)/?", re.I
        ),
    ),
    ("ulan", re.compile(r"(?:https?:)?//(?:vocab|www)\.getty\.edu/.*?(?P<v>500\d{6})\S*", re.I)),
    ("viaf", re.compile(r"(?:https?:)?//(?:www\.)?viaf\.org/viaf/(?P<v>\d+)/?\S*", re.I)),
    (
        "isni",
        re.compile(r"(?:https?:)?//(?:www\.)?isni\.org/(?:isni/)?(?P<v>[\dX ]{16,19})/?", re.I),
    ),
    ("wikidata", re.compile(r"(?:wikidata:|wd:)?(?P<v>Q[1-9]\d*)", re.I)),
    ("ulan", re.compile(r"(?:ulan:)?\s*(?P<v>500\d{6})(?:\.0)?", re.I)),
    ("viaf", re.compile(r"viaf:\s*(?P<v>\d+)", re.I)),
    ("isni", re.compile(r"isni:?\s*(?P<v>[\dX ]{16,19})", re.I)),
)
_MAYBE = re.compile(r"//|www\.|[qQ][0-9]|[0-9]{5}")  # most names are told so at once
_ADDRESS = re.compile(r"(?:https?:)?//\S+|www\.\S+", re.I)


def listed(cell: str) -> list[str]:
    """The values of a cell by position: '["A", "B"]', 'A|B', 'A; B'; an empty place stays."""
    values = of_json(cell)
    if values is not None:
        return values
    for mark in ("|", ";"):
        if mark in cell:
            return [piece.strip() for piece in cell.split(mark)]
    if "," in cell:
        pieces = [piece.strip() for piece in cell.split(",")]
        if all(re.fullmatch(r"\S*", piece) for piece in pieces):
            return pieces
    return [cell.strip()]


def of_json(cell: str) -> list[str] | None:
    """A JSON array's texts; None for a cell that is none."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")) or len(text) < 4:
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = _of_python(text)
    if not isinstance(values, list) or not all(isinstance(one, str | int | None) for one in values):
        return None
    return ["" if one is None else str(one) for one in values]


def _of_python(text: str) -> list[str] | None:
    """A list as Python prints it, which tables made there hold."""
    if not re.fullmatch(r"\[(?:\s*'[^']*'\s*,?)+\]", text):
        return None
    return re.findall(r"'([^']*)'", text)


def positions(cells: Sequence[Pair]) -> int | None:
    """How many makers the identifiers count; None where no cell holds any."""
    counts = [
        len(listed(cell))
        for _, cell in cells
        if any(v.lower() not in _ABSENT for v in listed(cell))
    ]
    return max(counts) if counts else None


def checked(scheme: str, text: str) -> tuple[str, str]:
    """As `fields.identifier`; the museum's own numbers stay as they are."""
    if scheme == LOCAL or scheme not in ("wikidata", "ulan", "isni", "viaf"):
        return ("" if text.strip().lower() in _ABSENT else text.strip()), ""
    return identifier(scheme, text)


def of_name(text: str) -> Pair | None:
    """The identifier that stands where a name should: ("wikidata", "Q5582"); ("", address) for an
    address of another kind; None for a name."""
    if not _MAYBE.search(text):
        return None
    bare = text.strip().strip("<>[]()").strip()
    for scheme, pattern in _ADDRESSES:
        match = pattern.fullmatch(bare)
        if match:
            value, _ = identifier(scheme, match["v"])
            return (scheme, value) if value else ("", bare)
    return ("", bare) if _ADDRESS.fullmatch(bare) else None
